"""Files of ticks: which columns are understood, and what makes a recording unusable."""

from decimal import Decimal
from pathlib import Path

import pytest

from tidegate.localnet.markets.tick_tape import QUOTES, TRADES, TickTape, read_ticks, tick_kind

D = Decimal
MOMENT_MS = 1_767_225_600_000


def written(path: Path, *rows: str) -> Path:
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def read(path: Path) -> TickTape:
    kind = tick_kind(path)
    assert kind is not None
    tape, problems = read_ticks(path, kind)
    assert not problems
    assert tape is not None
    return tape


def told(path: Path) -> str:
    kind = tick_kind(path)
    assert kind is not None
    tape, problems = read_ticks(path, kind)
    assert tape is None
    return "\n".join(problems)


@pytest.mark.parametrize(
    ("heading", "kind"),
    [
        ("ts,bid_price,bid_size,ask_price,ask_size", QUOTES),
        ("timestamp,best_bid,bid_qty,best_ask,ask_qty", QUOTES),
        ("time,price,size,side", TRADES),
        ("ts_ns,px,sz", TRADES),
        ("ts,open,high,low,close,volume", None),
        ("nothing", None),
    ],
)
def test_the_headings_say_what_a_file_holds(tmp_path, heading, kind):
    assert tick_kind(written(tmp_path / "BTC.csv", heading)) is kind


def test_a_file_that_cannot_be_read_holds_no_ticks(tmp_path):
    (tmp_path / "BTC.parquet").write_bytes(b"no parquet")
    assert tick_kind(tmp_path / "BTC.parquet") is None


def test_quotes_are_read_to_the_last_digit(tmp_path):
    path = written(tmp_path / "BTC.csv", "ts,bid,bid_size,ask,ask_size", f"{MOMENT_MS},87631.1,0.4527,87632,0")
    (tick,) = read(path).rows(0, 1)
    assert tick[:5] == (MOMENT_MS, D("87631.1"), D("0.4527"), D(87632), D(0))
    assert tick.side == ""


@pytest.mark.parametrize("words", [("buy", "sell"), ("B", "A"), ("1", "-1")])
def test_the_side_of_a_trade_is_read_in_words_and_numbers(tmp_path, words):
    rows = [f"{MOMENT_MS + n},100,1,{word}" for n, word in enumerate(words)]
    tape = read(written(tmp_path / "BTC.csv", "ts,price,size,side", *rows))
    assert [tick.side for tick in tape.rows(0, 2)] == ["B", "A"]


def test_without_a_side_a_price_that_rose_was_bought(tmp_path):
    prices = (100, 101, 101, 99, 99, 100)
    rows = [f"{MOMENT_MS + n},{px},1" for n, px in enumerate(prices)]
    tape = read(written(tmp_path / "BTC.csv", "ts,price,size", *rows))
    assert "".join(tick.side for tick in tape.rows(0, 6)) == "BBBAAB"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("{ms},101,1,100,1", "1 quotes are crossed"),
        ("{ms},-1,1,100,1", "have a price of zero or less"),
        ("{ms},99,-1,100,1", "have a negative size"),
        ("{ms},nan,1,100,1", "hold no number"),
        ("5,99,1,100,1", "are older than the one before"),
    ],
)
def test_a_quote_that_cannot_be_is_told(tmp_path, row, reason):
    good = f"{MOMENT_MS},99,1,100,1"
    path = written(tmp_path / "BTC.csv", "ts,bid,bid_size,ask,ask_size", good, row.format(ms=MOMENT_MS + 1))
    assert reason in told(path)


def test_a_trade_without_size_and_one_of_no_known_side_are_told_at_once(tmp_path):
    rows = (f"{MOMENT_MS},100,0,buy", f"{MOMENT_MS + 1},100,1,nan")
    problems = told(written(tmp_path / "BTC.csv", "ts,price,size,side", *rows))
    assert "have a size of zero or less" in problems
    assert "hold no number" in problems


def test_an_empty_file_is_told(tmp_path):
    assert "holds no quotes" in told(written(tmp_path / "BTC.csv", "ts,bid,bid_size,ask,ask_size"))
