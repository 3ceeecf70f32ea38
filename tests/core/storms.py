"""A small vocabulary of facts, and how a list of numbers becomes a storm of them.

A step of a storm is (what, which, how much). It is read against the world at that moment, so that a shrunk example
still makes sense: "accept the second order that was ever placed, a third of it filled".
"""

from collections.abc import Callable
from decimal import Decimal

from hypothesis import strategies as st

from tests.core.worlds import D, World, candle, candles, open_order, resting_stop
from tidegate.model.events import (
    BookChanged,
    CandleChanged,
    CandlesFetched,
    Command,
    Faulted,
    FundingPaid,
    LeverageRefused,
    LeverageSet,
    OrderAccepted,
    OrderCanceled,
    OrderInDoubt,
    OrderOpened,
    OrderRejected,
    OrderSeen,
    OrdersSent,
    Signalled,
    StrategistRestarted,
    StreamFrozen,
    StreamUp,
)
from tidegate.model.intents import PlaceOrders
from tidegate.model.orders import OrderRequest, Trigger, Twap
from tidegate.model.positions import Position, Side
from tidegate.model.signals import Want

PRICES = tuple(D(price) for price in ("90", "94", "96.9", "97", "99", "100", "101", "103", "106", "110"))
STATUSES = (None, "open", "triggered", "filled", "canceled", "iocCancelRejected", "siblingFilledCanceled", "unheardOf")
REASONS = ("Reduce only order would increase position. asset=0", "Insufficient margin to place order. asset=0", "")
WAITS_MS = (0, 1, 250, 1_000, 2_000, 5_000, 11_000, 31_000, 299_000, 3_600_000)


def _placed(world: World) -> list[OrderRequest]:
    orders = (order for wish in world.wished(PlaceOrders) for order in wish.orders)
    return [order for order in orders if not isinstance(order.kind, Twap)]


def _pick(world: World, which: int) -> OrderRequest | None:
    """One of the orders placed so far, the newest first."""
    placed = _placed(world)
    return placed[-1 - which % len(placed)] if placed else None


def _part(size: Decimal, much: int) -> Decimal:
    return (size * (much % 4 + 1) / 4).quantize(D("0.001")) or D("0.001")


def _tick(world: World, which: int, much: int) -> None:
    world.tick(WAITS_MS[much])


def _trade(world: World, which: int, much: int) -> None:
    world.trade(PRICES[much], low=PRICES[min(which, much)], high=PRICES[max(which, much)])


def _late_trade(world: World, which: int, much: int) -> None:
    world.trade(PRICES[much], time_ms=world.now_ms - WAITS_MS[which])


def _book(world: World, which: int, much: int) -> None:
    bid, ask = PRICES[min(which, much)], PRICES[max(which, much)]
    world.book(None if which == 0 else bid, None if much == 9 else ask)


def _mark(world: World, which: int, much: int) -> None:
    world.mark(PRICES[much])


def _mid(world: World, which: int, much: int) -> None:
    world.mid(PRICES[much])


def _candles(world: World, which: int, much: int) -> None:
    rows = candles(world.now_ms, which, close=PRICES[much])
    world.tell(CandlesFetched(at_ms=world.now_ms, coin="BTC", candles=rows, exchange_ms=world.now_ms))


def _candle(world: World, which: int, much: int) -> None:
    row = candle(world.now_ms - world.now_ms % 300_000 - (which % 3) * 300_000, close=PRICES[much])
    world.tell(CandleChanged(at_ms=world.now_ms, coin="BTC", candle=row))


def _signal(world: World, which: int, much: int) -> None:
    world.signal(
        tuple(Want)[which % 4], trail_by=D(much) / 2 if much else None, stop=PRICES[much] if which > 6 else None
    )


def _warming(world: World, which: int, much: int) -> None:
    world.tell(Signalled(at_ms=world.now_ms, coin="BTC", candle_open_ms=world.now_ms, signal=None))


def _restarted(world: World, which: int, much: int) -> None:
    world.tell(StrategistRestarted(at_ms=world.now_ms, reason="it died"))


def _up(world: World, which: int, much: int) -> None:
    world.tell(StreamUp(at_ms=world.now_ms))


def _down(world: World, which: int, much: int) -> None:
    world.down()


def _frozen(world: World, which: int, much: int) -> None:
    world.tell(StreamFrozen(at_ms=world.now_ms, coin="ETH" if much else "BTC", reason="no acknowledgement"))


def _sent(world: World, which: int, much: int) -> None:
    order = _pick(world, which)
    cloids = (order.cloid,) if order else ("0xstrange",)
    world.tell(OrdersSent(at_ms=world.now_ms, cloids=cloids, nonce=1, transport="ws", sent_ns=5))


def _accept(world: World, which: int, much: int) -> None:
    order = _pick(world, which)
    if order is None:
        world.tell(OrderAccepted(at_ms=world.now_ms, cloid="0xstrange", oid=4))
    else:
        world.accept(order, filled=None if much == 9 else D(0) if much == 0 else _part(order.size, much))


def _reject(world: World, which: int, much: int) -> None:
    order = _pick(world, which)
    cloid = order.cloid if order else "0xstrange"
    world.tell(OrderRejected(at_ms=world.now_ms, cloid=cloid, reason=REASONS[much % 3]))


def _fill(world: World, which: int, much: int) -> None:
    """A fill of one of our orders, as the exchange would allow it: reduce-only never grows and never flips."""
    order = _pick(world, which)
    if order is None:
        return
    size = _part(order.size, much)
    if order.reduce_only:
        position = world.coin(order.coin).position
        if position.direction != -order.side.sign:
            return
        size = min(size, abs(position.size))
    price = order.kind.trigger_price if isinstance(order.kind, Trigger) else order.price
    world.fill(order.side, size, price, cloid=order.cloid, coin=order.coin)


def _elsewhere(world: World, which: int, much: int) -> None:
    """The user trades by hand."""
    world.fill(Side.BUY if which % 2 else Side.SELL, D(much + 1), PRICES[much], liquidation=which > 7)


def _again(world: World, which: int, much: int) -> None:
    """A fill that was seen is shown once more, in an account that is otherwise as we know it."""
    world.account(fills=world.fills[-1 - which % len(world.fills) :] if world.fills else ())


def _cancel(world: World, which: int, much: int) -> None:
    order = _pick(world, which)
    if order is None or much > 7:
        world.tell(OrderCanceled(at_ms=world.now_ms, coin="DOGE", oid=7, status="canceled"))
        return
    status = ("canceled", "siblingFilledCanceled", "reduceOnlyCanceled", "marginCanceled")[much % 4]
    world.tell(OrderCanceled(at_ms=world.now_ms, coin=order.coin, oid=3, cloid=order.cloid, status=status))


def _opened(world: World, which: int, much: int) -> None:
    order = _pick(world, which)
    if order is not None:
        shown = open_order(order, oid=77, time_ms=world.now_ms)
        world.tell(OrderOpened(at_ms=world.now_ms, order=shown, triggered=much > 7))


def _doubt(world: World, which: int, much: int) -> None:
    order = _pick(world, which)
    world.tell(OrderInDoubt(at_ms=world.now_ms, cloid=order.cloid if order else "0xstrange", reason="timed out"))


def _seen(world: World, which: int, much: int) -> None:
    order = _pick(world, which)
    cloid = order.cloid if order else "0xstrange"
    world.tell(OrderSeen(at_ms=world.now_ms, cloid=cloid, status=STATUSES[much % 8], oid=9))


def _leverage(world: World, which: int, much: int) -> None:
    world.tell(LeverageSet(at_ms=world.now_ms, coin="BTC" if which else "DOGE", leverage=3))


def _leverage_refused(world: World, which: int, much: int) -> None:
    world.tell(LeverageRefused(at_ms=world.now_ms, coin="BTC" if which else "DOGE", reason="too much"))


def _account(world: World, which: int, much: int) -> None:
    """The account as we know it, without our orders, or with a position that we do not know."""
    held = world.coin().position
    theirs: dict[int, list[Position]] = {
        0: [],
        1: [Position(coin="BTC", size=D(much + 1), entry_price=PRICES[much])],
        2: [Position(coin="BTC", size=-D(much + 1), entry_price=PRICES[much])],
        3: [Position(coin="DOGE", size=D(1000), entry_price=D("0.1"))],
    }
    if which in theirs:
        world.account(positions=theirs[which], equity=D(0) if much == 9 else D(10_000))
    elif which == 4:
        world.account(orders=[])
    elif which == 5 and held.size:
        world.account(orders=[*world.open_orders(), resting_stop(held.direction, abs(held.size), PRICES[much])])
    else:
        world.account(time_ms=world.now_ms - WAITS_MS[much])


def _funding(world: World, which: int, much: int) -> None:
    world.tell(FundingPaid(at_ms=world.now_ms, coin="BTC", usd=D(much - 5), time_ms=world.now_ms))


def _fault(world: World, which: int, much: int) -> None:
    where = ("candles", "strategist", "account", "prices", "stream")[which % 5]
    world.tell(Faulted(at_ms=world.now_ms, where=where, reason="it broke", coin=("BTC", "DOGE", None)[much % 3]))


def _strangers(world: World, which: int, much: int) -> None:
    """Facts about a coin that is not ours."""
    world.trade(PRICES[much], coin="DOGE")
    world.tell(BookChanged(at_ms=world.now_ms, coin="DOGE", bid=D(1), ask=D(2), time_ms=world.now_ms))
    world.mark(PRICES[much], coin="DOGE")
    world.mid(PRICES[much], coin="DOGE")
    world.fill(Side.BUY, 1, PRICES[much], coin="DOGE")
    world.signal(Want.LONG, coin="DOGE")
    world.fetched(coin="DOGE")
    world.tell(CandleChanged(at_ms=world.now_ms, coin="DOGE", candle=candle(world.now_ms)))


def _command(world: World, which: int, much: int) -> None:
    world.tell(Command(at_ms=world.now_ms, name="stop" if which == 9 else "dance"))


def _life(world: World, which: int, much: int) -> None:
    """What usually follows: a signal, an answer, a fill, a look at the account."""
    if not world.coin().position.size and not world.coin().orders:
        world.now_ms += 300_000
        world.trade(100)
        world.book(100, 100)
        world.mark(100)
        world.signal(Want.LONG if which % 2 else Want.SHORT, trail_by=D(2) if much % 2 else None)
    order = _pick(world, 2)
    if order is None or order.cloid not in world.coin().orders:
        return
    for request in _placed(world)[-3:]:
        world.accept(request)
    if not order.reduce_only:
        world.fill(order.side, order.size, 100, cloid=order.cloid)
    world.account()


VOCABULARY: dict[str, Callable[[World, int, int], None]] = {
    "life": _life,
    "tick": _tick,
    "trade": _trade,
    "late trade": _late_trade,
    "book": _book,
    "mark": _mark,
    "mid": _mid,
    "candles": _candles,
    "candle": _candle,
    "signal": _signal,
    "warming": _warming,
    "restarted": _restarted,
    "up": _up,
    "down": _down,
    "frozen": _frozen,
    "sent": _sent,
    "accept": _accept,
    "reject": _reject,
    "fill": _fill,
    "elsewhere": _elsewhere,
    "again": _again,
    "cancel": _cancel,
    "opened": _opened,
    "doubt": _doubt,
    "seen": _seen,
    "leverage": _leverage,
    "leverage refused": _leverage_refused,
    "account": _account,
    "funding": _funding,
    "fault": _fault,
    "strangers": _strangers,
    "command": _command,
}

Step = tuple[str, int, int]


def storms(size: int = 40) -> st.SearchStrategy[list[Step]]:
    """Lists of facts-to-be; those that lead somewhere come more often."""
    likely = ["life"] * 6 + ["tick"] * 3 + ["trade", "fill", "account"] * 2
    words = st.sampled_from([*likely, *VOCABULARY])
    return st.lists(st.tuples(words, st.integers(0, 9), st.integers(0, 9)), min_size=size // 4, max_size=size)


def blow(world: World, storm: list[Step]) -> None:
    """Let a storm happen."""
    for what, which, much in storm:
        VOCABULARY[what](world, which, much)
