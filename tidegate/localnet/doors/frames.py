"""The state that a stream shows: the data of its first frame and of every frame that a clock sends.

Owns the shapes of the market's streams (section 6.2 of the protocol) and the table of all states. Pure reading:
nothing here subscribes, sends or remembers.
"""

import zlib
from base64 import b64encode
from typing import Any

import msgspec

from tidegate.localnet.doors import account_frames
from tidegate.localnet.doors.account_frames import dexs, read
from tidegate.localnet.doors.subscriptions import BOOK_DEPTH, FAST_BOOK_DEPTH, Subscription
from tidegate.localnet.exchange import Exchange

REPLAYED_TRADES = 30
RAW_DEFLATE = -15


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


def mark_and_mid(exchange: Exchange) -> dict[str, dict[str, Any]]:
    """Mark and mid of every perp of every dex."""
    prices = {}
    for dex in dexs(exchange):
        meta, contexts = read(exchange, "metaAndAssetCtxs", dex=dex)
        for rule, context in zip(meta["universe"], contexts, strict=True):
            prices[rule["name"]] = {"markPx": context["markPx"], "midPx": context["midPx"]}
    return prices


def packed(prices: Any) -> str:
    """JSON as fastAssetCtxs sends it: raw deflate in base64."""
    squeeze = zlib.compressobj(wbits=RAW_DEFLATE)
    return b64encode(squeeze.compress(msgspec.json.encode(prices)) + squeeze.flush()).decode()


def _book(exchange: Exchange, subscription: Subscription) -> dict[str, Any]:
    """20 levels a side, 5 with `"fast":true` on the fast stream."""
    depth = FAST_BOOK_DEPTH if subscription.fast else BOOK_DEPTH
    levels = exchange.l2(
        subscription.coin, depth=depth, n_sig_figs=subscription.n_sig_figs, mantissa=subscription.mantissa
    )
    return levels | {"fast": True} if subscription.fast else levels


def _trades(exchange: Exchange, subscription: Subscription) -> list[dict[str, Any]] | None:
    """The newest prints, oldest of them first, not marked as a replay."""
    return exchange.recent_trades(subscription.coin)[:REPLAYED_TRADES][::-1] or None


def _mids(exchange: Exchange, subscription: Subscription) -> dict[str, Any]:
    dex = subscription.dex
    if dex:
        return {"dex": dex, "mids": read(exchange, "allMids", dex=dex)}
    return {"mids": exchange.mids()}


def _asset_ctx(exchange: Exchange, subscription: Subscription) -> dict[str, Any]:
    return {"coin": subscription.coin, "ctx": exchange.asset_ctx(subscription.coin)}


def _asset_ctxs(exchange: Exchange, _subscription: Subscription) -> dict[str, Any]:
    """Contexts by dex and position."""
    return {"ctxs": [[dex, read(exchange, "metaAndAssetCtxs", dex=dex)[1]] for dex in dexs(exchange)]}


_STATE = {
    "trades": _trades,
    "l2Book": _book,
    "bbo": lambda exchange, subscription: exchange.bbo(subscription.coin),
    "candle": lambda exchange, subscription: exchange.candle(subscription.coin, subscription.interval),
    "activeAssetCtx": _asset_ctx,
    "allDexsAssetCtxs": _asset_ctxs,
    "allMids": _mids,
    "userFills": account_frames.fills,
    "userFundings": account_frames.fundings,
    "clearinghouseState": account_frames.perp_account,
    "allDexsClearinghouseState": account_frames.perp_accounts,
    "openOrders": account_frames.open_orders,
    "spotState": account_frames.spot_account,
    "twapStates": account_frames.twap_states,
    "activeAssetData": account_frames.active_asset,
    "webData3": account_frames.web_data,
}
