"""Laws of orders and money: price-time priority, conservation to the last digit, the same bytes for the same calls."""

import json
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.localnet.floor import (
    ALO,
    GTC,
    IOC,
    MARKET,
    START_MS,
    Tape,
    Trader,
    order,
    quiet_floor,
    quote_around,
    quotes,
    trigger,
)

D = Decimal
MID = 80_000
KINDS = st.sampled_from([ALO, GTC, IOC, MARKET])
SIDES = st.sampled_from("BA")
OFFSETS = st.integers(-12, 12)
LOTS = st.integers(1, 400)  # thousandths of a bitcoin
WHO = st.integers(0, 2)

PLACE = st.tuples(st.just("place"), WHO, SIDES, OFFSETS, LOTS, KINDS, st.just(False))
MARKET_MOVES = st.tuples(st.just("market"), st.integers(-40, 40), st.integers(0, 500))
OPERATORS = st.sampled_from([("cap", None), ("cap", D(1)), ("upgrade", 1_500), ("cap", None)])
STEPS = st.one_of(
    PLACE,
    PLACE,
    MARKET_MOVES,
    MARKET_MOVES,
    st.tuples(st.just("place"), WHO, SIDES, OFFSETS, LOTS, KINDS, st.just(True)),
    st.tuples(st.just("bracket"), WHO, SIDES, LOTS, st.integers(1, 30), st.integers(1, 30), KINDS),
    st.tuples(st.just("exits"), WHO, st.integers(1, 30), st.integers(1, 30)),
    st.tuples(st.just("entry"), WHO, SIDES, st.integers(1, 30), LOTS, st.booleans()),
    st.tuples(st.just("modify"), WHO, st.integers(0, 9), OFFSETS, LOTS, KINDS, st.booleans()),
    st.tuples(st.just("cancel"), WHO, st.integers(0, 9)),
    st.tuples(st.just("leverage"), WHO, st.integers(1, 40), st.booleans()),
    OPERATORS,
)
ENDINGS = st.sampled_from([[], [("delist",), ("place", 0, "B", 0, 1, GTC, False)]])
PROGRAMS = st.tuples(st.lists(STEPS, min_size=10, max_size=50), ENDINGS).map(lambda parts: [*parts[0], *parts[1]])


class Floor:
    """Three traders, a house and the steps of a program."""

    def __init__(self) -> None:
        self.exchange = quiet_floor(sz="0.2")
        self.mid = MID
        self.tape = Tape()
        self.exchange.feed.append(self.tape)
        self.answers = []
        funds = ((1, "900"), (2, "4000"), (3, "99999"))
        self.traders = [Trader(self.exchange, number, usdc=usdc) for number, usdc in funds]

    def run(self, program):
        for name, *fields in program:
            getattr(self, name)(*fields)
        return self

    def post(self, who, action):
        self.answers.append(self.traders[who].post(action))

    def orders(self, who, wishes, grouping="na"):
        self.post(who, {"type": "order", "orders": wishes, "grouping": grouping})

    def place(self, who, side, offset, lots, kind, reduce_only):
        self.orders(who, [order(side, str(self.mid + offset), str(D(lots) / 1000), kind, reduce_only=reduce_only)])

    def bracket(self, who, side, lots, stop, profit, kind):
        sz = str(D(lots) / 1000)
        self.orders(who, [order(side, str(self.mid), sz, kind), *self._exits(side, sz, stop, profit)], "normalTpsl")

    def exits(self, who, stop, profit):
        side = "B" if self.traders[who].position() > 0 else "A"
        self.orders(who, self._exits(side, "0", stop, profit), "positionTpsl")

    def entry(self, who, side, away, lots, is_market):
        px = str(self.mid + (away if side == "B" else -away))
        self.orders(who, [order(side, px, str(D(lots) / 1000), trigger("sl", px, is_market=is_market))])

    def modify(self, who, pick, offset, lots, kind, always):
        live = self.traders[who].ask("openOrders")
        if live:
            old = live[pick % len(live)]
            new = order(old["side"], str(self.mid + offset), str(D(lots) / 1000), kind)
            action = {"type": "batchModify", "modifies": [{"oid": old["oid"], "order": new}]}
            self.post(who, {**action, "a": True} if always else action)

    def cancel(self, who, pick):
        live = self.traders[who].ask("openOrders")
        if live:
            self.answers.append(self.traders[who].cancel(live[pick % len(live)]["oid"]))

    def leverage(self, who, value, is_cross):
        self.post(who, {"type": "updateLeverage", "asset": 0, "isCross": is_cross, "leverage": value})

    def market(self, move, lots):
        self.exchange.advance(self.exchange.now_ms + 1_500)
        self.mid += move
        quote_around(self.exchange, self.mid, "0.2")
        if lots:
            self.exchange.trade("BTC", "B" if move > 0 else "A", D(self.mid + (5 if move > 0 else -5)), D(lots) / 1000)
        self.exchange.set_oracle("BTC", D(self.mid))

    def cap(self, usd):
        self.exchange.operators.cap_open_interest("BTC", usd)

    def upgrade(self, post_only_ms):
        self.exchange.operators.upgrade(post_only_ms)

    def delist(self):
        self.exchange.operators.delist("BTC")

    def _exits(self, side, sz, stop, profit):
        out, sign = ("A", -1) if side == "B" else ("B", 1)
        kinds = (("sl", self.mid + sign * stop), ("tp", self.mid - sign * profit))
        return [order(out, str(px), sz, trigger(kind, str(px)), reduce_only=True) for kind, px in kinds]

    def everything(self):
        """All that was answered and told, and all that can be asked."""
        kinds = ("clearinghouseState", "historicalOrders", "frontendOpenOrders", "userFills", "userFees")
        asked = [trader.ask(kind) for trader in self.traders for kind in kinds]
        book = self.exchange.l2("BTC")
        return json.dumps([self.answers, vars(self.tape), asked, book, self.exchange.recent_trades("BTC")])


@settings(max_examples=40, deadline=None)
@given(PROGRAMS)
def test_the_same_calls_give_the_same_bytes(program):
    assert Floor().run(program).everything() == Floor().run(program).everything()


@settings(max_examples=60, deadline=None)
@given(PROGRAMS)
def test_money_positions_and_fees_are_conserved_across_all_accounts(program):
    venue = Floor().run(program).exchange._venue
    accounts = [*venue.accounts.values(), venue.house]
    assert sum(account.position_size("BTC") for account in accounts) == 0
    cash = sum(account.raw_usd + sum(each.isolated_usd for each in account.positions.values()) for account in accounts)
    assert cash + venue.fees == sum(account.deposits for account in accounts)


@settings(max_examples=60, deadline=None)
@given(PROGRAMS)
def test_an_accounts_cash_is_what_its_fills_say(program):
    """Deposits, plus what was realised, minus the fees, minus the cost of what is open: to the last digit."""
    floor = Floor().run(program)
    for trader in floor.traders:
        account = floor.exchange._venue.accounts[trader.user]
        fills = [row for user, row in floor.tape.fills if user == trader.user]
        realised = sum(D(row["closedPnl"]) - D(row["fee"]) for row in fills)
        cash = account.raw_usd + sum(each.isolated_usd for each in account.positions.values())
        cost = sum(each.cost for each in account.positions.values())
        assert cash == account.deposits + realised - cost


@settings(max_examples=60, deadline=None)
@given(PROGRAMS)
def test_a_reduce_only_fill_never_flips_and_never_opens(program):
    floor = Floor().run(program)
    for trader in floor.traders:
        shown = {row["order"]["oid"]: row["order"] for row in trader.ask("historicalOrders")}
        for row in (row for user, row in floor.tape.fills if user == trader.user):
            if row["oid"] in shown and shown[row["oid"]]["reduceOnly"]:
                start, signed = D(row["startPosition"]), D(row["sz"]) if row["side"] == "B" else -D(row["sz"])
                assert start * signed < 0
                assert abs(signed) <= abs(start)


@settings(max_examples=60, deadline=None)
@given(PROGRAMS)
def test_an_order_has_one_end_and_its_told_sizes_never_grow(program):
    floor = Floor().run(program)
    ended, left = set(), {}
    for _, row in floor.tape.updates:
        oid, sz = row["order"]["oid"], D(row["order"]["sz"])
        assert oid not in ended, "an order spoke after its end"
        if row["status"] not in ("open", "triggered"):
            ended.add(oid)
        if row["order"]["origSz"] != "0.0":
            assert sz <= left.get(oid, D(row["order"]["origSz"]))
            left[oid] = sz


RESTING = st.lists(st.tuples(st.integers(0, 3), st.integers(1, 6), st.integers(1, 50)), min_size=1, max_size=12)


@settings(max_examples=80, deadline=None)
@given(RESTING, st.integers(1, 400), st.integers(1, 6))
def test_a_better_price_trades_first_and_at_one_price_whoever_was_first(resting, lots, reach):
    """Against a model of one line: sort by price, keep the order of arrival."""
    exchange = quiet_floor()
    exchange.quote("BTC", [], quotes(("80100", "1")))
    makers = [Trader(exchange, number) for number in range(1, 5)]
    queue = []
    for who, offset, sz in resting:
        status = makers[who].order("B", str(79_900 - offset), str(D(sz) / 1000), ALO)
        queue.append([79_900 - offset, D(sz) / 1000, status["resting"]["oid"]])
    tape = Tape()
    exchange.feed.append(tape)
    exchange.trade("BTC", "A", D(79_900 - reach), D(lots) / 1000)
    expected, left = [], D(lots) / 1000
    for px, sz, oid in sorted(queue, key=lambda each: -each[0]):
        taken = min(left, sz)
        if taken and px >= 79_900 - reach:
            expected.append((oid, D(px), taken))
            left -= taken
    filled = sorted((row for _, row in tape.fills), key=lambda row: tids(tape).index(row["tid"]))
    assert [(row["oid"], D(row["px"]), D(row["sz"])) for row in filled] == expected
    assert exchange.now_ms == START_MS


def tids(tape):
    return [row["tid"] for row in tape.trades]
