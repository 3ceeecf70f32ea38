"""The benchmark of the stream measures what it says; no time is judged here, for a time belongs to a machine."""

import gzip
from pathlib import Path

import msgspec
import pytest

from benchmarks import stream, tapes
from benchmarks.frame_server import FLOOD
from benchmarks.listeners import LISTENERS, Heard
from benchmarks.stream import (
    IN_THE_FLOOD,
    STEADILY,
    STEADY,
    Listening,
    StreamPlan,
    StreamResults,
    listening_of,
    table,
    verdicts,
)
from benchmarks.tapes import Tape

FEW = StreamPlan(repetitions=1, frames=200)


def test_all_three_hear_the_same_frames_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tapes, "SYNTHETIC_COINS", 3)

    results = stream.measure(FEW, lambda _: None)

    expected = [tapes.synthetic(1).name] if results.lacking else [tapes.recorded(1).name, tapes.synthetic(1).name]
    assert list(results.tapes) == expected
    for found in results.rounds:
        assert list(found) == list(LISTENERS)
        assert all(each.cpu_us > 0 and each.flood_per_s > 0 for each in found.values())
        assert all(ms > 0 for each in found.values() for ms in each.handed_ms)
        assert found["ours"].share == found["SDK"].share == 1.0, "at a steady pace nothing is left out"
    assert "CPU µs a message" in table(results)


def test_a_recording_that_is_not_there_is_said_and_the_rest_measured(tmp_path: Path) -> None:
    lacking = tapes.recorded(10, tmp_path / "none.jsonl.gz")

    assert not lacking.frames
    (verdict,) = verdicts(StreamResults(lacking=[lacking]))
    assert verdict.word == "not judged"
    assert verdict.found == "none.jsonl.gz is not there"


def test_a_recording_gives_its_trades_and_books_and_nothing_else(tmp_path: Path) -> None:
    trades = {"channel": "trades", "data": [{"coin": "SOL", "side": "A", "px": "1.0", "sz": "1", "time": 1, "tid": 2}]}
    book = {"channel": "l2Book", "data": {"coin": "BTC", "time": 1, "levels": [[], []]}}
    others = [{"channel": "bbo", "data": {"coin": "ETH"}}, {"channel": "trades", "data": []}]
    path = tmp_path / "recording.jsonl.gz"
    lines = [{"recv_ns": 1, "raw": frame} for frame in (trades, *others)]
    lines.append({"recv_ns": 2, "raw": msgspec.json.encode(book).decode()})
    with gzip.open(path, "wb") as file:
        file.write(b"\n".join(map(msgspec.json.encode, lines)))

    tape = tapes.recorded(10, path)

    assert tape.coins == ("BTC", "SOL")
    assert tape.frames == (trades, book)
    assert tapes.recorded(1, path).frames == (trades,)


def test_each_frame_has_a_time_of_its_own_and_a_last_one_says_the_end() -> None:
    tape = tapes.synthetic(50)

    numbered = [msgspec.json.decode(each) for each in tapes.numbered(tape, 1_000)]

    times = [
        {row["time"] for row in each["data"]} if each["channel"] == "trades" else {each["data"]["time"]}
        for each in numbered
    ]
    assert times == [{1_000 + number} for number in range(51)]
    ids = [row["tid"] for each in numbered if each["channel"] == "trades" for row in each["data"]]
    assert len(ids) == len(set(ids)), "a print that is heard twice counts once"
    assert numbered[-1]["channel"] == "trades"


def test_the_same_seed_makes_the_same_tape() -> None:
    assert tapes.synthetic(20, seed=3) == tapes.synthetic(20, seed=3) != tapes.synthetic(20, seed=4)


def test_cpu_is_shared_by_all_frames_and_the_hand_over_by_those_that_were_heard() -> None:
    tape = Tape("t", ("A",), ({},))
    steady = Heard(at_ns={5: 3_000_000, 7: 9_000_000}, cpu_ns=8_000, done=True)

    found = listening_of(tape, "ours", steady, [1_000_000, 2_000_000, 4_000_000, 4_000_000], 5, 4_000, 2.0, 0.25)

    assert found.cpu_us == 2.0
    assert found.flood_cpu_us == 1.0
    assert found.flood_per_s == 2.0
    assert found.handed_ms == (2.0, 5.0)
    assert (found.share, found.flood_share) == (0.5, 0.25)
    assert found.per_cpu_s(STEADILY) == 500_000
    assert found.per_cpu_s(STEADILY, handed=True) == 250_000
    assert found.per_cpu_s(IN_THE_FLOOD, handed=True) == 250_000
    assert found.percentile(0.5) == 2.0
    assert found.percentile(0.99) == 5.0


def listening(name: str, cpu_us: float) -> Listening:
    """A listener that needs so much CPU a message."""
    return Listening("t", name, cpu_us, cpu_us, 1.0, (1.0,), 1.0)


def words(ours: float, sdk: float, ccxt: float) -> list[str]:
    """The verdicts for the SDK and for ccxt, at a steady pace and in the flood."""
    found = {"ours": listening("ours", ours), "SDK": listening("SDK", sdk), "ccxt": listening("ccxt", ccxt)}
    return [each.word for each in verdicts(StreamResults(rounds=[found]))]


def test_the_sdk_must_be_beaten_eight_times_and_ccxt_ten_times() -> None:
    assert words(10.0, 81.0, 101.0) == ["met"] * 4
    assert words(10.0, 79.0, 99.0) == ["MISSED"] * 4


def test_the_paces_send_bursts() -> None:
    assert STEADY.burst / STEADY.every_s == 5_000
    assert FLOOD.every_s == 0
