"""What never reaches a log: secrets of any kind, and characters that act instead of showing."""

import json
import logging
import timeit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.logs.cleaning import HIDDEN, TEXT_MAX, clean, clean_field, escape, hide_secrets
from tidegate.logs.formats import LINE_MAX, JsonFormat, TextFormat

DIGITS = "1f" * 32
PHRASE = "legal winner thank year wave sausage worth useful legal winner thank yellow"

anything = st.text(st.characters(codec=None), max_size=300)


def record_of(text: str, **fields: object) -> logging.LogRecord:
    record = logging.LogRecord("tidegate", 20, "", 0, text, None, None)
    record.topic, record.fields = "order", fields
    return record


@given(anything, anything, anything)
def test_whatever_is_logged_is_one_printable_line(text: str, name: str, value: str) -> None:
    record = record_of(text, **{name: value})
    line, found = TextFormat().format(record), JsonFormat().format(record)
    assert line.isprintable()
    assert len(line) <= LINE_MAX
    assert found.isprintable()
    assert all(str(each).isprintable() for pair in json.loads(found).items() for each in pair)


@given(st.text(st.characters(categories=["Cc", "Cf", "Cs", "Zl", "Zp"]), min_size=1))
def test_control_and_direction_marks_are_written_out(text: str) -> None:
    assert escape(text).isascii()
    assert escape(text).isprintable()


def test_visible_text_stays_as_it_is() -> None:
    text = "EMA 12 (105,210.3) crossed above EMA 26 – größer, 価格, 🌊 · C:\\path"
    assert clean(text) == text


@given(
    anything,
    st.sampled_from(["0x" + DIGITS, "0X" + DIGITS.upper(), DIGITS, "0x" + DIGITS * 2 + "1b"]),
    anything,
)
def test_a_key_is_hidden_wherever_it_stands(before: str, key: str, after: str) -> None:
    for text in (clean(f"{before} {key} {after}"), str(clean_field("note", f"{before}={key},{after}"))):
        assert DIGITS[:20] not in text.lower()


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f"key 0x{DIGITS}", DIGITS),
        (f"key=0x{DIGITS}", DIGITS),
        (f"('{DIGITS}',)", DIGITS),
        (f"0x{DIGITS}0x{DIGITS}", DIGITS),
        (f"{{'r': '0x{DIGITS[:61]}', 's': '0x{DIGITS}', 'v': 27}}", DIGITS[:40]),
        (f'{{"r":"0x{DIGITS[:50]}","s":"0x{DIGITS[:60]}"}}', DIGITS[:40]),
        (f'"{{\\"r\\": \\"0x{DIGITS[:50]}\\"}}"', DIGITS[:40]),
        ("Authorization: Bearer abc.def-ghi_jkl", "abc.def"),
        ("authorization: basic dXNlcjpwYXNz", "dXNlcjpwYXNz"),
        ("https://hooks.slack.com/services/T0/B0/canary", "canary"),
        ("https://discord.com/api/webhooks/123/canary", "canary"),
        ("https://ptb.discordapp.com/api/webhooks/123/canary", "canary"),
        ("https://api.telegram.org/bot123:canary/sendMessage", "canary"),
        ("https://example.org/my-webhook/canary", "canary"),
        ("tgram://123:canary/456", "canary"),
        ("postgresql://bot:canary@host/name", "canary"),
        ("https://example.org/?api_key=canary&x=1", "canary"),
        ("password='canary'", "canary"),
        ("HYPERLIQUID_PRIVATE_KEY=canary", "canary"),
        (f"seed: {PHRASE}", "sausage"),
        (f"seed: {PHRASE} {PHRASE}.", "sausage"),
        (PHRASE.replace(" ", "\n"), "sausage"),
    ],
)
def test_each_kind_of_secret_is_hidden(text: str, secret: str) -> None:
    assert HIDDEN in clean(text)
    assert secret not in clean(text)


@pytest.mark.parametrize(
    "text",
    [
        "account 0x" + "ab" * 20,
        "cloid 0x" + "cd" * 16,
        f"strategy ema_cross sha256:{DIGITS}",
        f"strategy ema_cross sha256 {DIGITS}",
        "BTC: entered long 0.01 at 105,210.3; stop 104,000, take-profit 108,000",
        "stream is down (connection refused); prices come by REST every 2 s until it is back",
        "the token of this market is PURR",
        "http://127.0.0.1:3001/info answers",
    ],
)
def test_what_a_person_needs_is_not_hidden(text: str) -> None:
    assert hide_secrets(text) == text


def test_fields_with_a_secret_name_are_hidden_whatever_they_hold() -> None:
    for name in ("private_key", "signature", "r", "s", "Token", "password"):
        assert clean_field(name, "short") == HIDDEN


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (1, 1),
        (1.5, 1.5),
        (True, True),
        (None, None),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        (["a\n"], "['a\\n']"),
    ],
)
def test_fields_stay_valid_json(value: object, written: object) -> None:
    assert clean_field("value", value) == written
    json.dumps(clean_field("value", value), allow_nan=False)


def test_a_number_as_large_as_a_key_is_hidden() -> None:
    assert clean_field("value", int(DIGITS, 16)) == HIDDEN


def test_the_longest_text_is_bounded() -> None:
    assert len(clean("x " * TEXT_MAX)) == TEXT_MAX
    assert len(clean("\x00" * TEXT_MAX)) == TEXT_MAX


@pytest.mark.parametrize(
    "piece",
    [
        "https://",
        "https://a/",
        "a://b:",
        "ab1.+",
        "Bearer ",
        "token=",
        "abc ",
        "z",
        '"r":"',
        "x/",
        "\x00",
        "0x1f",
        "\\",
        " ",
    ],
)
def test_a_hostile_text_is_cleaned_in_time_that_grows_with_its_length_only(piece: str) -> None:
    def seconds(length: int) -> float:
        text = (piece * length)[:length]
        return min(timeit.repeat(lambda: clean(text), number=1, repeat=7))

    assert seconds(2 * TEXT_MAX) < 16 * seconds(TEXT_MAX // 2) + 0.001
