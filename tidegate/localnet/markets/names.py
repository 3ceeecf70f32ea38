"""The names of the made-up markets. Light: whoever reads a command line needs no market for that."""

from typing import Literal, get_args

MarketName = Literal["first-run", "random", "rough"]
MARKETS: tuple[MarketName, ...] = get_args(MarketName)
