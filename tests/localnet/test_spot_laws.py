"""Laws of spot: whatever is traded, sent or switched, no token is made or lost, and nobody spends what he lacks."""

from decimal import Decimal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.localnet.floor import ALO, GTC, IOC, MARKET, START_MS, Trader, quotes
from tests.localnet.test_transfers import USDC, send
from tidegate.localnet.exchange import Exchange
from tidegate.localnet.kernel import spot
from tidegate.localnet.kernel.universe import default_universe

D = Decimal
HYPE, BTC = 10_107, 0
GIVEN_USDC, GIVEN_HYPE = D(3 * 1500), D(3 * 20)
KINDS = st.sampled_from([ALO, GTC, IOC, MARKET])
SIDES = st.sampled_from("BA")
WHO = st.integers(0, 2)
PLACES = st.sampled_from(["", "spot", "xyz"])


class Bazaar(RuleBasedStateMachine):
    """Three accounts with spot and perp money, and a house in two markets."""

    @initialize()
    def open(self):
        self.exchange = Exchange(default_universe(), start_ms=START_MS)
        self.mid = 4000  # cents
        self.show()
        self.traders = [Trader(self.exchange, number, usdc="1000") for number in (1, 2, 3)]
        for trader in self.traders:
            self.exchange.fund_spot(trader.user, "USDC", D(500))
            self.exchange.fund_spot(trader.user, "HYPE", D(20))

    def show(self):
        self.exchange.advance(self.exchange.now_ms + 3_000)
        levels = [[(str(D(self.mid + side * step) / 100), "7.5") for step in range(1, 6)] for side in (-1, 1)]
        self.exchange.quote("@107", quotes(*levels[0]), quotes(*levels[1]))
        self.exchange.quote("BTC", quotes(("83999", "1")), quotes(("84001", "1")))

    @rule(who=WHO, side=SIDES, offset=st.integers(-9, 9), lots=st.integers(1, 4000), kind=KINDS)
    def place(self, who, side, offset, lots, kind):
        self.traders[who].order(side, str(D(self.mid + offset) / 100), str(D(lots) / 100), kind, asset=HYPE)

    @rule(who=WHO, side=SIDES, lots=st.integers(1, 500))
    def trade_perp(self, who, side, lots):
        self.traders[who].order(side, "84001" if side == "B" else "83999", str(D(lots) / 10_000), IOC, asset=BTC)

    @rule(who=WHO, pick=st.integers(0, 9))
    def cancel(self, who, pick):
        live = self.traders[who].ask("openOrders")
        if live:
            assert self.traders[who].cancel(live[pick % len(live)]["oid"], HYPE) == "success"

    @rule(who=WHO, cents=st.integers(1, 90_000), to_perp=st.booleans())
    def move_class(self, who, cents, to_perp):
        send(self.traders[who], "usdClassTransfer", amount=str(D(cents) / 100), toPerp=to_perp)

    @rule(who=WHO, whom=WHO, cents=st.integers(1, 90_000), source=PLACES, sink=PLACES)
    def move_asset(self, who, whom, cents, source, sink):
        fields = {"sourceDex": source, "destinationDex": sink, "token": USDC, "fromSubAccount": ""}
        destination = self.traders[whom].user
        send(self.traders[who], "sendAsset", destination=destination, amount=str(D(cents) / 100), **fields)

    @rule(who=WHO, letter=st.sampled_from("iu"))
    def switch(self, who, letter):
        self.traders[who].post({"type": "agentSetAbstraction", "abstraction": letter})

    @rule(cents=st.integers(-6, 6), side=SIDES, lots=st.integers(1, 900))
    def market_moves(self, cents, side, lots):
        self.mid += cents
        self.show()
        far = self.mid + (6 if side == "B" else -6)
        self.exchange.trade("@107", side, D(far) / 100, D(lots) / 100)

    @invariant()
    def no_token_is_made_or_lost(self):
        venue = self.exchange._venue
        accounts = (*venue.accounts.values(), venue.house)
        hype = sum(account.balance_of(150) for account in accounts)
        assert hype + venue.spot_fees.get(150, 0) == GIVEN_HYPE
        usdc = venue.fees + venue.spot_fees.get(0, 0)
        for account in accounts:
            usdc += sum(part.raw_usd for part in (account, *account.dexs.values()))
            usdc += D(0) if account.is_unified else account.balance_of(0)
        assert usdc == GIVEN_USDC

    @invariant()
    def nobody_spends_or_promises_what_he_lacks(self):
        for account in self.exchange._venue.accounts.values():
            assert spot.free(account, 150, self.exchange._venue.market) >= 0
            if not account.is_unified:
                assert spot.free(account, 0, self.exchange._venue.market) >= 0

    @invariant()
    def what_is_shown_adds_up(self):
        for trader in self.traders:
            held = D(0)
            for row in trader.ask("openOrders"):
                held += D(row["sz"]) if row["side"] == "A" else 0
            row = next(row for row in trader.ask("spotClearinghouseState")["balances"] if row["coin"] == "HYPE")
            assert D(row["hold"]) == held
            assert D(row["total"]) >= held


Bazaar.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestSpotLaws = Bazaar.TestCase
