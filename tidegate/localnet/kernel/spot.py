"""Spot: the price of a pair beside its book, what an account holds of a token, and what a spot trade moves.

Owns the arithmetic of balances, holds and spot fees (sections 2.3, 2.11, 2.13, 8.5). A buy pays its fee in the token it
bought, a sell in the quote token; both are cut to what the token can express. It knows no order of matching.
"""

from decimal import ROUND_DOWN, Context, Decimal
from typing import Any, NamedTuple

from tidegate.localnet.kernel import margin
from tidegate.localnet.kernel.accounts import USDC_INDEX, Account, Balance
from tidegate.localnet.kernel.book import Book
from tidegate.localnet.kernel.instruments import SpotPair, Token
from tidegate.localnet.kernel.numbers import MICRO, ONE, ZERO, micro, round_price, wire
from tidegate.localnet.kernel.traded import Traded

STABLE_SHARE = Decimal("0.2")  # of the rates, on pairs of two dollars
WIDE = Context(prec=60)  # some tokens have eighteen decimals, and much of them


class PairPrices(Traded):
    """One pair's book, last trade, mark and trading day; the mark is only shown: nothing is margined by it."""

    def __init__(self, pair: SpotPair, book: Book, start_ms: int) -> None:
        self.pair = pair
        super().__init__(pair, book, start_ms)

    def refresh_mark(self, _now_ms: int) -> bool:
        """Set the mark to the median of best bid, best ask and last trade; True when it moved."""
        seen = sorted(px for px in (*self.book.touch(), self.last) if px is not None)
        if not seen:
            return False
        middle = seen[len(seen) // 2] if len(seen) % 2 else (seen[0] + seen[1]) / 2
        before, self.mark = self.mark, round_price(middle, self.pair.sz_decimals, spot=True)
        return self.mark != before

    def context(self, now_ms: int) -> dict[str, Any]:
        """The context row (section 2.3), in the exchange's key order."""
        volume = self._day.volume(now_ms)
        mid = self.book.mid()
        supply = wire(self.pair.circulating_supply)
        return {
            "prevDayPx": wire(self._day.previous_px(now_ms, self.candles)),
            "dayNtlVlm": wire(volume.quote.quantize(MICRO)),
            "markPx": wire(self.mark),
            "midPx": None if mid is None else wire(mid),
            "circulatingSupply": supply,
            "coin": self.pair.name,
            "totalSupply": supply,
            "dayBaseVlm": wire(volume.base),
        }


class SpotTraded(NamedTuple):
    """What a spot trade did to an account."""

    start_position: Decimal  # of the base token
    closed_pnl: Decimal  # without the fee
    fee: Decimal
    fee_token: Token


def fee_of(pair: SpotPair, px: Decimal, sz: Decimal, rate: Decimal, *, is_buy: bool) -> Decimal:
    """A fill's fee in the token it is paid in.

    It is reckoned in the quote token and cut to its smallest unit; a buyer pays that much worth of the base token, cut
    again. Every recorded spot fee follows: 1.267 bought at 160.32 for 0.07 % pay 0.00088689, not 0.0008869.
    """
    in_quote = cut(px * sz * rate, pair.quote)
    return cut(in_quote / px, pair.base) if is_buy else in_quote


def cut(amount: Decimal, token: Token) -> Decimal:
    """Cut an amount to the smallest unit of a token."""
    return amount.quantize(ONE.scaleb(-token.wei_decimals), rounding=ROUND_DOWN, context=WIDE)


def trade(account: Account, pair: SpotPair, rate: Decimal, *, is_buy: bool, px: Decimal, sz: Decimal) -> SpotTraded:
    """Apply one trade to an account's balances. A sale takes its share of the cost with it, cut to the quote's unit."""
    base = account.spot.setdefault(pair.base.index, Balance())
    start, notional = base.total, px * sz
    fee = fee_of(pair, px, sz, rate, is_buy=is_buy)
    if is_buy:
        base.total += sz - fee
        base.entry_ntl += notional
        account.add(pair.quote.index, -notional)
        return SpotTraded(start, ZERO, fee, pair.base)
    cost = base.entry_ntl if sz >= start else cut(base.entry_ntl * sz / start, pair.quote)
    base.total -= sz
    base.entry_ntl -= cost
    account.add(pair.quote.index, notional - fee)
    return SpotTraded(start, notional - cost, fee, pair.quote)


def held(account: Account, token: int) -> Decimal:
    """What resting orders reserve of a token: buys their notional in the quote, sells their size in the base."""
    return sum((order.hold_of(token) for order in account.live.values() if order.pair is not None), ZERO)


def free(account: Account, token: int, market: margin.Market) -> Decimal:
    """What could be sold, spent or sent of a token; a unified account's USDC also margins its perps in `market`."""
    if token == USDC_INDEX and account.is_unified:
        return margin.withdrawable(account, market)
    return account.balance_of(token) - held(account, token)


def move_out(account: Account, token: int, amount: Decimal) -> None:
    """Let tokens leave without a trade; they take their share of the cost with them."""
    balance = account.spot.get(token)
    if balance is not None and balance.total:
        balance.entry_ntl -= micro(balance.entry_ntl * min(amount / balance.total, ONE))
    account.add(token, -amount)


def move_in(account: Account, token: int, amount: Decimal, value: Decimal) -> None:
    """Let tokens come without a trade; what they are worth in USDC counts as their cost. USDC itself has none."""
    account.add(token, amount)
    if token != USDC_INDEX:
        account.spot[token].entry_ntl += value
