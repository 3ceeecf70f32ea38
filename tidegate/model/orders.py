"""Orders as we ask for them and as we know them, and the client order ids that tie the two together."""

from decimal import Decimal
from enum import Enum
from functools import lru_cache
from hashlib import blake2b

from msgspec import Struct

from tidegate.model.positions import Side

DRY_RUN = "dry run"
"""How the reason of a refusal begins that is none: the order was built and shown, as asked."""


class TimeInForce(str, Enum):
    """How long a limit order stays: good till cancelled, immediate or cancel, add liquidity only (post-only)."""

    GTC = "Gtc"
    IOC = "Ioc"
    ALO = "Alo"


class Limit(Struct, frozen=True, kw_only=True, tag=True):
    """A limit order. An IOC at an aggressive price is what other venues call a market order."""

    price: Decimal
    time_in_force: TimeInForce = TimeInForce.GTC


class Trigger(Struct, frozen=True, kw_only=True, tag=True):
    """A stop or take-profit order that fires on the mark price; `worst_price` bounds its execution."""

    trigger_price: Decimal
    worst_price: Decimal
    stop: bool
    market: bool = True


class Twap(Struct, frozen=True, kw_only=True, tag=True):
    """An order that the exchange trades in slices over `minutes`; `worst_price` is ours to watch, it knows none."""

    worst_price: Decimal
    minutes: int
    randomize: bool = False


class Role(str, Enum):
    """What an order is for."""

    ENTRY = "entry"
    STOP = "stop"
    TAKE_PROFIT = "take_profit"
    EXIT = "exit"
    TRIM = "trim"


class OrderRequest(Struct, frozen=True, kw_only=True):
    """An order we want on the exchange. `size` unsigned in base units; `asset` is the exchange's number of the coin."""

    coin: str
    asset: int
    cloid: str
    side: Side
    size: Decimal
    kind: Limit | Trigger | Twap
    role: Role
    reduce_only: bool = False

    @property
    def price(self) -> Decimal:
        """The worst price this order may trade at."""
        return self.kind.price if isinstance(self.kind, Limit) else self.kind.worst_price


class OpenOrder(Struct, frozen=True, kw_only=True):
    """An order that the exchange says is open. `size` is what remains, unsigned.

    `children`: the numbers of the exits that wait until all of it is filled; they guard nothing yet.
    """

    coin: str
    oid: int
    side: Side
    size: Decimal
    limit_price: Decimal
    time_ms: int
    cloid: str | None = None
    reduce_only: bool = False
    is_trigger: bool = False
    trigger_price: Decimal | None = None
    is_stop: bool = False
    is_position_tpsl: bool = False
    children: tuple[int, ...] = ()


@lru_cache(1024)
def new_cloid(instance_tag: str, signal_id: str, role: Role, attempt: int) -> str:
    """The client order id of one attempt at one order: 0x, 8 hex digits of the bot's tag, 24 of a hash.

    The same wish always has the same cloid, so that a repeated order is recognised as a repetition.
    """
    digest = blake2b(f"{signal_id}|{role.value}|{attempt}".encode(), digest_size=12).hexdigest()
    return f"0x{instance_tag}{digest}"


def instance_tag(seed: str) -> str:
    """Eight hex digits that mark the orders of one bot."""
    return blake2b(seed.encode(), digest_size=4).hexdigest()


def is_ours(cloid: str | None, tag: str) -> bool:
    """Whether a client order id was made by the bot with this tag."""
    return cloid is not None and cloid.startswith(f"0x{tag}")
