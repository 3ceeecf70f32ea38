"""Laws of the whole kernel: whatever market and clients do, money and size are neither made nor lost."""

from decimal import Decimal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.localnet.floor import (
    ALO,
    GTC,
    IOC,
    MARKET,
    Tape,
    Trader,
    order,
    quiet_floor,
    quote_around,
    trigger,
)

D = Decimal

KINDS = st.sampled_from([ALO, GTC, IOC, MARKET])
SIDES = st.sampled_from("BA")
OFFSETS = st.integers(-12, 12)
LOTS = st.integers(1, 400)
WHO = st.integers(0, 2)


class Floor(RuleBasedStateMachine):
    """Three traders and the house in one coin."""

    @initialize()
    def open(self):
        self.exchange = quiet_floor(sz="0.2")
        self.mid = 80_000
        self.tape = Tape()
        self.exchange.feed.append(self.tape)
        self.traders = [
            Trader(self.exchange, number, usdc=usdc) for number, usdc in ((1, "90"), (2, "3000"), (3, "9999"))
        ]

    @rule(who=WHO, side=SIDES, offset=OFFSETS, lots=LOTS, kind=KINDS, reduce_only=st.booleans())
    def place(self, who, side, offset, lots, kind, reduce_only):
        trader = self.traders[who]
        before = trader.position()
        trader.order(side, str(self.mid + offset), str(D(lots) / 1000), kind, reduce_only=reduce_only)
        if reduce_only:
            after = trader.position()
            assert abs(after) <= abs(before)
            assert not after or (after > 0) == (before > 0), "reduce-only flipped a position"

    @rule(who=WHO, side=SIDES, lots=LOTS, stop=st.integers(1, 30), profit=st.integers(1, 30), kind=KINDS)
    def bracket(self, who, side, lots, stop, profit, kind):
        out, sign = ("A", -1) if side == "B" else ("B", 1)
        sz = str(D(lots) / 1000)
        exits = [
            order(
                out,
                str(self.mid + sign * stop),
                sz,
                trigger("sl", str(self.mid + sign * stop)),
                reduce_only=True,
            ),
            order(
                out,
                str(self.mid - sign * profit),
                sz,
                trigger("tp", str(self.mid - sign * profit)),
                reduce_only=True,
            ),
        ]
        self.traders[who].orders([order(side, str(self.mid), sz, kind), *exits], "normalTpsl")

    @rule(who=WHO, value=st.integers(1, 40), is_cross=st.booleans())
    def set_leverage(self, who, value, is_cross):
        self.traders[who].post({"type": "updateLeverage", "asset": 0, "isCross": is_cross, "leverage": value})

    @rule(who=WHO, ntli=st.integers(-50, 50))
    def move_isolated(self, who, ntli):
        action = {"type": "updateIsolatedMargin", "asset": 0, "isBuy": True, "ntli": ntli * 1_000_000}
        self.traders[who].post(action)

    @rule(who=WHO, pick=st.integers(0, 10))
    def cancel_one(self, who, pick):
        trader = self.traders[who]
        live = trader.ask("openOrders")
        if live:
            assert trader.cancel(live[pick % len(live)]["oid"]) == "success"

    @rule(move=st.integers(-20, 20), lots=st.integers(0, 500))
    def market_moves(self, move, lots):
        self.exchange.advance(self.exchange.now_ms + 1_500)
        self.mid += move
        quote_around(self.exchange, self.mid, "0.2")
        if lots:
            self.exchange.trade("BTC", "B" if move > 0 else "A", D(self.mid + (5 if move > 0 else -5)), D(lots) / 1000)
        self.exchange.set_oracle("BTC", D(self.mid))

    @invariant()
    def money_and_size_are_conserved(self):
        venue = self.exchange._venue
        accounts = [*venue.accounts.values(), venue.house]
        assert sum(account.position_size("BTC") for account in accounts) == 0
        cash = sum(
            account.raw_usd + sum(each.isolated_usd for each in account.positions.values()) for account in accounts
        )
        assert cash + venue.fees == sum(account.deposits for account in accounts)

    @invariant()
    def the_book_is_never_crossed_and_holds_exactly_the_resting_orders(self):
        book = self.exchange._venue.books["BTC"]
        bid, ask = book.touch()
        assert bid is None or ask is None or bid < ask
        resting = {
            entry.oid: entry.sz
            for side in (book.bids, book.asks)
            for level in side.best_first()
            for entry in level.queue
            if hasattr(entry, "oid")
        }
        shown = {
            row["oid"]: D(row["sz"])
            for trader in self.traders
            for row in trader.ask("frontendOpenOrders")
            if not row["isTrigger"]
        }
        assert resting == shown
        assert all(resting.values()), "an empty order rests"

    @invariant()
    def reduce_only_orders_fit_the_position(self):
        for trader in self.traders:
            position = trader.position()
            waiting = {child["oid"] for row in trader.ask("frontendOpenOrders") for child in row["children"]}
            for row in trader.ask("frontendOpenOrders"):
                if row["reduceOnly"] and row["oid"] not in waiting:
                    assert D(row["sz"]) <= abs(position)
                    assert (row["side"] == "A") == (position > 0)

    @invariant()
    def every_print_belongs_to_fills_and_fills_add_up_to_positions(self):
        for trader in self.traders:
            fills = [row for user, row in self.tape.fills if user == trader.user]
            signed = sum((D(row["sz"]) if row["side"] == "B" else -D(row["sz"]) for row in fills), D(0))
            assert signed == trader.position()
        tids = [row["tid"] for row in self.tape.trades]
        assert len(tids) == len(set(tids))
        assert {row["tid"] for _, row in self.tape.fills} <= set(tids)

    @invariant()
    def every_order_ends_once(self):
        ended = [row["order"]["oid"] for _, row in self.tape.updates if row["status"] not in ("open", "triggered")]
        assert len(ended) == len(set(ended))


Floor.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestWhateverMarketAndClientsDo = Floor.TestCase
