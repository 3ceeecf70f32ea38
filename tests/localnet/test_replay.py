"""Replayed candles: what the exchange rebuilds is what was recorded, and nothing trades where nothing was recorded."""

from decimal import Decimal
from pathlib import Path
from random import Random

import eth_account
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hyperliquid.utils.signing import sign_l1_action

from tidegate.localnet.exchange import Exchange
from tidegate.localnet.kernel.universe import default_universe
from tidegate.localnet.markets.candle_replay import HISTORY_MAX_MS, CandleReplay
from tidegate.localnet.markets.market import play
from tidegate.localnet.markets.replay import open_replay
from tidegate.localnet.markets.tape import BadRecording, read_candles

D = Decimal
UNIVERSE = default_universe()
DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "candles"
CRASH = DATA / "binance_spot" / "BTC_1m_20210420_20210520.parquet"
CRASH_MS = 1_621_425_600_000  # 2021-05-19 12:00 UTC
WALL_MS = 1_795_169_467_044
WALLET = eth_account.Account.from_key("0x" + "18" * 32)
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS

needs_recordings = pytest.mark.skipif(not DATA.is_dir(), reason="the recordings are not here")


def started(market: CandleReplay) -> Exchange:
    exchange = Exchange(UNIVERSE, start_ms=market.start_ms)
    market.prepare(exchange)
    return exchange


def served(exchange: Exchange, coin: str, interval: str, start_ms: int, end_ms: int) -> list[tuple]:
    request = {"coin": coin, "interval": interval, "startTime": start_ms, "endTime": end_ms}
    rows = exchange.info({"type": "candleSnapshot", "req": request}).body
    return [(row["t"], *(float(row[key]) for key in "ohlc")) for row in rows], [float(row["v"]) for row in rows]


def made_up(path: Path, opens_ms: list[int], volume: float = 3.25, **changes: float) -> Path:
    row = {"open": 100.0, "high": 101.5, "low": 99.25, "close": 100.5} | changes
    table = {"ts": pa.array(opens_ms)} | {name: pa.array([value] * len(opens_ms)) for name, value in row.items()}
    pq.write_table(pa.table(table | {"volume": pa.array([volume] * len(opens_ms))}), path)
    return path


def ioc(exchange: Exchange, *, is_buy: bool) -> D:
    """Trade a little at the market; answers the average price."""
    px = str(int(float(exchange.mids()["BTC"]) * (1.05 if is_buy else 0.95)))
    order = {"a": 0, "b": is_buy, "p": px, "s": "0.01", "r": False, "t": {"limit": {"tif": "Ioc"}}}
    action = {"type": "order", "orders": [order], "grouping": "na"}
    signature = sign_l1_action(WALLET, action, None, exchange.now_ms, None, False)
    reply = exchange.act({"action": action, "nonce": exchange.now_ms, "signature": signature, "vaultAddress": None})
    return D(reply.body["response"]["data"]["statuses"][0]["filled"]["avgPx"])


def recordings() -> list[tuple[Path, int, int]]:
    """Files and a place in each, drawn at random but always the same; the crash is always among them."""
    if not DATA.is_dir():
        return []
    chance = Random(2021)
    known = [path for path in sorted(DATA.rglob("*.parquet")) if path.name.split("_")[0] in UNIVERSE.by_name]
    drawn = [(path, chance.randrange(10**6), 120) for path in chance.sample(known, 14)]
    return [(CRASH, 0, 240), *drawn]


@needs_recordings
@pytest.mark.parametrize(("path", "place", "count"), recordings(), ids=lambda value: getattr(value, "stem", None))
def test_candles_rebuilt_from_the_prints_equal_the_recorded_ones(path, place, count):
    bars, _ = read_candles(path)
    count = max(10, count * MINUTE_MS // bars.interval_ms)
    traded = np.flatnonzero(bars.volume > 0)
    first = int(np.searchsorted(bars.time_ms, CRASH_MS)) if path == CRASH else int(traded[place % (len(traded) - 1)])
    first = min(first, len(bars) - 2)
    end = min(first + count, len(bars))
    coin = path.name.split("_")[0]
    interval = path.name.split("_")[1]
    market = open_replay([path], UNIVERSE, wall_ms=WALL_MS, from_ms=int(bars.time_ms[first]))
    exchange = started(market)
    shift_ms = market.start_ms - int(bars.time_ms[first])
    assert shift_ms % max(HOUR_MS, bars.interval_ms) == 0
    end_ms = int(bars.time_ms[end - 1]) + bars.interval_ms + shift_ms
    play(exchange, market, end_ms - 1)
    prices, volumes = served(exchange, coin, interval, market.start_ms, end_ms - 1)
    played = [index for index in range(first, end) if bars.volume[index] > 0]
    assert prices == [
        (int(bars.time_ms[i]) + shift_ms, bars.open[i], bars.high[i], bars.low[i], bars.close[i]) for i in played
    ]
    assert volumes == pytest.approx([bars.volume[i] for i in played], rel=1e-9)


@needs_recordings
def test_history_before_the_start_is_the_recording_itself():
    market = open_replay([CRASH], UNIVERSE, wall_ms=WALL_MS, from_ms=CRASH_MS)
    exchange = started(market)
    shift_ms = market.start_ms - CRASH_MS
    bars, _ = read_candles(CRASH)
    before = np.searchsorted(bars.time_ms, CRASH_MS)
    prices, _ = served(exchange, "BTC", "1m", 0, market.start_ms - 1)
    assert prices[-1] == (
        int(bars.time_ms[before - 1]) + shift_ms,
        *(column[before - 1] for column in (bars.open, bars.high, bars.low, bars.close)),
    )
    assert len(prices) == 5000
    assert len(served(exchange, "BTC", "1d", 0, market.start_ms)[0]) == 30
    assert abs(market.start_ms - WALL_MS) <= HOUR_MS / 2


@needs_recordings
def test_in_the_crash_no_level_lies_outside_the_candle_being_played():
    market = open_replay([CRASH], UNIVERSE, wall_ms=WALL_MS, from_ms=CRASH_MS + HOUR_MS)
    exchange = started(market)
    bars, _ = read_candles(CRASH)
    shift_ms = market.start_ms - CRASH_MS - HOUR_MS
    steps = 0
    while market.next_ms() < market.start_ms + HOUR_MS // 4:
        play(exchange, market, market.next_ms())
        index = int(np.searchsorted(bars.time_ms, exchange.now_ms - shift_ms, side="right")) - 1
        low, high = bars.low[index], bars.high[index]
        bids, asks = exchange.l2("BTC")["levels"]
        assert all(low <= float(level["px"]) <= high for level in [*bids, *asks])
        assert float(bids[0]["px"]) * float(bids[0]["sz"]) > 900_000
        assert asks
        steps += 1
    assert steps >= 15 * 12


@needs_recordings
@pytest.mark.parametrize("is_long", [True, False], ids=["long in the crash", "short in the rebound"])
def test_a_client_leaves_at_a_price_that_the_recording_traded(is_long):
    from_ms = CRASH_MS + (40 if is_long else 70) * MINUTE_MS
    market = open_replay([CRASH], UNIVERSE, wall_ms=WALL_MS, from_ms=from_ms)
    exchange = started(market)
    bars, _ = read_candles(CRASH)
    play(exchange, market, market.start_ms + 7_000)
    entry = ioc(exchange, is_buy=is_long)
    stop = entry * D("0.98" if is_long else "1.02")
    while True:
        play(exchange, market, market.next_ms())
        last = D(exchange.recent_trades("BTC")[0]["px"])
        if (last <= stop) if is_long else (last >= stop):
            break
    left = ioc(exchange, is_buy=not is_long)
    index = int(np.searchsorted(bars.time_ms, exchange.now_ms - market.start_ms + from_ms, side="right")) - 1
    assert bars.low[index] <= float(left) <= bars.high[index]
    assert left == last


def test_a_gap_has_no_prints_and_no_book(tmp_path):
    opens = [CRASH_MS + minute * MINUTE_MS for minute in (0, 1, 2, 3, 60, 61)]
    market = open_replay([made_up(tmp_path / "BTC_1m_x.parquet", opens)], UNIVERSE, wall_ms=WALL_MS, from_ms=opens[1])
    exchange = started(market)
    play(exchange, market, market.start_ms + 3 * MINUTE_MS - 1)
    assert exchange.l2("BTC")["levels"][0]
    last = exchange.recent_trades("BTC")[0]
    play(exchange, market, market.start_ms + 3 * MINUTE_MS)
    assert exchange.l2("BTC")["levels"] == [[], []]
    play(exchange, market, market.start_ms + 58 * MINUTE_MS)
    assert exchange.recent_trades("BTC")[0] == last
    play(exchange, market, market.start_ms + 60 * MINUTE_MS - 1)
    assert exchange.recent_trades("BTC")[0]["time"] > last["time"]
    prices, _ = served(exchange, "BTC", "1m", market.start_ms, exchange.now_ms)
    assert [row[0] - market.start_ms for row in prices] == [minute * MINUTE_MS for minute in (0, 1, 2, 59)]


def test_a_candle_without_volume_is_a_gap_too(tmp_path):
    opens = [CRASH_MS + minute * MINUTE_MS for minute in range(8)]
    path = made_up(tmp_path / "BTC_1m_x.parquet", opens)
    table = pq.read_table(path).to_pydict()
    table["volume"][6] = 0.0
    pq.write_table(pa.table(table), path)
    market = open_replay([path], UNIVERSE, wall_ms=WALL_MS, from_ms=opens[5])
    exchange = started(market)
    play(exchange, market, market.start_ms + 90_000)
    assert exchange.l2("BTC")["levels"] == [[], []]
    play(exchange, market, market.start_ms + 150_000)
    assert [row[0] for row in served(exchange, "BTC", "1m", market.start_ms, exchange.now_ms)[0]] == [
        market.start_ms,
        market.start_ms + 2 * MINUTE_MS,
    ]


def test_when_the_tape_has_ended_nothing_is_due_and_the_book_is_empty(tmp_path):
    path = made_up(tmp_path / "BTC_1m_x.parquet", [CRASH_MS + minute * MINUTE_MS for minute in range(8)])
    market = open_replay([path], UNIVERSE, wall_ms=WALL_MS)
    exchange = started(market)
    play(exchange, market, market.start_ms + HOUR_MS)
    assert market.next_ms() is None
    assert exchange.l2("BTC")["levels"] == [[], []]
    assert exchange.now_ms == market.start_ms + HOUR_MS


def test_several_coins_play_on_one_clock(tmp_path):
    opens = [CRASH_MS + minute * MINUTE_MS for minute in range(600)]
    btc = made_up(tmp_path / "BTC_1m_x.parquet", opens)
    eth = made_up(tmp_path / "ETHUSDT-1m.parquet", opens)
    hours = made_up(tmp_path / "other.parquet", [CRASH_MS + hour * HOUR_MS for hour in range(10)])
    market = open_replay([btc, eth], UNIVERSE, wall_ms=WALL_MS, from_ms=opens[200])
    assert market.coins == ("BTC", "ETH")
    exchange = started(market)
    play(exchange, market, market.start_ms + 5 * MINUTE_MS)
    assert served(exchange, "BTC", "1m", 0, 2**45)[0] == served(exchange, "ETH", "1m", 0, 2**45)[0]
    mixed = open_replay([btc, hours], UNIVERSE, wall_ms=WALL_MS, from_ms=opens[200], coins=["BTC", "SOL"])
    exchange = started(mixed)
    assert mixed.start_ms % HOUR_MS == 0
    play(exchange, mixed, mixed.start_ms + HOUR_MS)
    assert served(exchange, "SOL", "5m", 0, mixed.start_ms - 1)[0] == []
    assert len(served(exchange, "SOL", "1h", 0, mixed.start_ms - 1)[0]) == 3
    assert served(exchange, "SOL", "5m", mixed.start_ms, 2**45)[0]


def test_history_reaches_back_thirty_days_at_most(tmp_path):
    opens = [CRASH_MS + quarter * 15 * MINUTE_MS for quarter in range(40 * 96)]
    market = open_replay([made_up(tmp_path / "BTC_15m.parquet", opens)], UNIVERSE, wall_ms=WALL_MS, from_ms=opens[-10])
    prices, _ = served(started(market), "BTC", "15m", 0, market.start_ms - 1)
    assert market.start_ms - prices[0][0] == HISTORY_MAX_MS


@pytest.mark.parametrize("align_ms", [None, HOUR_MS, 24 * HOUR_MS])
def test_a_recording_starts_now_and_stays_on_the_grid(tmp_path, align_ms):
    opens = [CRASH_MS + hour * 4 * HOUR_MS for hour in range(100)]
    path = made_up(tmp_path / "BTC_4h.parquet", opens)
    market = open_replay([path], UNIVERSE, wall_ms=WALL_MS, from_ms=opens[50], align_ms=align_ms)
    aligned_ms = max(align_ms or 0, 4 * HOUR_MS)
    assert (market.start_ms - opens[50]) % aligned_ms == 0
    assert abs(market.start_ms - WALL_MS) <= aligned_ms / 2


def test_a_start_inside_a_candle_begins_with_that_candle(tmp_path):
    opens = [CRASH_MS + minute * MINUTE_MS for minute in range(10)]
    path = made_up(tmp_path / "BTC_1m_x.parquet", opens)
    one, other = (
        open_replay([path], UNIVERSE, wall_ms=WALL_MS, from_ms=from_ms) for from_ms in (opens[4], opens[4] + 59_999)
    )
    assert one.start_ms == other.start_ms == one.next_ms()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"from_ms": CRASH_MS - 1}, "expected a start in it, found 2021-05-19 11:59:59"),
        ({"from_ms": CRASH_MS + 10 * MINUTE_MS}, "expected a start in it"),
        ({"coins": ["btc"]}, "unknown coin 'btc', did you mean BTC"),
        ({"coins": ["MATIC"]}, "unknown coin 'MATIC'"),
        ({"coins": ["BTC", "ETH"]}, "2 coins .* for 1 files"),
    ],
)
def test_a_replay_that_cannot_be_is_refused(tmp_path, arguments, complaint):
    path = made_up(tmp_path / "BTC_1m_x.parquet", [CRASH_MS + minute * MINUTE_MS for minute in range(10)])
    with pytest.raises(BadRecording, match=complaint):
        open_replay([path], UNIVERSE, wall_ms=WALL_MS, **arguments)


def test_files_that_do_not_belong_together_are_refused(tmp_path):
    early = made_up(tmp_path / "BTC_1m_x.parquet", [CRASH_MS + minute * MINUTE_MS for minute in range(10)])
    again = made_up(tmp_path / "BTC_5m_x.parquet", [CRASH_MS + minute * 5 * MINUTE_MS for minute in range(10)])
    late = made_up(tmp_path / "ETH_1m_x.parquet", [CRASH_MS + HOUR_MS + minute * MINUTE_MS for minute in range(10)])
    dead = made_up(tmp_path / "SOL_1m_x.parquet", [CRASH_MS + minute * MINUTE_MS for minute in range(10)], volume=0.0)
    frames = tmp_path / "frames.jsonl"
    frames.write_text("")
    for paths, complaint in (
        ([early, again], "a second file of BTC"),
        ([early, late], "do not overlap"),
        ([dead], "hold no volume"),
        ([early, frames], "recorded frames come in one file"),
        ([], "no file given"),
    ):
        with pytest.raises(BadRecording, match=complaint):
            open_replay(paths, UNIVERSE, wall_ms=WALL_MS)


def test_a_replay_is_the_same_every_time(tmp_path):
    path = made_up(tmp_path / "BTC_1m_x.parquet", [CRASH_MS + minute * MINUTE_MS for minute in range(30)])
    tapes = []
    for _ in range(2):
        market = open_replay([path], UNIVERSE, wall_ms=WALL_MS)
        exchange = started(market)
        play(exchange, market, market.start_ms + 8 * MINUTE_MS)
        tapes.append((exchange.recent_trades("BTC"), exchange.l2("BTC")))
    assert tapes[0] == tapes[1]
