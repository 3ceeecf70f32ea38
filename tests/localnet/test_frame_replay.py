"""Replayed frames: the recorded books, the recorded prints, at the recorded distances."""

import gzip
import json
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path

import pytest

from tidegate.localnet.exchange import Exchange
from tidegate.localnet.kernel.universe import default_universe
from tidegate.localnet.markets.market import play
from tidegate.localnet.markets.replay import open_replay
from tidegate.localnet.markets.tape import BadRecording

D = Decimal
UNIVERSE = default_universe()
FRAMES = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "ws"
WALL_MS = 1_795_169_467_044
START_MS = 1_757_015_216_000
HOUR_MS = 3_600_000
SHOWN = 3  # levels a side compared with a recording

needs_recordings = pytest.mark.skipif(not FRAMES.is_dir(), reason="the recordings are not here")


class Prints:
    """A subscriber that keeps (time, coin, side, price, size) of every print."""

    def __init__(self) -> None:
        self.rows: list[tuple] = []

    def on_trades(self, coin, trades):
        self.rows += [(row["time"], coin, row["side"], D(row["px"]), D(row["sz"])) for row in trades]

    def on_book(self, coin): ...

    def on_order_update(self, user, updates): ...

    def on_fills(self, user, fills): ...

    def on_user_event(self, user, event): ...

    def on_asset_ctx(self, coin): ...


def level(px: int | str, sz: str = "1.0", n: int = 2) -> dict:
    return {"px": str(px), "sz": sz, "n": n}


def book(after_ms: int, bids: list, asks: list, coin: str = "BTC") -> dict:
    data = {"coin": coin, "time": START_MS + after_ms, "levels": [bids, asks]}
    return {"recv_ns": (START_MS + after_ms) * 1_000_000, "raw": {"channel": "l2Book", "data": data}}


def touch(after_ms: int, bid: dict | None, ask: dict | None) -> dict:
    data = {"coin": "BTC", "time": START_MS + after_ms, "bbo": [bid, ask]}
    return {"recv_ns": (START_MS + after_ms) * 1_000_000, "raw": {"channel": "bbo", "data": data}}


def trade(after_ms: int, side: str, px: int | str, sz: str, tid: int = 1, lag_ms: int = 300) -> dict:
    row = {
        "coin": "BTC",
        "side": side,
        "px": str(px),
        "sz": sz,
        "hash": "",
        "time": START_MS + after_ms - lag_ms,
        "tid": tid,
    }
    return {"recv_ns": (START_MS + after_ms) * 1_000_000, "raw": {"channel": "trades", "data": [row]}}


def written(path: Path, lines: Iterable[dict | str]) -> Path:
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines) + "\n"
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def started(path: Path, **arguments: object) -> tuple[Exchange, object, Prints]:
    market = open_replay([path], UNIVERSE, wall_ms=WALL_MS, **arguments)
    exchange = Exchange(UNIVERSE, start_ms=market.start_ms)
    prints = Prints()
    exchange.feed.append(prints)
    market.prepare(exchange)
    return exchange, market, prints


def shown(exchange: Exchange, coin: str = "BTC") -> list[list[tuple[D, D]]]:
    return [[(D(row["px"]), D(row["sz"])) for row in side] for side in exchange.l2(coin)["levels"]]


SIMPLE = [
    book(0, [level(100, "2.0"), level(99)], [level(101, "3.0"), level(103)]),
    touch(200, level(100, "1.5"), level(102, "4.0")),
    trade(1_000, "A", 100, "0.5", tid=1),
    trade(1_500, "B", 104, "0.25", tid=2),
    book(2_000, [level(98)], [level(99)]),
]


def test_books_follow_the_recording_and_a_bbo_moves_the_touch(tmp_path):
    exchange, market, _ = started(written(tmp_path / "f.jsonl.gz", SIMPLE))
    play(exchange, market, market.start_ms)
    assert shown(exchange) == [[(D(100), D(2)), (D(99), D(1))], [(D(101), D(3)), (D(103), D(1))]]
    play(exchange, market, market.start_ms + 200)
    assert shown(exchange) == [[(D(100), D("1.5")), (D(99), D(1))], [(D(102), D(4)), (D(103), D(1))]]
    play(exchange, market, market.start_ms + 2_000)
    assert shown(exchange) == [[(D(98), D(1))], [(D(99), D(1))]]
    assert market.next_ms() is None


def test_prints_come_at_their_price_size_and_side_and_leave_the_book_as_recorded(tmp_path):
    exchange, market, prints = started(written(tmp_path / "f.jsonl", SIMPLE))
    play(exchange, market, market.start_ms + 1_999)
    assert [(time - market.start_ms, *rest) for time, *rest in prints.rows] == [
        (1_000, "BTC", "A", D(100), D("0.5")),
        (1_500, "BTC", "B", D(104), D("0.25")),
    ]
    assert shown(exchange) == [[(D(100), D("1.5")), (D(99), D(1))], [(D(102), D(4)), (D(103), D(1))]]


def test_a_trade_is_printed_once_and_older_ones_belong_to_the_time_before(tmp_path):
    lines = [
        trade(0, "B", 100, "9.0", tid=7, lag_ms=30_000),
        trade(400, "B", 101, "1.0", tid=8),
        trade(900, "B", 101, "1.0", tid=8),
    ]
    exchange, market, prints = started(written(tmp_path / "f.jsonl", lines))
    play(exchange, market, market.start_ms + 1_000)
    assert [row[3:] for row in prints.rows] == [(D(101), D(1))]


def test_a_later_start_knows_the_book_and_the_candles_of_the_time_before(tmp_path):
    exchange, market, prints = started(written(tmp_path / "f.jsonl", SIMPLE), from_ms=START_MS + 1_200)
    assert shown(exchange)[0][0] == (D(100), D("1.5"))
    play(exchange, market, market.start_ms + 10_000)
    assert [row[3] for row in prints.rows] == [D(104)]
    assert D(exchange.candle("BTC", "1m")["o"]) == 100
    assert exchange.candle("BTC", "1m")["n"] == 2


def test_other_channels_are_ignored_and_one_coin_can_be_chosen(tmp_path):
    other = {"recv_ns": START_MS * 1_000_000, "raw": {"channel": "allMids", "data": {"mids": {}}}}
    path = written(tmp_path / "f.jsonl", [other, *SIMPLE, book(3_000, [level(9)], [level(10)], coin="ETH")])
    _, market, _ = started(path, coins=["ETH"])
    assert market.coins == ("ETH",)


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        ([], "holds no l2Book, bbo or trades frames"),
        (["{}", *SIMPLE], r"1 lines are no frames .*line 1"),
        (["not json", "neither", "nor this", "or that", *SIMPLE], "4 lines are no frames"),
        ([SIMPLE[1], SIMPLE[0]], "1 lines are older than one before"),
        ([book(0, [level(101)], [level(100)])], "crossed"),
        ([book(0, [level("NaN")], [level(100)])], "is no price or size"),
        ([book(0, [level(99, "-1")], [level(100)])], "is no price or size"),
        ([book(0, [level(1)], [level(2)], coin="NOPE")], "unknown coin 'NOPE'"),
    ],
)
def test_a_bad_recording_is_refused_by_name(tmp_path, lines, complaint):
    path = written(tmp_path / "f.jsonl", lines) if lines else tmp_path / "f.jsonl"
    path.touch()
    with pytest.raises(BadRecording, match=complaint) as refused:
        open_replay([path], UNIVERSE, wall_ms=WALL_MS)
    assert all(problem.startswith(str(path)) and "expected" in problem for problem in refused.value.problems)


def test_a_broken_gzip_and_a_start_outside_are_refused(tmp_path):
    cut = written(tmp_path / "f.jsonl.gz", SIMPLE)
    cut.write_bytes(cut.read_bytes()[:-20])
    with pytest.raises(BadRecording, match="cannot be read"):
        open_replay([cut], UNIVERSE, wall_ms=WALL_MS)
    whole = written(tmp_path / "g.jsonl", SIMPLE)
    with pytest.raises(BadRecording, match="expected a start in it"):
        open_replay([whole], UNIVERSE, wall_ms=WALL_MS, from_ms=START_MS + HOUR_MS)


def recorded(path: Path) -> list[dict]:
    with gzip.open(path, "rt") as lines:
        return [json.loads(line) for line in lines]


@needs_recordings
def test_a_real_recording_comes_out_as_it_went_in():
    path = FRAMES / "hyperliquid" / "20250126_1914_BTC_raw.jsonl.gz"
    exchange, market, prints = started(path)
    frames = [line for line in recorded(path) if line["raw"]["channel"] in ("l2Book", "trades")]
    first_ms = frames[0]["recv_ns"] // 1_000_000
    shift_ms = market.start_ms - first_ms
    assert shift_ms % HOUR_MS == 0
    expected: dict[int, tuple] = {}
    for number, line in enumerate(frames):
        now_ms = line["recv_ns"] // 1_000_000 + shift_ms
        data = line["raw"]["data"]
        if line["raw"]["channel"] == "l2Book":
            following = frames[number + 1]["recv_ns"] // 1_000_000 if number + 1 < len(frames) else None
            play(exchange, market, now_ms)
            if following is None or following + shift_ms > now_ms:
                assert shown(exchange) == [[(D(row["px"]), D(row["sz"])) for row in side] for side in data["levels"]]
        else:
            for row in data:
                if row["time"] >= first_ms - 2_000:
                    expected.setdefault(row["tid"], (now_ms, "BTC", row["side"], D(row["px"]), D(row["sz"])))
    play(exchange, market, market.start_ms + HOUR_MS)
    assert prints.rows == list(expected.values())
    assert len(prints.rows) > 10


@needs_recordings
def test_three_coins_of_recorded_frames_print_every_trade():
    path = FRAMES / "hyperliquid" / "20250904_1946_BTC-ETH-SOL_l2-bbo-trades.jsonl.gz"
    exchange, market, prints = started(path)
    play(exchange, market, market.start_ms + 40_000)
    end_ns = (market.start_ms + 40_000) * 1_000_000
    frames = recorded(path)
    shift_ms = market.start_ms - frames[0]["recv_ns"] // 1_000_000
    wanted = [
        (row["coin"], row["side"], D(row["px"]), D(row["sz"]))
        for line in frames
        if line["raw"]["channel"] == "trades" and line["recv_ns"] + shift_ms * 1_000_000 < end_ns
        for row in line["raw"]["data"]
        if row["time"] >= frames[0]["recv_ns"] // 1_000_000 - 2_000
    ]
    assert [row[1:] for row in prints.rows] == wanted
    assert {row[1] for row in prints.rows} == {"BTC", "ETH", "SOL"}


@needs_recordings
def test_frames_of_another_exchange_are_refused():
    with pytest.raises(BadRecording, match="holds no l2Book, bbo or trades frames of Hyperliquid"):
        open_replay([FRAMES / "binance_usdm" / "20240808_2354_BTCUSDT_raw.jsonl.gz"], UNIVERSE, wall_ms=WALL_MS)
