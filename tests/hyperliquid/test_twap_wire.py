"""TWAP orders as the exchange reads and writes them, by the protocol page's own examples."""

from decimal import Decimal
from typing import Any

import pytest

from tidegate.hyperliquid import replies, twaps
from tidegate.hyperliquid.wire import action_of
from tidegate.model.events import Faulted, OrderInDoubt, OrderRejected, TwapStarted, TwapStopped
from tidegate.model.instruments import Instrument
from tidegate.model.intents import CancelTwap, PlaceOrders, ResendOrders
from tidegate.model.orders import OrderRequest, Role, Twap
from tidegate.model.positions import Side

D = Decimal
INSTRUMENTS = {"BTC": Instrument(coin="BTC", asset=3, size_decimals=5, leverage_max=40)}
CLOID = "0x" + "ab" * 16
ORDER = OrderRequest(
    coin="BTC",
    asset=3,
    cloid=CLOID,
    side=Side.BUY,
    size=D("0.00192"),
    kind=Twap(worst_price=D(60_000), minutes=5),
    role=Role.ENTRY,
)
PLACE = PlaceOrders(coin="BTC", orders=(ORDER,), expires_ms=15_000, signal_id="s", reason="r")
CANCEL = CancelTwap(coin="BTC", asset=3, twap_id=15503, cloid=CLOID, expires_ms=15_000, reason="r")
RESEND = ResendOrders(cloid=CLOID, cloids=(CLOID,))
FILL: dict[str, Any] = {
    "coin": "BTC",
    "px": "80942.0",
    "sz": "0.00023",
    "side": "B",
    "time": 1778656572106,
    "startPosition": "0.0",
    "dir": "Open Long",
    "closedPnl": "0.0",
    "hash": "0x" + "00" * 32,
    "oid": 52998490771,
    "crossed": True,
    "fee": "0.008",
    "tid": 42195709352155,
    "feeToken": "USDC",
    "twapId": None,
}
STATE: dict[str, Any] = {
    "coin": "BTC",
    "user": "0x1",
    "side": "B",
    "sz": "0.00258",
    "executedSz": "0.00023",
    "executedNtl": "18.6",
    "minutes": 5,
    "reduceOnly": False,
    "randomize": False,
    "timestamp": 1778656570500,
}


def answer(kind: str, status: Any) -> dict[str, Any]:
    return {"status": "ok", "response": {"type": kind, "data": {"status": status}}}


def test_the_actions_have_the_keys_in_the_order_that_is_signed() -> None:
    action = action_of(PLACE, INSTRUMENTS)
    assert action == {"type": "twapOrder", "twap": {"a": 3, "b": True, "s": "0.00192", "r": False, "m": 5, "t": False}}
    assert list(action["twap"]) == ["a", "b", "s", "r", "m", "t"]
    cancel = action_of(CANCEL, INSTRUMENTS)
    assert list(cancel.items()) == [("type", "twapCancel"), ("a", 3), ("t", 15503)]


def test_no_twap_names_a_builder() -> None:
    assert "builder" not in action_of(PLACE, INSTRUMENTS)


def test_an_answer_with_a_number_means_that_it_runs() -> None:
    facts = replies.facts_of_reply(PLACE, answer("twapOrder", {"running": {"twapId": 15503}}), 7)
    assert facts == [TwapStarted(at_ms=7, cloid=CLOID, twap_id=15503)]
    assert replies.facts_of_reply(RESEND, answer("twapOrder", {"running": {"twapId": 15503}}), 7) == facts


def test_an_error_is_told_in_the_exchanges_words() -> None:
    words = "Invalid TWAP duration: 1 min(s)"
    facts = replies.facts_of_reply(PLACE, answer("twapOrder", {"error": words}), 7)
    assert facts == [OrderRejected(at_ms=7, cloid=CLOID, reason=words)]
    (again,) = replies.facts_of_reply(RESEND, answer("twapOrder", {"error": words}), 7)
    assert isinstance(again, OrderInDoubt), "a refused repetition says nothing of the first sending"


@pytest.mark.parametrize("status", [None, "", "success", {}, {"running": {}}, {"running": {"twapId": "x"}}, [1], 5])
def test_any_other_answer_leaves_it_in_doubt(status: Any) -> None:
    (fact,) = replies.facts_of_reply(PLACE, answer("twapOrder", status), 7)
    assert isinstance(fact, OrderInDoubt)
    assert fact.cloid == CLOID


def test_a_list_of_statuses_is_no_answer_to_a_twap() -> None:
    reply = {"status": "ok", "response": {"type": "order", "data": {"statuses": [{"resting": {"oid": 1}}]}}}
    (fact,) = replies.facts_of_reply(PLACE, reply, 7)
    assert isinstance(fact, OrderInDoubt)


@pytest.mark.parametrize("status", ["success", {"error": "TWAP was never placed, already canceled, or filled."}])
def test_cancelled_and_over_already_mean_the_same(status: Any) -> None:
    (fact,) = replies.facts_of_reply(CANCEL, answer("twapCancel", status), 7)
    assert isinstance(fact, TwapStopped)
    assert (fact.coin, fact.twap_id, fact.cloid) == ("BTC", 15503, CLOID)


@pytest.mark.parametrize("status", [{"error": "Something else."}, None, {}, ["success"]])
def test_any_other_answer_to_a_cancel_confirms_nothing(status: Any) -> None:
    (fact,) = replies.facts_of_reply(CANCEL, answer("twapCancel", status), 7)
    assert isinstance(fact, Faulted)
    assert fact.coin == "BTC"


def test_a_cancel_that_was_refused_or_lost_confirms_nothing() -> None:
    assert isinstance(replies.refused(CANCEL, "expired", 7)[0], Faulted)
    assert isinstance(replies.doubted(CANCEL, "the line was cut", 7)[0], Faulted)


def test_a_row_of_the_history_is_read_with_its_time_in_seconds() -> None:
    row = {"time": 1778656571, "state": STATE, "status": {"status": "activated"}, "twapId": 15503}
    (record,) = twaps.records_of([row])
    assert (record.twap_id, record.side, record.size, record.executed) == (15503, Side.BUY, D("0.00258"), D("0.00023"))
    assert (record.minutes, record.started_ms, record.told_ms) == (5, 1778656570500, 1778656571000)
    assert not record.over


@pytest.mark.parametrize("status", ["terminated", "finished", "stopped", "error"])
def test_what_ended_is_over(status: str) -> None:
    told = {"status": status, "description": "why"}
    (record,) = twaps.records_of([{"time": 1, "state": STATE, "status": told, "twapId": 1}])
    assert record.over
    assert record.words == "why"


def test_an_unsound_row_is_left_out_and_the_others_are_read() -> None:
    sound = {"time": 1, "state": STATE, "status": {"status": "finished"}, "twapId": 1}
    rows = [None, {}, {**sound, "twapId": None}, {**sound, "state": {**STATE, "sz": "NaN"}}, sound]
    assert [record.twap_id for record in twaps.records_of(rows)] == [1]
    slices = [{"fill": FILL, "twapId": 9}, {"fill": {**FILL, "px": "-1"}, "twapId": 9}, {"fill": None}, 5]
    assert [(fill.size, fill.twap_id) for fill in twaps.slices_of(slices, "0x1")] == [(D("0.00023"), 9)]
