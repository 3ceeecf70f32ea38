from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from msgspec import structs

from tests.backtest.made import Wishing, Written, bars_of, market, reference
from tidegate.backtest import kernel
from tidegate.backtest.engine import backtest, play
from tidegate.backtest.kernel import shapes
from tidegate.backtest.rules import Rules
from tidegate.core import risk, sizing
from tidegate.core.candles import CandleCache
from tidegate.core.state import CoinState, State
from tidegate.model.brackets import Bracket
from tidegate.model.fees import Fees, RoundTrip
from tidegate.model.instruments import Instrument, Rounding
from tidegate.model.market import Timeframe
from tidegate.model.positions import Position
from tidegate.model.settings import MarginMode, Settings

D = Decimal
FREE = {"max_daily_loss_pct": 0.0, "max_drawdown_pct": 0.0, "take_profit_pct": 0.0}
BARE = Rules(**FREE, slippage_pct=0.0, taker_fee=0.0, funding=0.0, stop_loss_pct=50.0, max_position_usd=1e9)
prices = st.floats(0.0001, 200_000)


def numbers(instrument: Instrument, given_rules: Rules) -> shapes.Account:
    from tidegate.backtest.engine import _account

    history = market(1, 10, coin=instrument.coin)
    return _account([history], given_rules, 0)


# the same trades as a plain loop


@pytest.mark.parametrize("trails", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_the_kernel_makes_the_trades_of_a_plain_python_loop(seed: int, trails: bool) -> None:
    history, strategy = market(seed), Wishing(seed=seed, trails=trails)
    rules = Rules(**FREE, stop_loss_pct=4.0)
    expected = reference(history, strategy.signals(history.bars), rules)
    trades = backtest(strategy, [history], rules).trades
    assert len(expected) > 20
    columns = ["direction", "size", "opened", "closed", "entry_price", "exit_price", "reason", "net"]
    got = list(trades[columns].itertuples(index=False, name=None))
    assert [row[:7] for row in got] == [row[:7] for row in expected]
    assert [row[7] for row in got] == pytest.approx([row[7] for row in expected], abs=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_what_the_trades_made_is_what_the_account_has_more(seed: int) -> None:
    histories = [market(seed, coin="BTC"), market(seed + 50, coin="ETH").bars.iloc[300:1500]]
    others = [histories[0], market(seed + 50, coin="ETH")._replace(bars=histories[1])]
    result = backtest(Wishing(seed=seed), others, Rules(**FREE))
    assert set(result.trades["coin"]) == {"BTC", "ETH"}
    assert result.equity["equity"].iloc[-1] == pytest.approx(10_000 + result.trades["net"].sum(), abs=1e-6)
    parts = result.trades["gross"] - result.trades[["fees", "funding", "slippage"]].sum(axis=1)
    assert result.trades["net"].to_numpy() == pytest.approx(parts.to_numpy())


def test_a_coin_beside_it_that_never_trades_changes_nothing() -> None:
    """The way of one coin coasts over quiet bars, the way of several takes each of them."""

    class Once(Wishing):
        def signals(self, bars: pd.DataFrame) -> pd.DataFrame:
            silent = bars["close"].iloc[0] > 1000
            return Wishing(seed=self.seed, often=0.0 if silent else self.often).signals(bars)

    still = market(9, coin="ETH", start=5000.0)
    for seed in range(4):
        for rules in (Rules(**FREE), Rules(take_profit_pct=0.0, max_daily_loss_pct=1.0, max_drawdown_pct=3.0)):
            alone = backtest(Once(seed=seed), [market(seed)], rules)
            beside = backtest(Once(seed=seed), [market(seed), still], rules)
            pd.testing.assert_frame_equal(alone.trades, beside.trades)
            pd.testing.assert_frame_equal(alone.equity, beside.equity)


# one truth with the core


@settings(max_examples=400, deadline=None)
@given(prices, st.integers(0, 5), st.booleans())
def test_prices_go_on_the_grid_as_the_instruments_do(price: float, size_decimals: int, up: bool) -> None:
    price = float(f"{price:.9g}")  # what is finer than a billionth is noise to the kernel
    instrument = Instrument(coin="X", asset=0, size_decimals=size_decimals, leverage_max=10)
    expected = instrument.price(price, Rounding.UP if up else Rounding.DOWN)
    assert kernel.on_grid(price, 6 - size_decimals, up) == float(expected)


@settings(max_examples=400, deadline=None)
@given(
    st.floats(0.01, 100_000), st.floats(0.001, 0.3), st.sampled_from([1, -1]), st.floats(10, 1e6), st.floats(0, 1),
    st.integers(0, 5), st.floats(0.01, 1), st.floats(0, 20_000), st.floats(0, 20_000), st.booleans(),
)  # fmt: skip
def test_sizes_are_those_of_the_core(
    price: float, away: float, way: int, equity: float, free: float, size_decimals: int, fraction: float,
    exposure_left: float, allocation_left: float, maker: bool,
) -> None:  # fmt: skip
    instrument = Instrument(coin="BTC", asset=0, size_decimals=size_decimals, leverage_max=10)
    rules = Rules(
        max_exposure_usd=20_000, max_allocation_usd=20_000, instruments={"BTC": instrument},
        entry="limit" if maker else "open",
    )  # fmt: skip
    bot = Settings(max_exposure_usd=D(20_000), max_allocation_usd=D(20_000))
    stop = float(instrument.price(price * (1 - way * away), Rounding.DOWN))
    limit = float(instrument.price(price * (1 + way * 0.01), Rounding.DOWN))
    assume(stop != price)
    entry, spread = (rules.maker_fee, 0.0001) if maker else (rules.taker_fee, 0.0002)

    def core(more: float) -> Any:
        return sizing.by_risk(
            structs.replace(
                bot,
                max_position_usd=bot.max_position_usd * D(more),
                max_allocation_usd=bot.max_allocation_usd * D(more),
            ),
            instrument,
            equity=D(equity * more),
            free=D(equity * free * more),
            price=D(price),
            limit=D(limit),
            stop=D(stop),
            fraction=D(fraction),
            exposure_left=D(exposure_left * more),
            allocation_left=D(allocation_left * more),
            costs=RoundTrip(entry=D(entry), exit=D(rules.taker_fee), spread=D(spread)),
        )

    account = numbers(instrument, rules)
    got = kernel.sized(price, limit, stop, fraction, equity, equity * free, exposure_left, allocation_left, 0, account)
    expected, a_little_more = core(1.0), core(1 + 1e-9)  # a lot that floats miss by a billionth may be counted
    if isinstance(expected, str) or isinstance(a_little_more, str):
        assert got <= 0 or got * min(price, limit) == pytest.approx(10)
    else:
        assert float(expected.size) - 1e-12 <= got <= float(a_little_more.size) + 1e-12


@settings(max_examples=200, deadline=None)
@given(
    st.floats(1, 100_000),
    st.floats(0.001, 30),
    st.sampled_from([1, -1]),
    st.sampled_from(list(MarginMode)),
    st.integers(1, 20),
)
def test_a_position_is_liquidated_where_the_core_says(
    price: float, times: float, way: int, mode: MarginMode, leverage: int
) -> None:
    instrument = Instrument(coin="BTC", asset=0, size_decimals=5, leverage_max=20)
    rules = Rules(leverage=leverage, isolated=mode is MarginMode.ISOLATED, instruments={"BTC": instrument})
    size = 1000.0 * times / price
    state = State(
        settings=Settings(leverage=leverage, margin_mode=mode), fees=Fees(taker=D(str(rules.taker_fee)), maker=D(0))
    )
    state.equity = D(1000)
    state.coins["BTC"] = CoinState(
        instrument=instrument,
        leverage=leverage,
        candles=CandleCache(interval_ms=60_000, limit=1),
        position=Position(coin="BTC"),
    )
    expected = risk.liquidation_price(state, state.coins["BTC"], direction=way, price=D(price), size=D(size))
    positions = np.zeros((1, shapes.POSITION_FIELDS))
    positions[0, [shapes.SIZE, shapes.DIRECTION, shapes.ENTRY]] = size, way, price
    got = kernel.liquidation(positions, np.array([price]), 1000.0, 0, numbers(instrument, rules))
    assert got == pytest.approx(float(expected or 0), rel=1e-9, abs=1e-6)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.floats(90, 110), min_size=1, max_size=20), st.sampled_from([1, -1]), st.floats(0.5, 10), st.floats(1, 9)
)
def test_one_price_after_another_moves_a_stop_as_the_bracket_does(
    path: list[float], way: int, trail_by: float, away: float
) -> None:
    stop = 100.0 - way * away
    bracket = Bracket(direction=way, stop=D(stop), trail_by=D(trail_by))
    now, trailed = stop, 0.0
    for price in path:
        hit = bracket.hit(D(price))
        bracket = bracket if hit else bracket.trail(D(price))
        reason, _level, now, trailed, _ = kernel.step(
            price, price, price, price, way, now, 0.0, trail_by, trailed, 0.0, False
        )
        assert shapes.REASONS[reason] == (hit.value if hit else "")
        if hit:
            return
        assert now == pytest.approx(float(bracket.stop or 0))


# the order within a bar


def only(trades: pd.DataFrame) -> pd.Series:
    assert len(trades) == 1
    return trades.iloc[0]


CALM = (100.0, 101.0, 99.0, 100.0)


def test_a_wish_acts_at_the_next_open_never_on_its_own_bar() -> None:
    trade = only(
        backtest(Written("L.F"), [bars_of(CALM, (102, 103, 101, 102), CALM, (104, 105, 103, 104))], BARE).trades
    )
    assert (trade.entry_price, trade.exit_price, trade.reason) == (102, 104, "signal")
    assert trade.opened == pd.Timestamp("2025-01-01 01:00", tz="UTC")


def test_a_bar_that_touches_both_is_stopped_and_says_that_it_was_not_clear() -> None:
    history = bars_of(CALM, CALM, (100, 111, 94, 105), CALM)
    trade = only(backtest(Written("L", stop=95, take_profit=110), [history], BARE).trades)
    assert (trade.reason, trade.exit_price, bool(trade.ambiguous)) == ("stop_loss", 95, True)


def test_finer_candles_tell_which_came_first() -> None:
    history = bars_of(CALM, CALM, (100, 111, 94, 105), CALM)
    up_first = (
        [CALM] * 12 + [(100, 111, 100, 108), (108, 108, 94, 95), (95, 105, 95, 105), (105, 105, 100, 105)] + [CALM] * 4
    )
    finer = bars_of(*up_first, timeframe=Timeframe.M15)
    # Two quiet bars are eight quarters of an hour, the third bar begins at the ninth.
    finer = finer._replace(bars=finer.bars.iloc[4:].set_axis(finer.bars.index[: len(finer.bars) - 4]))
    trade = only(backtest(Written("L", stop=95, take_profit=110), [history], BARE, finer={"BTC": finer}).trades)
    assert (trade.reason, trade.exit_price, bool(trade.ambiguous)) == ("take_profit", 110, False)
    assert trade.closed == pd.Timestamp("2025-01-01 02:00", tz="UTC")


@pytest.mark.parametrize(("script", "stop", "gap"), [("L", 95.0, 90.0), ("S", 105.0, 110.0)])
def test_a_gap_through_the_stop_fills_at_the_open(script: str, stop: float, gap: float) -> None:
    history = bars_of(CALM, CALM, (gap, gap + 1, gap - 1, gap), CALM)
    trade = only(backtest(Written(script, stop=stop), [history], BARE).trades)
    assert (trade.reason, trade.exit_price) == ("stop_loss", gap)


def test_a_stop_can_be_hit_on_the_bar_of_the_entry() -> None:
    trade = only(backtest(Written("L", stop=98.0), [bars_of(CALM, (100, 101, 97, 100), CALM)], BARE).trades)
    assert (trade.reason, trade.bars) == ("stop_loss", 0)


def test_a_trailing_stop_follows_the_best_price_and_is_called_so() -> None:
    history = bars_of(CALM, CALM, (100, 110, 100, 110), (110, 110, 104, 105), CALM)
    trade = only(backtest(Written("L", stop=90, trail_by=5.0), [history], BARE).trades)
    assert (trade.reason, trade.exit_price) == ("trailing_stop", 105)


def test_the_other_wish_turns_a_position_at_one_open() -> None:
    trades = backtest(Written("LS"), [bars_of(CALM, CALM, CALM, CALM)], BARE).trades
    assert trades["direction"].tolist() == [1, -1]
    assert trades["reason"].tolist() == ["signal", "end"]
    assert trades["closed"].iloc[0] == trades["opened"].iloc[1]


def test_a_time_limit_closes_at_the_open() -> None:
    rules = Rules(**{**vars(BARE), "time_limit_bars": 2})
    trade = only(backtest(Written("L"), [bars_of(*[CALM] * 6)], rules).trades)
    assert (trade.reason, trade.bars) == ("time_limit", 2)


def test_a_limit_entry_needs_a_price_beyond_it_and_pays_the_maker_rate() -> None:
    rules = Rules(**{**vars(BARE), "entry": "limit", "maker_fee": 0.001})
    never = play(Written("L"), [bars_of(CALM, (100, 101, 100, 101), CALM)], rules)
    assert never.result.trades.empty
    assert never.refused == {"limit not reached": 1}
    trade = only(backtest(Written("L"), [bars_of(CALM, CALM, CALM)], rules).trades)
    assert trade.fees == pytest.approx(0.001 * trade["size"] * 100)


# costs and limits


def test_longs_pay_a_positive_rate_every_hour_that_they_are_held() -> None:
    rules = Rules(**{**vars(BARE), "funding": 0.001})
    trade = only(backtest(Written("L..F"), [bars_of(*[CALM] * 6)], rules).trades)
    assert trade.funding == pytest.approx(3 * 0.001 * trade["size"] * 100)
    short = only(backtest(Written("S..F"), [bars_of(*[CALM] * 6)], rules).trades)
    assert short.funding == pytest.approx(-3 * 0.001 * short["size"] * 100)


def test_a_bar_of_four_hours_pays_four_rates() -> None:
    hours = pd.date_range("2025-01-01", periods=48, freq="h", tz="UTC")
    steady = Rules(**{**vars(BARE), "funding": 0.001})
    series = Rules(**{**vars(BARE), "funding": {"BTC": pd.Series(0.001, index=hours)}})
    history = bars_of(*[CALM] * 6, timeframe=Timeframe.H4)
    paid = [only(backtest(Written("L..F"), [history], rules).trades).funding for rules in (steady, series)]
    size = only(backtest(Written("L..F"), [history], steady).trades)["size"]
    assert paid == pytest.approx([12 * 0.001 * size * 100] * 2)


def test_slippage_and_fees_stand_apart_in_a_trade() -> None:
    rules = Rules(**{**vars(BARE), "slippage_pct": 0.1, "taker_fee": 0.001})
    trade = only(backtest(Written("L.F"), [bars_of(*[CALM] * 5)], rules).trades)
    assert (trade.entry_price, trade.exit_price, trade.gross) == (100.1, 99.9, 0)
    assert trade.slippage == pytest.approx(0.2 * trade["size"])
    assert trade.net == pytest.approx(-trade.slippage - trade.fees)


def test_a_leveraged_position_is_liquidated_when_other_coins_took_its_margin() -> None:
    rules = Rules(**{**vars(BARE), "leverage": 10, "risk_per_trade_pct": 400.0, "stop_loss_pct": 6.0})
    falling = (100.0, 100.0, 80.0, 80.0)
    btc, eth = bars_of(CALM, CALM, falling, falling), bars_of(CALM, CALM, (90, 90, 89, 90), CALM, coin="ETH")
    trades = backtest(Written("L"), [eth, btc], rules).trades
    assert trades["reason"].tolist() == ["liquidation", "stop_loss"]
    assert trades["exit_price"].tolist() == [90, 94]  # the first had jumped over its level


def test_funding_eats_the_margin_until_a_position_is_liquidated() -> None:
    rules = Rules(**{**vars(BARE), "leverage": 20, "risk_per_trade_pct": 400.0, "stop_loss_pct": 2.4, "funding": 0.002})
    sliding = [CALM] * 3 + [(100.0, 100.0, 98.5, 98.5)] * 24
    trade = only(backtest(Written("L"), [bars_of(*sliding)], rules).trades)
    left = 10_000 - trade.funding
    assert trade.reason == "liquidation"
    # There the account is worth the maintenance margin, half of the coin's initial one at 40 times.
    worth = left + trade["size"] * (trade.exit_price - 100)
    assert worth == pytest.approx(trade["size"] * trade.exit_price / 80, rel=0.05)


def test_an_entry_whose_stop_lies_beyond_its_liquidation_is_refused() -> None:
    rules = Rules(**{**vars(BARE), "isolated": True, "leverage": 20})
    played = play(Written("L", stop=80), [bars_of(*[CALM] * 4)], rules)
    assert played.refused == {"stop beyond the liquidation price": 1}


def test_no_more_positions_than_allowed_are_open_at_once() -> None:
    histories = [bars_of(*[CALM] * 5, coin=coin) for coin in ("BTC", "ETH", "SOL")]
    played = play(Written("L"), histories, Rules(**{**vars(BARE), "max_open_positions": 2}))
    assert played.result.trades["coin"].tolist() == ["BTC", "ETH"]
    assert played.refused == {"MAX_OPEN_POSITIONS": 1}


def test_a_drawdown_ends_the_entries_and_is_told() -> None:
    falling = [(100.0 - i, 100.0 - i, 99.0 - i, 99.0 - i) for i in range(30)]
    rules = Rules(**{**vars(BARE), "stop_loss_pct": 2.0, "risk_per_trade_pct": 5.0, "max_drawdown_pct": 8.0})
    played = play(Written("L" * 30), [bars_of(*falling)], rules)
    assert 1 <= len(played.result.trades) < 5
    assert "MAX_DRAWDOWN_PCT" in played.remarks[0]


def test_a_pause_follows_a_close_and_stops_in_a_row() -> None:
    rules = Rules(**{**vars(BARE), "cooldown_minutes": 150})
    trades = backtest(Written("LFLLLLL"), [bars_of(*[CALM] * 9)], rules).trades
    assert (trades["opened"].iloc[1] - trades["closed"].iloc[0]) >= pd.Timedelta(minutes=150)


def test_bars_before_the_beginning_only_warm_up() -> None:
    history = bars_of(*[CALM] * 8)
    begin_ms = int(history.bars.index[4].timestamp() * 1000)
    result = backtest(Written("LLLLLLL"), [history], BARE, begin_ms=begin_ms)
    assert only(result.trades).opened == history.bars.index[4]
    assert result.equity.index[0] == result.benchmark.index[0] == history.bars.index[4]


def test_buy_and_hold_divides_the_money_evenly() -> None:
    rising, still = bars_of((100, 200, 100, 200), (200, 200, 200, 200)), bars_of(CALM, CALM, coin="ETH")
    benchmark = backtest(Written(""), [rising, still], BARE).benchmark
    assert benchmark.iloc[-1] == pytest.approx(15_000)


def test_the_same_run_has_the_same_trades_and_the_same_id() -> None:
    one, other = (backtest(Wishing(), [market(3)], Rules()) for _ in range(2))
    assert one.run.id == other.run.id
    pd.testing.assert_frame_equal(one.trades, other.trades)
