"""Liquidation: what happens to an account below its maintenance margin (section 8.2).

Owns the check after every block, the market orders on the book (a fifth at a time for large positions), the backstop
that hands what is left to the liquidator, and what is told of it all: fills with `liquidation`, the userEvents frame,
the ledger's entry.

Where the exchange's page is silent: an account's perp orders are canceled when its liquidation begins (an isolated
position's: those of its coin); positions go in the order of their assets and stop when the account is whole again; an
order's limit is the price at which the account would have nothing left; taker fees are paid as ever, the backstop takes
none. While a coin is halted only the backstop works. The liquidator's purse is bottomless, so nobody is deleveraged: it
pays what a liquidated account owes.
"""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any, NamedTuple

from tidegate.localnet.kernel import fills, margin
from tidegate.localnet.kernel.accounts import Account, Leverage, Position
from tidegate.localnet.kernel.lifecycle import cancel_all, conclude
from tidegate.localnet.kernel.matching import Taker, sweep
from tidegate.localnet.kernel.numbers import ONE, ZERO, price_decimals, round_size, wire, wire_usd
from tidegate.localnet.kernel.orders import LIQUIDATED_CANCELED, LIQUIDATION_MARKET, OPEN, Order
from tidegate.localnet.kernel.venue import Clearing, Venue

LIQUIDATOR = "0x6c6f63616c6e65742d6c697175696461746f7273"  # the ASCII of "localnet-liquidators"
PARTIAL_BEYOND_USD = Decimal(100_000)
PARTIAL_SHARE = Decimal("0.2")
COOLDOWN_MS = 30_000
BACKSTOP_SHARE = Decimal(2) / 3  # of the maintenance margin
ROUNDS_MAX = 100  # of accounts that others' liquidations pull below in one block
LIQUIDATOR_LEVERAGE = Leverage(1)

Row = dict[str, Any]


class Worth(NamedTuple):
    """What is margined together, in USD: all cross positions of a clearing, or one isolated position."""

    value: Decimal
    maintenance: Decimal

    @property
    def is_below(self) -> bool:
        """Liquidation begins."""
        return self.value < self.maintenance

    @property
    def is_hopeless(self) -> bool:
        """The backstop steps in."""
        return self.value < BACKSTOP_SHARE * self.maintenance


class Case(NamedTuple):
    """What is liquidated: positions of one clearing that are margined together."""

    user: str
    clearing: Clearing
    coins: tuple[str, ...]
    is_cross: bool

    def worth(self) -> Worth:
        """What the positions of the case are worth now, with the cash behind them."""
        cash, market = self.clearing
        if self.is_cross:
            figures = margin.cross(cash, market)
            return Worth(figures.value, figures.maintenance)
        position = cash.positions.get(self.coins[0])
        if position is None:
            return Worth(ZERO, ZERO)
        return Worth(*margin.isolated(position, market[self.coins[0]]))

    def open(self) -> list[tuple[str, Position]]:
        """The positions that are left, by coin."""
        positions = self.clearing.account.positions
        return [(coin, positions[coin]) for coin in self.coins if coin in positions]


def enforce(venue: Venue) -> None:
    """Liquidate whoever the block has brought below maintenance margin, each account at most once a block."""
    watch = venue.margin_watch
    if not (watch.coins or watch.users or watch.below):
        return
    seen = {LIQUIDATOR}
    for _ in range(ROUNDS_MAX):
        users = [user for user in _concerned(venue) if user not in seen]
        watch.coins.clear()
        watch.users.clear()
        if not users:
            return
        seen.update(users)
        for user in users:
            _enforce_on(venue, venue.accounts[user])


def _concerned(venue: Venue) -> list[str]:
    watch = venue.margin_watch
    concerned = [*watch.below, *watch.users]
    if watch.coins:
        moved = watch.coins.keys()
        concerned += [user for user, account in venue.accounts.items() if not moved.isdisjoint(account.positions)]
    return list(dict.fromkeys(concerned))


def _enforce_on(venue: Venue, account: Account) -> None:
    venue.margin_watch.below.pop(account.user, None)
    cools_down = venue.margin_watch.cooldown_until_ms.get(account.user, 0) > venue.now_ms
    for clearing in venue.clearings(account):
        mine = [coin for coin in clearing.market if coin in account.positions]
        cross = tuple(coin for coin in mine if account.positions[coin].leverage.is_cross)
        cases = [Case(account.user, clearing, (coin,), is_cross=False) for coin in mine if coin not in cross]
        if cross:
            cases.append(Case(account.user, clearing, cross, is_cross=True))
        for case in cases:
            if case.worth().is_below:
                _liquidate(venue, account, case, sells_all=cools_down)
        if clearing.account.raw_usd < 0 and not any(coin in account.positions for coin in clearing.market):
            _pay_debt(venue, clearing, ZERO)


def _liquidate(venue: Venue, account: Account, case: Case, *, sells_all: bool) -> None:
    """One block's worth of liquidation: orders away, market orders, then the backstop if nothing else helps."""
    before = {coin: position.szi for coin, position in case.open()}
    cash, value = case.clearing.account.raw_usd, case.worth().value
    for coin in case.coins if not case.is_cross else case.clearing.market:
        cancel_all(venue, account.user, LIQUIDATED_CANCELED, coin=coin)
    for coin, position in case.open():
        _sell(venue, case, coin, position, sells_all=sells_all)
        if not case.worth().is_below:
            break
    if case.worth().is_hopeless:
        _hand_over(venue, account, case)
    if not case.is_cross and not case.open():
        _pay_debt(venue, case.clearing, cash)  # an isolated position owes no more than its margin
    if case.worth().is_below:
        venue.margin_watch.below[account.user] = None
    left = dict(case.open())
    closed = {coin: szi - (left[coin].szi if coin in left else ZERO) for coin, szi in before.items()}
    _tell(venue, account, case, {coin: szi for coin, szi in closed.items() if szi}, value)


def _sell(venue: Venue, case: Case, coin: str, position: Position, *, sells_all: bool) -> None:
    """Send a market order for a position, or for a fifth of a large one, as far as somebody is there to take it."""
    prices = case.clearing.market[coin]
    is_buy = position.szi < 0
    decimals = price_decimals(prices.rule.sz_decimals)
    broke_px = prices.mark - case.worth().value / position.szi
    limit_px = broke_px.quantize(ONE.scaleb(-decimals), ROUND_FLOOR if is_buy else ROUND_CEILING)
    if coin in venue.restrictions.halted or not prices.book.crosses(is_buy=is_buy, px=limit_px):
        return
    sz = abs(position.szi)
    if sz * prices.mark > PARTIAL_BEYOND_USD and not sells_all:
        sz = round_size(sz * PARTIAL_SHARE, prices.rule.sz_decimals) or sz
        venue.margin_watch.cooldown_until_ms[case.user] = venue.now_ms + COOLDOWN_MS
    order = _order(venue, case.user, coin, is_buy=is_buy, px=limit_px, sz=sz)
    swept = sweep(venue, Taker(coin, is_buy, limit_px, sz, order, _mention(case.user, prices.mark, "market")))
    if not swept.sz:
        return  # those who were there could not pay
    venue.note(order, OPEN, sz)
    conclude(venue, order, rests=False)


def _hand_over(venue: Venue, account: Account, case: Case) -> None:
    """Let the liquidator take the positions and all margin behind them, at prices that leave the account nothing."""
    cash, market = case.clearing
    positions = case.open()
    notional = sum((abs(position.szi) * market[coin].mark for coin, position in positions), ZERO)
    share = case.worth().value / notional
    kept = cash.raw_usd
    for coin, position in positions:
        prices = market[coin]
        px = prices.mark * (ONE - share if position.szi > 0 else ONE + share)
        px = px.quantize(ONE.scaleb(-price_decimals(prices.rule.sz_decimals)))
        _transfer(venue, account, case, coin, px)
    left = cash.raw_usd if case.is_cross else cash.raw_usd - kept  # what the rounding of prices left
    cash.raw_usd -= left
    _purse(venue, case.clearing).raw_usd += left


def _transfer(venue: Venue, account: Account, case: Case, coin: str, px: Decimal) -> None:
    """Move one position to the liquidator at a price; both get a fill, nobody a fee."""
    szi = account.positions[coin].szi
    kind = f"Liquidated {'Cross' if case.is_cross else 'Isolated'} {'Long' if szi > 0 else 'Short'}"
    mention = _mention(account.user, case.clearing.market[coin].mark, "backstop")
    match = fills.Match(px, abs(szi), venue.next_hash(), venue.next_tid(), mention)
    liquidator = venue.open_account(LIQUIDATOR)
    for holder, signed_sz in ((account, -szi), (liquidator, szi)):
        cash = venue.clearing(holder, coin).account
        traded = cash.trade(coin, LIQUIDATOR_LEVERAGE, signed_sz, px, ZERO)
        order = _order(venue, holder.user, coin, is_buy=signed_sz > 0, px=px, sz=match.sz)
        outcome = fills.Outcome(traded.start_position, traded.closed_pnl, kind, ZERO, "USDC")
        venue.note_fill(order, fills.row_of(venue, order, match, outcome, is_taker=holder is liquidator))


def _pay_debt(venue: Venue, clearing: Clearing, floor: Decimal) -> None:
    """Let the liquidator pay what an account's cash is short of, once no position is left that could bring it."""
    owed = floor - clearing.account.raw_usd
    if owed > 0:
        clearing.account.raw_usd += owed
        _purse(venue, clearing).raw_usd -= owed


def _purse(venue: Venue, clearing: Clearing) -> Account:
    """The liquidator's cash on the dex of a clearing; of a unified account's, on the first."""
    return venue.open_account(LIQUIDATOR).on(clearing.account.dex)


def _order(venue: Venue, user: str, coin: str, *, is_buy: bool, px: Decimal, sz: Decimal) -> Order:
    return Order(
        oid=venue.next_oid(),
        user=user,
        coin=coin,
        asset=venue.universe.asset_ids[coin],
        is_buy=is_buy,
        limit_px=px,
        sz=sz,
        orig_sz=sz,
        reduce_only=True,
        timestamp_ms=venue.now_ms,
        tif=LIQUIDATION_MARKET,
    )


def _mention(user: str, mark: Decimal, method: str) -> Row:
    """What the fills of both sides say about the liquidation."""
    return {"liquidatedUser": user, "markPx": wire(mark), "method": method}


def _tell(venue: Venue, account: Account, case: Case, closed: dict[str, Decimal], value: Decimal) -> None:
    """Write the ledger's entry and tell the owner; nothing is told of a block in which nothing could be sold."""
    if not closed:
        return
    notional = sum((abs(szi) * case.clearing.market[coin].mark for coin, szi in closed.items()), ZERO)
    delta = {
        "type": "liquidation",
        "liquidatedNtlPos": wire_usd(notional),
        "accountValue": wire_usd(value),
        "leverageType": "Cross" if case.is_cross else "Isolated",
        "liquidatedPositions": [{"coin": coin, "szi": wire(szi)} for coin, szi in closed.items()],
    }
    account.ledger.append({"time": venue.now_ms, "hash": venue.next_hash(), "delta": delta})
    event = {
        "lid": venue.next_tid(),
        "liquidator": LIQUIDATOR,
        "liquidated_user": account.user,
        "liquidated_ntl_pos": wire_usd(notional),
        "liquidated_account_value": wire_usd(value),
    }
    venue.block.user_event(account.user, {"liquidation": event})
