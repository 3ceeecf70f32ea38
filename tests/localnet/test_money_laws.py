"""Laws of liquidation, funding and fees: money is conserved, nobody owes, the same calls give the same bytes."""

import json
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.localnet.floor import GTC, IOC, Tape, Trader, order, quiet_floor
from tests.localnet.test_transfers import USDC, send
from tidegate.localnet.kernel.liquidation import LIQUIDATOR
from tidegate.localnet.kernel.margin import cross, isolated

D = Decimal
HOUR_MS = 3_600_000
COINS = {"BTC": (0, 80_000), "ETH": (1, 2_700), "xyz:XYZ100": (110_000, 25_000)}
PERMILLE = D("0.001")

WHO = st.integers(0, 3)
COIN = st.sampled_from(list(COINS))
SIDES = st.sampled_from("BA")
LOTS = st.integers(1, 4_000)  # thousandths of a coin
STEPS = st.one_of(
    st.tuples(st.just("take"), WHO, COIN, SIDES, LOTS),
    st.tuples(st.just("take"), WHO, st.just("BTC"), SIDES, LOTS),
    st.tuples(st.just("rest"), WHO, COIN, SIDES, st.integers(1, 40), LOTS),
    st.tuples(st.just("leverage"), WHO, COIN, st.integers(1, 40), st.booleans()),
    st.tuples(st.just("move_margin"), WHO, COIN, st.integers(-100, 100)),
    st.tuples(st.just("shift"), COIN, st.integers(-120, 120), st.booleans()),
    st.tuples(st.just("shift"), st.just("BTC"), st.integers(-40, 40), st.just(True)),
    st.tuples(st.just("wait"), st.integers(1, 3 * HOUR_MS)),
)


class Floor:
    """Four traders (one unified, one with cash on the builder's dex) in three coins, and the steps of a program."""

    def __init__(self):
        self.exchange = quiet_floor()
        self.tape = Tape()
        self.exchange.feed.append(self.tape)
        self.answers = []
        self.mids = {coin: D(px) for coin, (_, px) in COINS.items()}
        for coin in COINS:
            self.shift(coin, 0, True)
        funds = ((1, "300"), (2, "5000"), (3, "60000"), (4, "2000"))
        self.traders = [Trader(self.exchange, number, usdc=usdc) for number, usdc in funds]
        move = {"sourceDex": "", "destinationDex": "xyz", "token": USDC, "fromSubAccount": ""}
        send(self.traders[1], "sendAsset", destination=self.traders[1].user, amount="2000", **move)
        self.post(3, {"type": "agentSetAbstraction", "abstraction": "u"})

    def run(self, program, check=None):
        for name, *fields in program:
            getattr(self, name)(*fields)
            if check is not None:
                check(self)
        return self

    def post(self, who, action):
        self.answers.append(self.traders[who].post(action))

    def place(self, who, coin, side, px, lots, kind):
        wish = order(side, f"{px:f}", str(D(lots) / 1000), kind, asset=COINS[coin][0])
        self.post(who, {"type": "order", "orders": [wish], "grouping": "na"})

    def take(self, who, coin, side, lots):
        away = 2 if side == "B" else -2
        self.place(who, coin, side, self.px(coin, away), lots, IOC)

    def rest(self, who, coin, side, away, lots):
        self.place(who, coin, side, self.px(coin, -away if side == "B" else away), lots, GTC)

    def leverage(self, who, coin, value, is_cross):
        self.post(who, {"type": "updateLeverage", "asset": COINS[coin][0], "isCross": is_cross, "leverage": value})

    def move_margin(self, who, coin, usd):
        action = {"type": "updateIsolatedMargin", "asset": COINS[coin][0], "isBuy": True, "ntli": usd * 10**6}
        self.post(who, action)

    def shift(self, coin, permille, liquid):
        """Move a coin's market; without liquidity its book is empty afterwards."""
        self.mids[coin] += self.mids[coin] * permille * PERMILLE
        self.exchange.advance(self.exchange.now_ms + 3_000)
        bids, asks = ([(self.px(coin, sign * away), D(3), 1) for away in (1, 2) if liquid] for sign in (-1, 1))
        self.exchange.quote(coin, bids, asks)
        self.exchange.set_oracle(coin, self.px(coin, 0))

    def wait(self, time_ms):
        self.exchange.advance(self.exchange.now_ms + time_ms)

    def px(self, coin, permille):
        """A price so many thousandths from the mid, on the grid of integers."""
        return (self.mids[coin] * (1 + permille * PERMILLE)).to_integral_value()

    def everything(self):
        """All that was answered and told, and all that can be asked."""
        kinds = ("clearinghouseState", "historicalOrders", "userFills", "userFees")
        ranges = ("userFunding", "userNonFundingLedgerUpdates")
        asked = [trader.ask(kind) for trader in self.traders for kind in kinds]
        asked += [trader.ask(kind, startTime=0) for trader in self.traders for kind in ranges]
        asked.append(self.exchange.info({"type": "fundingHistory", "coin": "BTC", "startTime": 0}).body)
        return json.dumps([self.answers, vars(self.tape), asked])


def keeps_the_laws(floor):
    venue = floor.exchange._venue
    accounts = [*venue.accounts.values(), venue.house]
    parts = [part for account in accounts for part in (account, *account.dexs.values())]
    own = sum(position.isolated_usd for account in accounts for position in account.positions.values())
    paid_in = sum(part.deposits for part in parts)
    assert sum(part.raw_usd for part in parts) + own + venue.fees == paid_in, "money was made or lost"
    for coin in COINS:
        assert sum(account.position_size(coin) for account in accounts) == 0, "size was made or lost"
    for user, account in venue.accounts.items():
        if user != LIQUIDATOR:
            is_solvent(venue, account)


def is_solvent(venue, account):
    """Nobody is below maintenance margin who is not being liquidated; nobody without positions owes."""
    for cash, market in venue.clearings(account):
        mine = {coin: position for coin, position in account.positions.items() if coin in market}
        whole = [cross(cash, market)[i] for i in (0, 3)]
        cases = [isolated(position, market[coin]) for coin, position in mine.items() if not position.leverage.is_cross]
        if any(position.leverage.is_cross for position in mine.values()):
            cases.append(whole)
        elif not mine:
            assert cash.raw_usd >= 0, "an account owes"
        below = any(value < maintenance for value, maintenance in cases)
        assert not below or account.user in venue.margin_watch.below, "below maintenance margin and left alone"


PROGRAMS = st.lists(STEPS, min_size=5, max_size=40)


@settings(max_examples=60, deadline=None)
@given(PROGRAMS)
def test_money_is_conserved_and_nobody_below_maintenance_is_left_alone(program):
    Floor().run(program, keeps_the_laws)


@settings(max_examples=25, deadline=None)
@given(PROGRAMS)
def test_the_same_calls_give_the_same_bytes_with_liquidations_and_funding(program):
    assert Floor().run(program).everything() == Floor().run(program).everything()
