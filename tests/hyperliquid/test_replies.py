"""Answers to writes: every recorded shape, every shape the protocol names, and everything else."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.hyperliquid.replies import GONE, facts_of_reply
from tidegate.model.events import (
    Faulted,
    LeverageRefused,
    LeverageSet,
    NonceSpent,
    OrderAccepted,
    OrderCanceled,
    OrderInDoubt,
    OrderRejected,
)
from tidegate.model.intents import ResendOrders, SpendNonce
from tidegate.model.orders import TimeInForce

AT_MS = 1_700_000_000_000


def statuses(*rows):
    return {"status": "ok", "response": {"type": "order", "data": {"statuses": list(rows)}}}


def filled(size="0.01", price="70000.5", **more):
    return {"filled": {"totalSz": size, "avgPx": price, "oid": 77, **more}}


def test_a_resting_order_is_accepted_with_its_number(make):
    facts = facts_of_reply(make.place(make.order(tif=TimeInForce.GTC)), statuses({"resting": {"oid": 5}}), AT_MS)
    assert facts == [OrderAccepted(at_ms=AT_MS, cloid=make.cloid(1), oid=5)]


def test_a_filled_immediate_order_is_final_even_when_only_a_part_traded(make):
    for size in ("0.01", "0.004"):
        [fact] = facts_of_reply(make.place(make.order()), statuses(filled(size)), AT_MS)
        assert fact == OrderAccepted(
            at_ms=AT_MS,
            cloid=make.cloid(1),
            oid=77,
            resting=False,
            filled=Decimal(size),
            average_price=Decimal("70000.5"),
        )


def test_a_lasting_order_that_traded_in_part_still_rests(make):
    wish = make.place(make.order(tif=TimeInForce.GTC))
    [partly] = facts_of_reply(wish, statuses(filled("0.004")), AT_MS)
    [wholly] = facts_of_reply(wish, statuses(filled("0.01")), AT_MS)
    assert (partly.resting, wholly.resting) == (True, False)


@pytest.mark.parametrize("word", ["waitingForFill", "waitingForTrigger"])
def test_children_that_wait_are_accepted_without_a_number(make, word):
    wish = make.place(make.order(1), make.stop(2))
    facts = facts_of_reply(wish, statuses(filled(), word), AT_MS)
    assert facts[1] == OrderAccepted(at_ms=AT_MS, cloid=make.cloid(2), oid=None)


def test_each_order_of_a_batch_has_its_own_fate(make):
    wish = make.place(make.order(1), make.order(2), make.order(3, tif=TimeInForce.GTC))
    facts = facts_of_reply(wish, statuses(filled(), {"error": "no"}, {"resting": {"oid": 1}}), AT_MS)
    assert [type(fact) for fact in facts] == [OrderAccepted, OrderRejected, OrderAccepted]
    assert [fact.cloid for fact in facts] == [make.cloid(n) for n in (1, 2, 3)]


def test_one_error_for_a_batch_refuses_every_order_of_it(make):
    wish = make.place(make.order(1), make.stop(2))
    facts = facts_of_reply(wish, statuses({"error": "Invalid TP/SL price."}), AT_MS)
    assert facts == [OrderRejected(at_ms=AT_MS, cloid=make.cloid(n), reason="Invalid TP/SL price.") for n in (1, 2)]


@pytest.mark.parametrize(
    "words",
    [
        "User or API Wallet 0x4b6c5b1287e38b78e61d5dbca726d5e267eda747 does not exist.",
        "Too many cumulative requests sent (97460 > 97456) for cumulative volume traded $87457.46.",
        "Invalid nonce: nonce too low 5 < 6",
        "Must deposit before performing actions. User: 0x00",
    ],
)
def test_a_refused_action_refuses_its_orders_in_the_exchanges_words(make, words):
    facts = facts_of_reply(make.place(make.order()), {"status": "err", "response": words}, AT_MS)
    assert facts == [OrderRejected(at_ms=AT_MS, cloid=make.cloid(1), reason=words)]


def test_a_nonce_used_before_leaves_the_order_in_doubt_for_it_may_have_landed(make):
    reply = {"status": "err", "response": "Invalid nonce: duplicate nonce 1700000000000"}
    for wish in (make.place(make.order()), ResendOrders(cloid=make.cloid(1))):
        [fact] = facts_of_reply(wish, reply, AT_MS)
        assert isinstance(fact, OrderInDoubt)


@pytest.mark.parametrize(
    "reply",
    [
        None,
        "null",
        [],
        {},
        5,
        {"error": "Could not parse JSON: <html>"},
        {"status": "ok"},
        {"status": "ok", "response": {"type": "default"}},
        {"status": "ok", "response": {"type": "order", "data": {"statuses": []}}},
        {"status": "ok", "response": {"type": "order", "data": {"statuses": "success"}}},
        {"status": "err", "response": None},
        statuses("success", "success", "success"),
        statuses(filled(), filled(), filled()),
        statuses(filled()),
        statuses({"resting": {}}, {"resting": {"oid": "x"}}),
        statuses({"filled": {"oid": 1, "totalSz": "NaN", "avgPx": "1"}}, {"filled": {"oid": 1}}),
        statuses({"resting": {"oid": 1, "cloid": "0xother"}}, {"surprise": 1}),
        statuses({"filled": {"oid": 1, "totalSz": "1", "avgPx": "Infinity"}}, None),
    ],
)
def test_an_answer_that_does_not_fit_leaves_every_order_in_doubt(make, reply):
    facts = facts_of_reply(make.place(make.order(1), make.order(2)), reply, AT_MS)
    assert [type(fact) for fact in facts] == [OrderInDoubt, OrderInDoubt]
    assert [fact.cloid for fact in facts] == [make.cloid(1), make.cloid(2)]


def test_a_cancel_that_worked_and_one_that_came_too_late_both_end_the_order(make):
    gone = "Order was never placed, already canceled, or filled. asset=3"
    facts = facts_of_reply(make.cancel(1, 2), statuses("success", {"error": gone}), AT_MS)
    assert [(type(fact), fact.cloid, fact.status) for fact in facts] == [
        (OrderCanceled, make.cloid(1), "canceled"),
        (OrderCanceled, make.cloid(2), GONE),
    ]


@pytest.mark.parametrize(
    "reply",
    [
        {"status": "err", "response": "Too many cumulative requests sent"},
        statuses({"error": "Trading is halted"}),
        statuses("what"),
        None,
    ],
)
def test_a_cancel_that_was_refused_leaves_its_order_in_doubt_and_never_rejected(make, reply):
    [fact] = facts_of_reply(make.cancel(1), reply, AT_MS)
    assert isinstance(fact, OrderInDoubt)


def test_leverage_is_confirmed_or_refused(make):
    confirmed = {"status": "ok", "response": {"type": "default"}}
    assert facts_of_reply(make.leverage, confirmed, AT_MS) == [LeverageSet(at_ms=AT_MS, coin="BTC", leverage=5)]
    refused = {"status": "err", "response": "Invalid leverage value"}
    assert facts_of_reply(make.leverage, refused, AT_MS) == [
        LeverageRefused(at_ms=AT_MS, coin="BTC", reason="Invalid leverage value")
    ]
    [unknown] = facts_of_reply(make.leverage, None, AT_MS)
    assert isinstance(unknown, Faulted)
    assert (unknown.coin, "unknown" in unknown.reason) == ("BTC", True)


def test_resent_bytes_are_accepted_only_by_an_answer_that_names_the_order(make):
    wish = ResendOrders(cloid=make.cloid(1))
    named = facts_of_reply(wish, statuses(filled(cloid=make.cloid(1)), "waitingForTrigger"), AT_MS)
    unnamed = facts_of_reply(wish, statuses(filled(), "waitingForTrigger"), AT_MS)
    assert isinstance(named[0], OrderAccepted)
    assert named[0].filled > 0
    assert isinstance(unnamed[0], OrderInDoubt)


def test_resent_bytes_of_a_group_tell_of_each_order_that_the_answer_names(make):
    wish = ResendOrders(cloid=make.cloid(2), cloids=(make.cloid(1), make.cloid(2)))
    answer = statuses(filled(cloid=make.cloid(1)), {"resting": {"oid": 7, "cloid": make.cloid(2)}}, "waitingForTrigger")
    assert [fact.cloid for fact in facts_of_reply(wish, answer, AT_MS)] == [make.cloid(1), make.cloid(2)]


def test_a_nonce_is_used_up_when_the_exchange_says_so_and_else_the_order_stays_in_doubt(make):
    wish = SpendNonce(
        coin="BTC", cloid=make.cloid(1), cloids=(make.cloid(1), make.cloid(2)), expires_ms=AT_MS, reason="a test"
    )
    done = {"status": "ok", "response": {"type": "default"}}
    assert facts_of_reply(wish, done, AT_MS) == [NonceSpent(at_ms=AT_MS, cloids=wish.cloids)]
    for answer in ({"status": "err", "response": "Invalid nonce: duplicate nonce 7"}, None, statuses("success")):
        [fact] = facts_of_reply(wish, answer, AT_MS)
        assert isinstance(fact, OrderInDoubt)
        assert fact.cloid == make.cloid(1)


def test_an_order_that_must_fill_at_once_and_is_said_to_rest_is_in_doubt(make):
    answer = statuses({"resting": {"oid": 7, "cloid": make.cloid(1)}})
    assert isinstance(facts_of_reply(make.place(make.order()), answer, AT_MS)[0], OrderInDoubt)


def test_recorded_answers_are_read(make, sample):
    lasting = make.place(make.order(1, tif=TimeInForce.GTC), make.order(2, tif=TimeInForce.GTC))
    facts = facts_of_reply(lasting, sample("rest/exchange.order.json")["response"], AT_MS)
    assert [fact.oid for fact in facts] == [53244215259, 53244215260]
    one = make.place(make.order())
    for name in ("min_notional", "ioc_cancel"):
        [fact] = facts_of_reply(one, sample(f"rest/exchange.order.{name}.response.json")["response"], AT_MS)
        assert isinstance(fact, OrderRejected)
    [fact] = facts_of_reply(one, sample("rest/exchange.unknown_wallet.response.json")["response"], AT_MS)
    assert "does not exist" in fact.reason
    [fact] = facts_of_reply(one, sample("rest/exchange.bad_signature.response.json")["response"], AT_MS)
    assert fact.reason == "Unable to recover signer."
    facts = facts_of_reply(make.cancel(1, 2), sample("rest/exchange.cancel.error.json")["response"], AT_MS)
    assert [fact.status for fact in facts] == [GONE, GONE]
    [fact] = facts_of_reply(make.cancel(1), sample("rest/exchange.cancel.success.response.json")["response"], AT_MS)
    assert fact.status == "canceled"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10) | st.just("success"),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "status",
                    "response",
                    "data",
                    "statuses",
                    "filled",
                    "resting",
                    "error",
                    "oid",
                    "totalSz",
                    "avgPx",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@settings(max_examples=300, deadline=None)
@given(reply=json_values | st.lists(json_values, min_size=1, max_size=3).map(lambda rows: statuses(*rows)))
def test_no_answer_whatsoever_raises_or_loses_an_order(make, reply):
    for wish, numbers in (
        (make.place(make.order(1), make.stop(2)), (1, 2)),
        (make.cancel(3), (3,)),
        (ResendOrders(cloid=make.cloid(4)), (4,)),
        (SpendNonce(coin="BTC", cloid=make.cloid(5), cloids=(), expires_ms=AT_MS, reason="a test"), (5,)),
        (make.leverage, ()),
    ):
        facts = facts_of_reply(wish, reply, AT_MS)
        assert facts
        assert [fact.cloid for fact in facts if hasattr(fact, "cloid")] == [make.cloid(n) for n in numbers]
