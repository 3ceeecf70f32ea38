"""Ticks played again: the touch that was recorded, the trades that were recorded, and nothing else."""

from decimal import Decimal
from pathlib import Path

import pytest

from tests.localnet.floor import GTC, IOC, Tape, Trader
from tidegate.localnet.exchange import Exchange
from tidegate.localnet.kernel.universe import default_universe
from tidegate.localnet.markets.market import play
from tidegate.localnet.markets.replay import open_replay
from tidegate.localnet.markets.tape import BadRecording

D = Decimal
MOMENT_MS = 1_767_225_600_000
RECORDED = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "ticks" / "hyperliquid_perp"
QUOTE_HEADING, TRADE_HEADING = "ts,bid,bid_size,ask,ask_size", "ts,price,size,side"


def written(path: Path, *rows: str) -> Path:
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def quotes(folder: Path, coin: str = "BTC", *rows: str) -> Path:
    rows = rows or ("0,99999,1,100000,2", "1000,99990,3,99991,1", "5000,99990,0,99991,1")
    return written(folder / f"{coin}_quotes.csv", QUOTE_HEADING, *(_moved(row) for row in rows))


def trades(folder: Path, coin: str, *rows: str) -> Path:
    return written(folder / f"{coin}_trades.csv", TRADE_HEADING, *(_moved(row) for row in rows))


def _moved(row: str) -> str:
    after_ms, _, rest = row.partition(",")
    return f"{MOMENT_MS + int(after_ms)},{rest}"


class Stage(Tape):
    """An exchange on which recordings are played at their own times."""

    def __init__(self, *paths: Path, from_ms: int | None = None, coins: tuple[str, ...] | None = None) -> None:
        super().__init__()
        universe = default_universe()
        self.market = open_replay(paths, universe, wall_ms=None, from_ms=from_ms, coins=coins)
        self.exchange = Exchange(universe, start_ms=self.market.start_ms)
        self.exchange.feed.append(self)
        self.market.prepare(self.exchange)

    def play(self, after_ms: int) -> "Stage":
        play(self.exchange, self.market, MOMENT_MS + after_ms)
        return self

    def book(self, coin: str = "BTC") -> list[list[tuple[str, str]]]:
        return [[(row["px"], row["sz"]) for row in side] for side in self.exchange.l2(coin)["levels"]]


def test_quotes_are_shown_as_they_were_and_print_nothing(tmp_path):
    stage = Stage(quotes(tmp_path)).play(999)
    assert stage.book() == [[("99999.0", "1.0")], [("100000.0", "2.0")]]
    assert stage.play(1_000).book() == [[("99990.0", "3.0")], [("99991.0", "1.0")]]
    assert stage.play(9_000).book() == [[], [("99991.0", "1.0")]]
    assert stage.trades == []
    assert stage.exchange.candle("BTC", "1m") is None
    assert stage.market.next_ms() is None
    assert stage.market.says.startswith("replay of recorded ticks: BTC quotes, 2026-01-01")


def test_the_oracle_follows_the_middle(tmp_path):
    stage = Stage(quotes(tmp_path)).play(9_000)
    assert stage.exchange.asset_ctx("BTC")["oraclePx"] == "99991.0"


def test_trades_print_exactly_and_leave_the_quoted_touch(tmp_path):
    recorded = trades(tmp_path, "BTC", "500,99999,0.4,sell", "600,100001,5,buy")
    stage = Stage(quotes(tmp_path), recorded).play(600)
    assert [(row["px"], row["sz"], row["side"]) for row in stage.trades] == [
        ("99999.0", "0.4", "A"),
        ("100001.0", "5.0", "B"),
    ]
    assert stage.book() == [[("99999.0", "1.0")], [("100000.0", "2.0")]]
    assert stage.exchange.candle("BTC", "1m")["n"] == 2


def test_trades_alone_show_where_each_side_was_traded_last(tmp_path):
    stage = Stage(trades(tmp_path, "ETH", "0,2500,1,sell", "10,2501,2,buy", "20,2502,3,sell")).play(15)
    assert stage.book("ETH") == [[("2500.0", "1.0")], [("2501.0", "2.0")]]
    assert stage.play(20).book("ETH") == [[("2502.0", "3.0")], []]


def test_several_coins_are_played_at_their_own_times(tmp_path):
    stage = Stage(quotes(tmp_path), quotes(tmp_path, "ETH", "700,2500,1,2501,1")).play(699)
    assert stage.book("ETH") == [[], []]
    assert stage.play(700).book("ETH") == [[("2500.0", "1.0")], [("2501.0", "1.0")]]
    assert stage.market.coins == ("BTC", "ETH")


def test_a_taker_gets_the_touch_and_no_more_and_a_resting_order_fills_when_it_is_crossed(tmp_path):
    stage = Stage(quotes(tmp_path)).play(500)
    trader = Trader(stage.exchange, 1, "1000000")
    assert trader.order("B", "100500", "5", IOC)["filled"]["totalSz"] == "2.0"
    trader.order("B", "99995", "1", GTC)
    stage.play(1_000)
    assert trader.position() == 3


def test_a_start_in_the_middle_finds_book_and_candles_as_they_stood(tmp_path):
    recorded = trades(tmp_path, "BTC", "500,99999,0.4,sell", "70000,100001,5,buy")
    stage = Stage(quotes(tmp_path), recorded, from_ms=MOMENT_MS + 2_000)
    assert stage.book() == [[("99990.0", "3.0")], [("99991.0", "1.0")]]
    assert stage.exchange.candle("BTC", "1m")["v"] == "0.4"
    assert stage.trades == []


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        (lambda folder: [quotes(folder, "BTX")], "unknown coin 'BTX', did you mean BTC"),
        (lambda folder: [quotes(folder), written(folder / "BTC_1m.csv", "ts,open,high,low,close,volume")], "no ticks"),
        (
            lambda folder: [quotes(folder), quotes(folder).rename(folder / "BTC_more.csv"), quotes(folder)],
            "a second file",
        ),
        (lambda folder: [quotes(folder, "BTC", "0,2,1,1,1")], "are crossed"),
    ],
)
def test_recordings_that_cannot_be_played_are_told(tmp_path, files, reason):
    with pytest.raises(BadRecording, match=reason):
        open_replay(files(tmp_path), default_universe(), wall_ms=None)


def test_a_start_outside_and_too_few_coins_are_told(tmp_path):
    with pytest.raises(BadRecording, match="expected a start in it"):
        open_replay([quotes(tmp_path)], default_universe(), wall_ms=None, from_ms=1)
    with pytest.raises(BadRecording, match="a coin for each file"):
        open_replay([quotes(tmp_path)], default_universe(), wall_ms=None, coins=("BTC", "ETH"))


def test_a_recorded_hour_of_mainnet_plays():
    path = RECORDED / "BTC_quotes_20260101.parquet"
    if not path.is_file():
        pytest.skip("the recordings are not part of the project")
    stage = Stage(path)
    stage.exchange.advance(MOMENT_MS)
    stage.play(3_600_000)
    (bid,), (ask,) = stage.book()
    assert 80_000 < D(bid[0]) < D(ask[0]) < 95_000
    assert len(stage.books) > 2_000
