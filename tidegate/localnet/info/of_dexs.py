"""Requests that name a perp dex: the first ("" or nothing) or a builder's (sections 2.1, 2.2, 2.4, 2.5, 2.10, 2.12).

A unified account's margin is reckoned over all dexs; what a dex then shows as its own is the part of the collateral
that its positions and orders tie up, so that nothing there looks free. The exchange's own figures of that mode are not
documented.
"""

from dataclasses import replace
from typing import Any

from tidegate.localnet.info.desk import Desk, Request
from tidegate.localnet.info.shapes import (
    ActiveAssetRequest,
    DexNameRequest,
    DexRequest,
    MarginTableRequest,
    Plain,
    UserRequest,
)
from tidegate.localnet.kernel import margin
from tidegate.localnet.kernel.accounts import STANDARD, Account
from tidegate.localnet.kernel.checks import MARKET_VALUE_MAX, MARKET_VALUE_MAX_ELSE
from tidegate.localnet.kernel.instruments import TABLES_FROM, flat_table
from tidegate.localnet.kernel.numbers import ZERO, wire, wire_ratio, wire_usd
from tidegate.localnet.kernel.orders import Order, frontend_row, open_row
from tidegate.localnet.kernel.reply import NOTHING, Reply, ok
from tidegate.localnet.kernel.venue import Venue

Row = dict[str, Any]


def meta(desk: Desk, request: DexRequest) -> Reply:
    """The perps of a dex."""
    return ok(desk.venue.universe.meta(request.dex or ""))


def all_metas(desk: Desk, _request: Plain) -> Reply:
    """The perps of every dex."""
    universe = desk.venue.universe
    return ok([universe.meta(dex) for dex in universe.by_dex])


def meta_and_contexts(desk: Desk, request: DexRequest) -> Reply:
    """The perps of a dex and their contexts, by position."""
    universe, dex = desk.venue.universe, request.dex or ""
    return ok([universe.meta(dex), [desk.market.asset_ctx(rule.name) for rule in universe.by_dex[dex]]])


def perp_dexs(desk: Desk, _request: Plain) -> Reply:
    """The first dex is null."""
    return ok([None, *(dex.row() for dex in desk.venue.universe.dexs)])


def all_mids(desk: Desk, request: DexRequest) -> Reply:
    """Mids of a dex; spot pairs come with the first."""
    return ok(desk.market.mids(request.dex or ""))


def clearinghouse_state(desk: Desk, request: UserRequest) -> Reply:
    """The perp side of an account on a dex."""
    return ok(perp_state(desk.venue, desk.account(request.user), request.dex or ""))


def open_orders(desk: Desk, request: UserRequest) -> Reply:
    """Live orders of a dex, newest first; spot orders come with the first."""
    return ok([open_row(order) for order in live_orders(desk, request)])


def frontend_open_orders(desk: Desk, request: UserRequest) -> Reply:
    """Live orders of a dex in full, newest first."""
    return ok([frontend_row(order) for order in live_orders(desk, request)])


def active_asset_data(desk: Desk, request: ActiveAssetRequest) -> Reply:
    """Leverage and what could be traded of a perp of any dex."""
    venue, user = desk.venue, request.user.lower()
    if request.coin not in venue.prices:
        return NOTHING
    account = desk.account(user) or Account(user)
    market = venue.prices if account.is_unified else venue.markets[venue.prices[request.coin].rule.dex]
    cash = account.seen_on(venue.prices[request.coin].rule.dex)
    return ok(margin.active_asset_data(cash, user, request.coin, market))


def limits(desk: Desk, request: DexNameRequest) -> Reply:
    """How much a builder's dex may have open; null for the first."""
    dex = desk.venue.universe.dex_by_name.get(request.dex)
    return ok(None if dex is None else dex.limits())


def status(desk: Desk, request: DexNameRequest) -> Reply:
    """What all accounts have put onto a dex and not taken away."""
    accounts = desk.venue.accounts.values()
    return ok({"totalNetDeposit": wire_usd(sum((each.seen_on(request.dex).deposits for each in accounts), ZERO))})


def margin_table(desk: Desk, request: MarginTableRequest) -> Reply:
    """One margin table; an id under 50 is one tier of that leverage."""
    rules = desk.venue.universe.by_name.values()
    table = next((rule.margin_table for rule in rules if rule.margin_table.id == request.id), None)
    if table is None and not 0 < request.id < TABLES_FROM:
        return NOTHING
    return ok((table or flat_table(request.id)).meta())


def max_market_orders(_desk: Desk, _request: Plain) -> Reply:
    """The largest value of a market order by the perp's leverage, ascending; below the first it is the least."""
    values = [[leverage, wire(value)] for leverage, value in reversed(MARKET_VALUE_MAX)]
    return ok([[0, wire(MARKET_VALUE_MAX_ELSE)], *values])


def live_orders(desk: Desk, request: UserRequest) -> list[Order]:
    """An account's live orders of a dex, newest first."""
    account, dex = desk.account(request.user), request.dex or ""
    if account is None:
        return []
    return [account.live[oid] for oid in sorted(account.live, reverse=True) if _dex_of(desk, account.live[oid]) == dex]


def perp_state(venue: Venue, account: Account | None, dex: str = "") -> Row:
    """The body of clearinghouseState for a dex; an unknown account is all zeros."""
    market = venue.markets[dex]
    if account is None or not account.is_unified:
        part = None if account is None else account.seen_on(dex)
        return margin.clearinghouse_state(part, market, venue.now_ms)
    alone = replace(account, mode=STANDARD)
    figures = margin.cross(alone, market)
    tied_up = margin.kept(figures) + margin.held_by_orders(alone, market)
    alone.raw_usd += tied_up - figures.value
    body = margin.clearinghouse_state(alone, market, venue.now_ms)
    for row in body["assetPositions"]:
        px = margin.liquidation_px(account, row["position"]["coin"], venue.prices)
        row["position"]["liquidationPx"] = None if px is None else wire_ratio(px)
    return body


def _dex_of(desk: Desk, order: Order) -> str:
    return "" if order.pair is not None else desk.venue.prices[order.coin].rule.dex


REQUESTS: dict[str, Request] = {
    "meta": (DexRequest, meta),
    "allPerpMetas": (Plain, all_metas),
    "metaAndAssetCtxs": (DexRequest, meta_and_contexts),
    "perpDexs": (Plain, perp_dexs),
    "allMids": (DexRequest, all_mids),
    "clearinghouseState": (UserRequest, clearinghouse_state),
    "openOrders": (UserRequest, open_orders),
    "frontendOpenOrders": (UserRequest, frontend_open_orders),
    "perpDexLimits": (DexNameRequest, limits),
    "perpDexStatus": (DexNameRequest, status),
    "marginTable": (MarginTableRequest, margin_table),
    "maxMarketOrderNtls": (Plain, max_market_orders),
    "activeAssetData": (ActiveAssetRequest, active_asset_data),
}
