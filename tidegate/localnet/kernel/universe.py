"""The instruments of the local exchange: the first dex, a builder's dex, spot pairs and tokens.

Owns who is listed under which asset id and the bodies of `meta` and `spotMeta` (sections 2.1, 2.3, 5.2). The values
are plausible, not live: they follow mainnet's shape and order, with one delisted perp in the middle of
the list and sparse spot indices, because both have broken clients. It never holds a price that moves.
"""

from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from typing import Any

from tidegate.localnet.kernel.instruments import (
    TABLES_FROM,
    MarginTable,
    MarginTier,
    PerpDex,
    PerpRule,
    SpotPair,
    Token,
    flat_table,
)

__all__ = [
    "MarginTable",
    "MarginTier",
    "PerpDex",
    "PerpRule",
    "SpotPair",
    "Token",
    "Universe",
    "default_universe",
    "flat_table",
]

BUILDER_ASSET_OFFSET = 100_000
ASSETS_A_DEX = 10_000


USDC = Token(
    "USDC",
    8,
    8,
    0,
    "0x6d1e7cde53ba9467b783cb7c530ce054",
    True,
    None,
    ("0x6b9e773128f453f5c2c60935ee2de2cbc5390a24", -2),
)


@dataclass(frozen=True)
class Universe:
    """All instruments. The asset id of a perp is its place in `perps`, delisted ones included."""

    perps: tuple[PerpRule, ...]
    spots: tuple[SpotPair, ...] = ()
    tokens: tuple[Token, ...] = (USDC,)
    collateral_token: int = 0
    dexs: tuple[PerpDex, ...] = ()

    @cached_property
    def by_name(self) -> dict[str, PerpRule]:
        """Perps of every dex by coin, the first dex's before the others'."""
        return {rule.name: rule for rules in self.by_dex.values() for rule in rules}

    @cached_property
    def by_dex(self) -> dict[str, tuple[PerpRule, ...]]:
        """Perps by the name of their dex; the first dex is ""."""
        return {"": self.perps, **{dex.name: dex.perps for dex in self.dexs}}

    @cached_property
    def dex_by_name(self) -> dict[str, PerpDex]:
        """Builder dexs by name."""
        return {dex.name: dex for dex in self.dexs}

    @cached_property
    def token_by_index(self) -> dict[int, Token]:
        """Tokens by the index that pairs and balances refer to."""
        return {token.index: token for token in self.tokens}

    @cached_property
    def token_by_wire_id(self) -> dict[str, Token]:
        """Tokens as transfers name them ("PURR:0xc1fb...")."""
        return {token.wire_id: token for token in self.tokens}

    @cached_property
    def asset_ids(self) -> dict[str, int]:
        """Asset id by coin, perps of every dex (section 5.2)."""
        return {
            rule.name: (BUILDER_ASSET_OFFSET + place * ASSETS_A_DEX if place else 0) + asset
            for place, rules in enumerate(self.by_dex.values())
            for asset, rule in enumerate(rules)
        }

    @cached_property
    def perp_by_asset(self) -> dict[int, PerpRule]:
        """Perps of every dex by asset id."""
        return {asset: self.by_name[name] for name, asset in self.asset_ids.items()}

    @cached_property
    def spot_by_name(self) -> dict[str, SpotPair]:
        """Spot pairs by the name market data uses ("PURR/USDC", "@107")."""
        return {pair.name: pair for pair in self.spots}

    @cached_property
    def spot_by_asset(self) -> dict[int, SpotPair]:
        """Spot pairs by asset id."""
        return {pair.asset: pair for pair in self.spots}

    def perp_of(self, asset: int) -> PerpRule | None:
        """The perp of an asset id, delisted ones included; None when there is none."""
        return self.perp_by_asset.get(asset)

    def meta(self, dex: str = "") -> dict[str, Any]:
        """The body of `meta` for a dex; tables with an id under 50 are implied by the id and not listed."""
        rules = self.by_dex[dex]
        tables = {rule.margin_table.id: rule.margin_table for rule in rules if rule.margin_table.id >= TABLES_FROM}
        builder = self.dex_by_name.get(dex)
        return {
            "universe": [rule.meta() for rule in rules],
            "marginTables": [[table_id, tables[table_id].meta()] for table_id in sorted(tables)],
            "collateralToken": self.collateral_token if builder is None else builder.collateral_token,
        }

    def spot_meta(self) -> dict[str, Any]:
        """The body of `spotMeta`."""
        return {
            "universe": [pair.meta() for pair in self.spots],
            "tokens": [token.meta() for token in self.tokens],
        }


def _tiered(table_id: int, description: str, first: int, bound: str, second: int) -> MarginTable:
    return MarginTable(table_id, description, (MarginTier(Decimal(0), first), MarginTier(Decimal(bound), second)))


TABLE_51 = _tiered(51, "tiered 10x", 10, "3000000", 5)
TABLE_52 = _tiered(52, "tiered 10x (2)", 10, "20000000", 5)
TABLE_53 = _tiered(53, "tiered 20x", 20, "40000000", 10)
TABLE_54 = _tiered(54, "tiered 20x (2)", 20, "70000000", 10)
TABLE_55 = _tiered(55, "tiered 25x", 25, "100000000", 15)
TABLE_56 = _tiered(56, "tiered 40x", 40, "150000000", 20)

PURR = Token(
    "PURR",
    0,
    5,
    1,
    "0xc1fb593aeffbeb02f85e0308e9956a90",
    True,
    None,
    ("0x9b498c3c8a0b8cd8ba1d9851d40d186f1872b44e", 13),
)
HYPE = Token("HYPE", 2, 8, 150, "0x0d01dc56dcaaca66ad901c959b4011ec", False, "Hyperliquid", None)
UBTC = Token("UBTC", 5, 10, 197, "0x8f254b963e8468305d409b33aa137c67", False, "Unit Bitcoin", None)
USDH = Token("USDH", 2, 8, 360, "0x54e00a5988577cb0b0c9ab0cb6ef7f4b", False, "USDH", None)
TOKENS = (USDC, PURR, HYPE, UBTC, USDH)
D = Decimal


def _perp(
    name: str,
    sz_decimals: int,
    table: MarginTable,
    reference_px: str,
    open_interest: str = "0",
    day_volume: str = "0",
    *,
    is_delisted: bool = False,
    margin_mode: str | None = None,
) -> PerpRule:
    return PerpRule(
        name=name,
        sz_decimals=sz_decimals,
        max_leverage=table.tiers[0].max_leverage,
        margin_table=table,
        reference_px=Decimal(reference_px),
        open_interest=Decimal(open_interest),
        day_volume=Decimal(day_volume),
        funding=Decimal(0) if is_delisted else Decimal("0.0000125"),
        is_delisted=is_delisted,
        margin_mode=margin_mode,
    )


def default_universe() -> Universe:
    """The instruments of a first run: mainnet's first six in their true order, then well-known names."""
    perps = (
        _perp("BTC", 5, TABLE_56, "84140", "36585.31848", "49116.08533"),
        _perp("ETH", 4, TABLE_55, "2741.3", "593684.2622", "468521.8453"),
        _perp("ATOM", 2, flat_table(5), "2.4105", "1545346.52", "220755.06"),
        _perp("MATIC", 1, flat_table(20), "0.37621", is_delisted=True),
        _perp("DYDX", 1, flat_table(5), "0.12178", "23042821.8", "1643674.6"),
        _perp("SOL", 2, TABLE_54, "128.5", "3124565.4", "2866297.41"),
        _perp("AVAX", 2, TABLE_52, "13.437", "3892725.22", "579914.31"),
        _perp("BNB", 3, TABLE_51, "846.41", "41544.856", "7725.569"),
        _perp("DOGE", 0, TABLE_52, "0.13335", "235482670", "83419468"),
        _perp("kPEPE", 0, TABLE_52, "0.004411", "3066453316", "2079283445"),
        _perp("XRP", 0, TABLE_53, "2.0024", "56590906", "31419140"),
        _perp("LINK", 1, TABLE_52, "13.09", "2462424.4", "577214.8"),
        _perp("SUI", 1, TABLE_52, "1.4619", "18532320.8", "27063769.6"),
        _perp("HYPE", 2, TABLE_52, "37.826", "17745739.52", "19573567.05"),
        _perp("FARTCOIN", 1, TABLE_52, "0.35475", "171542175.4", "95093874.8"),
        _perp("OM", 1, flat_table(3), "0.0812", "14100200.1", "9150310.4"),
        _perp("ADA", 0, TABLE_52, "0.41143", "82948056", "16044760"),
        _perp("LTC", 2, TABLE_52, "84.15", "285930.36", "66615.57"),
        _perp("kBONK", 0, TABLE_52, "0.008966", "718339158", "277006117"),
        _perp("ARB", 1, TABLE_51, "0.19972", "33028252", "71240309.2"),
        _perp("TRUMP", 1, TABLE_52, "5.916", "2385027.2", "386271.5"),
        _perp("UNIBOT", 3, flat_table(3), "7.636", is_delisted=True, margin_mode="strictIsolated"),
    )
    return Universe(perps=perps, spots=_default_spots(), tokens=TOKENS, dexs=(_default_dex(),))


def _default_spots() -> tuple[SpotPair, ...]:
    """Pairs whose indices have gaps, one of them quoted in another token than USDC."""
    return (
        SpotPair("PURR/USDC", 0, PURR, USDC, True, D("0.067131"), D("597683272.12003005"), D("2147430")),
        SpotPair("@107", 107, HYPE, USDC, False, D("37.827"), D("333928180.28"), D("1523210.4")),
        SpotPair("@142", 142, UBTC, USDC, False, D("84135"), D("1853.4"), D("312.40157")),
        SpotPair("@230", 230, USDH, USDC, False, D("0.99985"), D("48210332.5"), D("3120444.1"), is_stable=True),
        SpotPair("@232", 232, HYPE, USDH, False, D("37.83"), D("333928180.28"), D("41220.7")),
    )


def _default_dex() -> PerpDex:
    """A builder's dex with one perp of each margin mode, the last in growth mode."""
    isolated = _perp("xyz:TSLA", 3, flat_table(10), "251.37", "31245.118", "84210.442", margin_mode="noCross")
    growing = _perp("xyz:GOLD", 4, flat_table(20), "4187.2", "2415.2208", "3120.4417", margin_mode="strictIsolated")
    return PerpDex(
        name="xyz",
        full_name="XYZ",
        deployer="0x88806a71d74ad0a510b350545c9ae490912f0888",
        perps=(
            _perp("xyz:XYZ100", 4, flat_table(20), "24910", "1834.2206", "6231.0415"),
            isolated,
            replace(growing, growth_mode_since="2025-11-23T17:37:10.033211662"),
        ),
    )
