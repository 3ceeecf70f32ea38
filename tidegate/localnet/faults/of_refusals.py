"""Faults that refuse an action in the exchange's words, whatever state it is in (rows 28, 32 to 34, 39 to 48, 54, 70).

Most of these refusals the exchange also gives by itself, to those who deserve them. A forged one costs no nonce,
leaves no order in the history and tells nobody on the streams: only the answer says it. `refuse.stop` alone is given
by the kernel, since the rest of its action is carried out.
"""

from http import HTTPStatus
from typing import Any

from tidegate.localnet.faults.asked import Asked
from tidegate.localnet.faults.course import Answered, Choose, Course
from tidegate.localnet.faults.fault import Args, Fault, Kind, Parameter, Place, Table
from tidegate.localnet.kernel.refusals import Refusal

BATCHES = ("order", "cancel", "cancelByCloid", "batchModify")
ORDERS = ("order", "modify", "batchModify")
CANCELS = ("cancel", "cancelByCloid")


def _whole(text: str) -> Answered:
    return Answered(HTTPStatus.OK, {"status": "err", "response": text})


def _each(asked: Asked, text: str) -> Answered:
    """One error an order, with its asset where the exchange names it; a single `modify` is refused as a whole."""
    if asked.type not in BATCHES:
        return _whole(text)
    errors = [{"error": text.replace("{asset}", str(_asset(row)))} for row in asked.rows]
    kind = "order" if asked.type == "batchModify" else asked.type.removesuffix("ByCloid")
    return Answered(HTTPStatus.OK, {"status": "ok", "response": {"type": kind, "data": {"statuses": errors}}})


def _asset(row: dict[str, Any]) -> Any:
    order = row.get("order", row)
    return order.get("a", order.get("asset", row.get("asset", 0))) if isinstance(order, dict) else 0


def _refuse_each(text: str, only: tuple[str, ...]) -> Choose:
    def choose(asked: Asked) -> Course | None:
        if not asked.is_action or (only and asked.type not in only):
            return None
        return Course(carried_out=False, change=lambda asked, _answered: _each(asked, text))

    return choose


def _refuse_whole(text: str) -> Choose:
    def change(asked: Asked, _answered: Answered) -> Answered:
        nonce = asked.body.get("nonce", 0) if isinstance(asked.body, dict) else 0
        after = nonce + 1 if isinstance(nonce, int) else 0
        named = text.replace("{user}", asked.user).replace("{nonce}", str(nonce)).replace("{after}", str(after))
        return _whole(named)

    return lambda asked: Course(carried_out=False, change=change) if asked.is_action else None


def _stops_refused(args: Args) -> Choose:
    """The stops of an action are refused one by one; the entry or whatever else is in it goes its way."""
    refusal = Refusal("rejected", args["text"])

    def prepare(asked: Asked) -> None:
        asked.venue.restrictions.stops_refused = refusal

    def change(asked: Asked, answered: Answered) -> Answered:
        asked.venue.restrictions.stops_refused = None
        return answered

    def choose(asked: Asked) -> Course | None:
        triggers = [order.get("t", {}).get("trigger", {}) for order in asked.orders if asked.is_action]
        return Course(prepare=prepare, change=change) if any(each.get("tpsl") == "sl" for each in triggers) else None

    return choose


def _refused(args: Args) -> Choose:
    return _refuse_whole(args["text"]) if args["whole"] else _refuse_each(args["text"], ())


def _order(says: str, text: str, *rows: int, only: tuple[str, ...] = ORDERS) -> Fault:
    return Fault(Place.REQUEST, f"refused: {says}", rows, lambda _: _refuse_each(text, only))


def _action(says: str, text: str, *rows: int) -> Fault:
    return Fault(Place.REQUEST, f"an action is refused: {says}", rows, lambda _: _refuse_whole(text))


FAULTS: Table = {
    "refuse": Fault(
        Place.REQUEST,
        "any refusal: {asset}, {user} and {nonce} in the text are filled in; whole=true refuses the action as a whole",
        (28, 32, 33, 34, 39, 40, 41, 42, 44, 46, 48, 54, 70),
        _refused,
        (Parameter("text", Kind.TEXT), Parameter("whole", Kind.FLAG, default=False)),
    ),
    "addr_limit": _action(
        "the address has used up its actions",
        "Too many cumulative requests sent (10001 > 10000) for cumulative volume traded $0.00. "
        "Place taker orders to free up 1 request per USDC traded.",
        28,
    ),
    "nonce.dup": _action("the nonce counts as used", "Invalid nonce: duplicate nonce {nonce}", 32),
    "nonce.low": _action("the nonce is below the 100 highest", "Invalid nonce: nonce too low {nonce} < {after}", 33),
    "expired": _action("the action counts as expired", "Action already expired", 34),
    "auth_lost": _action("the signer is unknown", "User or API Wallet {user} does not exist.", 70),
    "refuse.min_value": _order(
        "the order is worth too little", "Order must have minimum value of $10. asset={asset}", 39
    ),
    "refuse.tick": _order("the price is off the tick", "Price must be divisible by tick size. asset={asset}", 40),
    "refuse.margin": _order("the account lacks margin", "Insufficient margin to place order. asset={asset}", 41),
    "refuse.reduce_only": _order(
        "a reduce-only order would increase", "Reduce only order would increase position. asset={asset}", 42
    ),
    "refuse.oracle": _order("the price is too far from the oracle", "Price too far from oracle asset={asset}", 44),
    "refuse.band": _order(
        "the price is beyond the 80 % band", "Order price cannot be more than 80% away from the reference price", 44
    ),
    "refuse.oi_cap": _order(
        "open interest is capped",
        "Order would increase open interest while open interest is capped. asset={asset}",
        44,
    ),
    "refuse.oi_growth": _order(
        "open interest grows too fast", "Order would increase open interest too quickly. asset={asset}", 44
    ),
    "refuse.halted": _order("the coin does not trade", "Trading is halted", 45),
    "refuse.trigger": _order("the trigger has passed", "Invalid TP/SL price. asset={asset}", 46),
    "refuse.stop": Fault(
        Place.REQUEST,
        "the stops of an action are refused, and nothing else in it",
        (40, 46),
        _stops_refused,
        (Parameter("text", Kind.TEXT, default="Price must be divisible by tick size."),),
    ),
    "refuse.gone": _order(
        "there is nothing to cancel",
        "Order was never placed, already canceled, or filled. asset={asset}",
        48,
        only=CANCELS,
    ),
    "refuse.too_many": _order("there are too many open orders", "Too many open orders. asset={asset}", 54),
}
