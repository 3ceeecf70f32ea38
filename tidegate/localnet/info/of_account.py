"""Requests about an account (sections 2.10 to 2.14)."""

from tidegate.localnet.info import account
from tidegate.localnet.info import portfolio as portfolios
from tidegate.localnet.info.desk import Desk, Request
from tidegate.localnet.info.of_funding import ROWS_PER_ANSWER
from tidegate.localnet.info.shapes import (
    FillsRangeRequest,
    FillsRequest,
    OrderRequest,
    RangeRequest,
    UserRequest,
)
from tidegate.localnet.kernel.orders import history_row
from tidegate.localnet.kernel.reply import UNPROCESSABLE, Reply, ok


def order_status(desk: Desk, request: OrderRequest) -> Reply:
    """One order by oid or cloid."""
    account = desk.account(request.user)
    order = None
    if account is not None and isinstance(request.oid, int):
        order = account.history.get(request.oid)
    elif account is not None and isinstance(request.oid, str):
        order = account.by_cloid.get(request.oid.lower())
    if order is None:
        return ok({"status": "unknownOid"})
    return ok({"status": "order", "order": history_row(order)})


def historical_orders(desk: Desk, request: UserRequest) -> Reply:
    """Orders under their latest status, latest change first, at most 2000."""
    return ok(account.historical_orders(desk.account(request.user)))


def user_fills(desk: Desk, request: FillsRequest) -> Reply:
    """The newest 2000 fills, newest first."""
    return ok(account.newest_fills(desk.account(request.user), merged=request.aggregate_by_time))


def user_fills_by_time(desk: Desk, request: FillsRangeRequest) -> Reply:
    """Fills of a range, oldest first."""
    end_ms = desk.venue.now_ms if request.end_time is None else request.end_time
    fills = account.fills_between(
        desk.account(request.user), request.start_time, end_ms, merged=request.aggregate_by_time
    )
    return ok(fills[::-1] if request.reversed else fills)


def user_rate_limit(desk: Desk, request: UserRequest) -> Reply:
    """The address's budget of actions."""
    return ok(account.rate_limit(desk.account(request.user), desk.venue))


def ledger_updates(desk: Desk, request: RangeRequest) -> Reply:
    """What moved money without a trade in a range, oldest first, at most 500 rows."""
    if request.user is None:
        return UNPROCESSABLE
    account = desk.account(request.user)
    end_ms = desk.venue.now_ms if request.end_time is None else request.end_time
    rows = [] if account is None else account.ledger
    return ok([row for row in rows if request.start_time <= row["time"] <= end_ms][:ROWS_PER_ANSWER])


def portfolio(desk: Desk, request: UserRequest) -> Reply:
    """Value, profit and volume by period."""
    return ok(portfolios.portfolio(desk.account(request.user), desk.venue))


REQUESTS: dict[str, Request] = {
    "orderStatus": (OrderRequest, order_status),
    "historicalOrders": (UserRequest, historical_orders),
    "userFills": (FillsRequest, user_fills),
    "userFillsByTime": (FillsRangeRequest, user_fills_by_time),
    "userRateLimit": (UserRequest, user_rate_limit),
    "userNonFundingLedgerUpdates": (RangeRequest, ledger_updates),
    "portfolio": (UserRequest, portfolio),
}
