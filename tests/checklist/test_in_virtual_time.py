"""Rows 000-03, 000-16, 003-12, 004-19, 004-20, 004-24: what only a running bot shows, in the exchange's own time."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from tests.research.referee import Referee
from tests.research.runs import D, holding, settings
from tidegate.localnet.arguments import MarketChoice
from tidegate.model.brackets import ExitReason
from tidegate.model.events import CandleChanged, Mid, OrderFilled, StreamDown, StreamUp
from tidegate.model.market import MINUTE_MS, Timeframe
from tidegate.model.settings import Settings
from tidegate.research.simulation import Outage, Simulation, simulate

T0 = 1_600_000_020_000
RANDOM = MarketChoice(scenario="random")


def refereed(plan: Settings) -> Callable[..., Referee]:
    return lambda exchange, user: Referee(exchange, user, plan)


def at(run: Simulation, kind: type) -> list[int]:
    return [event.at_ms - run.start_ms for event, _ in run.journal if type(event) is kind]


# candles


def test_a_streamed_candle_is_closed_within_a_second_of_the_exchanges_and_is_its_row() -> None:
    plan = settings(coins=("BTC", "ETH"), timeframe=Timeframe.M1, check_interval_s=D(60))
    run = simulate(plan, RANDOM, duration_ms=6 * MINUTE_MS)
    successors: dict[tuple[str, int], int] = {}
    for event, _ in run.journal:
        if isinstance(event, CandleChanged):
            successors.setdefault((event.coin, event.candle.open_ms), event.at_ms)
    closed = 0
    for name, coin in run.state.coins.items():
        span = {"coin": name, "interval": "1m", "startTime": run.start_ms, "endTime": run.state.now_ms}
        theirs = {row["t"]: row for row in run.exchange.info({"type": "candleSnapshot", "req": span}).body}
        rows = [row for row in coin.candles.rows if row.open_ms >= run.start_ms]
        assert len(rows) >= 4
        for row in rows:
            shown = theirs[row.open_ms]
            prices = tuple(D(shown[each]) for each in "ohlcv")
            assert (row.open, row.high, row.low, row.close, row.volume, row.trades) == (*prices, shown["n"])
            told_ms = successors.get((name, row.open_ms + MINUTE_MS))
            if told_ms is not None:
                assert told_ms - (row.open_ms + MINUTE_MS) <= 1_000
                closed += 1
    assert closed >= 8


# two coins


def test_the_position_in_one_coin_ends_by_its_stop_and_that_in_the_other_goes_on_untouched() -> None:
    plan = settings(coins=("BTC", "ETH"), strategy="buy_and_hold", cooldown_minutes=D(60))
    run = simulate(plan, duration_ms=MINUTE_MS, watch=refereed(plan))
    (closed,) = run.closed
    assert (closed.coin, closed.reason) == ("BTC", ExitReason.STOP)
    eth = run.state.coins["ETH"]
    fills = [fill for fill in run.fills if fill.coin == "ETH"]
    assert eth.position.size == sum(fill.size for fill in fills) > 0
    assert eth.bracket is not None
    orders = [order.request for order in run.orders if order.request.coin == "ETH"]
    assert len(orders) in (2, 3), "its entry with its exits, and nothing since"
    assert not run.state.coins["BTC"].position.size


# fills


def test_each_fill_is_counted_once_across_three_forced_reconnects() -> None:
    plan = holding("long", stop_loss_pct=D("0.1"), take_profit_pct=D("0.1"), entry="market")
    cuts = tuple(Outage("socket", minute * MINUTE_MS, minute * MINUTE_MS + 7_000) for minute in (2, 5, 8))
    run = simulate(plan, RANDOM, duration_ms=12 * MINUTE_MS, outages=cuts, watch=refereed(plan))
    assert len(at(run, StreamDown)) == 3
    assert len(at(run, StreamUp)) == 4
    theirs = [(row["time"], row["tid"], D(row["px"]), D(row["sz"])) for row in run.exchange.fills(run.account)[::-1]]
    assert [(fill.time_ms, fill.tid, fill.price, fill.size) for fill in run.fills] == theirs
    assert len(theirs) > 10
    told = [event.fill.tid for event, _ in run.journal if isinstance(event, OrderFilled)]
    assert set(told) <= {tid for _, tid, _, _ in theirs}
    pnl = sum(D(row["closedPnl"]) for row in run.exchange.fills(run.account))
    assert sum(closed.pnl for closed in run.closed) == pnl


# wicks


def tape(folder: Path, wick: float) -> Path:
    """Forty quiet minutes around 100, in one of which the price goes to 100 + `wick` and comes back."""
    rows = ["ts,open,high,low,close,volume"]
    for minute in range(40):
        far = 100 + wick if minute == 20 else 100
        high, low = max(100.2, far), min(99.8, far)
        rows.append(f"{T0 + minute * MINUTE_MS},100,{high},{low},100,5")
    path = folder / "BTC_1m_wick.csv"
    path.write_text("\n".join(rows))
    return path


@pytest.mark.parametrize(
    ("side", "wick", "reason"),
    [
        ("long", -5, ExitReason.STOP),
        ("long", 8, ExitReason.TAKE_PROFIT),
        ("short", 5, ExitReason.STOP),
        ("short", -8, ExitReason.TAKE_PROFIT),
    ],
)
def test_a_wick_between_two_polls_closes_the_position_by_the_level_that_it_touched(
    tmp_path: Path, side: str, wick: int, reason: ExitReason
) -> None:
    plan = holding(side, check_interval_s=D(3600), cooldown_minutes=D(600))
    run = simulate(plan, MarketChoice(replay=(tape(tmp_path, wick),)), watch=refereed(plan))
    (closed,) = run.closed
    assert closed.reason is reason
    (recap,) = run.recaps
    assert recap.last_poll_ms < closed.opened_ms < recap.touched_ms < recap.next_poll_ms
    level = 100 * (1 + (D(-3) if reason is ExitReason.STOP else D(6)) / 100 * (1 if side == "long" else -1))
    assert recap.level is not None
    assert abs(recap.level - level) < D("0.5")
    assert abs(closed.exit_price - level) < 2, "not where the candle ended"


# five minutes without a socket


def test_five_minutes_without_a_socket_are_polled_fast_the_stop_fires_and_streaming_comes_back() -> None:
    whole = simulate(settings(), duration_ms=MINUTE_MS)
    cut_ms = whole.closed[0].opened_ms - whole.start_ms + 3_000
    lost = Outage("socket", cut_ms, cut_ms + 300_000)
    run = simulate(settings(), duration_ms=cut_ms + 400_000, outages=(lost,), watch=refereed(settings()))
    closed = run.closed[0]
    assert closed.reason is ExitReason.STOP
    assert run.start_ms + cut_ms < closed.closed_ms < run.start_ms + cut_ms + 300_000
    (down_ms,) = at(run, StreamDown)
    up_ms = at(run, StreamUp)
    assert down_ms == cut_ms
    assert cut_ms + 300_000 < up_ms[1] < cut_ms + 400_000
    held = [at_ms for at_ms in at(run, Mid) if cut_ms <= at_ms <= closed.closed_ms - run.start_ms]
    interval_ms = settings().fallback_interval_ms
    assert held
    assert all(later - earlier <= interval_ms + 500 for earlier, later in pairwise(sorted(set(held))))
    assert run.said("down: the line was cut", "polling BTC by REST")
    assert run.said("up again: back to streaming")
