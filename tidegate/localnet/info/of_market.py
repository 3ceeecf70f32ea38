"""Requests about the market (sections 2.1 to 2.9)."""

from tidegate.localnet.info.desk import Desk, Request
from tidegate.localnet.info.shapes import BookRequest, CandleRequest, CoinRequest, Plain
from tidegate.localnet.kernel.open_interest import coins_at_cap
from tidegate.localnet.kernel.reply import NOTHING, Reply, ok

BOOK_DEPTH = 20
SIG_FIGS = (2, 3, 4, 5)
MANTISSAS = (1, 2, 5)


def l2_book(desk: Desk, request: BookRequest) -> Reply:
    """A book, null for an unknown coin, status 500 for an impossible aggregation."""
    if not desk.market.knows_coin(request.coin):
        return ok(None)
    figures, mantissa = request.n_sig_figs, request.mantissa
    if figures is not None and figures not in SIG_FIGS:
        return NOTHING
    if mantissa is not None and (figures != SIG_FIGS[-1] or mantissa not in MANTISSAS):
        return NOTHING
    return ok(desk.market.l2(request.coin, BOOK_DEPTH, figures, mantissa))


def recent_trades(desk: Desk, request: CoinRequest) -> Reply:
    """The last prints."""
    if not desk.market.knows_coin(request.coin):
        return NOTHING
    return ok(desk.market.recent_trades(request.coin))


def candles(desk: Desk, request: CandleRequest) -> Reply:
    """Candles of a range, the forming one included."""
    wanted = request.req
    if not desk.market.knows_coin(wanted.coin):
        return NOTHING
    prices = desk.venue.tickers.get(wanted.coin)
    if prices is None or prices.candles is None:
        return ok([])
    end_ms = desk.venue.now_ms if wanted.end_time is None else wanted.end_time
    return ok(prices.candles.snapshot(wanted.interval, wanted.start_time, end_ms))


def exchange_status(desk: Desk, _request: Plain) -> Reply:
    """The exchange's time."""
    return ok({"specialStatuses": None, "time": desk.venue.now_ms})


def at_open_interest_cap(desk: Desk, _request: Plain) -> Reply:
    """The coins that nobody may add to just now."""
    return ok(coins_at_cap(desk.venue))


REQUESTS: dict[str, Request] = {
    "perpsAtOpenInterestCap": (Plain, at_open_interest_cap),
    "l2Book": (BookRequest, l2_book),
    "recentTrades": (CoinRequest, recent_trades),
    "candleSnapshot": (CandleRequest, candles),
    "exchangeStatus": (Plain, exchange_status),
}
