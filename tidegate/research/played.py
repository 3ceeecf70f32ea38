"""A simulation as a run like any other: its closed positions as trades, its equity bar by bar, what it was made of.

Everything is read off what the bot learned: fills, funding payments, closed positions. Plays nothing.
"""

import hashlib
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from tidegate.backtest.results import Result, Run, trades_frame
from tidegate.errors import ConfigError
from tidegate.history import History, told_of
from tidegate.history.times import in_ms
from tidegate.localnet.kernel.universe import default_universe
from tidegate.localnet.markets.candles import Bars
from tidegate.model.brackets import ExitReason
from tidegate.model.orders import Role, Trigger
from tidegate.model.records import ClosedPosition
from tidegate.model.settings import Settings
from tidegate.research.counterparty import Tapes
from tidegate.research.evidence import Simulation
from tidegate.strategy import BAR_COLUMNS

REASONS: Mapping[ExitReason, str] = {
    ExitReason.STOP: "stop_loss",
    ExitReason.TRAIL: "trailing_stop",
    ExitReason.TAKE_PROFIT: "take_profit",
    ExitReason.TIME_LIMIT: "time_limit",
    ExitReason.LIQUIDATION: "liquidation",
}
"""In the words of a result; every other one is a decision of the bot's, as a signal is."""
TOLD = (
    "risk_per_trade_pct", "stop_loss_pct", "take_profit_pct", "trailing_stop_pct", "max_position_usd",
    "max_exposure_usd", "max_allocation_usd", "max_open_positions", "max_daily_loss_pct", "max_drawdown_pct",
    "cooldown_minutes", "stop_guard_stops", "stop_guard_minutes", "leverage", "max_slippage_pct", "trim_at_r",
    "regime", "check_interval_s",
)  # fmt: skip


def tapes_of(histories: Sequence[History], begin_ms: int | None, warm_up_bars: int) -> Tapes:
    """The candles as a localnet plays them, from `begin_ms` on or once there are enough to warm up.

    Raises ConfigError for coins that a localnet does not list and spans without any trading.
    """
    listed = {rule.name for rule in default_universe().perps if not rule.is_delisted}
    problems = [
        f"{each.coin}: a localnet does not list it; it has {', '.join(sorted(listed))}"
        for each in histories
        if each.coin not in listed
    ]
    opens = [in_ms(each.bars.index) for each in histories]
    first_ms = max(int(at[0]) for at in opens)
    step_ms = histories[0].timeframe.ms
    start_ms = first_ms + warm_up_bars * step_ms if begin_ms is None else begin_ms
    for history, at in zip(histories, opens, strict=True):
        rows = at >= start_ms
        if not rows.any():
            problems.append(f"{history.coin}: no candles are left to trade in after {warm_up_bars:,} bars of warm-up")
        elif not (history.bars["volume"].to_numpy()[rows] > 0).any():
            problems.append(f"{history.coin}: nothing was traded in these candles: no volume")
    if problems:
        raise ConfigError(problems)
    return Tapes({each.coin: _bars(each, at) for each, at in zip(histories, opens, strict=True)}, start_ms)


def _bars(history: History, at_ms: Any) -> Bars:
    opened, high, low, close, volume = (history.bars[name].to_numpy(dtype=float) for name in BAR_COLUMNS)
    trades = np.zeros(len(at_ms), dtype=np.int64)
    return Bars(history.timeframe.ms, at_ms, opened, high, low, close, volume, trades)


def result_of(
    simulation: Simulation,
    histories: Sequence[History],
    settings: Settings,
    *,
    equity_usd: Decimal,
    name: str,
    parameters: Mapping[str, Any],
    code_version: str,
    latency_ms: int,
) -> Result:
    """What a simulation of these histories earned, bar by bar of the histories from its start on."""
    bars = _Bars(histories, simulation.start_ms)
    trades = trades_frame(_columns(simulation, bars))
    equity = _equity(simulation, bars, float(equity_usd))
    index = bars.index
    frame = pd.DataFrame(equity, index=index)
    digest = hashlib.sha256("|".join(f"{each.coin}:{each.sha256}" for each in histories).encode()).hexdigest()
    told = {each: _plain(getattr(settings, each)) for each in TOLD}
    run = Run(
        id="",
        kind="simulate",
        strategy=name,
        parameters=dict(parameters),
        coins=tuple(each.coin for each in histories),
        timeframe=histories[0].timeframe.value,
        begin_ms=int(bars.at_ms[0]),
        end_ms=int(bars.at_ms[-1]) + bars.step_ms,
        settings={"equity_usd": float(equity_usd), "latency_ms": latency_ms, **told, **told_of(histories)},
        data_sha256=histories[0].sha256 if len(histories) == 1 else digest,
        code_version=code_version,
        seed=1,
        made_at=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
    ).named()
    return Result(run, trades, frame, _held(bars, float(equity_usd)), pd.DataFrame(bars.close, index=index))


def _plain(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else value


class _Bars:
    """The histories on one axis, from `start_ms` on: one row a coin, the last close known where a bar is missing."""

    def __init__(self, histories: Sequence[History], start_ms: int) -> None:
        axis = histories[0].bars.index
        for each in histories[1:]:
            axis = axis.union(each.bars.index)
        at_ms = in_ms(axis)
        self.step_ms = histories[0].timeframe.ms
        begin = int(np.searchsorted(at_ms, start_ms - self.step_ms + 1))
        self.index, self.at_ms = axis[begin:], at_ms[begin:]
        frames = {each.coin: each.bars.reindex(self.index) for each in histories}
        self.coins = tuple(frames)
        self.open = {coin: frame["open"].to_numpy(float) for coin, frame in frames.items()}
        self.high = {coin: frame["high"].to_numpy(float) for coin, frame in frames.items()}
        self.low = {coin: frame["low"].to_numpy(float) for coin, frame in frames.items()}
        self.close = {coin: frame["close"].ffill().to_numpy(float) for coin, frame in frames.items()}

    def row(self, time_ms: int) -> int:
        """The bar in which a moment lies; the last one for what came after all."""
        return max(min(int(np.searchsorted(self.at_ms, time_ms, side="right")) - 1, len(self.at_ms) - 1), 0)


class _Payments:
    """Funding by coin, so that what a position paid is found without looking at all of it; USD, positive is paid."""

    def __init__(self, simulation: Simulation) -> None:
        self._by_coin: dict[str, tuple[list[int], list[float]]] = {}
        for each in sorted(simulation.fundings, key=lambda one: one.time_ms):
            times, totals = self._by_coin.setdefault(each.coin, ([], [0.0]))
            times.append(each.time_ms)
            totals.append(totals[-1] - float(each.usd))

    def between(self, coin: str, after_ms: int, until_ms: int) -> float:
        """What was paid after one moment and up to another."""
        times, totals = self._by_coin.get(coin, ([], [0.0]))
        return totals[bisect_right(times, until_ms)] - totals[bisect_right(times, after_ms)]


def _columns(simulation: Simulation, bars: _Bars) -> dict[str, list[Any]]:
    stops = {
        order.signal_id: float(order.request.kind.trigger_price)
        for order in reversed(simulation.orders)
        if order.request.role is Role.STOP and isinstance(order.request.kind, Trigger)
    }
    ended = [(closed, REASONS.get(closed.reason, "signal")) for closed in simulation.closed]
    ended += [(closed, "end") for closed in _left_open(simulation, bars)]
    payments = _Payments(simulation)
    rows = [_row(closed, reason, bars, payments) | {"stop": stops.get(closed.signal_id)} for closed, reason in ended]
    rows.sort(key=lambda row: (row["closed"], row["coin"]))
    return {name: [row[name] for row in rows] for name in rows[0]} if rows else {}


def _left_open(simulation: Simulation, bars: _Bars) -> Iterator[ClosedPosition]:
    """Positions that the end found open, as if they were worth what the last close says; nothing is paid for that."""
    for coin in simulation.state.coins.values():
        held = coin.position
        if held.size and coin.coin in bars.close:
            last = Decimal(repr(float(bars.close[coin.coin][-1])))
            yield ClosedPosition(
                coin=coin.coin,
                size=held.size,
                entry_price=held.entry_price,
                exit_price=last,
                opened_ms=held.opened_ms,
                closed_ms=int(bars.at_ms[-1]) + bars.step_ms,
                reason=ExitReason.SIGNAL,
                signal_id=coin.signal_id,
                pnl=(last - held.entry_price) * held.size,
                fees=held.fees,
            )


def _row(closed: ClosedPosition, reason: str, bars: _Bars, payments: _Payments) -> dict[str, Any]:
    first, last = bars.row(closed.opened_ms), bars.row(closed.closed_ms)
    size, entry = float(closed.size), float(closed.entry_price)
    slipped = float(closed.slippage or 0)
    gross, fees = float(closed.pnl) + slipped, float(closed.fees)
    paid = payments.between(closed.coin, closed.opened_ms, closed.closed_ms)
    gains = [gross, 0.0]
    for prices in (bars.low[closed.coin][first + 1 : last], bars.high[closed.coin][first + 1 : last]):
        worth = (prices[~np.isnan(prices)] - entry) * size
        gains += [float(worth.min()), float(worth.max())] if len(worth) else []
    return {
        "coin": closed.coin,
        "direction": 1 if size > 0 else -1,
        "size": abs(size),
        "opened": pd.Timestamp(closed.opened_ms, unit="ms", tz="UTC"),
        "closed": pd.Timestamp(closed.closed_ms, unit="ms", tz="UTC"),
        "entry_price": entry,
        "exit_price": float(closed.exit_price),
        "reason": reason,
        "gross": gross,
        "fees": fees,
        "funding": paid,
        "slippage": slipped,
        "net": gross - fees - paid - slipped,
        "bars": last - first,
        "mae": min(gains),
        "mfe": max(gains),
    }


def _equity(simulation: Simulation, bars: _Bars, begun_usd: float) -> dict[str, Any]:
    """Equity, balance and exposure at the close of each bar: cash that moved, and what is held at the last close."""
    cash, held_usd, notional = np.zeros(len(bars.at_ms)), np.zeros(len(bars.at_ms)), np.zeros(len(bars.at_ms))
    spent = np.zeros(len(bars.at_ms))
    for each in simulation.fundings:
        cash[bars.row(each.time_ms)] += float(each.usd)
    for coin in bars.coins:
        size, cost = np.zeros(len(bars.at_ms)), np.zeros(len(bars.at_ms))
        for fill in simulation.fills:
            if fill.coin == coin:
                row, signed = bars.row(fill.time_ms), float(fill.size) * fill.side.sign
                size[row] += signed
                cost[row] += signed * float(fill.price)
                cash[row] -= float(fill.fee)
        worth = np.nan_to_num(np.round(size.cumsum(), 12) * bars.close[coin])
        held_usd, notional, spent = held_usd + worth, notional + np.abs(worth), spent + cost.cumsum()
    cash = begun_usd + cash.cumsum()
    equity = cash - spent + held_usd
    realised = np.zeros(len(bars.at_ms))
    for closed in simulation.closed:
        realised[bars.row(closed.closed_ms)] += float(closed.pnl)
    exposure = np.divide(notional, equity, out=np.zeros_like(equity), where=equity > 0)
    return {"equity": equity, "balance": cash + realised.cumsum(), "exposure": exposure}


def _held(bars: _Bars, equity_usd: float) -> "pd.Series[float]":
    """Buy-and-hold: as much money in each coin from its first open on, in cash before; without costs."""
    total = np.zeros(len(bars.at_ms))
    for coin in bars.coins:
        share = equity_usd / len(bars.coins)
        first = int(np.argmax(~np.isnan(bars.open[coin])))
        worth = share * bars.close[coin] / bars.open[coin][first]
        worth[:first] = share
        total += worth
    return pd.Series(total, index=bars.index, name="benchmark")
