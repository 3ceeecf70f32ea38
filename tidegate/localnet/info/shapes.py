"""What each /info request must carry (section 2); fields that it may carry are ignored."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

Address = Annotated[str, Meta(pattern="^0x[0-9a-fA-F]{40}$")]
Interval = Literal["1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "8h", "12h", "1d", "3d", "1w", "1M"]


class Plain(Struct):
    """A request without fields."""


class DexRequest(Struct):
    """A request about a perp dex; "" or nothing is the first, and the only one here."""

    dex: str | None = None


class UserRequest(Struct):
    """A request about an account."""

    user: Address
    dex: str | None = None


class CoinRequest(Struct):
    """A request about a coin."""

    coin: str


class BookRequest(Struct, rename="camel"):
    """l2Book."""

    coin: str
    n_sig_figs: int | None = None
    mantissa: int | None = None


class CandleRange(Struct, rename="camel"):
    """The inner part of candleSnapshot."""

    coin: str
    interval: Interval
    start_time: int
    end_time: int | None = None


class CandleRequest(Struct):
    """candleSnapshot."""

    req: CandleRange


class OrderRequest(Struct):
    """orderStatus; an oid, or a cloid as text."""

    user: Address
    oid: int | str


class FillsRequest(Struct, rename="camel"):
    """userFills."""

    user: Address
    aggregate_by_time: bool = False


class FillsRangeRequest(Struct, rename="camel"):
    """userFillsByTime."""

    user: Address
    start_time: int
    end_time: int | None = None
    aggregate_by_time: bool = False
    reversed: bool = False


class RangeRequest(Struct, rename="camel"):
    """userFunding, fundingHistory and other ledgers."""

    start_time: int = 0
    end_time: int | None = None
    user: Address | None = None
    coin: str | None = None


class ActiveAssetRequest(Struct):
    """activeAssetData."""

    user: Address
    coin: str


class DexNameRequest(Struct):
    """perpDexLimits and perpDexStatus; the dex must be named, "" is the first."""

    dex: str


class TokenRequest(Struct, rename="camel"):
    """tokenDetails."""

    token_id: str


class MarginTableRequest(Struct):
    """marginTable."""

    id: int


class BuilderRequest(Struct):
    """maxBuilderFee."""

    user: Address
    builder: Address


class VaultRequest(Struct, rename="camel"):
    """vaultDetails; with `user` the answer has that follower's share."""

    vault_address: Address
    user: Address | None = None
