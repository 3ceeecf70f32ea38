"""The bot's rules over candles in one compiled pass: entries, brackets, sizing, limits, costs, liquidation.

What `core` decides on Decimals is decided here on floats, for years of minutes at once; tests hold the two equal
(`sizing.by_risk`, `risk.liquidation_price`, `Instrument.price`, `Bracket`). Within a bar the worst comes first: a bar
that touches stop and take-profit is stopped, unless finer candles tell what came first. Knows no frames, no files.
"""

from tidegate.backtest.kernel.brackets import step
from tidegate.backtest.kernel.margin import liquidation
from tidegate.backtest.kernel.passing import run
from tidegate.backtest.kernel.sizing import on_grid, sized

__all__ = ["liquidation", "on_grid", "run", "sized", "step"]
