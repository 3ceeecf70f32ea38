"""Faults that change the exchange itself: what accounts and books look like afterwards, and when they happen."""

from typing import Any

import pytest
from floor import ALO, GTC, IOC, MARKET, START_MS, D, Tape, Trader, order, quiet_floor, trigger

from tidegate.localnet.exchange import Exchange
from tidegate.localnet.faults.course import Answered, Course
from tidegate.localnet.faults.desk import Faults
from tidegate.localnet.faults.rules import read_rule
from tidegate.localnet.faults.stage import Stage
from tidegate.localnet.kernel import agents
from tidegate.localnet.kernel.book import Quote
from tidegate.localnet.markets.market import play


class Silence:
    """A market that shows one book a second and prints a trade at its bid."""

    says = "one book a second"
    coins = ("BTC",)
    start_ms = START_MS

    def __init__(self) -> None:
        self._next_ms = START_MS + 1_000

    def prepare(self, exchange: Exchange) -> None:
        """Nothing to prepare."""

    def next_ms(self) -> int:
        """Every second."""
        return self._next_ms

    def step(self, exchange: Exchange) -> None:
        """Quote, publish, trade."""
        self._next_ms += 1_000
        bids: list[Quote] = [(D(80_000 - step), D(10), 1) for step in range(1, 6)]
        asks: list[Quote] = [(D(80_000 + step), D(10), 1) for step in range(1, 6)]
        exchange.quote("BTC", bids, asks)
        exchange.set_oracle("BTC", D(80_000))
        exchange.trade("BTC", "A", D(79_999), D("0.001"))


class Floor:
    """An exchange with a market on a stage, faults and a trader whose requests pass them."""

    def __init__(self) -> None:
        self.exchange = quiet_floor()
        self.faults = Faults(self.exchange)
        self.market = Stage(Silence(), self.exchange, self.faults)
        self.trader = Trader(self.exchange, 7)
        self.tape = Tape()
        self.exchange.feed.append(self.tape)
        self.trader.post = self.post  # type: ignore[method-assign]
        self._post = Trader.post

    def fault(self, do: str, **rule: Any) -> int:
        return self.faults.add(read_rule({"do": do, **rule}, self.faults.coins))

    def pass_time(self, ms: int) -> None:
        play(self.exchange, self.market, self.exchange.now_ms + ms)

    def post(self, action: dict[str, Any], **envelope: Any) -> Any:
        """As a door: the course is asked for first, acts have their turn afterwards."""
        asked = self.faults.asked("process", {"action": action}, is_action=True)
        course = self.faults.course(asked) or Course()
        asked.user = self.trader.user  # the envelope is signed only below
        if course.prepare is not None:
            course.prepare(asked)
        body = self._post(self.trader, action, **envelope) if course.carried_out else None
        self.faults.answered(asked)
        return course.change(asked, Answered(200, body)).body

    def ask(self, kind: str, **fields: Any) -> Any:
        """An /info answer that has passed the faults."""
        asked = self.faults.asked("process", {"type": kind, "user": self.trader.user, **fields}, is_action=False)
        course = self.faults.course(asked) or Course()
        return course.change(asked, Answered(200, self.exchange.info(asked.body).body)).body


@pytest.fixture
def floor() -> Floor:
    return Floor()


def long_with_exits(floor: Floor) -> None:
    """A position of 0.1 BTC with a stop and a take-profit on it."""
    trader = floor.trader
    trader.order("B", "80100", "0.1", IOC)
    trader.orders(
        [
            order("A", "70000", "0.1", trigger("sl", "79000"), reduce_only=True),
            order("A", "85000", "0.1", trigger("tp", "85000"), reduce_only=True),
        ],
        "positionTpsl",
    )
    assert len(trader.ask("openOrders")) == 2


def test_an_order_that_takes_finds_a_share_of_its_size(floor: Floor) -> None:
    floor.fault("fill.partial .37", match={"action": "order"})
    assert floor.trader.order("B", "80100", "1", IOC)["filled"]["totalSz"] == "0.37"
    assert floor.trader.position() == D("0.37")
    floor.pass_time(1_000)
    assert floor.trader.order("B", "80100", "1", IOC)["filled"]["totalSz"] == "1.0"


def test_an_order_that_takes_finds_nothing(floor: Floor) -> None:
    floor.fault("ioc.nomatch", match={"action": "order"}, times=2)
    assert floor.trader.order("B", "80100", "1", IOC) == {
        "error": "Order could not immediately match against any resting orders. asset=0"
    }
    assert floor.trader.order("B", "80100", "1", MARKET) == {
        "error": "No liquidity available for market order. asset=0"
    }


def test_a_partly_filled_parent_takes_its_children_with_it(floor: Floor) -> None:
    floor.fault("fill.partial 0.5", match={"action": "order"})
    floor.trader.orders(
        [order("B", "80100", "0.1", IOC), order("A", "70000", "0.1", trigger("sl", "79000"), reduce_only=True)],
        "normalTpsl",
    )
    assert floor.trader.position() == D("0.05")
    assert floor.trader.ask("openOrders") == []


def test_the_stops_of_an_action_are_refused_and_the_rest_of_it_is_carried_out(floor: Floor) -> None:
    floor.fault("refuse.stop", match={"action": "order"})
    stop, target = (
        order("A", limit, "0.1", trigger(kind, px), reduce_only=True)
        for kind, limit, px in (("sl", "70000", "79000"), ("tp", "81000", "82000"))
    )
    statuses = floor.trader.orders([order("B", "80100", "0.1", IOC), stop, target], "normalTpsl")
    assert statuses[0]["filled"]["totalSz"] == "0.1"
    assert statuses[1:] == [{"error": "Price must be divisible by tick size. asset=0"}, "waitingForTrigger"]
    assert floor.trader.position() == D("0.1")
    assert "resting" in floor.trader.orders([stop], "na")[0], "once"


def test_a_resting_order_is_filled_in_many_small_pieces(floor: Floor) -> None:
    floor.trader.order("B", "79995", "0.1", GTC)
    floor.fault("fill.drip BTC count=10 seconds=5")
    floor.pass_time(6_000)
    sizes = [D(fill["sz"]) for fill in floor.trader.ask("userFills")]
    assert sizes == [D("0.01")] * 10
    assert floor.faults.idle


def test_stop_and_exit_meet_in_one_block_and_nothing_is_left(floor: Floor) -> None:
    long_with_exits(floor)
    floor.fault("same_block", match={"action": "order"})
    status = floor.trader.order("A", "79000", "0.1", IOC, reduce_only=True)
    assert status == {"error": "Reduce only order would increase position. asset=0"}
    assert floor.trader.position() == 0


def test_one_print_far_from_the_mark(floor: Floor) -> None:
    before = floor.exchange.l2("BTC")["levels"]
    floor.fault("trade.outlier BTC -0.05")
    assert floor.tape.trades[-1]["px"] == "76000.0"
    assert floor.exchange.l2("BTC")["levels"] == before
    assert floor.exchange.asset_ctx("BTC")["markPx"] == "80000.0"


def test_the_oracle_goes_its_own_way_for_a_while(floor: Floor) -> None:
    floor.fault("mark.diverge BTC 0.02", for_s=10)
    floor.pass_time(5_000)
    assert floor.exchange.asset_ctx("BTC")["oraclePx"] == "81600.0"
    floor.pass_time(10_000)
    assert floor.exchange.asset_ctx("BTC")["oraclePx"] == "80000.0"
    assert floor.faults.idle


@pytest.mark.parametrize(
    ("do", "sizes"),
    [("book.thin BTC 0.1", [5, 5]), ("book.thin", [5, 5]), ("book.thin BTC 0", [0, 0]), ("book.one_sided", [0, 5])],
)
def test_the_house_shows_less(floor: Floor, do: str, sizes: list[int]) -> None:
    floor.fault(do, for_s=10)
    floor.pass_time(1_000)
    assert [len(side) for side in floor.exchange.l2("BTC")["levels"]] == sizes
    floor.pass_time(10_000)
    assert [len(side) for side in floor.exchange.l2("BTC")["levels"]] == [5, 5]


def test_nobody_trades_for_a_while(floor: Floor) -> None:
    floor.pass_time(1_000)
    prints = len(floor.tape.trades)
    assert prints
    floor.fault("market.silent BTC", for_s=10)
    floor.pass_time(9_000)
    assert len(floor.tape.trades) == prints


@pytest.mark.parametrize(("how", "left"), [("close", "0"), ("halve", "0.05"), ("enlarge", "0.2"), ("flip", "-0.1")])
def test_the_owner_trades_by_hand(floor: Floor, how: str, left: str) -> None:
    floor.trader.order("B", "80100", "0.1", IOC)
    floor.fault(f"user.trade {how}")
    assert floor.trader.position() == D(left)
    assert "cloid" not in floor.trader.ask("userFills")[0]


def test_the_owner_places_and_cancels_by_hand(floor: Floor) -> None:
    long_with_exits(floor)
    floor.fault(f"user.order BTC buy 0.01 user={floor.trader.user}")
    floor.fault("user.cancel stops")
    kinds = [row["orderType"] for row in floor.trader.ask("frontendOpenOrders")]
    assert sorted(kinds) == ["Limit", "Take Profit Market"]
    assert floor.tape.statuses(floor.trader.user)[-1][1] == "canceled"


def test_the_exchange_takes_a_stop_away(floor: Floor) -> None:
    long_with_exits(floor)
    floor.fault("kill_stop scheduledCancel")
    assert floor.tape.statuses(floor.trader.user)[-1][1] == "scheduledCancel"
    assert floor.tape.events[-1][1].keys() == {"nonUserCancel"}
    assert len(floor.trader.ask("openOrders")) == 1


def test_leverage_is_changed_elsewhere(floor: Floor) -> None:
    floor.trader.order("B", "80100", "0.1", IOC)
    floor.fault("user.leverage BTC 3")
    position = floor.trader.ask("clearinghouseState")["assetPositions"][0]["position"]
    assert position["leverage"] == {"type": "cross", "value": 3}


def test_only_post_only_orders_are_taken_for_a_while(floor: Floor) -> None:
    floor.fault("postonly 10")
    error = "Only post-only orders allowed immediately after a network upgrade"
    assert floor.trader.order("B", "80100", "0.1", IOC)["error"].startswith(error)
    assert "resting" in floor.trader.order("B", "79000", "0.1", ALO)
    floor.pass_time(11_000)
    assert "filled" in floor.trader.order("B", "80100", "0.1", IOC)


def test_a_coin_is_halted_and_resumes(floor: Floor) -> None:
    floor.fault("halt BTC", for_s=5)
    assert "error" in floor.trader.order("B", "80100", "0.1", IOC)
    floor.pass_time(6_000)
    assert "filled" in floor.trader.order("B", "80100", "0.1", IOC)


def test_a_coin_is_delisted(floor: Floor) -> None:
    long_with_exits(floor)
    floor.fault("delist BTC")
    assert floor.trader.position() == 0
    assert floor.trader.ask("openOrders") == []


def test_an_agent_is_revoked(floor: Floor) -> None:
    floor.exchange.perform(
        lambda venue: agents.approve(venue, venue.accounts[floor.trader.user], "0x" + "ab" * 20, "a")
    )
    assert floor.trader.ask("extraAgents")
    floor.fault("agent.revoke")
    assert floor.trader.ask("extraAgents") == []


def test_an_account_is_liquidated_at_the_market(floor: Floor) -> None:
    long_with_exits(floor)
    floor.fault("liquidate")
    assert floor.trader.position() == 0
    assert floor.trader.ask("userFills")[0]["liquidation"]["method"] == "market"
    assert floor.trader.ask("openOrders") == []


def test_the_backstop_takes_a_position(floor: Floor) -> None:
    floor.trader.order("B", "80100", "0.1", IOC)
    floor.fault("book.thin share=0", for_s=10)
    floor.pass_time(1_000)
    floor.fault("liquidate 0.3")
    assert floor.trader.position() == 0
    assert floor.trader.ask("userFills")[0]["liquidation"]["method"] == "backstop"


def test_an_isolated_position_is_liquidated(floor: Floor) -> None:
    floor.trader.post({"type": "updateLeverage", "asset": 0, "isCross": False, "leverage": 10})
    floor.trader.order("B", "80100", "0.1", IOC)
    floor.fault("liquidate")
    assert floor.trader.position() == 0


def test_money_comes_and_goes(floor: Floor) -> None:
    floor.fault("ledger 500")
    assert floor.trader.ask("clearinghouseState")["withdrawable"] == "100500.0"
    floor.fault("ledger -200")
    assert floor.trader.ask("clearinghouseState")["withdrawable"] == "100300.0"
    kinds = [row["delta"]["type"] for row in floor.trader.ask("userNonFundingLedgerUpdates", startTime=0)]
    assert sorted(kinds) == ["deposit", "deposit", "withdraw"]


def test_funding_is_paid_at_once(floor: Floor) -> None:
    floor.trader.order("B", "80100", "0.1", IOC)
    floor.fault("funding BTC 0.04")
    (row,) = floor.trader.ask("userFunding", startTime=0)
    assert row["delta"]["usdc"] == "-320.0"


def test_an_account_turns_unified(floor: Floor) -> None:
    floor.fault("account.unified")
    assert floor.trader.ask("userAbstraction") == "unifiedAccount"
    assert floor.trader.ask("spotClearinghouseState")["balances"][0]["total"] == "100000.0"


def test_an_act_waits_for_its_moment(floor: Floor) -> None:
    floor.trader.order("B", "80100", "0.1", IOC)
    floor.fault("user.trade close", at_s=5)
    floor.pass_time(4_000)
    assert floor.trader.position() == D("0.1")
    floor.pass_time(2_000)
    assert floor.trader.position() == 0
    assert floor.faults.idle


def test_an_act_waits_for_an_action(floor: Floor) -> None:
    floor.fault("user.trade close", match={"action": "order"}, after=1)
    floor.trader.order("B", "80100", "0.1", IOC)
    assert floor.trader.position() == D("0.1")
    floor.trader.order("B", "80100", "0.1", IOC)
    assert floor.trader.position() == 0


def test_a_rule_that_is_taken_back_undoes_what_it_did(floor: Floor) -> None:
    number = floor.fault("halt BTC", for_s=1_000)
    assert floor.faults.remove(number) == 1
    assert floor.faults.remove(number) == 0
    assert "filled" in floor.trader.order("B", "80100", "0.1", IOC)


def test_the_same_state_is_told_for_a_while(floor: Floor) -> None:
    floor.fault("state.stale", for_s=20)
    empty = floor.ask("clearinghouseState")
    floor.trader.order("B", "80100", "0.1", IOC)
    assert floor.ask("clearinghouseState") == empty
    floor.pass_time(21_000)
    assert floor.ask("clearinghouseState")["assetPositions"]


def test_an_account_looks_empty(floor: Floor) -> None:
    floor.trader.order("B", "80100", "0.1", IOC)
    floor.fault("state.empty")
    told = floor.ask("clearinghouseState")
    assert told["assetPositions"] == []
    assert told["marginSummary"]["accountValue"] == "0.0"
    assert told.keys() == floor.ask("clearinghouseState").keys()


def test_metadata_change_and_shift(floor: Floor) -> None:
    floor.fault("meta.changed BTC sz_decimals=3 max_leverage=5")
    floor.fault("meta.shift 0")
    row = floor.ask("meta")["universe"][0]
    assert (row["name"], row["szDecimals"], row["maxLeverage"]) == ("BTC", 3, 5)
    names = [row["name"] for row in floor.ask("meta")["universe"]]
    assert names[:2] == ["NEWCOIN", "BTC"]
    assert floor.ask("meta")["universe"][0]["szDecimals"] == 5
