"""Placing, canceling and modifying orders: from a wish to the status the exchange answers with.

Owns the answers of /exchange for one order (section 3.1) and the three groupings. What is refused and why is
`checks`, what matches is `matching`, what follows is `lifecycle`.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from tidegate.localnet.kernel.accounts import Account
from tidegate.localnet.kernel.checks import Wish, malformed, refusal
from tidegate.localnet.kernel.lifecycle import arm, conclude, finish
from tidegate.localnet.kernel.matching import Taker, sweep
from tidegate.localnet.kernel.numbers import ONE, ZERO, price_decimals, wire
from tidegate.localnet.kernel.orders import (
    ALO,
    CANCELED,
    FRONTEND_MARKET,
    GTC,
    OPEN,
    TIFS_THAT_TAKE_ONLY,
    Order,
    Stage,
    Trigger,
)
from tidegate.localnet.kernel.refusals import BAD_TRIGGER, IOC_UNMATCHED, NO_LIQUIDITY, Refusal
from tidegate.localnet.kernel.venue import Venue

NA, NORMAL_TPSL, POSITION_TPSL = "na", "normalTpsl", "positionTpsl"
NOT_OPEN = "Order was never placed, already canceled, or filled."
NOT_MODIFIABLE = "Cannot modify canceled or filled order"
INVALID_MODIFICATION = "Attempted to modify to invalid new order"
NO_FAST_CANCEL = "Fast cancel is not allowed for trigger orders."  # the exchange's words were never recorded
WAITING_FOR_FILL, WAITING_FOR_TRIGGER = "waitingForFill", "waitingForTrigger"

Status = dict[str, Any] | str


def place(venue: Venue, account: Account, wishes: Sequence[Wish], grouping: str) -> list[Status]:
    """Place a batch; one status per order, or a single error that stands for the whole batch."""
    text = malformed(venue, wishes, exits_only=grouping != NA) or _misgrouped(wishes, grouping)
    if text is not None:
        return [{"error": text}]
    if grouping == NORMAL_TPSL:
        return _place_bracket(venue, account, wishes[0], wishes[1:])
    if grouping == POSITION_TPSL:
        return _place_position_exits(venue, account, wishes)
    return [_place_one(venue, account, _order(venue, account, wish)) for wish in wishes]


def cancel(venue: Venue, asset: int, order: Order | None, *, fast: bool = False) -> Status:
    """Cancel one order at its owner's wish; a fast cancel is refused for trigger orders (section 3.2)."""
    if order is None or not order.is_live or order.asset != asset:
        return {"error": f"{NOT_OPEN} asset={asset}"}
    if fast and order.trigger is not None:
        return {"error": f"{NO_FAST_CANCEL} asset={asset}"}
    finish(venue, order, CANCELED)
    return "success"


def modify(venue: Venue, account: Account, old: Order | None, wish: Wish, *, always_place: bool) -> Status:
    """Replace an order: cancel and place, so the id changes (section 3.3).

    Without `always_place` the new order must be an Alo or a Gtc that would not execute, and a Gtc becomes an
    Alo. What follows from the payload alone leaves the old order; once that is gone, a refused new one does
    not bring it back.
    """
    if (old is None or not old.is_live) and not always_place:
        return {"error": NOT_MODIFIABLE}
    text = malformed(venue, (wish,), exits_only=False)
    if text is not None:
        return {"error": text}
    if not always_place:
        if wish.tif not in (GTC, ALO) or (wish.tif == GTC and _executes(venue, wish)):
            return {"error": INVALID_MODIFICATION}
        wish = wish._replace(tif=ALO)
    if old is not None and old.is_live:
        finish(venue, old, CANCELED)
    return _place_one(venue, account, _order(venue, account, wish))


def _misgrouped(wishes: Sequence[Wish], grouping: str) -> str | None:
    """Why a batch is no group of its kind, or None; the exchange's words were never recorded."""
    if grouping == NORMAL_TPSL and wishes[0].is_trigger:
        return "The first order of a normalTpsl group must not be a trigger order."
    if grouping == NORMAL_TPSL and not all(wish.is_trigger for wish in wishes[1:]):
        return "The children of a normalTpsl group must be trigger orders."
    if grouping == POSITION_TPSL and not all(wish.is_trigger for wish in wishes):
        return "The orders of a positionTpsl group must be trigger orders."
    return None


def _executes(venue: Venue, wish: Wish) -> bool:
    """Say whether a limit order would match at once."""
    assert wish.px is not None, "malformed wishes stop earlier"
    return venue.books[_coin(venue, wish.asset)].crosses(is_buy=wish.is_buy, px=wish.px)


def _coin(venue: Venue, asset: int) -> str:
    rule = venue.universe.perp_of(asset)
    return rule.name if rule is not None else venue.universe.spot_by_asset[asset].name


def _place_one(venue: Venue, account: Account, order: Order) -> Status:
    refused = refusal(venue, account, order)
    if refused is not None:
        return _refuse(venue, order, refused)
    if order.trigger is not None:
        _announce_armed(venue, order)
        return _resting(order)
    return _execute(venue, order)


def _place_bracket(venue: Venue, account: Account, entry: Wish, exits: Sequence[Wish]) -> list[Status]:
    """A parent and its children; the children's ids follow the parent's.

    A child that is refused answers with its own error and leaves the parent alone; children of a refused
    parent were never placed and answer with its error.
    """
    parent = _order(venue, account, entry)
    refused = refusal(venue, account, parent)
    if refused is not None:
        return [_refuse(venue, parent, refused)] * (1 + len(exits))
    mark = venue.tickers[parent.coin].mark
    entry_px = min(parent.limit_px, mark) if parent.is_buy else max(parent.limit_px, mark)
    children = [_order(venue, account, wish) for wish in exits]
    refusals = [_child_refusal(venue, account, parent, child, entry_px) for child in children]
    parent.children = [child for child, why in zip(children, refusals, strict=True) if why is None]
    for child in parent.children:
        child.stage = Stage.WAITING
        child.siblings = [other for other in parent.children if other is not child]
    status = _execute(venue, parent)
    if isinstance(status, dict) and "error" in status:
        return [status] * (1 + len(exits))
    waiting = WAITING_FOR_FILL if parent.sz else WAITING_FOR_TRIGGER
    return [
        status,
        *(waiting if why is None else _refuse(venue, child, why)
          for child, why in zip(children, refusals, strict=True)),
    ]  # fmt: skip


def _child_refusal(venue: Venue, account: Account, parent: Order, child: Order, entry_px: Decimal) -> Refusal | None:
    if child.coin != parent.coin or child.is_buy == parent.is_buy:
        return BAD_TRIGGER
    return refusal(venue, account, child, entry_px=entry_px)


def _place_position_exits(venue: Venue, account: Account, wishes: Sequence[Wish]) -> list[Status]:
    """Triggers that belong to a position; those placed together are siblings."""
    placed: list[Order] = []
    statuses: list[Status] = []
    for wish in wishes:
        order = _order(venue, account, wish, is_position_tpsl=True)
        refused = refusal(venue, account, order)
        if refused is not None:
            statuses.append(_refuse(venue, order, refused))
            continue
        _announce_armed(venue, order)
        placed.append(order)
        statuses.append(WAITING_FOR_TRIGGER)
    for order in placed:
        order.siblings = [other for other in placed if other is not order and other.coin == order.coin]
    return statuses


def _execute(venue: Venue, order: Order) -> Status:
    """Let an accepted limit order meet the book, announce it, and rest or end what remains."""
    asked = order.sz
    swept = sweep(venue, Taker(order.coin, order.is_buy, order.limit_px, order.sz, order))
    takes_only = order.tif in TIFS_THAT_TAKE_ONLY
    if takes_only and not swept.sz:
        return _refuse(venue, order, NO_LIQUIDITY if order.tif == FRONTEND_MARKET else IOC_UNMATCHED)
    venue.note(order, OPEN, asked)
    for child in order.children:
        venue.note(child, OPEN)
    conclude(venue, order, rests=not takes_only)
    if order.stage is Stage.RESTING:
        return _resting(order)
    if order.pair is not None:
        decimals = price_decimals(order.pair.sz_decimals, spot=True)
    else:
        decimals = price_decimals(venue.prices[order.coin].rule.sz_decimals)
    step = ONE.scaleb(-decimals)
    average = (swept.notional / swept.sz).quantize(step)
    return {"filled": {"totalSz": wire(swept.sz), "avgPx": wire(average), **_ids(order)}}


def _announce_armed(venue: Venue, order: Order) -> None:
    position = abs(venue.accounts[order.user].position_size(order.coin))
    if order.reduce_only and not order.whole_position:
        order.sz = min(order.sz, position)
    arm(venue, order)
    venue.note(order, OPEN)


def _refuse(venue: Venue, order: Order, why: Refusal) -> Status:
    """End an order that never was: it keeps its id and shows up in updates and history."""
    order.stage = Stage.DONE
    venue.note(order, why.status)
    return {"error": why.at(order.asset)}


def _resting(order: Order) -> Status:
    return {"resting": _ids(order)}


def _ids(order: Order) -> dict[str, Any]:
    return {"oid": order.oid} if order.cloid is None else {"oid": order.oid, "cloid": order.cloid}


def _order(venue: Venue, account: Account, wish: Wish, *, is_position_tpsl: bool = False) -> Order:
    """Give a wish its id. Size zero is the whole position: now for a limit, when it fires for a trigger."""
    assert wish.px is not None, "malformed wishes stop earlier"
    assert wish.sz is not None, "malformed wishes stop earlier"
    coin = _coin(venue, wish.asset)
    position = abs(account.position_size(coin))
    sz = wish.sz
    whole = not sz and wish.is_trigger
    if not sz and not whole:
        sz = position
    order = Order(
        oid=venue.next_oid(),
        user=account.user,
        coin=coin,
        asset=wish.asset,
        is_buy=wish.is_buy,
        limit_px=wish.px,
        sz=sz,
        orig_sz=sz,
        reduce_only=wish.reduce_only,
        timestamp_ms=venue.now_ms,
        tif=wish.tif,
        cloid=wish.cloid,
        is_position_tpsl=is_position_tpsl,
        whole_position=whole,
        builder=wish.builder,
        pair=venue.universe.spot_by_asset.get(wish.asset),
    )
    if wish.trigger_px is not None:
        # A stop fires against its position: a sell stop below, a buy stop above; a take-profit the other way.
        above = wish.is_buy == wish.is_stop
        order.trigger = Trigger(wish.trigger_px, wish.is_market, wish.is_stop, above)
    elif order.reduce_only and position > ZERO:
        order.sz = min(order.sz, position)
    return order
