"""What the streams of one account show: its states, its histories, its notifications.

Owns their shapes (section 6.2 of the protocol), built from what /info answers, so that a stream and a request never
disagree. Pure reading: nothing here subscribes, sends or remembers.
"""

from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from tidegate.localnet.doors.subscriptions import Subscription
from tidegate.localnet.exchange import Exchange
from tidegate.localnet.kernel.numbers import wire
from tidegate.localnet.kernel.orders import plain

Row = dict[str, Any]

FILLS_MAX = 2_000
FUNDINGS_MAX = 500
PAGE_ROWS = 500

_encode = msgspec.json.Encoder(order="deterministic").encode


class History(NamedTuple):
    """The request that tells a history, the key of its rows in a frame, and which end /info begins with."""

    request: str
    rows: str
    newest_first: bool


HISTORIES = {
    "userNonFundingLedgerUpdates": History(
        "userNonFundingLedgerUpdates", "nonFundingLedgerUpdates", newest_first=False
    ),
    "userTwapSliceFills": History("userTwapSliceFills", "twapSliceFills", newest_first=True),
    "userTwapHistory": History("twapHistory", "history", newest_first=True),
}


def read(exchange: Exchange, kind: str, **fields: Any) -> Any:
    """The body of an /info answer that cannot fail."""
    reply = exchange.info({"type": kind, **fields})
    assert reply.status == 200, f"the kernel answers {kind}, found {reply}"
    return reply.body


def dexs(exchange: Exchange) -> list[str]:
    """The names of the perp dexs, "" for the first."""
    return ["" if dex is None else dex["name"] for dex in read(exchange, "perpDexs")]


def history(exchange: Exchange, subscription: Subscription) -> list[Row]:
    """The rows of an account's history, all pages of it."""
    kind = HISTORIES[subscription.type].request
    if HISTORIES[subscription.type].newest_first:
        rows: list[Row] = read(exchange, kind, user=subscription.user)
        return rows
    return _all_pages(exchange, kind, subscription.user)


def _all_pages(exchange: Exchange, kind: str, user: str) -> list[Row]:
    """A ledger from its beginning, oldest first; /info answers a page at a time."""
    rows: list[Row] = read(exchange, kind, user=user, startTime=0)
    fresh = page = rows
    while fresh and len(page) >= PAGE_ROWS:
        page = read(exchange, kind, user=user, startTime=rows[-1]["time"])
        fresh = [row for row in page if row not in rows[-PAGE_ROWS:]]
        rows = rows + fresh
    return rows


def snapshot(subscription: Subscription, rows: list[Row]) -> Row:
    """A history's first frame."""
    return {"isSnapshot": True, **addition(subscription, rows)}


def since(subscription: Subscription, rows: list[Row], before: list[Row]) -> list[Row]:
    """The rows that were not there `before`, oldest first."""
    known = {_encode(row) for row in before}
    fresh = [row for row in rows if _encode(row) not in known]
    return fresh[::-1] if HISTORIES[subscription.type].newest_first else fresh


def addition(subscription: Subscription, rows: list[Row]) -> Row:
    """A later frame of a history: no isSnapshot."""
    return {"user": subscription.user, HISTORIES[subscription.type].rows: rows}


def fills(exchange: Exchange, subscription: Subscription) -> Row:
    """The snapshot of userFills, in the order of REST."""
    user = subscription.user
    rows = read(exchange, "userFills", user=user, aggregateByTime=subscription.aggregate)
    return {"isSnapshot": True, "user": user, "fills": rows[:FILLS_MAX]}


def pooled(exchange: Exchange, user: str, fills: list[Row]) -> list[Row]:
    """The `fills` of one block, oldest first, as the kernel pools them for `aggregateByTime`."""
    rows = read(exchange, "userFills", user=user, aggregateByTime=True)
    fresh = {(fill["time"], fill["oid"]) for fill in fills}
    return [fill for fill in rows[::-1] if (fill["time"], fill["oid"]) in fresh]


def fundings(exchange: Exchange, subscription: Subscription) -> Row:
    """The snapshot of userFundings: the latest payments, oldest first."""
    rows = _all_pages(exchange, "userFunding", subscription.user)[-FUNDINGS_MAX:]
    return {
        "isSnapshot": True,
        "user": subscription.user,
        "fundings": [funding_row(row["time"], row["delta"]) for row in rows],
    }


def funding_row(time_ms: int, delta: Row) -> Row:
    """A row of the userFundings stream out of the `delta` of a funding ledger entry."""
    fields = ("coin", "usdc", "szi", "fundingRate", "nSamples")
    return {"time": time_ms} | {field: delta.get(field) for field in fields}


def perp_account(exchange: Exchange, subscription: Subscription) -> Row:
    """clearinghouseState of one dex."""
    user, dex = subscription.user, subscription.dex
    account = read(exchange, "clearinghouseState", user=user, dex=dex)
    return {"dex": dex, "user": user, "clearinghouseState": account}


def perp_accounts(exchange: Exchange, subscription: Subscription) -> Row:
    """allDexsClearinghouseState."""
    user = subscription.user
    states = [[dex, read(exchange, "clearinghouseState", user=user, dex=dex)] for dex in dexs(exchange)]
    return {"user": user, "clearinghouseStates": states}


def open_orders(exchange: Exchange, subscription: Subscription) -> Row:
    """openOrders of one dex, in the shape of the frontend."""
    user, dex = subscription.user, subscription.dex
    return {"dex": dex, "user": user, "orders": read(exchange, "frontendOpenOrders", user=user, dex=dex)}


def spot_account(exchange: Exchange, subscription: Subscription) -> Row:
    """spotState."""
    user = subscription.user
    return {"user": user, "spotState": read(exchange, "spotClearinghouseState", user=user)}


def twap_states(exchange: Exchange, subscription: Subscription) -> Row:
    """The TWAPs that have not ended on one dex, oldest first."""
    user, dex = subscription.user, subscription.dex
    states = [[twap_id, state] for twap_id, state in exchange.twap_states(user) if dex_of(state["coin"]) == dex]
    return {"dex": dex, "user": user, "states": states}


def dex_of(coin: str) -> str:
    """The dex that a coin belongs to: `xyz:NVDA` to xyz, others to the first."""
    dex, colon, _ = coin.partition(":")
    return dex if colon else ""


def active_asset(exchange: Exchange, subscription: Subscription) -> Row:
    """activeAssetData."""
    row: Row = read(exchange, "activeAssetData", user=subscription.user, coin=subscription.coin)
    return row


def web_data(exchange: Exchange, subscription: Subscription) -> Row:
    """webData3: who the account is, and one entry for each dex; vaults trade on the first dex only."""
    user = subscription.user
    vaults = read(exchange, "userVaultEquities", user=user)
    equity = sum((Decimal(vault["equity"]) for vault in vaults), Decimal(0))
    states: list[Row] = [{"totalVaultEquity": "0.0", "perpsAtOpenInterestCap": []} for _ in dexs(exchange)]
    if equity:
        states[0]["totalVaultEquity"] = wire(equity)
    return {"userState": exchange.user_state(user), "perpDexStates": states}


def notification(fill: Row) -> Row:
    """What the frontend says about a fill of a resting order (recorded: Sold 7262 MON at $0.023038)."""
    verb = "Bought" if fill["side"] == "B" else "Sold"
    sz, px = plain(Decimal(fill["sz"])), plain(Decimal(fill["px"]))
    return {"notification": f"Resting order filled: {verb} {sz} {fill['coin']} at ${px}"}
