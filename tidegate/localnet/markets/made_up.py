"""The made-up markets by name, with everything that trades: perps, a builder's dex, spot pairs."""

from tidegate.localnet.kernel.universe import Universe
from tidegate.localnet.markets.house import all_grids
from tidegate.localnet.markets.market import Market, RandomMarket
from tidegate.localnet.markets.names import MarketName
from tidegate.localnet.markets.rough import RoughMarket
from tidegate.localnet.markets.script import FirstRunMarket


def made_up(name: MarketName, universe: Universe, seed: int, start_ms: int) -> Market:
    """Make a market; the same name, universe, seed and start make the same tape."""
    grid_of = all_grids(universe)
    match name:
        case "first-run":
            return FirstRunMarket(universe, seed, start_ms, grid_of=grid_of)
        case "random":
            return RandomMarket(universe, seed, start_ms, grid_of=grid_of)
        case "rough":
            return RoughMarket(universe, seed, start_ms, grid_of=grid_of)
