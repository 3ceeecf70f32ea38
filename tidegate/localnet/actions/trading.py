"""Orders, cancels, changes, leverage (sections 3.1 to 3.5)."""

from tidegate.localnet.actions.answers import DEFAULT, Action, Answer, Refused, statuses
from tidegate.localnet.kernel import builders, leverages, placing, priority
from tidegate.localnet.kernel.accounts import Account
from tidegate.localnet.kernel.envelopes import (
    BatchModifyAction,
    CancelAction,
    CloidCancelAction,
    IsolatedMarginAction,
    LeverageAction,
    ModifyWire,
    NoopAction,
    OrderAction,
    PriorityFee,
    TopUpAction,
)
from tidegate.localnet.kernel.numbers import parse
from tidegate.localnet.kernel.orders import BuilderFee
from tidegate.localnet.kernel.placing import NOT_MODIFIABLE, Status
from tidegate.localnet.kernel.venue import Venue

CANCELS_MAX = 200


def order(venue: Venue, account: Account, action: OrderAction) -> Answer | Refused:
    """Place a batch."""
    fee = None if action.builder is None else BuilderFee(action.builder.b.lower(), action.builder.f)
    if fee is not None:
        has_perps = any(venue.universe.perp_of(wire.a) is not None for wire in action.orders)
        text = builders.refusal(venue, account, fee, has_perps=has_perps)
        if text is not None:
            return statuses("order", [{"error": text}])
    wishes = [order.wish()._replace(builder=fee) for order in action.orders]
    if isinstance(action.grouping, PriorityFee):
        return statuses("order", priority.place_first(venue, account, wishes, action.grouping.p))
    return statuses("order", placing.place(venue, account, wishes, action.grouping))


def cancel(venue: Venue, account: Account, action: CancelAction) -> Answer | Refused:
    """Cancel by order id."""
    if len(action.cancels) > CANCELS_MAX:
        return Refused(f"Signed action over weight limit of {CANCELS_MAX}.")
    return statuses(
        "cancel", [placing.cancel(venue, each.a, account.live.get(each.o), fast=each.f) for each in action.cancels]
    )


def cancel_by_cloid(venue: Venue, account: Account, action: CloidCancelAction) -> Answer | Refused:
    """Cancel by client order id."""
    if len(action.cancels) > CANCELS_MAX:
        return Refused(f"Signed action over weight limit of {CANCELS_MAX}.")
    orders = ((each, account.by_cloid.get(each.cloid.lower())) for each in action.cancels)
    return statuses("cancel", [placing.cancel(venue, each.asset, order, fast=each.f) for each, order in orders])


def modify(venue: Venue, account: Account, action: ModifyWire) -> Answer | Refused:
    """Replace one order; the answer does not tell the new id."""
    status = _modify_one(venue, account, action, always_place=action.a)
    if isinstance(status, dict) and "error" in status:
        return Refused(status["error"])
    return DEFAULT


def batch_modify(venue: Venue, account: Account, action: BatchModifyAction) -> Answer | Refused:
    """Replace several orders; answers as an order does."""
    answers = [_modify_one(venue, account, each, always_place=action.a or each.a) for each in action.modifies]
    return statuses("order", answers)


def update_leverage(venue: Venue, account: Account, action: LeverageAction) -> Answer | Refused:
    """Set leverage and margin mode of a coin."""
    text = leverages.update(venue, account, action.asset, action.leverage, is_cross=action.is_cross)
    return DEFAULT if text is None else Refused(text)


def update_isolated_margin(venue: Venue, account: Account, action: IsolatedMarginAction) -> Answer | Refused:
    """Move cash into or out of an isolated position."""
    text = leverages.move_isolated(venue, account, action.asset, action.ntli)
    return DEFAULT if text is None else Refused(text)


def top_up_isolated_margin(venue: Venue, account: Account, action: TopUpAction) -> Answer | Refused:
    """Bring an isolated position down to a leverage by adding margin."""
    text = leverages.top_up(venue, account, action.asset, parse(action.leverage))
    return DEFAULT if text is None else Refused(text)


def noop(_venue: Venue, _account: Account, _action: NoopAction) -> Answer | Refused:
    """Burn a nonce."""
    return DEFAULT


def _modify_one(venue: Venue, account: Account, change: ModifyWire, *, always_place: bool) -> Status:
    old = account.live.get(change.oid) if isinstance(change.oid, int) else account.by_cloid.get(change.oid.lower())
    wish = change.order.wish()
    if old is not None and old.asset != wish.asset:
        return {"error": NOT_MODIFIABLE}
    return placing.modify(venue, account, old, wish, always_place=always_place)


ACTIONS: dict[str, Action] = {
    "order": (OrderAction, order),
    "cancel": (CancelAction, cancel),
    "cancelByCloid": (CloidCancelAction, cancel_by_cloid),
    "modify": (ModifyWire, modify),
    "batchModify": (BatchModifyAction, batch_modify),
    "updateLeverage": (LeverageAction, update_leverage),
    "updateIsolatedMargin": (IsolatedMarginAction, update_isolated_margin),
    "topUpIsolatedOnlyMargin": (TopUpAction, top_up_isolated_margin),
    "noop": (NoopAction, noop),
}
