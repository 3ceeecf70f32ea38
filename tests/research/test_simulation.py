"""The bot in virtual time: the first run, the recorded crash, latency, and what happens when lines are cut."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tests.research.referee import Referee
from tests.research.runs import CRASH, FRAMES, D, holding, needs_frames, needs_the_crash, settings
from tidegate.errors import ConfigError
from tidegate.localnet.arguments import MarketChoice
from tidegate.model.brackets import ExitReason
from tidegate.model.events import CandlesFetched, Mid, OrderFilled, StreamDown, StreamUp, Tick, Trade
from tidegate.model.market import Timeframe
from tidegate.model.orders import Role, Trigger
from tidegate.model.positions import Side
from tidegate.research.simulation import LATENCY_MS, Outage, Simulation, simulate

MINUTE_MS = 60_000
PLAY_MONEY = D(10_000)


@pytest.fixture(scope="module")
def first_run() -> Simulation:
    return simulate(
        settings(), duration_ms=2 * MINUTE_MS, watch=lambda exchange, user: Referee(exchange, user, settings())
    )


# the scripted first run


def test_the_first_run_enters_with_a_resting_stop_and_leaves_by_its_own_stop_between_two_polls(
    first_run: Simulation,
) -> None:
    entry, stop, profit, exit_ = (order.request for order in first_run.orders)
    assert [order.role for order in (entry, stop, profit, exit_)] == [
        Role.ENTRY,
        Role.STOP,
        Role.TAKE_PROFIT,
        Role.EXIT,
    ]
    assert isinstance(stop.kind, Trigger)
    assert stop.kind.trigger_price < D(first_run.fills[0].price)
    (closed,) = first_run.closed
    assert closed.reason is ExitReason.STOP
    (recap,) = first_run.recaps
    assert not recap.by_resting
    assert recap.last_poll_ms < recap.touched_ms < recap.next_poll_ms
    polls = [event.at_ms for event, _ in first_run.journal if isinstance(event, CandlesFetched)]
    assert not [at_ms for at_ms in polls if closed.closed_ms - 10_000 < at_ms < closed.closed_ms]


def test_the_books_agree_with_the_exchange_to_the_last_digit(first_run: Simulation) -> None:
    exchange, account = first_run.exchange, first_run.account
    theirs = exchange.fills(account)[::-1]
    ours = [(fill.time_ms, fill.tid, fill.price, fill.size, fill.fee, fill.closed_pnl) for fill in first_run.fills]
    assert ours == [
        (row["time"], row["tid"], D(row["px"]), D(row["sz"]), D(row["fee"]), D(row["closedPnl"])) for row in theirs
    ]
    assert sum(closed.pnl for closed in first_run.closed) == sum(D(row["closedPnl"]) for row in theirs)
    assert sum(closed.fees for closed in first_run.closed) == sum(D(row["fee"]) for row in theirs)
    net = sum((closed.pnl - closed.fees for closed in first_run.closed), Decimal(0))
    state = exchange.info({"type": "clearinghouseState", "user": account}).body
    assert D(state["marginSummary"]["accountValue"]) == PLAY_MONEY + net == first_run.state.equity
    assert not state["assetPositions"]
    assert not exchange.info({"type": "frontendOpenOrders", "user": account}).body
    assert not [coin for coin in first_run.state.coins.values() if coin.position.size or coin.orders]


def test_a_stopped_bot_leaves_its_position_with_its_stop_resting() -> None:
    short = simulate(settings(), duration_ms=5_000)
    (order,) = (order for order in short.orders if order.request.role is Role.STOP)
    resting = short.exchange.info({"type": "frontendOpenOrders", "user": short.account}).body
    assert order.request.cloid in [row["cloid"] for row in resting]
    assert short.state.coins["BTC"].position.size == short.fills[0].size
    assert short.said("open positions keep their resting stops")


def test_a_made_up_market_never_ends_so_a_duration_must_be_given() -> None:
    with pytest.raises(ConfigError, match="how long"):
        simulate(settings())


def test_coins_that_are_not_listed_are_refused_with_the_nearest_match() -> None:
    with pytest.raises(ConfigError, match="BTCC is not listed"):
        simulate(settings(coins=("BTCC", "ETH")), duration_ms=1)


def test_a_dry_run_sends_nothing() -> None:
    dry = simulate(settings(dry_run=True), duration_ms=10_000)
    assert not dry.fills
    assert not dry.orders
    assert dry.said("dry run: legal, not sent")


# latency


@pytest.mark.parametrize("latency_ms", [0, 50, 400])
def test_an_order_and_its_answer_take_one_latency_each(latency_ms: int) -> None:
    run = simulate(settings(), duration_ms=MINUTE_MS, latency_ms=latency_ms)
    sent_ms = run.orders[0].at_ms
    filled = next(event for event, _ in run.journal if isinstance(event, OrderFilled))
    assert filled.fill.time_ms == sent_ms + latency_ms
    assert filled.at_ms == sent_ms + 2 * latency_ms


def test_the_market_moves_on_while_an_exit_travels() -> None:
    prices = [
        simulate(settings(), duration_ms=MINUTE_MS, latency_ms=latency_ms).closed[0].exit_price
        for latency_ms in (1, 300)
    ]
    assert prices[1] < prices[0]


# the recorded crash


@needs_the_crash
@pytest.mark.parametrize(
    ("side", "start", "minutes"), [("long", "2021-05-19T12:00", 60), ("short", "2021-05-19T13:10", 20)]
)
def test_a_position_leaves_the_recorded_crash_by_its_stop_at_a_price_that_was_traded_in_that_minute(
    side: str, start: str, minutes: int
) -> None:
    import pyarrow.parquet as pq

    run = simulate(
        holding(side, take_profit_pct=D(0)),
        MarketChoice(replay=(CRASH,), start=start),
        duration_ms=minutes * MINUTE_MS,
        watch=lambda exchange, user: Referee(exchange, user, holding(side)),
    )
    first = run.closed[0]
    assert first.reason is ExitReason.STOP
    assert first.size > 0 if side == "long" else first.size < 0
    tape = pq.read_table(CRASH, columns=["ts", "low", "high"]).to_pydict()
    ranges = {
        ts: (D(repr(low)), D(repr(high))) for ts, low, high in zip(tape["ts"], tape["low"], tape["high"], strict=True)
    }
    assert run.fills
    for fill in run.fills:
        low, high = ranges[fill.time_ms - fill.time_ms % MINUTE_MS]
        assert low <= fill.price <= high


def test_a_simulation_of_a_recording_ends_with_it(tmp_path) -> None:
    tape = tmp_path / "BTC_1m_made_up.csv"
    rows = [f"{1_600_000_020_000 + minute * MINUTE_MS},100,101,99,100,5" for minute in range(40)]
    tape.write_text("\n".join(["ts,open,high,low,close,volume", *rows]))
    run = simulate(holding("long"), MarketChoice(replay=(tape,)))
    assert run.said("stopping: the recording is over")
    assert 0 <= run.state.now_ms - (1_600_000_020_000 + 40 * MINUTE_MS) < 5_000


# cut lines


def events_of(run: Simulation, kind: type) -> list[int]:
    return [event.at_ms - run.start_ms for event, _ in run.journal if type(event) is kind]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_without_the_stream_a_crossed_stop_is_found_by_rest_within_two_fallback_intervals(seed: int) -> None:
    whole = simulate(settings(), MarketChoice(seed=seed), duration_ms=MINUTE_MS)
    cut_ms = whole.closed[0].opened_ms - whole.start_ms + 3_000
    outage = Outage("socket", cut_ms, cut_ms + 30_000)
    run = simulate(settings(), MarketChoice(seed=seed), duration_ms=2 * MINUTE_MS, outages=(outage,))
    (recap,) = run.recaps
    assert run.closed[0].reason is ExitReason.STOP
    crossed_ms = whole.recaps[0].touched_ms
    interval_ms = settings().fallback_interval_ms
    (exit_,) = (order for order in run.orders if order.request.role is Role.EXIT)
    assert exit_.transport == "rest"
    assert crossed_ms <= exit_.at_ms <= crossed_ms + 2 * interval_ms
    assert not recap.by_resting
    (down_ms,) = events_of(run, StreamDown)
    first_up_ms, again_up_ms = events_of(run, StreamUp)
    assert first_up_ms < down_ms == cut_ms
    assert again_up_ms > cut_ms + 30_000
    assert run.said("down: the line was cut", "polling BTC by REST")
    assert run.said("up again: back to streaming")
    assert run.state.stream_up
    mids_ms = events_of(run, Mid)
    assert min(mids_ms) > cut_ms
    assert max(mids_ms) < again_up_ms


def test_a_line_that_only_falls_silent_is_given_up_and_the_position_watched_by_rest() -> None:
    whole = simulate(settings(), duration_ms=MINUTE_MS)
    from_ms = whole.closed[0].opened_ms - whole.start_ms + 3_000
    run = simulate(settings(), duration_ms=2 * MINUTE_MS, outages=(Outage("silence", from_ms, from_ms + 40_000),))
    (down_ms,) = events_of(run, StreamDown)
    assert from_ms < down_ms <= from_ms + 15_000, "P12"
    assert run.closed[0].reason is ExitReason.STOP
    assert run.said("up again: back to streaming")


def test_an_exit_that_was_lost_on_the_way_is_settled_and_closes_the_position_once() -> None:
    whole = simulate(settings(), duration_ms=MINUTE_MS)
    sent_ms = next(order.at_ms for order in whole.orders if order.request.role is Role.EXIT) - whole.start_ms
    for after_ms in (1, LATENCY_MS - 1, LATENCY_MS + 1, 2 * LATENCY_MS - 1):
        cut = Outage("socket", sent_ms + after_ms, sent_ms + after_ms + 10_000)
        run = simulate(
            settings(),
            duration_ms=2 * MINUTE_MS,
            outages=(cut,),
            watch=lambda exchange, user: Referee(exchange, user, settings()),
        )
        assert run.said("is in doubt: the stream was lost before the answer"), after_ms
        assert [fill.side for fill in run.fills] == [Side.BUY, Side.SELL], after_ms
        assert len(run.closed) == 1, after_ms
        coin = run.state.coins["BTC"]
        assert not coin.position.size, after_ms
        assert not coin.orders, after_ms


def test_with_every_line_cut_the_resting_stop_closes_the_position_and_the_bot_learns_of_it_later() -> None:
    whole = simulate(settings(), duration_ms=MINUTE_MS)
    from_ms = whole.closed[0].opened_ms - whole.start_ms + 3_000
    dead = tuple(Outage(kind, from_ms, from_ms + 40_000) for kind in ("socket", "rest"))
    run = simulate(settings(), duration_ms=3 * MINUTE_MS, outages=dead)
    assert run.exchange.info({"type": "clearinghouseState", "user": run.account}).body["assetPositions"] == []
    (closed,) = run.closed
    assert closed.reason is ExitReason.STOP
    assert closed.closed_ms < run.start_ms + from_ms + 40_000
    (stop,) = (order.request.cloid for order in run.orders if order.request.role is Role.STOP)
    assert [fill.cloid for fill in run.fills][1:] == [stop]
    told = [note.level for _, note in run.notes if "prices: allMids" in note.text]
    assert told.count("WARNING") == 1 < len(told), "an outage is told once, not every other second"


def test_waiting_costs_a_tick_only_when_something_is_due(first_run: Simulation) -> None:
    ticks_ms = events_of(first_run, Tick)
    assert len(ticks_ms) == len(set(ticks_ms)), "two ticks at one moment"
    assert len(ticks_ms) < 2 * 120


# recorded frames


@needs_frames
def test_recorded_frames_drive_the_bot_at_their_own_time() -> None:
    plan = settings(coins=("BTC",), timeframe=Timeframe.M1, check_interval_s=D(60), strategy="buy_and_hold")
    run = simulate(plan, MarketChoice(replay=(FRAMES,)), duration_ms=4 * MINUTE_MS)
    assert datetime.fromtimestamp(run.start_ms / 1000, UTC).strftime("%Y-%m-%d") == "2025-09-04"
    assert run.said("stream")
    prints = [event for event, _ in run.journal if isinstance(event, Trade)]
    assert len(prints) > 100
    assert run.fills
