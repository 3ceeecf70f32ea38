"""Faults in what happens to accounts behind a client's back: by their owner's hand, or by the exchange (rows 47, 53,
60, 63 to 66, 68 to 70).

`user` "" means every account, since a client with a throw-away key is known to nobody beforehand.
"""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from tidegate.localnet.faults.acts import Act
from tidegate.localnet.faults.fault import Args, Fault, Kind, Parameter, Place, Table
from tidegate.localnet.kernel import agents, funding, margin, modes, placing, transfers
from tidegate.localnet.kernel.accounts import UNIFIED, Account, Leverage, Position
from tidegate.localnet.kernel.checks import Wish
from tidegate.localnet.kernel.lifecycle import finish
from tidegate.localnet.kernel.numbers import micro, round_price, round_size
from tidegate.localnet.kernel.orders import CANCELED, GTC, IOC, Order
from tidegate.localnet.kernel.venue import Venue

SLIPPAGE = Decimal("0.1")
HOW_MUCH = {"close": Decimal(-1), "halve": Decimal("-0.5"), "enlarge": Decimal(1), "flip": Decimal(-2)}
WHICH: dict[str, Callable[[Order], bool]] = {
    "stops": lambda order: order.trigger is not None and order.trigger.is_stop,
    "take_profits": lambda order: order.trigger is not None and not order.trigger.is_stop,
    "limits": lambda order: order.trigger is None,
    "all": lambda _order: True,
}


def _for_each(act: Callable[[Venue, Account, Args], Any]) -> Callable[[Args], Act]:
    """An act on the accounts that `user` names."""

    def make(args: Args) -> Act:
        def perform(venue: Venue) -> None:
            for account in tuple(_meant(venue, args["user"])):
                act(venue, account, args)

        return Act(lambda exchange: exchange.perform(perform))

    return make


def _meant(venue: Venue, user: str) -> Iterator[Account]:
    yield from (account for address, account in venue.accounts.items() if user.lower() in ("", address))


def _coins(venue: Venue, account: Account, coin: str) -> list[str]:
    return [held for held in account.positions if coin in ("", held) and held in venue.prices]


def _trade(venue: Venue, account: Account, args: Args) -> None:
    """Change a position at the market as its owner would in the exchange's own page: no client order id."""
    for coin in _coins(venue, account, args["coin"]):
        signed = account.position_size(coin) * HOW_MUCH[args["how"]]
        _order(venue, account, coin, signed, SLIPPAGE if signed > 0 else -SLIPPAGE, IOC)


def _foreign_order(venue: Venue, account: Account, args: Args) -> None:
    sign = 1 if args["side"] == "buy" else -1
    _order(venue, account, args["coin"], sign * Decimal(repr(args["sz"])), -sign * Decimal(repr(args["away"])), GTC)


def _order(venue: Venue, account: Account, coin: str, signed: Decimal, away: Decimal, tif: str) -> None:
    prices = venue.prices[coin]
    decimals = prices.rule.sz_decimals
    px = round_price(prices.mark * (1 + away), decimals)
    sz = round_size(abs(signed), decimals)
    asset = venue.universe.asset_ids[coin]
    placing.place(venue, account, [Wish(asset, signed > 0, px, sz, reduce_only=False, tif=tif)], placing.NA)


def _live(account: Account, args: Args) -> list[Order]:
    return [
        order for order in account.live.values() if args["coin"] in ("", order.coin) and WHICH[args["which"]](order)
    ]


def _cancel(venue: Venue, account: Account, args: Args) -> None:
    for order in _live(account, args):
        if order.is_live:
            finish(venue, order, CANCELED)


def _kill(venue: Venue, account: Account, args: Args) -> None:
    for order in _live(account, args):
        if order.is_live:
            finish(venue, order, args["status"], by_system=True)


def _leverage(_venue: Venue, account: Account, args: Args) -> None:
    """Set it for the coin and for a position in it, whatever the rules say about open positions."""
    leverage = Leverage(args["leverage"], args["cross"])
    account.leverages[args["coin"]] = leverage
    position = account.positions.get(args["coin"])
    if position is not None and position.leverage.is_cross == args["cross"]:
        position.leverage = leverage


def _revoke(venue: Venue, account: Account, _args: Args) -> None:
    for address in venue.agents_of(account.user):
        agents.prune(venue, address)


def _liquidate(venue: Venue, account: Account, args: Args) -> None:
    """Take cash until what is left is `left` of the maintenance margin; the exchange does the rest as it closes."""
    left = Decimal(repr(args["left"]))
    for cash, market in venue.clearings(account):
        for coin in [coin for coin in market if coin in cash.positions and args["coin"] in ("", coin)]:
            position = cash.positions[coin]
            if not position.leverage.is_cross:
                value, maintenance = margin.isolated(position, market[coin])
                _take(venue, position, "isolated_usd", value - left * maintenance)
        figures = margin.cross(cash, market)
        if figures.maintenance:
            _take(venue, cash, "raw_usd", figures.value - left * figures.maintenance)
    venue.margin_watch.users[account.user] = None


def _take(venue: Venue, owner: Account | Position, field: str, usd: Decimal) -> None:
    """Move cash to the house, so that none is lost."""
    if usd > 0:
        setattr(owner, field, getattr(owner, field) - usd)
        venue.house.raw_usd += usd


def _ledger(venue: Venue, account: Account, args: Args) -> None:
    """A deposit, or a withdrawal of what may be withdrawn."""
    usd = micro(Decimal(repr(args["usd"])))
    if usd > 0:
        account.deposit(usd, venue.now_ms, venue.next_hash())
    else:
        transfers.withdraw(venue, account, -usd, venue.now_ms)


def _mode(_venue: Venue, account: Account, args: Args) -> None:
    modes.switch(account, args["mode"])


def _funding(args: Args) -> Act:
    rate = Decimal(repr(args["rate"]))
    return Act(lambda exchange: exchange.perform(lambda venue: funding.charge(venue, args["coin"], rate)))


USER = Parameter("user", Kind.TEXT, default="")
COIN = Parameter("coin", Kind.TEXT)
ANY_COIN = Parameter("coin", Kind.TEXT, default="")

FAULTS: Table = {
    "user.trade": Fault(
        Place.ACT,
        "the owner closes, halves, enlarges or flips a position by hand",
        (53, 63),
        _for_each(_trade),
        (Parameter("how", Kind.TEXT, default="close", allowed=tuple(HOW_MUCH)), ANY_COIN, USER),
    ),
    "user.order": Fault(
        Place.ACT,
        "the owner adds an order by hand, `away` from the mark on its passive side",
        (53, 64),
        _for_each(_foreign_order),
        (
            COIN,
            Parameter("side", Kind.TEXT, default="buy", allowed=("buy", "sell")),
            Parameter("sz", Kind.NUMBER, least=0),
            Parameter("away", Kind.NUMBER, default=0.05, least=-0.5, most=0.5),
            USER,
        ),
    ),
    "user.cancel": Fault(
        Place.ACT,
        "the owner cancels orders by hand",
        (47, 64),
        _for_each(_cancel),
        (Parameter("which", Kind.TEXT, default="stops", allowed=tuple(WHICH)), ANY_COIN, USER),
    ),
    "kill_stop": Fault(
        Place.ACT,
        "the exchange cancels orders, with the status given",
        (47,),
        _for_each(_kill),
        (
            Parameter("status", Kind.TEXT, default="marginCanceled"),
            Parameter("which", Kind.TEXT, default="stops", allowed=tuple(WHICH)),
            ANY_COIN,
            USER,
        ),
    ),
    "user.leverage": Fault(
        Place.ACT,
        "leverage is changed elsewhere; a position keeps its margin mode",
        (65,),
        _for_each(_leverage),
        (
            COIN,
            Parameter("leverage", Kind.WHOLE, least=1, most=50),
            Parameter("cross", Kind.FLAG, default=True),
            USER,
        ),
    ),
    "liquidate": Fault(
        Place.ACT,
        "cash is taken until `left` of the maintenance margin is there: the exchange liquidates, below 2/3 by backstop",
        (66,),
        _for_each(_liquidate),
        (Parameter("left", Kind.NUMBER, default=0.9, least=-1, most=1), ANY_COIN, USER),
    ),
    "ledger": Fault(
        Place.ACT,
        "a deposit, or with a negative amount a withdrawal",
        (69,),
        _for_each(_ledger),
        (Parameter("usd", Kind.NUMBER, least=-1e9, most=1e9), USER),
    ),
    "funding": Fault(
        Place.ACT,
        "positions pay this rate at once",
        (68,),
        _funding,
        (COIN, Parameter("rate", Kind.NUMBER, default=0.04, least=-0.04, most=0.04)),
    ),
    "account.unified": Fault(
        Place.ACT,
        "the account's mode changes: one collateral, shown in the spot state",
        (60,),
        _for_each(_mode),
        (Parameter("mode", Kind.TEXT, default=UNIFIED, allowed=modes.MODES), USER),
    ),
    "agent.revoke": Fault(Place.ACT, "agents of an account are gone", (70,), _for_each(_revoke), (USER,)),
}
