"""Requests about spot and about an account's collateral (sections 2.3, 2.11, 8.7)."""

from typing import Any

from tidegate.localnet.info.desk import Desk, Request, constant
from tidegate.localnet.info.shapes import Plain, TokenRequest, UserRequest
from tidegate.localnet.kernel import margin, spot
from tidegate.localnet.kernel.accounts import PORTFOLIO_MARGIN, STANDARD, USDC_INDEX, Account
from tidegate.localnet.kernel.numbers import ZERO, wire, wire_usd
from tidegate.localnet.kernel.reply import Reply, ok
from tidegate.localnet.kernel.venue import Venue

Row = dict[str, Any]


def spot_meta(desk: Desk, _request: Plain) -> Reply:
    """The spot pairs and tokens."""
    return ok(desk.venue.universe.spot_meta())


def spot_meta_and_contexts(desk: Desk, _request: Plain) -> Reply:
    """The spot pairs and their contexts, which carry their coin."""
    universe = desk.venue.universe
    return ok([universe.spot_meta(), [desk.market.asset_ctx(pair.name) for pair in universe.spots]])


def token_details(desk: Desk, request: TokenRequest) -> Reply:
    """One token by its id, with the prices of its pair; who deployed it and who holds it is not modelled."""
    venue = desk.venue
    token = next((each for each in venue.universe.tokens if each.token_id == request.token_id.lower()), None)
    if token is None:
        return ok(None)
    prices = next((each for each in venue.spots.values() if each.pair.base is token), None)
    context = {} if prices is None else prices.context(venue.now_ms)
    supply = context.get("circulatingSupply", "0.0")
    return ok(
        {
            "name": token.name,
            "maxSupply": supply,
            "totalSupply": supply,
            "circulatingSupply": supply,
            "szDecimals": token.sz_decimals,
            "weiDecimals": token.wei_decimals,
            "midPx": context.get("midPx") or "1.0",
            "markPx": context.get("markPx", "1.0"),
            "prevDayPx": context.get("prevDayPx", "1.0"),
            "genesis": None,
            "deployer": None,
            "deployGas": None,
            "deployTime": None,
            "seededUsdc": "0.0",
            "nonCirculatingUserBalances": [],
            "futureEmissions": "0.0",
        }
    )


def spot_clearinghouse_state(desk: Desk, request: UserRequest) -> Reply:
    """The spot side of an account; of a unified one all its collateral."""
    return ok(spot_state(desk.venue, desk.account(request.user)))


def user_abstraction(desk: Desk, request: UserRequest) -> Reply:
    """The account's mode; an unknown account has the standard one."""
    account = desk.account(request.user)
    return ok(STANDARD if account is None else account.mode)


def spot_state(venue: Venue, account: Account | None) -> Row:
    """The body of spotClearinghouseState: USDC first, then every token the account ever had."""
    if account is None:
        return {"balances": []}
    if account.is_unified:
        return _unified_state(venue, account)
    tokens = sorted({USDC_INDEX, *account.spot})
    return {"balances": [_balance(venue, account, token) for token in tokens]}


def _unified_state(venue: Venue, account: Account) -> Row:
    """USDC is all collateral, unrealized profit included; its hold is what perps and orders tie up.

    Recorded: total 985.710641 less the maintenance margin is tokenToAvailableAfterMaintenance, and the hold is what
    the perp side keeps for positions and resting orders.
    """
    figures = margin.cross(account, venue.prices)
    hold = margin.kept(figures) + margin.held_by_orders(account, venue.prices)
    usdc = _row(venue, USDC_INDEX, wire_usd(figures.value), wire_usd(hold), "0.0")
    tokens = sorted(token for token in account.spot if token != USDC_INDEX)
    body: Row = {
        "balances": [usdc, *(_balance(venue, account, token) for token in tokens)],
        "tokenToAvailableAfterMaintenance": [[USDC_INDEX, wire_usd(figures.value - figures.maintenance)]],
    }
    if account.mode == PORTFOLIO_MARGIN:
        body["portfolioMarginEnabled"] = True
    return body


def _balance(venue: Venue, account: Account, token: int) -> Row:
    balance = account.spot.get(token)
    cost = ZERO if balance is None or token == USDC_INDEX else balance.entry_ntl
    return _row(venue, token, wire(account.balance_of(token)), wire(spot.held(account, token)), wire(cost))


def _row(venue: Venue, token: int, total: str, hold: str, cost: str) -> Row:
    name = venue.universe.token_by_index[token].name
    return {"coin": name, "token": token, "total": total, "hold": hold, "entryNtl": cost}


REQUESTS: dict[str, Request] = {
    "spotMeta": (Plain, spot_meta),
    "spotMetaAndAssetCtxs": (Plain, spot_meta_and_contexts),
    "spotClearinghouseState": (UserRequest, spot_clearinghouse_state),
    "tokenDetails": (TokenRequest, token_details),
    "userAbstraction": (UserRequest, user_abstraction),
    "userDexAbstraction": (UserRequest, constant(None)),
}
