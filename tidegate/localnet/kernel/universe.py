"""The instruments of the local exchange: perps, spot pairs, tokens and margin tables.

Owns the rules of each instrument and the bodies of `meta` and `spotMeta` (sections 2.1, 2.3). The values
are plausible, not live: they follow mainnet's shape and order, with one delisted perp in the middle of
the list and sparse spot indices, because both have broken clients. It never holds a price that moves.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Any

from tidegate.localnet.kernel.numbers import wire

SPOT_ASSET_OFFSET = 10_000
DEFAULT_LEVERAGE = 20


@dataclass(frozen=True)
class MarginTier:
    """From `lower_bound` (USD of notional) on, at most `max_leverage`."""

    lower_bound: Decimal
    max_leverage: int


@dataclass(frozen=True)
class MarginTable:
    """A named row of tiers, ascending by lower bound."""

    id: int
    description: str
    tiers: tuple[MarginTier, ...]

    def max_leverage_at(self, notional: Decimal) -> int:
        """The most leverage a position of this notional may have."""
        return self._tier(notional)[0].max_leverage

    def maintenance(self, notional: Decimal) -> Decimal:
        """Maintenance margin of a position: notional * rate - deduction of its tier (section 8.1)."""
        tier, deduction = self._tier(notional)
        return notional / (2 * tier.max_leverage) - deduction

    def _tier(self, notional: Decimal) -> tuple[MarginTier, Decimal]:
        current, deduction = self.tiers[0], Decimal(0)
        for tier in self.tiers[1:]:
            if notional < tier.lower_bound:
                break
            rate_step = Decimal(1) / (2 * tier.max_leverage) - Decimal(1) / (2 * current.max_leverage)
            deduction += tier.lower_bound * rate_step
            current = tier
        return current, deduction


@dataclass(frozen=True)
class PerpRule:
    """One perp: its grid, leverage and the figures a quiet context shows."""

    name: str
    sz_decimals: int
    max_leverage: int
    margin_table: MarginTable
    reference_px: Decimal  # where a market may start from; the price 24 h ago of a fresh exchange
    open_interest: Decimal = Decimal(0)
    day_volume: Decimal = Decimal(0)  # base units traded in the day before the exchange started
    funding: Decimal = Decimal("0.0000125")
    is_delisted: bool = False
    margin_mode: str | None = None  # "strictIsolated", "noCross" or None

    @property
    def default_leverage(self) -> int:
        """What an account that never set it trades with."""
        return min(DEFAULT_LEVERAGE, self.max_leverage)

    def meta(self) -> dict[str, Any]:
        """This perp's entry of `meta.universe`; optional keys only when set."""
        row: dict[str, Any] = {
            "szDecimals": self.sz_decimals,
            "name": self.name,
            "maxLeverage": self.max_leverage,
            "marginTableId": self.margin_table.id,
        }
        if self.margin_mode is not None:
            row["onlyIsolated"] = True
        if self.is_delisted:
            row["isDelisted"] = True
        if self.margin_mode is not None:
            row["marginMode"] = self.margin_mode
        return row


@dataclass(frozen=True)
class Token:
    """One spot token; `index` is what pairs refer to, not its place in the list."""

    name: str
    sz_decimals: int
    wei_decimals: int
    index: int
    token_id: str
    is_canonical: bool = False
    full_name: str | None = None
    evm_contract: tuple[str, int] | None = None  # address, extra wei decimals

    def meta(self) -> dict[str, Any]:
        """This token's entry of `spotMeta.tokens`."""
        contract = self.evm_contract
        return {
            "name": self.name,
            "szDecimals": self.sz_decimals,
            "weiDecimals": self.wei_decimals,
            "index": self.index,
            "tokenId": self.token_id,
            "isCanonical": self.is_canonical,
            "evmContract": contract and {"address": contract[0], "evm_extra_wei_decimals": contract[1]},
            "fullName": self.full_name,
            "deployerTradingFeeShare": "0.0",
        }


@dataclass(frozen=True)
class SpotPair:
    """One spot pair; its asset id is 10000 + `index`."""

    name: str
    index: int
    base: Token
    quote: Token
    is_canonical: bool
    reference_px: Decimal
    circulating_supply: Decimal

    def meta(self) -> dict[str, Any]:
        """This pair's entry of `spotMeta.universe`."""
        return {
            "tokens": [self.base.index, self.quote.index],
            "name": self.name,
            "index": self.index,
            "isCanonical": self.is_canonical,
        }


@dataclass(frozen=True)
class Universe:
    """All instruments. The asset id of a perp is its place in `perps`, delisted ones included."""

    perps: tuple[PerpRule, ...]
    spots: tuple[SpotPair, ...] = ()
    tokens: tuple[Token, ...] = ()
    collateral_token: int = field(default=0)

    @cached_property
    def by_name(self) -> dict[str, PerpRule]:
        """Perps by coin."""
        return {rule.name: rule for rule in self.perps}

    @cached_property
    def asset_ids(self) -> dict[str, int]:
        """Asset id by coin, perps only."""
        return {rule.name: asset for asset, rule in enumerate(self.perps)}

    @cached_property
    def spot_by_name(self) -> dict[str, SpotPair]:
        """Spot pairs by the name market data uses ("PURR/USDC", "@107")."""
        return {pair.name: pair for pair in self.spots}

    @cached_property
    def spot_by_asset(self) -> dict[int, SpotPair]:
        """Spot pairs by asset id."""
        return {SPOT_ASSET_OFFSET + pair.index: pair for pair in self.spots}

    def perp_of(self, asset: int) -> PerpRule | None:
        """The perp of an asset id, delisted ones included; None when there is none."""
        return self.perps[asset] if 0 <= asset < len(self.perps) else None

    def meta(self) -> dict[str, Any]:
        """The body of `meta`; tables with an id under 50 are implied by the id and not listed."""
        tables = {rule.margin_table.id: rule.margin_table for rule in self.perps if rule.margin_table.id >= 50}
        return {
            "universe": [rule.meta() for rule in self.perps],
            "marginTables": [[table_id, _table_meta(tables[table_id])] for table_id in sorted(tables)],
            "collateralToken": self.collateral_token,
        }

    def spot_meta(self) -> dict[str, Any]:
        """The body of `spotMeta`."""
        return {
            "universe": [pair.meta() for pair in self.spots],
            "tokens": [token.meta() for token in self.tokens],
        }


def _table_meta(table: MarginTable) -> dict[str, Any]:
    tiers = [{"lowerBound": wire(tier.lower_bound), "maxLeverage": tier.max_leverage} for tier in table.tiers]
    return {"description": table.description, "marginTiers": tiers}


def flat_table(max_leverage: int) -> MarginTable:
    """The implied one-tier table whose id is its leverage (section 2.1: ids under 50)."""
    return MarginTable(max_leverage, "", (MarginTier(Decimal(0), max_leverage),))


def _tiered(table_id: int, description: str, first: int, bound: str, second: int) -> MarginTable:
    return MarginTable(table_id, description, (MarginTier(Decimal(0), first), MarginTier(Decimal(bound), second)))


TABLE_51 = _tiered(51, "tiered 10x", 10, "3000000", 5)
TABLE_52 = _tiered(52, "tiered 10x (2)", 10, "20000000", 5)
TABLE_53 = _tiered(53, "tiered 20x", 20, "40000000", 10)
TABLE_54 = _tiered(54, "tiered 20x (2)", 20, "70000000", 10)
TABLE_55 = _tiered(55, "tiered 25x", 25, "100000000", 15)
TABLE_56 = _tiered(56, "tiered 40x", 40, "150000000", 20)

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
    spots = (
        SpotPair("PURR/USDC", 0, PURR, USDC, True, Decimal("0.067131"), Decimal("597683272.12003005")),
        SpotPair("@107", 107, HYPE, USDC, False, Decimal("37.827"), Decimal("333928180.28")),
    )
    return Universe(perps=perps, spots=spots, tokens=(USDC, PURR, HYPE))
