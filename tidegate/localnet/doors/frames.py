"""The state that a stream shows: the data of its first frame and of every frame that a clock sends.

Owns the shapes of section 6.2 of the protocol, built from what the kernel tells. Pure reading: nothing here
subscribes, sends or remembers.
"""

from typing import Any

from tidegate.localnet.doors.subscriptions import BOOK_DEPTH, FAST_BOOK_DEPTH, Subscription
from tidegate.localnet.exchange import Exchange

REPLAYED_TRADES = 30
FILLS_MAX = 2_000


def channel(subscription: Subscription) -> str:
    """The channel on which a stream's frames arrive."""
    if subscription.type == "userEvents":
        return "user"
    if subscription.type == "activeAssetCtx" and is_spot(subscription.coin):
        return "activeSpotAssetCtx"
    return subscription.type


def is_spot(coin: str) -> bool:
    """Spot pairs are named `@107` or `PURR/USDC`."""
    return coin.startswith("@") or "/" in coin


def state(exchange: Exchange, subscription: Subscription) -> Any:
    """What the stream shows now; None when there is nothing to show or the stream only reports events."""
    build = _STATE.get(subscription.type)
    return None if build is None else build(exchange, subscription)


def book(exchange: Exchange, subscription: Subscription) -> dict[str, Any]:
    """An l2Book frame's data: 20 levels a side, 5 with `"fast":true` on the fast stream."""
    depth = FAST_BOOK_DEPTH if subscription.fast else BOOK_DEPTH
    levels = exchange.l2(
        subscription.coin, depth=depth, n_sig_figs=subscription.n_sig_figs, mantissa=subscription.mantissa
    )
    return levels | {"fast": True} if subscription.fast else levels


def _trades(exchange: Exchange, subscription: Subscription) -> list[dict[str, Any]] | None:
    """The newest prints, oldest of them first, not marked as a replay."""
    return exchange.recent_trades(subscription.coin)[:REPLAYED_TRADES][::-1] or None


def _asset_ctx(exchange: Exchange, subscription: Subscription) -> dict[str, Any]:
    return {"coin": subscription.coin, "ctx": exchange.asset_ctx(subscription.coin)}


def _fills(exchange: Exchange, subscription: Subscription) -> dict[str, Any]:
    request = {"type": "userFills", "user": subscription.user, "aggregateByTime": subscription.aggregate}
    return {"isSnapshot": True, "user": subscription.user, "fills": _read(exchange, request)[:FILLS_MAX]}


def pooled(exchange: Exchange, user: str, fills: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The `fills` of one block, oldest first, as the kernel pools them for `aggregateByTime`."""
    request = {"type": "userFills", "user": user, "aggregateByTime": True}
    fresh = {(fill["time"], fill["oid"]) for fill in fills}
    return [fill for fill in _read(exchange, request)[::-1] if (fill["time"], fill["oid"]) in fresh]


def _fundings(exchange: Exchange, subscription: Subscription) -> dict[str, Any]:
    rows = _read(exchange, {"type": "userFunding", "user": subscription.user, "startTime": 0})
    fundings = [funding_row(row["time"], row["delta"]) for row in rows]
    return {"isSnapshot": True, "user": subscription.user, "fundings": fundings}


def funding_row(time_ms: int, delta: dict[str, Any]) -> dict[str, Any]:
    """A row of the userFundings stream out of the `delta` of a funding ledger entry."""
    fields = ("coin", "usdc", "szi", "fundingRate", "nSamples")
    return {"time": time_ms} | {field: delta.get(field) for field in fields}


def _perp_account(exchange: Exchange, subscription: Subscription) -> dict[str, Any]:
    user = subscription.user
    account = _read(exchange, {"type": "clearinghouseState", "user": user})
    return {"dex": "", "user": user, "clearinghouseState": account}


def _open_orders(exchange: Exchange, subscription: Subscription) -> dict[str, Any]:
    user = subscription.user
    return {"dex": "", "user": user, "orders": _read(exchange, {"type": "frontendOpenOrders", "user": user})}


def _spot_account(exchange: Exchange, subscription: Subscription) -> dict[str, Any]:
    user = subscription.user
    return {"user": user, "spotState": _read(exchange, {"type": "spotClearinghouseState", "user": user})}


def _read(exchange: Exchange, request: dict[str, Any]) -> Any:
    reply = exchange.info(request)
    assert reply.status == 200, f"the kernel answers {request['type']}, found {reply}"
    return reply.body


_STATE = {
    "trades": _trades,
    "l2Book": book,
    "bbo": lambda exchange, subscription: exchange.bbo(subscription.coin),
    "candle": lambda exchange, subscription: exchange.candle(subscription.coin, subscription.interval),
    "activeAssetCtx": _asset_ctx,
    "allMids": lambda exchange, _: {"mids": exchange.mids()},
    "userFills": _fills,
    "userFundings": _fundings,
    "clearinghouseState": _perp_account,
    "openOrders": _open_orders,
    "spotState": _spot_account,
}
