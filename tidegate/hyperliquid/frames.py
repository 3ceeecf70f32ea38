"""Stream frames, typed: one decoder for all channels, which reads only what the bot uses.

Owns the shapes of incoming frames. Numbers become Decimals while the frame is parsed; whether they make sense is
asked by whoever uses them.

Source: Hyperliquid docs, "Websocket", "Subscriptions", "Post requests"; recorded frames.
"""

import re
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Raw, Struct

from tidegate.hyperliquid.shapes import CandleRow, FillRow, Millis, Number, OrderRow
from tidegate.hyperliquid.twaps import HistoryRow, SliceRow


class Print(Struct, gc=False):
    """One public trade."""

    coin: str
    px: Decimal
    time: Millis
    tid: Number = 0


class Trades(Struct, tag_field="channel", tag="trades"):
    """Prints, usually of one coin."""

    data: list[Print]


class Level(Struct, gc=False):
    """One price level of a book; the size stays as it is, for no price may be lost over it."""

    px: Decimal
    sz: Raw = Raw()


_decode_levels = msgspec.json.Decoder(list[Level]).decode
_TOP = re.compile(rb'\[\{"px":"([0-9]{1,15}(?:\.[0-9]{1,15})?)"[,}]')
TOPS_KEPT = 4_096


class Touch(Struct):
    """Best bid and ask; a side without orders is None."""

    coin: str
    time: Millis
    bbo: tuple[Level | None, Level | None]


class Bbo(Struct, tag_field="channel", tag="bbo"):
    """The touch changed."""

    data: Touch


class Book(Struct, gc=False):
    """Bids descending, asks ascending. Both sides stay as they are: of twenty levels each the bot uses one."""

    coin: str
    time: Millis
    levels: tuple[Raw, Raw]

    def touch(self) -> tuple[Decimal | None, Decimal | None]:
        """The best price of each side; a side without orders has None. Raises what decoding raises."""
        bids, asks = self.levels
        return _best(bids), _best(asks)


_tops: dict[bytes, Decimal] = {}


def _best(side: Raw) -> Decimal | None:
    """The first level's price, read where it lies in what is known to be JSON; anything unusual is read whole.

    The best price often stays what it was: those seen last are kept.
    """
    found = _TOP.match(side)
    if found is None:
        rows = _decode_levels(side)
        return rows[0].px if rows else None
    text = found[1]
    price = _tops.get(text)
    if price is None:
        if len(_tops) >= TOPS_KEPT:
            _tops.clear()
        price = _tops[text] = Decimal(text.decode())
    return price


class L2Book(Struct, tag_field="channel", tag="l2Book"):
    """A snapshot of the book."""

    data: Book


class Context(Struct, rename="camel"):
    """What is said about a coin now and then; only the mark and the hourly funding rate are used."""

    mark_px: Decimal | None = None
    funding: Decimal | None = None


class CoinContext(Struct):
    """A coin and its context."""

    coin: str
    ctx: Context


class ActiveAssetCtx(Struct, tag_field="channel", tag="activeAssetCtx"):
    """Mark price and the like."""

    data: CoinContext


class Candles(Struct, tag_field="channel", tag="candle"):
    """The candle that is open now; the docs say a list, the wire says one object."""

    data: CandleRow | list[CandleRow]


class Update(Struct, rename="camel"):
    """What happened to an order."""

    order: OrderRow
    status: str
    status_timestamp: Millis = 0


class OrderUpdates(Struct, tag_field="channel", tag="orderUpdates"):
    """Updates of the account's orders; the frame does not say whose."""

    data: list[Update]


class Funding(Struct):
    """An hourly payment; negative is paid by the account."""

    time: Millis
    coin: str
    usdc: Decimal


class Fundings(Struct):
    """Hourly payments; the first frame holds recent history."""

    fundings: list[Funding]


class UserFundings(Struct, tag_field="channel", tag="userFundings"):
    """The account's hourly payments."""

    data: Fundings


class HeldSize(Struct):
    """A position, as far as it is compared with ours; `szi` is signed."""

    coin: str
    szi: Decimal


class Held(Struct):
    """One row of the account's positions."""

    position: HeldSize


class Margins(Struct, rename="camel"):
    """The account's dollars: cash less what its positions cost, which moves with fills, funding and transfers only."""

    total_raw_usd: Decimal | None = None


class Holdings(Struct, rename="camel"):
    """The account's positions at one moment."""

    asset_positions: list[Held]
    time: Millis = 0
    margin_summary: Margins | None = None


class AccountHoldings(Struct, rename="camel"):
    """Whose positions, of which group of perpetuals."""

    clearinghouse_state: Holdings
    dex: str = ""


class ClearinghouseState(Struct, tag_field="channel", tag="clearinghouseState"):
    """The account as a whole, every few seconds."""

    data: AccountHoldings


class AccountOrders(Struct):
    """Whose open orders, of which group of perpetuals."""

    orders: list[OrderRow]
    dex: str = ""


class OpenOrders(Struct, tag_field="channel", tag="openOrders"):
    """All open orders of the account, every few seconds."""

    data: AccountOrders


class Mids(Struct):
    """Mid prices by coin."""

    mids: dict[str, Decimal]


class AllMids(Struct, tag_field="channel", tag="allMids"):
    """The mid prices of all coins, every few seconds, without a time."""

    data: Mids


class SystemCancel(Struct):
    """An order that the exchange itself cancelled."""

    coin: str
    oid: Number


class UserEvent(Struct, rename="camel"):
    """One of the account's events; exactly one of these is there."""

    fills: list[FillRow] | None = None
    funding: Funding | None = None
    non_user_cancel: list[SystemCancel] | None = None


class User(Struct, tag_field="channel", tag="user"):
    """The channel of the subscription `userEvents`."""

    data: UserEvent


class Fills(Struct):
    """Executions; the first frame holds recent history."""

    fills: list[FillRow]


class UserFills(Struct, tag_field="channel", tag="userFills"):
    """Executions of the account."""

    data: Fills


class Slices(Struct, rename="camel"):
    """Executions of TWAP orders; the first frame holds recent history."""

    twap_slice_fills: list[SliceRow]


class UserTwapSliceFills(Struct, tag_field="channel", tag="userTwapSliceFills"):
    """Executions of the account's TWAP orders, which may not be told as fills."""

    data: Slices


class TwapHistory(Struct):
    """Changes of the status of TWAP orders; the first frame holds recent history."""

    history: list[HistoryRow]


class UserTwapHistory(Struct, tag_field="channel", tag="userTwapHistory"):
    """What becomes of the account's TWAP orders."""

    data: TwapHistory


class Acknowledged(Struct):
    """What was asked for, with defaults filled in by the exchange."""

    method: str
    subscription: dict[str, Any]


class SubscriptionResponse(Struct, tag_field="channel", tag="subscriptionResponse"):
    """A subscription was accepted or ended."""

    data: Acknowledged


class PostResponse(Struct):
    """The REST body of an action under `payload`, or words under the type `error`."""

    type: str
    payload: Any = None


class PostAnswer(Struct):
    """Which post it answers."""

    id: Number
    response: PostResponse


class Post(Struct, tag_field="channel", tag="post"):
    """The answer to a post."""

    data: PostAnswer


class Pong(Struct, tag_field="channel", tag="pong"):
    """The answer to a ping."""


class Error(Struct, tag_field="channel", tag="error"):
    """A request was not understood or not granted."""

    data: str


Frame = (
    Trades
    | Bbo
    | L2Book
    | ActiveAssetCtx
    | Candles
    | OrderUpdates
    | User
    | UserFills
    | UserFundings
    | UserTwapSliceFills
    | UserTwapHistory
    | ClearinghouseState
    | OpenOrders
    | AllMids
    | SubscriptionResponse
    | Post
    | Pong
    | Error
)

decode = msgspec.json.Decoder(Frame).decode

_COIN = re.compile(rb'"(?:coin|s)":"([^"\\]{1,40})"')
LOOKED_AT_BYTES = 512


def coin_of(frame: bytes) -> str | None:
    """Which coin an unreadable frame is about, as far as its beginning tells."""
    found = _COIN.search(frame, 0, LOOKED_AT_BYTES)
    return found.group(1).decode("utf-8", "replace") if found else None
