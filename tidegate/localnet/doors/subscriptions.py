"""What a client may subscribe to: reading a subscription and writing its normalised echo.

Owns the table of streams of this exchange with their fields (section 6.2 of the protocol). A subscription
is a value that can be hashed; two that ask for the same thing are equal, however they were spelled. Never
knows who subscribed, what is listed, or what time it is.
"""

import re
from typing import Any, NamedTuple

from tidegate.errors import TidegateError
from tidegate.localnet.markets.candles import INTERVALS

ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}\Z")
BOOK_DEPTH = 20
FAST_BOOK_DEPTH = 5

# Fields that a subscription of each type must carry.
FIELDS: dict[str, tuple[str, ...]] = {
    "trades": ("coin",),
    "l2Book": ("coin",),
    "bbo": ("coin",),
    "candle": ("coin", "interval"),
    "activeAssetCtx": ("coin",),
    "allMids": (),
    "orderUpdates": ("user",),
    "userEvents": ("user",),
    "userFills": ("user",),
    "userFundings": ("user",),
    "clearinghouseState": ("user",),
    "openOrders": ("user",),
    "spotState": ("user",),
    "twapStates": ("user",),
    "webData3": ("user",),
    "notification": ("user",),
    "userNonFundingLedgerUpdates": ("user",),
    "userTwapSliceFills": ("user",),
    "userTwapHistory": ("user",),
    "activeAssetData": ("user", "coin"),
    "allDexsClearinghouseState": ("user",),
    "allDexsAssetCtxs": (),
    "fastAssetCtxs": (),
    "outcomeMetaUpdates": (),
}
DEX_ALWAYS_SAID = frozenset({"clearinghouseState", "openOrders", "twapStates"})
BY_DEX = DEX_ALWAYS_SAID | {"allMids"}
# Streams of perp coins only.
PERPS_ONLY = frozenset({"activeAssetData"})

# Exchange time between two frames of the streams that run on a clock.
PERIOD_MS: dict[str, int] = {
    "l2Book": 5_000,
    "allMids": 5_000,
    "activeAssetCtx": 1_000,
    "clearinghouseState": 5_000,
    "openOrders": 5_000,
    "spotState": 5_000,
    "twapStates": 5_000,
    "webData3": 5_000,
    "allDexsClearinghouseState": 5_000,
    "allDexsAssetCtxs": 13_600,
    "fastAssetCtxs": 1_000,
}
FAST_BOOK_PERIOD_MS = 500
PERIODS_MS = tuple(sorted({FAST_BOOK_PERIOD_MS, *PERIOD_MS.values()}))


class Unparsable(TidegateError):
    """The frame is no valid request: the exchange answers with a parse error and keeps the socket open."""


class Subscription(NamedTuple):
    """One stream: `type` with the fields it needs, addresses in lower case, the others at their defaults."""

    type: str
    coin: str = ""
    user: str = ""
    interval: str = ""
    dex: str = ""
    n_sig_figs: int | None = None
    mantissa: int | None = None
    fast: bool = False
    aggregate: bool = False
    ignores_portfolio_margin: bool = False

    @property
    def subject(self) -> str:
        """The user or the coin that the stream is about, "" for all."""
        return self.user or self.coin

    @property
    def period_ms(self) -> int | None:
        """Exchange time between two frames, None for a stream that speaks when something happens."""
        return FAST_BOOK_PERIOD_MS if self.fast else PERIOD_MS.get(self.type)

    @property
    def aggregation_is_legal(self) -> bool:
        """2 to 5 significant figures or none; a mantissa of 1, 2 or 5 with 5 figures only."""
        if self.n_sig_figs not in (None, 2, 3, 4, 5):
            return False
        return self.mantissa is None or (self.n_sig_figs == 5 and self.mantissa in (1, 2, 5))

    def echo(self) -> dict[str, Any]:
        """The normalised form that acks and error texts repeat, keys in the exchange's order."""
        echo: dict[str, Any] = {"type": self.type}
        echo.update((field, getattr(self, field)) for field in FIELDS[self.type])
        if self.type == "l2Book":
            echo |= {"nSigFigs": self.n_sig_figs, "mantissa": self.mantissa, "fast": self.fast}
        elif self.type == "userFills":
            echo["aggregateByTime"] = self.aggregate
        elif self.type == "spotState":
            echo["ignorePortfolioMargin"] = self.ignores_portfolio_margin
        if self.dex or self.type in DEX_ALWAYS_SAID:
            echo["dex"] = self.dex
        return echo


def read_subscription(raw: Any) -> Subscription:
    """Read the `subscription` of a frame. Raises `Unparsable` for an unknown type or an ill-typed field.

    Fields that a type does not know are ignored; names are not looked up here.
    """
    if not isinstance(raw, dict):
        raise Unparsable("a subscription is an object")
    kind = raw.get("type")
    if not isinstance(kind, str) or kind not in FIELDS:
        raise Unparsable(f"unknown subscription type {kind!r}")
    values: dict[str, Any] = {field: _required(raw, field) for field in FIELDS[kind]}
    if kind in BY_DEX:
        values["dex"] = _optional(raw, "dex", str) or ""
    if kind == "l2Book":
        values["n_sig_figs"] = _optional(raw, "nSigFigs", int)
        values["mantissa"] = _optional(raw, "mantissa", int)
        values["fast"] = bool(_optional(raw, "fast", bool))
    elif kind == "userFills":
        values["aggregate"] = bool(_optional(raw, "aggregateByTime", bool))
    elif kind == "spotState":
        # Clients know the documented name, isPortfolioMargin, too; it changes nothing, neither there nor here.
        _optional(raw, "isPortfolioMargin", bool)
        values["ignores_portfolio_margin"] = bool(_optional(raw, "ignorePortfolioMargin", bool))
    return Subscription(kind, **values)


def _required(raw: dict[str, Any], field: str) -> str:
    value = raw.get(field)
    if not isinstance(value, str):
        raise Unparsable(f"{field} must be a string, found {value!r}")
    if field == "user":
        if not ADDRESS.match(value):
            raise Unparsable(f"user must be an address, found {value!r}")
        return value.lower()
    if field == "interval" and value not in INTERVALS:
        raise Unparsable(f"interval must be one of {', '.join(INTERVALS)}, found {value!r}")
    return value


def _optional(raw: dict[str, Any], field: str, kind: type) -> Any:
    value = raw.get(field)
    if value is not None and type(value) is not kind:
        raise Unparsable(f"{field} must be {kind.__name__} or null, found {value!r}")
    return value
