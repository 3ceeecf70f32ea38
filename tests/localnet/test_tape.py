"""Recorded candles: every bad file is refused with all its problems, every good one read to the last digit."""

import gzip
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tidegate.errors import TidegateError
from tidegate.localnet.kernel.universe import default_universe
from tidegate.localnet.markets.replay import open_replay
from tidegate.localnet.markets.tape import BadRecording, read_candles

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "candles"
START_MS = 1_621_425_600_000
WALL_MS = 1_795_169_467_044
MINUTE_MS = 60_000


def rows(count: int = 5) -> list[dict[str, float]]:
    return [
        {
            "ts": START_MS + index * MINUTE_MS,
            "open": 100.0,
            "high": 101.5,
            "low": 99.25,
            "close": 100.5,
            "volume": 3.25,
        }
        for index in range(count)
    ]


def write(path: Path, table: list[dict[str, float]]) -> Path:
    names = list(table[0]) if table else list(rows()[0])
    if path.suffix == ".parquet":
        kinds = {"ts": pa.int64()}
        columns = {name: pa.array([row[name] for row in table], kinds.get(name, pa.float64())) for name in names}
        pq.write_table(pa.table(columns), path)
    else:
        text = "\n".join([",".join(names), *(",".join(str(row[name]) for name in names) for row in table)])
        path.write_text(text + "\n")
    return path


def changed(place: int, **values: float) -> list[dict[str, float]]:
    table = rows()
    table[place] |= values
    return table


def without(name: str) -> list[dict[str, float]]:
    return [{key: value for key, value in row.items() if key != name} for row in rows()]


BAD = {
    "a missing column": (without("close"), "no column for close"),
    "an empty file": ([], "holds no candles"),
    "NaN": (changed(2, close=float("nan")), "1 candles hold NaN or infinity, first 2021-05-19 12:02:00"),
    "infinity": (changed(2, volume=float("inf")), "hold NaN or infinity"),
    "high below low": (changed(2, high=90.0, low=110.0), "have their high below their low"),
    "a close outside the range": (changed(2, close=200.0), "open or close outside their range"),
    "a price of zero": (changed(2, low=0.0), "have a price of zero or less"),
    "a negative volume": (changed(2, volume=-1.0), "have a negative volume"),
    "a repeated time": (changed(2, ts=START_MS + MINUTE_MS), "repeat the time of the one before"),
    "a time out of order": (changed(2, ts=START_MS - MINUTE_MS), "are older than the one before"),
    "a time off the grid": (changed(2, ts=START_MS + 125_000), "do not open on the 1m grid"),
    "an impossible time": (changed(0, ts=-5), "have an impossible time"),
}


@pytest.mark.parametrize("kind", ["BTC_1m_x.parquet", "BTC_1m_x.csv"])
@pytest.mark.parametrize(("table", "complaint"), BAD.values(), ids=BAD.keys())
def test_a_bad_file_is_refused_by_name_with_what_was_found(tmp_path, kind, table, complaint):
    path = write(tmp_path / kind, table)
    bars, problems = read_candles(path)
    assert bars is None
    assert any(complaint in problem for problem in problems), problems
    for problem in problems:
        assert problem.startswith(str(path))
        assert "expected" in problem
        assert "\n" not in problem


def test_all_problems_of_all_files_are_told_at_once(tmp_path):
    table = changed(1, high=90.0, low=110.0, volume=-1.0)
    table[3]["ts"] = table[2]["ts"]
    first = write(tmp_path / "BTC_1m_x.parquet", table)
    second = write(tmp_path / "ETHH_1m_x.csv", without("volume"))
    with pytest.raises(BadRecording) as refused:
        open_replay([first, second, tmp_path / "SOL_1m_x.csv"], default_universe(), wall_ms=WALL_MS)
    assert len(refused.value.problems) == 1
    assert "no such file" in refused.value.problems[0]
    with pytest.raises(BadRecording) as refused:
        open_replay([first, second], default_universe(), wall_ms=WALL_MS)
    told = "\n".join(refused.value.problems)
    for complaint in ("high below", "negative volume", "repeat the time", "no column for volume", "did you mean ETH"):
        assert complaint in told
    assert isinstance(refused.value, TidegateError)


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("BTC_1m.parquet", b"not parquet at all", "cannot be read as Parquet"),
        ("BTC_1m.csv.gz", b"not gzip", "cannot be read as CSV"),
        ("BTC_1m.csv", b"\xff\xfe\x00", "cannot be read as CSV"),
        ("BTC_1m.csv", b"", "an empty file"),
        ("BTC_1m.csv", b"ts,open,high,low,close,volume\n", "holds no candles"),
        ("BTC_1m.csv", b"ts,open,high,low,close,volume\n1,2,3\nyesterday,1,1,1,1,1\n", "2 lines do not hold numbers"),
        ("BTC_1m.xlsx", b"", "unknown kind of file"),
    ],
)
def test_a_file_that_is_no_table_of_candles_is_refused(tmp_path, name, content, complaint):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(BadRecording, match=complaint):
        open_replay([path], default_universe(), wall_ms=WALL_MS)


def test_a_column_of_words_is_refused(tmp_path):
    table = {name: pa.array([1.0]) for name in ("ts", "open", "high", "low", "volume")} | {"close": pa.array(["ten"])}
    pq.write_table(pa.table(table), tmp_path / "BTC_1m.parquet")
    _, problems = read_candles(tmp_path / "BTC_1m.parquet")
    assert "column close holds string; expected numbers" in problems[0]


def test_an_interval_that_the_exchange_does_not_know_is_refused(tmp_path):
    table = rows()
    for index, row in enumerate(table):
        row["ts"] = START_MS + index * 7 * MINUTE_MS
    _, problems = read_candles(write(tmp_path / "BTC_x.csv", table))
    assert "candles lie 7 minutes apart" in problems[0]


@pytest.mark.parametrize(
    "heading",
    [
        "ts,open,high,low,close,volume",
        "Timestamp,Open,High,Low,Close,Volume",
        "date,o,h,l,c,v",
        "open_time,open,high,low,close,Vol",
    ],
)
@pytest.mark.parametrize("factor", [0.001, 1, 1000, "iso", "iso-z"])
def test_common_headings_and_times_are_understood(tmp_path, heading, factor):
    def stamp(time_ms: int) -> str:
        if isinstance(factor, str):
            text = datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
            return text + "+00:00" if factor == "iso-z" else text
        return str(int(time_ms * factor))

    lines = [heading, *(",".join([stamp(row["ts"]), "100.0", "101.5", "99.25", "100.5", "3.25"]) for row in rows())]
    path = tmp_path / "BTC_1m.csv.gz"
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    bars, problems = read_candles(path)
    assert problems == []
    assert bars.time_ms.tolist() == [row["ts"] for row in rows()]
    assert (bars.interval_ms, bars.low[0], bars.volume[0]) == (MINUTE_MS, 99.25, 3.25)


def test_parquet_timestamps_are_understood(tmp_path):
    table = {name: pa.array([row[name] for row in rows()]) for name in ("open", "high", "low", "close", "volume")}
    table["timestamp"] = pa.array([row["ts"] * 1_000_000 for row in rows()], pa.timestamp("ns", tz="UTC"))
    pq.write_table(pa.table(table), tmp_path / "BTC_1m.parquet")
    bars, problems = read_candles(tmp_path / "BTC_1m.parquet")
    assert problems == []
    assert bars.time_ms.tolist() == [row["ts"] for row in rows()]


def test_every_recording_at_hand_is_good():
    if not DATA.is_dir():
        pytest.skip("the recordings are not here")
    for path in sorted(DATA.rglob("*_1[dh]_*.parquet"))[::7] + sorted(DATA.rglob("*_[15]m_*.parquet"))[::9]:
        bars, problems = read_candles(path)
        assert problems == []
        assert f"_{ {60: '1h', 1440: '1d', 1: '1m', 5: '5m'}[bars.interval_ms // MINUTE_MS] }_" in path.name
        table = pq.read_table(path)
        assert np.array_equal(bars.close, table["close"].to_numpy())
        assert np.array_equal(bars.time_ms, table["ts"].to_numpy())
