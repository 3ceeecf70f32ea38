"""Faults of the market: far prints, prices that disagree, thin and empty books, halts, caps (rows 19, 20, 36 to 38,
43 to 45, 52, 55, 67).

Those with a `coin` change the house or the exchange's own rules; those of one order change the book that it meets.
"""

from collections.abc import Callable, Sequence
from decimal import ROUND_DOWN, ROUND_UP, Decimal
from typing import TYPE_CHECKING, Any

from tidegate.localnet.faults.acts import Act, Bias, Do
from tidegate.localnet.faults.asked import Asked, coin_of
from tidegate.localnet.faults.course import Choose, Course
from tidegate.localnet.faults.fault import Args, Fault, Kind, Parameter, Place, Table
from tidegate.localnet.kernel import triggers
from tidegate.localnet.kernel.book import Book, Quote
from tidegate.localnet.kernel.matching import Taker, sweep
from tidegate.localnet.kernel.numbers import ZERO, round_price, round_size
from tidegate.localnet.kernel.orders import Order, Stage
from tidegate.localnet.kernel.venue import Venue

if TYPE_CHECKING:
    from tidegate.localnet.exchange import Exchange

MILLISECONDS = 1_000


def _outlier(args: Args) -> Act:
    """One print of `sz` at `by` from the mark: the house shows that price alone for the moment of the trade."""

    def act(venue: Venue) -> None:
        coin, by = args["coin"], Decimal(repr(args["by"]))
        prices, book = venue.prices[coin], venue.books[coin]
        rule = prices.rule
        px = round_price(prices.mark * (1 + by), rule.sz_decimals)
        sz = max(round_size(Decimal(repr(args["sz"])), rule.sz_decimals), Decimal(1).scaleb(-rule.sz_decimals))
        is_bid = by < 0
        shown = _house(book, is_bid=is_bid)
        book.withdraw_house((), is_bid=is_bid)
        book.set_house((px, sz, 1), is_bid=is_bid)
        sweep(venue, Taker(coin, not is_bid, px, sz))
        book.withdraw_house((), is_bid=is_bid)
        for quote in shown:
            book.set_house(quote, is_bid=is_bid)
        venue.block.book(coin)

    return Act(lambda exchange: exchange.perform(act))


def _house(book: Book, *, is_bid: bool) -> list[Quote]:
    """What the house shows on a side, best first."""
    return [
        (level.px, level.house_sz, level.house_n) for level in book.side(is_bid=is_bid).best_first() if level.house_sz
    ]


def _diverge(args: Args) -> Bias:
    factor = 1 + Decimal(repr(args["by"]))
    return Bias(args["coin"], oracle=lambda px: px * factor)


def _thin(args: Args) -> Bias:
    share = Decimal(repr(args["share"]))

    def thin(quotes: Sequence[Quote], _is_bid: bool) -> Sequence[Quote]:
        return [(px, sz * share, n) for px, sz, n in quotes] if share else ()

    return Bias(args["coin"], quotes=thin)


def _one_sided(args: Args) -> Bias:
    missing_bids = args["missing"] == "bids"
    return Bias(args["coin"], quotes=lambda quotes, is_bid: () if is_bid is missing_bids else quotes)


def _shift(args: Args) -> Bias:
    factor = 1 + Decimal(repr(args["by"]))

    def shifted(quotes: Sequence[Quote], is_bid: bool) -> Sequence[Quote]:
        down = ROUND_DOWN if is_bid else ROUND_UP
        return [((px * factor).quantize(px, down), sz, n) for px, sz, n in quotes]

    return Bias(args["coin"], quotes=shifted, trades=False)


def _silent(args: Args) -> Bias:
    return Bias(args["coin"], trades=False)


def _leave(venue: Venue, order: dict[str, Any], share: Decimal) -> None:
    """Leave of the house, in front of an order that takes, only this share of what the order asks for."""
    coin = coin_of(venue.universe, order.get("a"))
    book = venue.books.get(coin)
    if book is None:
        return
    is_bid = order.get("b") is False
    left = Decimal(str(order.get("s", "0"))) * share
    sz_decimals = _sz_decimals(venue, coin)
    for px, sz, n in _house(book, is_bid=is_bid):
        kept = round_size(min(sz, left), sz_decimals)
        left -= kept
        book.set_house((px, kept, n), is_bid=is_bid)
    venue.block.book(coin)


def _sz_decimals(venue: Venue, coin: str) -> int:
    perp = venue.prices.get(coin)
    return venue.universe.spot_by_name[coin].base.sz_decimals if perp is None else perp.rule.sz_decimals


def _partial(args: Args) -> Choose:
    share = Decimal(repr(args["share"]))

    def prepare(asked: Asked) -> None:
        for order in asked.orders[:1]:  # the entry; what follows in a group are its exits
            _leave(asked.venue, order, share)

    return lambda asked: Course(prepare=prepare) if asked.type == "order" and asked.orders else None


def _same_block(_args: Args) -> Choose:
    """Before an order is placed the account's stops of its coin fire, in the same block."""

    def prepare(asked: Asked) -> None:
        venue = asked.venue
        for coin in asked.coins & set(venue.prices):
            prices = venue.prices[coin]
            before = prices.mark
            for order in tuple(venue.armed[coin].values()):
                if order.user == asked.user and order.trigger is not None and order.trigger.is_stop:
                    prices.mark = order.trigger.px
                    triggers.fire_reached(venue)
            prices.mark = before

    return lambda asked: Course(prepare=prepare) if asked.type == "order" else None


def _drip(args: Args) -> Act:
    """The house trades through to every resting order of clients and takes a piece of it, step by step."""
    pieces: dict[int, Decimal] = {}

    def act(venue: Venue) -> None:
        for account in tuple(venue.accounts.values()):
            for order in tuple(account.live.values()):
                if order.stage is Stage.RESTING and args["coin"] in ("", order.coin):
                    _take_piece(venue, order, pieces, args["count"])

    every_ms = max(1, int(args["seconds"] * MILLISECONDS / args["count"]))
    return Act(lambda exchange: exchange.perform(act), repeats=args["count"], every_ms=every_ms)


def _take_piece(venue: Venue, order: Order, pieces: dict[int, Decimal], count: int) -> None:
    sz_decimals = _sz_decimals(venue, order.coin)
    lot = Decimal(1).scaleb(-sz_decimals)
    piece = pieces.setdefault(order.oid, max(round_size(order.sz / count, sz_decimals), lot))
    ahead = ZERO
    for level in venue.books[order.coin].side(is_bid=order.is_buy).best_first():
        if level.px == order.limit_px:
            queue = level.queue
            ahead += sum((entry.sz for entry in queue[: queue.index(order)]), ZERO)
            break
        ahead += level.row().sz
    sweep(venue, Taker(order.coin, not order.is_buy, order.limit_px, ahead + min(piece, order.sz)))


def _operated(begin: Callable[["Exchange", Args], Any], end: Callable[["Exchange", Args], Any] | None = None) -> Any:
    """An act of the exchange's operators, taken back by `end`."""

    def make(args: Args) -> Act:
        undo: Do | None = None if end is None else (lambda exchange: end(exchange, args))
        return Act(lambda exchange: begin(exchange, args), undo)

    return make


def _money(args: Args) -> Decimal:
    return Decimal(repr(args["usd"]))


COIN = Parameter("coin", Kind.TEXT)
ANY_COIN = Parameter("coin", Kind.TEXT, default="")
USD = Parameter("usd", Kind.NUMBER, default=0.0, least=0)
SHARE = Parameter("share", Kind.NUMBER, default=0.37, least=0, most=1)

FAULTS: Table = {
    "trade.outlier": Fault(
        Place.ACT,
        "one print far from the mark",
        (19,),
        _outlier,
        (
            COIN,
            Parameter("by", Kind.NUMBER, default=-0.05, least=-0.5, most=1),
            Parameter("sz", Kind.NUMBER, default=0.0, least=0),
        ),
    ),
    "mark.diverge": Fault(
        Place.MARKET,
        "the oracle, and the mark with it, is away from what is traded; use for_s",
        (20,),
        _diverge,
        (ANY_COIN, Parameter("by", Kind.NUMBER, default=0.02, least=-0.5, most=1)),
    ),
    "book.thin": Fault(
        Place.MARKET,
        "the house shows a share of its sizes, none at 0",
        (38, 43),
        _thin,
        (ANY_COIN, SHARE._replace(default=0.001)),
    ),
    "book.one_sided": Fault(
        Place.MARKET,
        "one side of the book is empty",
        (43,),
        _one_sided,
        (ANY_COIN, Parameter("missing", Kind.TEXT, default="bids", allowed=("bids", "asks"))),
    ),
    "book.shift": Fault(
        Place.MARKET,
        "the house's book is away from the oracle and the mark, and nobody trades",
        (3, 6, 14),
        _shift,
        (ANY_COIN, Parameter("by", Kind.NUMBER, default=-0.05, least=-0.5, most=1)),
    ),
    "market.silent": Fault(Place.MARKET, "nobody trades; books go on", (55,), _silent, (ANY_COIN,)),
    "fill.partial": Fault(Place.REQUEST, "an order that takes finds a share of its size", (36,), _partial, (SHARE,)),
    "ioc.nomatch": Fault(
        Place.REQUEST, "an order that takes finds an empty book", (38,), lambda _: _partial({"share": 0.0})
    ),
    "fill.drip": Fault(
        Place.ACT,
        "resting orders are filled in many small pieces",
        (37,),
        _drip,
        (
            ANY_COIN,
            Parameter("count", Kind.WHOLE, default=20, least=1, most=1_000),
            Parameter("seconds", Kind.SECONDS, default=5.0, least=0, most=3_600),
        ),
    ),
    "same_block": Fault(
        Place.REQUEST, "the account's stops fire in the block in which its order arrives", (52,), _same_block
    ),
    "postonly": Fault(
        Place.ACT,
        "only post-only orders are taken, as after an upgrade",
        (45,),
        _operated(lambda exchange, args: exchange.operators.upgrade(int(args["seconds"] * MILLISECONDS))),
        (Parameter("seconds", Kind.SECONDS, default=120.0, least=0, most=86_400),),
    ),
    "halt": Fault(
        Place.ACT,
        "a coin takes no orders",
        (45,),
        _operated(
            lambda exchange, args: exchange.operators.halt(args["coin"]),
            lambda exchange, args: exchange.operators.resume(args["coin"]),
        ),
        (COIN,),
    ),
    "oi.cap": Fault(
        Place.ACT,
        "open interest is capped",
        (44, 47),
        _operated(
            lambda exchange, args: exchange.operators.cap_open_interest(args["coin"], _money(args)),
            lambda exchange, args: exchange.operators.cap_open_interest(args["coin"], None),
        ),
        (COIN, USD),
    ),
    "oi.growth": Fault(
        Place.ACT,
        "open interest may grow by so much a minute",
        (44,),
        _operated(
            lambda exchange, args: exchange.operators.limit_growth(args["coin"], _money(args)),
            lambda exchange, args: exchange.operators.limit_growth(args["coin"], None),
        ),
        (COIN, USD),
    ),
    "oracle.band": Fault(
        Place.ACT,
        "orders may be priced so far from the oracle",
        (44,),
        _operated(
            lambda exchange, args: exchange.operators.band_around_oracle(args["coin"], Decimal(repr(args["share"]))),
            lambda exchange, args: exchange.operators.band_around_oracle(args["coin"], None),
        ),
        (COIN, SHARE._replace(default=0.01)),
    ),
    "delist": Fault(
        Place.ACT,
        "a coin is delisted: orders canceled, positions settled",
        (67,),
        _operated(lambda exchange, args: exchange.operators.delist(args["coin"])),
        (COIN,),
    ),
}
