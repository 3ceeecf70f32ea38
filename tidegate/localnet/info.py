"""/info: from a decoded body to the exchange's answer (section 2).

Owns the table of request types, what each must carry, and the answers about the market. Answers about an
account are `account_info`'s. It changes nothing, whatever is asked.
"""

from collections.abc import Callable
from typing import Annotated, Any, Literal, Protocol

import msgspec
from msgspec import Meta, Struct

from tidegate.localnet import account_info, margin
from tidegate.localnet.accounts import Account
from tidegate.localnet.orders import frontend_row, history_row, open_row
from tidegate.localnet.reply import NOTHING, UNPROCESSABLE, Reply, ok
from tidegate.localnet.venue import Venue

Row = dict[str, Any]
Address = Annotated[str, Meta(pattern="^0x[0-9a-fA-F]{40}$")]
Interval = Literal["1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "8h", "12h", "1d", "3d", "1w", "1M"]
BOOK_DEPTH = 20
SIG_FIGS = (2, 3, 4, 5)
MANTISSAS = (1, 2, 5)


class Market(Protocol):
    """What the kernel renders for the streams too."""

    def mids(self) -> dict[str, str]:
        """The body of allMids."""

    def l2(self, coin: str, depth: int = BOOK_DEPTH, n_sig_figs: int | None = None, mantissa: int | None = None) -> Row:
        """A book snapshot."""

    def asset_ctx(self, coin: str) -> Row:
        """A context row."""

    def recent_trades(self, coin: str) -> list[Row]:
        """The last prints, newest first."""

    def knows_coin(self, coin: str) -> bool:
        """Whether market data exists."""


class Plain(Struct):
    """A request without fields."""


class DexRequest(Struct):
    """A request about a perp dex; "" or nothing is the first, and the only one here."""

    dex: str | None = None


class UserRequest(Struct):
    """A request about an account."""

    user: Address
    dex: str | None = None


class CoinRequest(Struct):
    """A request about a coin."""

    coin: str


class BookRequest(Struct, rename="camel"):
    """l2Book."""

    coin: str
    n_sig_figs: int | None = None
    mantissa: int | None = None


class CandleRange(Struct, rename="camel"):
    """The inner part of candleSnapshot."""

    coin: str
    interval: Interval
    start_time: int
    end_time: int | None = None


class CandleRequest(Struct):
    """candleSnapshot."""

    req: CandleRange


class OrderRequest(Struct):
    """orderStatus; an oid, or a cloid as text."""

    user: Address
    oid: int | str


class FillsRequest(Struct, rename="camel"):
    """userFills."""

    user: Address
    aggregate_by_time: bool = False


class FillsRangeRequest(Struct, rename="camel"):
    """userFillsByTime."""

    user: Address
    start_time: int
    end_time: int | None = None
    aggregate_by_time: bool = False
    reversed: bool = False


class RangeRequest(Struct, rename="camel"):
    """userFunding, fundingHistory and other ledgers."""

    start_time: int = 0
    end_time: int | None = None
    user: Address | None = None
    coin: str | None = None


class ActiveAssetRequest(Struct):
    """activeAssetData."""

    user: Address
    coin: str


class BuilderRequest(Struct):
    """maxBuilderFee."""

    user: Address
    builder: Address


class Info:
    """Answers from a venue; `market` is the kernel that renders books and contexts."""

    def __init__(self, venue: Venue, market: Market) -> None:
        self._venue = venue
        self._market = market

    def answer(self, body: Any) -> Reply:
        """Answer a decoded body; 422 for an unknown type or missing and ill-typed fields."""
        kind = body.get("type") if isinstance(body, dict) else None
        if not isinstance(kind, str) or kind not in REQUESTS:
            return UNPROCESSABLE
        shape, answer = REQUESTS[kind]
        try:
            request: Any = msgspec.convert(body, shape)
        except (msgspec.ValidationError, RecursionError):
            return UNPROCESSABLE
        if getattr(request, "dex", None):
            return NOTHING
        return answer(self, request)

    def meta(self, _request: DexRequest) -> Reply:
        """The perps."""
        return ok(self._venue.universe.meta())

    def all_metas(self, _request: Plain) -> Reply:
        """The perps of every dex: there is one."""
        return ok([self._venue.universe.meta()])

    def meta_and_contexts(self, _request: DexRequest) -> Reply:
        """The perps and their contexts, by position."""
        universe = self._venue.universe
        return ok([universe.meta(), [self._market.asset_ctx(rule.name) for rule in universe.perps]])

    def spot_meta(self, _request: Plain) -> Reply:
        """The spot pairs and tokens."""
        return ok(self._venue.universe.spot_meta())

    def spot_meta_and_contexts(self, _request: Plain) -> Reply:
        """The spot pairs and their contexts, which carry their coin."""
        universe = self._venue.universe
        return ok([universe.spot_meta(), [self._market.asset_ctx(pair.name) for pair in universe.spots]])

    def perp_dexs(self, _request: Plain) -> Reply:
        """The first dex is null, and there is no other."""
        return ok([None])

    def all_mids(self, _request: DexRequest) -> Reply:
        """Mids of all coins."""
        return ok(self._market.mids())

    def l2_book(self, request: BookRequest) -> Reply:
        """A book, null for an unknown coin, status 500 for an impossible aggregation."""
        if not self._market.knows_coin(request.coin):
            return ok(None)
        figures, mantissa = request.n_sig_figs, request.mantissa
        if figures is not None and figures not in SIG_FIGS:
            return NOTHING
        if mantissa is not None and (figures != SIG_FIGS[-1] or mantissa not in MANTISSAS):
            return NOTHING
        return ok(self._market.l2(request.coin, BOOK_DEPTH, figures, mantissa))

    def recent_trades(self, request: CoinRequest) -> Reply:
        """The last prints."""
        if not self._market.knows_coin(request.coin):
            return NOTHING
        return ok(self._market.recent_trades(request.coin))

    def candles(self, request: CandleRequest) -> Reply:
        """Candles of a range, the forming one included."""
        wanted = request.req
        if not self._market.knows_coin(wanted.coin):
            return NOTHING
        prices = self._venue.prices.get(wanted.coin)
        if prices is None or prices.candles is None:
            return ok([])
        end_ms = self._venue.now_ms if wanted.end_time is None else wanted.end_time
        return ok(prices.candles.snapshot(wanted.interval, wanted.start_time, end_ms))

    def funding_history(self, request: RangeRequest) -> Reply:
        """No funding has been paid here yet."""
        return ok([]) if request.coin in self._venue.universe.by_name else NOTHING

    def exchange_status(self, _request: Plain) -> Reply:
        """The exchange's time."""
        return ok({"specialStatuses": None, "time": self._venue.now_ms})

    def clearinghouse_state(self, request: UserRequest) -> Reply:
        """The perp side of an account."""
        return ok(margin.clearinghouse_state(self._account(request.user), self._venue.market, self._venue.now_ms))

    def spot_clearinghouse_state(self, request: UserRequest) -> Reply:
        """The spot side of an account."""
        return ok(account_info.spot_state(self._account(request.user)))

    def open_orders(self, request: UserRequest) -> Reply:
        """Live orders, newest first."""
        return ok([open_row(order) for order in account_info.live_orders(self._account(request.user))])

    def frontend_open_orders(self, request: UserRequest) -> Reply:
        """Live orders in full, newest first."""
        return ok([frontend_row(order) for order in account_info.live_orders(self._account(request.user))])

    def order_status(self, request: OrderRequest) -> Reply:
        """One order by oid or cloid."""
        account = self._account(request.user)
        order = None
        if account is not None and isinstance(request.oid, int):
            order = account.history.get(request.oid)
        elif account is not None and isinstance(request.oid, str):
            order = account.by_cloid.get(request.oid.lower())
        if order is None:
            return ok({"status": "unknownOid"})
        return ok({"status": "order", "order": history_row(order)})

    def historical_orders(self, request: UserRequest) -> Reply:
        """Orders under their latest status, latest change first, at most 2000."""
        return ok(account_info.historical_orders(self._account(request.user)))

    def user_fills(self, request: FillsRequest) -> Reply:
        """The newest 2000 fills, newest first."""
        return ok(account_info.newest_fills(self._account(request.user), merged=request.aggregate_by_time))

    def user_fills_by_time(self, request: FillsRangeRequest) -> Reply:
        """Fills of a range, oldest first."""
        end_ms = self._venue.now_ms if request.end_time is None else request.end_time
        fills = account_info.fills_between(
            self._account(request.user), request.start_time, end_ms, merged=request.aggregate_by_time
        )
        return ok(fills[::-1] if request.reversed else fills)

    def user_fees(self, request: UserRequest) -> Reply:
        """Base-tier rates and the traded volume of the last days."""
        return ok(account_info.fees(self._account(request.user), self._venue))

    def user_role(self, request: UserRequest) -> Reply:
        """Whether an address is an account, an agent or nothing."""
        return ok(account_info.role(request.user.lower(), self._venue))

    def user_rate_limit(self, request: UserRequest) -> Reply:
        """The address's budget of actions."""
        return ok(account_info.rate_limit(self._account(request.user)))

    def ledger_updates(self, request: RangeRequest) -> Reply:
        """Deposits of a range, oldest first."""
        account = None if request.user is None else self._account(request.user)
        end_ms = self._venue.now_ms if request.end_time is None else request.end_time
        rows = [] if account is None else account.ledger
        return ok([row for row in rows if request.start_time <= row["time"] <= end_ms])

    def portfolio(self, request: UserRequest) -> Reply:
        """Account value at the beginning and now."""
        return ok(account_info.portfolio(self._account(request.user), self._venue))

    def extra_agents(self, request: UserRequest) -> Reply:
        """Named agents."""
        return ok(account_info.extra_agents(request.user.lower(), self._venue))

    def active_asset_data(self, request: ActiveAssetRequest) -> Reply:
        """Leverage and what could be traded of a perp."""
        if request.coin not in self._venue.prices:
            return NOTHING
        account = self._account(request.user)
        return ok(margin.active_asset_data(account, request.user.lower(), request.coin, self._venue.market))

    def _account(self, user: str) -> Account | None:
        return self._venue.account(user.lower())


def _constant(body: Any) -> Callable[[Info, Any], Reply]:
    return lambda _info, _request: ok(body)


REQUESTS: dict[str, tuple[type, Callable[[Info, Any], Reply]]] = {
    "meta": (DexRequest, Info.meta),
    "allPerpMetas": (Plain, Info.all_metas),
    "metaAndAssetCtxs": (DexRequest, Info.meta_and_contexts),
    "spotMeta": (Plain, Info.spot_meta),
    "spotMetaAndAssetCtxs": (Plain, Info.spot_meta_and_contexts),
    "perpDexs": (Plain, Info.perp_dexs),
    "allMids": (DexRequest, Info.all_mids),
    "l2Book": (BookRequest, Info.l2_book),
    "recentTrades": (CoinRequest, Info.recent_trades),
    "candleSnapshot": (CandleRequest, Info.candles),
    "fundingHistory": (RangeRequest, Info.funding_history),
    "exchangeStatus": (Plain, Info.exchange_status),
    "clearinghouseState": (UserRequest, Info.clearinghouse_state),
    "spotClearinghouseState": (UserRequest, Info.spot_clearinghouse_state),
    "openOrders": (UserRequest, Info.open_orders),
    "frontendOpenOrders": (UserRequest, Info.frontend_open_orders),
    "orderStatus": (OrderRequest, Info.order_status),
    "historicalOrders": (UserRequest, Info.historical_orders),
    "userFills": (FillsRequest, Info.user_fills),
    "userFillsByTime": (FillsRangeRequest, Info.user_fills_by_time),
    "userFees": (UserRequest, Info.user_fees),
    "userRole": (UserRequest, Info.user_role),
    "userRateLimit": (UserRequest, Info.user_rate_limit),
    "userFunding": (RangeRequest, _constant([])),
    "userNonFundingLedgerUpdates": (RangeRequest, Info.ledger_updates),
    "portfolio": (UserRequest, Info.portfolio),
    "extraAgents": (UserRequest, Info.extra_agents),
    "activeAssetData": (ActiveAssetRequest, Info.active_asset_data),
    "subAccounts": (UserRequest, _constant(None)),
    "subAccounts2": (UserRequest, _constant(None)),
    "userAbstraction": (UserRequest, _constant("disabled")),
    "maxBuilderFee": (BuilderRequest, _constant(0)),
    "approvedBuilders": (UserRequest, _constant([])),
    "userVaultEquities": (UserRequest, _constant([])),
    "userTwapSliceFills": (UserRequest, _constant([])),
    "twapHistory": (UserRequest, _constant([])),
}
