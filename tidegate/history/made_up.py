"""Candles that are made up by chance: a year of the built-in exchange's random market, for who has no candles yet.

The same seed makes the same year for everybody. Trends and calms are drawn by lot, so nothing but luck earns here:
these candles show that something works, never that it is worth anything.
"""

import re

import pandas as pd

from tidegate.errors import ConfigError
from tidegate.model.market import Timeframe

NAME = "made-up"
PATTERN = re.compile(rf"{NAME}(?::(\d{{1,9}}))?")
SEED = 1
BEGIN_MS, END_MS = 1_735_689_600_000, 1_767_225_600_000
"""The year 2025, UTC."""
MINUTE_MS = 60_000


def seed_of(text: str) -> int | None:
    """The seed in `made-up` (1) or `made-up:7`; None for any other text, such as a path."""
    found = PATTERN.fullmatch(text)
    return int(found[1] or SEED) if found else None


def made_up(coin: str, timeframe: Timeframe, seed: int) -> pd.DataFrame:
    """The year of a coin: columns time (milliseconds UTC), open, high, low, close, volume. Raises ConfigError."""
    from tidegate.localnet.kernel.universe import default_universe
    from tidegate.localnet.markets.candles import fold
    from tidegate.localnet.markets.house import grids
    from tidegate.localnet.markets.regimes import history, weather

    known = grids(default_universe())
    if coin not in known:
        raise ConfigError([f"{coin}: candles can be made up for {', '.join(known)}"])
    factor = weather(seed, (END_MS - BEGIN_MS) // MINUTE_MS)
    bars = fold(history(known[coin], factor, known[coin].reference_px, END_MS, seed), timeframe.value)
    columns = dict(zip(("time", "open", "high", "low", "close", "volume"), bars.columns(), strict=False))
    frame = pd.DataFrame(columns)
    return frame[frame["time"] >= BEGIN_MS]  # a week opens on a Thursday


def remark_of(seed: int) -> str:
    """What a person must know of them."""
    return f"made up by chance (seed {seed}): only luck earns here; real ones: --data PATH"
