"""What can be traded and what it is traded for: perps, spot pairs, tokens, margin tables, builder dexs.

Owns the rules of one instrument and its entry in the metadata (sections 2.1, 2.3, 2.4). It knows no other instrument
and no price that moves.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tidegate.localnet.kernel.numbers import wire

SPOT_ASSET_OFFSET = 10_000
DEFAULT_LEVERAGE = 20
TABLES_FROM = 50  # margin tables with an id under this have one tier of that leverage
# Limits of a builder's dex in USD, and of one position's size in units: shown, not enforced.
STREAMING_OI_CAP, TOTAL_OI_CAP, MAX_TRANSFER = Decimal(25_000_000), Decimal(100_000_000), Decimal(10_000_000)
OI_SIZE_CAP = Decimal(10_000_000_000)


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

    def meta(self) -> dict[str, Any]:
        """This table's entry of `meta.marginTables`, without its id."""
        tiers = [{"lowerBound": wire(tier.lower_bound), "maxLeverage": tier.max_leverage} for tier in self.tiers]
        return {"description": self.description, "marginTiers": tiers}

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


@dataclass(eq=False)
class PerpRule:
    """One perp: its grid, leverage and the figures a quiet context shows. Only `is_delisted` ever changes."""

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
    growth_mode_since: str | None = None  # on builder dexs: fees a tenth since this moment

    @property
    def dex(self) -> str:
        """The dex it trades on, "" for the first: builder dexs put their name before the coin's."""
        return self.name.partition(":")[0] if ":" in self.name else ""

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
        if self.growth_mode_since is not None:
            row["growthMode"] = "enabled"
            row["lastGrowthModeChangeTime"] = self.growth_mode_since
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

    @property
    def wire_id(self) -> str:
        """How transfers name it: name and token id."""
        return f"{self.name}:{self.token_id}"

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
    day_volume: Decimal = Decimal(0)  # base units traded in the day before the exchange started
    is_stable: bool = False  # both sides are dollars: a fifth of the fees (section 8.5)

    @property
    def asset(self) -> int:
        """Its asset id."""
        return SPOT_ASSET_OFFSET + self.index

    @property
    def sz_decimals(self) -> int:
        """The size step is the base token's."""
        return self.base.sz_decimals

    def meta(self) -> dict[str, Any]:
        """This pair's entry of `spotMeta.universe`."""
        return {
            "tokens": [self.base.index, self.quote.index],
            "name": self.name,
            "index": self.index,
            "isCanonical": self.is_canonical,
        }


@dataclass(frozen=True)
class PerpDex:
    """A perp dex that a builder deployed; the names of its perps begin with `name` and a colon."""

    name: str
    full_name: str
    deployer: str
    perps: tuple[PerpRule, ...]
    collateral_token: int = 0
    deployer_fee_scale: Decimal = Decimal(1)
    fee_scale_since: str = "1970-01-01T00:00:00"

    @property
    def fee_scale(self) -> Decimal:
        """By what the usual rates are multiplied (section 8.5): 1 + scale below 1, else twice the scale."""
        scale = self.deployer_fee_scale
        return 1 + scale if scale < 1 else 2 * scale

    def limits(self) -> dict[str, Any]:
        """The body of `perpDexLimits`."""
        return {
            "totalOiCap": wire(TOTAL_OI_CAP),
            "oiSzCapPerPerp": wire(OI_SIZE_CAP),
            "maxTransferNtl": wire(MAX_TRANSFER),
            "coinToOiCap": self._open_interest_caps(),
        }

    def _open_interest_caps(self) -> list[list[str]]:
        return [[rule.name, wire(STREAMING_OI_CAP)] for rule in self.perps]

    def row(self) -> dict[str, Any]:
        """Its entry of `perpDexs`."""
        return {
            "name": self.name,
            "fullName": self.full_name,
            "deployer": self.deployer,
            "oracleUpdater": None,
            "feeRecipient": self.deployer,
            "assetToStreamingOiCap": self._open_interest_caps(),
            "subDeployers": [["setOracle", [self.deployer]]],
            "deployerFeeScale": wire(self.deployer_fee_scale),
            "lastDeployerFeeScaleChangeTime": self.fee_scale_since,
            "assetToFundingMultiplier": [[rule.name, "1.0"] for rule in self.perps],
            "assetToFundingInterestRate": [],
        }


def flat_table(max_leverage: int) -> MarginTable:
    """The implied one-tier table whose id is its leverage (section 2.1: ids under 50)."""
    return MarginTable(max_leverage, "", (MarginTier(Decimal(0), max_leverage),))
