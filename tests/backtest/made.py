"""Markets and wishes that tests make up, and the account again: plain Python, one coin, nothing clever."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from tidegate.core import sizing
from tidegate.history import History, of_frame
from tidegate.model.fees import RoundTrip
from tidegate.model.instruments import Instrument, Rounding
from tidegate.model.market import Timeframe
from tidegate.model.settings import Settings
from tidegate.strategy import Strategy

D = Decimal


def market(
    seed: int, bars: int = 2000, timeframe: Timeframe = Timeframe.M1, coin: str = "BTC", start: float = 100.0
) -> History:
    """A random walk with jumps and gaps between close and open."""
    rng = np.random.default_rng(seed)
    moves = rng.normal(0, 0.002, bars) + rng.choice([0, 0, 0, 0, 0.01, -0.01], bars)
    close = start * np.exp(np.cumsum(moves))
    opened = np.concatenate([[start], close[:-1]]) * np.exp(rng.normal(0, 0.0005, bars))
    high = np.maximum(opened, close) * np.exp(np.abs(rng.normal(0, 0.002, bars)))
    low = np.minimum(opened, close) * np.exp(-np.abs(rng.normal(0, 0.002, bars)))
    index = pd.date_range("2025-01-01", periods=bars, freq=f"{timeframe.ms}ms", tz="UTC", name="time")
    frame = pd.DataFrame({"open": opened, "high": high, "low": low, "close": close, "volume": 1.0}, index=index)
    return of_frame(frame, coin, timeframe, f"made of {seed}")


def bars_of(
    *rows: tuple[float, float, float, float], timeframe: Timeframe = Timeframe.H1, coin: str = "BTC"
) -> History:
    """These bars (open, high, low, close), one after another."""
    index = pd.date_range("2025-01-01", periods=len(rows), freq=f"{timeframe.ms}ms", tz="UTC", name="time")
    frame = pd.DataFrame(list(rows), columns=["open", "high", "low", "close"], index=index).assign(volume=1.0)
    return of_frame(frame, coin, timeframe, "written down")


@dataclass(frozen=True)
class Wishing(Strategy):
    """Wishes at random, but the same for the same bars."""

    seed: int = 1
    often: float = 0.02
    trails: bool = False

    def signals(self, bars: pd.DataFrame) -> pd.DataFrame:
        """Any side, stops and profits near and far."""
        rng = np.random.default_rng(self.seed)
        draw, far = rng.random(len(bars)), rng.uniform(0.002, 0.05, (2, len(bars)))
        column = {"index": bars.index}
        long = pd.Series(draw < self.often, **column)
        short = pd.Series((draw > self.often) & (draw < 2 * self.often), **column)
        flat = pd.Series(draw > 1 - self.often, **column)
        way = np.where(short, -1, 1)
        stop = bars["close"] * (1 - way * far[0])
        profit = (bars["close"] * (1 + way * far[1])).where(pd.Series(draw * 1e4 % 2 > 1, **column))
        trail = bars["close"] * 0.004 if self.trails else None
        return self.wishes(bars, long=long, short=short, flat=flat, stop=stop, take_profit=profit, trail_by=trail)


@dataclass(frozen=True)
class Written(Strategy):
    """Wishes what it was told, bar by bar: L, S, F or a dot; stops and the rest for every bar alike."""

    script: str = ""
    stop: float = float("nan")
    take_profit: float = float("nan")
    trail_by: float = float("nan")

    def signals(self, bars: pd.DataFrame) -> pd.DataFrame:
        """The script, then nothing."""
        words = pd.Series(list(self.script.ljust(len(bars), ".")[: len(bars)]), index=bars.index)
        given = {name: value for name in ("stop", "take_profit", "trail_by") if (value := getattr(self, name)) == value}
        return self.wishes(bars, long=words == "L", short=words == "S", flat=words == "F", **given)


def reference(history: History, wishes: pd.DataFrame, rules: Any) -> list[tuple[Any, ...]]:
    """The trades of one coin: (direction, size, opened, closed, entry, exit, reason, net), by the core's own sizing."""
    instrument: Instrument = rules.instrument(history.coin)
    settings = Settings(
        leverage=rules.leverage,
        risk_per_trade_pct=D(str(rules.risk_per_trade_pct)),
        max_position_usd=D(str(rules.max_position_usd)),
    )
    slip, fee, up, down = rules.slippage_pct / 100, rules.taker_fee, Rounding.UP, Rounding.DOWN
    costs = RoundTrip(entry=D(str(fee)), exit=D(str(fee)), spread=2 * D(str(slip)))
    rows = list(history.bars[["open", "high", "low", "close"]].itertuples())
    wants = wishes.to_dict("records")
    cash, trades = rules.equity_usd, []
    held: dict[str, Any] = {}

    def leave(level: float, why: str, at: Any) -> None:
        nonlocal cash, held
        way, size, entry, opened, paid = held["way"], held["size"], held["entry"], held["opened"], held["paid"]
        fill = float(instrument.price(level * (1 - way * slip), down if way > 0 else up))
        net = way * (fill - entry) * size - fee * size * (fill + entry) - paid
        cash += way * (fill - entry) * size - fee * size * fill
        trades.append((way, size, opened, at, entry, fill, why, net))
        held = {}

    def trail(price: float) -> None:
        nearer = price - held["way"] * held["by"]
        if (nearer - held["stop"]) * held["way"] > 0:  # false for NaN
            held.update(stop=nearer, trailed=True)

    for bar, ((at, o, h, low, c), wish) in enumerate(zip(rows[1:], wants[:-1], strict=True)):
        if held:
            if at.minute == 0:
                held["paid"] += (pay := held["way"] * held["size"] * o * rules.funding)
                cash -= pay
            way = held["way"]
            late = 0 < rules.time_limit_bars <= bar - held["bar"]
            if late or wish["want"] == "flat" or wish["want"] == ("short" if way > 0 else "long"):
                gone = (held["stop"] - o) * way >= 0
                taken = held["profit"] and (o - held["profit"]) * way >= 0
                why = (
                    ("trailing_stop" if held["trailed"] else "stop_loss")
                    if gone
                    else "take_profit"
                    if taken
                    else "time_limit"
                    if late
                    else "signal"
                )
                leave(o, why, at)
        if not held and wish["want"] in ("long", "short"):
            way = 1 if wish["want"] == "long" else -1
            inner = max if way > 0 else min
            stop, profit = inner(o * (1 - way * rules.stop_loss_pct / 100), wish["stop"]), wish["take_profit"]
            if rules.take_profit_pct and profit != profit:
                profit = o * (1 + way * rules.take_profit_pct / 100)
            stop = float(instrument.price(stop, up if way > 0 else down))
            profit = float(instrument.price(profit, up if way > 0 else down)) if profit == profit else 0.0
            limit = instrument.price(o * (1 + way * rules.max_slippage_pct / 100), down if way > 0 else up)
            if (o - stop) * way > 0 and not (profit and (profit - o) * way <= 0):
                size = sizing.by_risk(
                    settings,
                    instrument,
                    equity=D(cash),
                    free=D(cash),
                    price=D(o),
                    limit=limit,
                    stop=D(repr(stop)),
                    fraction=D(1),
                    costs=costs,
                )
                if not isinstance(size, str):
                    fill = float(instrument.price(o * (1 + way * slip), up if way > 0 else down))
                    held = {
                        "way": way,
                        "size": float(size.size),
                        "entry": fill,
                        "opened": at,
                        "paid": 0.0,
                        "stop": stop,
                        "profit": profit,
                        "by": o * rules.trailing_stop_pct / 100 if rules.trailing_stop_pct else wish["trail_by"],
                        "bar": bar,
                        "trailed": False,
                    }
                    cash -= fee * held["size"] * fill
        if held:
            way, (worst, best) = held["way"], (low, h) if held["way"] > 0 else (h, low)

            trail(o)
            by_stop = "trailing_stop" if held["trailed"] else "stop_loss"
            if (held["stop"] - worst) * way >= 0:
                leave(o if (held["stop"] - o) * way >= 0 else held["stop"], by_stop, at)
            elif held["profit"] and (best - held["profit"]) * way >= 0:
                leave(o if (o - held["profit"]) * way >= 0 else held["profit"], "take_profit", at)
            else:
                trail(best)
                if (held["stop"] - c) * way >= 0:
                    leave(held["stop"], "trailing_stop", at)
    if held:
        leave(rows[-1][4], "end", rows[-1][0])
    return trades
