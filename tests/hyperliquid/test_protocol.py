"""The stream's conversation: edges, acknowledgements, silence, posts, and frames of every kind."""

import gzip
import json
from decimal import Decimal
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.hyperliquid import protocol as module
from tidegate.hyperliquid.posts import IN_FLIGHT_MAX
from tidegate.hyperliquid.protocol import PERSONAL, PING, StreamProtocol
from tidegate.hyperliquid.seen import Seen
from tidegate.model.events import (
    BookChanged,
    CandleChanged,
    CoinsHeard,
    CoinsUnheard,
    Event,
    Faulted,
    FundingPaid,
    Marked,
    OrderAccepted,
    OrderCanceled,
    OrderFilled,
    OrderInDoubt,
    OrderOpened,
    OrderRejected,
    OrderSeen,
    StopsListed,
    StreamDown,
    StreamFrozen,
    StreamUp,
    Trade,
)
from tidegate.model.market import Timeframe

USER = "0x" + "ab" * 20
AT_MS = 1_790_232_216_000
S = 1_000_000_000


def stream(*coins, **more):
    return StreamProtocol(coins or ("BTC",), USER, Timeframe.M1, **more)


def asked(out):
    return [json.loads(frame)["subscription"] for frame in out]


def ack(subscription):
    return encode("subscriptionResponse", {"method": "subscribe", "subscription": subscription})


def encode(channel, data):
    return json.dumps({"channel": channel, "data": data}).encode()


def trade(tid=1, px="84143.0", time=AT_MS, coin="BTC", **more):
    return {"coin": coin, "side": "A", "px": px, "sz": "1", "time": time, "hash": "0x", "tid": tid, **more}


def fill(tid=1, time=AT_MS, **more):
    row = {"coin": "BTC", "px": "84000.0", "sz": "0.01", "side": "B", "time": time, "oid": 7, "tid": tid}
    return {**row, "crossed": True, "fee": "0.1", "feeToken": "USDC", **more}


def order_row(**more):
    row = {"coin": "BTC", "side": "B", "limitPx": "84000.0", "sz": "0.01", "oid": 7, "timestamp": AT_MS}
    return {**row, "origSz": "0.01", "cloid": "0xc1", **more}


def mark(coin="BTC", px="84148.0"):
    return {"coin": coin, "ctx": {"markPx": px}}


def opened(*coins, now_ns=0, **more):
    """A stream that is up."""
    made = stream(*coins, **more)
    for each in asked(made.opened(AT_MS, now_ns)):
        made.receive(ack(each), AT_MS, now_ns)
    assert made.is_up
    return made


def hear(made, channel, data, at_ms=AT_MS, now_ns=0):
    return made.receive(encode(channel, data), at_ms, now_ns)


# subscriptions and the edges


def test_everything_is_asked_for_when_the_socket_opens():
    subscriptions = asked(stream("BTC", "kPEPE").opened(AT_MS, 0))
    assert subscriptions[: len(PERSONAL)] == [{"type": kind, "user": USER} for kind in PERSONAL]
    for coin in ("BTC", "kPEPE"):
        for wanted in (
            {"type": "trades", "coin": coin},
            {"type": "bbo", "coin": coin},
            {"type": "activeAssetCtx", "coin": coin},
            {"type": "candle", "coin": coin, "interval": "1m"},
        ):
            assert wanted in subscriptions
    assert len(subscriptions) == len(PERSONAL) + 8


def test_the_fast_book_is_asked_for_only_when_wanted():
    wanted = {"type": "l2Book", "coin": "BTC", "fast": True}
    assert wanted in asked(stream("BTC", order_books=True).opened(AT_MS, 0))
    assert wanted not in asked(stream("BTC").opened(AT_MS, 0))


def test_what_a_stage_leaves_to_rest_is_not_asked_for():
    types = {each["type"] for each in asked(stream("BTC", candles=False, account=False).opened(AT_MS, 0))}
    assert types == {"trades", "bbo", "activeAssetCtx"}
    made = opened("BTC", candles=False)

    def prints(second):
        hear(made, "trades", [trade(second, time=AT_MS + second)], now_ns=second * S)
        touch = {"coin": "BTC", "time": AT_MS + second, "bbo": [{"px": "1"}, {"px": "2"}]}
        hear(made, "bbo", touch, now_ns=second * S)

    assert not [due for _second, due in live(made, range(1, 60), also=prints) if said(due)]


def test_the_stream_is_up_once_all_is_acknowledged_and_says_so_once():
    made = stream()
    subscriptions = asked(made.opened(AT_MS, 0))
    for each in subscriptions[:-1]:
        assert made.receive(ack(each), AT_MS, 0) == []
    assert not made.is_up
    # The echo is normalised: defaults filled in.
    last = {**subscriptions[-1], "nSigFigs": None, "mantissa": None, "aggregateByTime": False}
    assert made.receive(ack(last), AT_MS + 1, 0) == [StreamUp(at_ms=AT_MS + 1)]
    assert made.receive(ack(last), AT_MS + 2, 0) == []


def test_a_subscription_that_exists_already_counts_as_acknowledged():
    made = stream()
    events = []
    for each in asked(made.opened(AT_MS, 0)):
        events += hear(made, "error", "Already subscribed: " + json.dumps(each, separators=(",", ":")))
    assert events == [StreamUp(at_ms=AT_MS)]


def test_an_upper_case_account_is_recognised_in_the_lower_case_echo():
    made = StreamProtocol(("BTC",), USER.upper().replace("0X", "0x"), Timeframe.M1)
    for each in asked(made.opened(AT_MS, 0)):
        made.receive(ack(each), AT_MS, 0)
    assert made.is_up


def test_going_down_is_told_on_the_edge_only():
    made = opened()
    assert made.lost("gone", AT_MS) == [StreamDown(at_ms=AT_MS, reason="gone")]
    assert made.lost("gone", AT_MS) == []
    assert not made.is_up
    made.opened(AT_MS, 0)
    assert made.lost("gone before it was up", AT_MS) == []


def test_a_new_connection_asks_for_everything_again_and_is_up_again():
    made = opened("BTC", "ETH")
    made.lost("gone", AT_MS)
    again = asked(made.opened(AT_MS, 0))
    assert len(again) == len(PERSONAL) + 8
    events = [event for each in again for event in made.receive(ack(each), AT_MS, 0)]
    assert events == [StreamUp(at_ms=AT_MS)]


def test_a_missing_acknowledgement_is_asked_for_three_times_then_the_coin_is_frozen():
    made = stream("BTC", "ETH")
    for each in asked(made.opened(AT_MS, 0)):
        if each != {"type": "bbo", "coin": "ETH"}:
            made.receive(ack(each), AT_MS, 0)
    tries = []
    events = []
    for second in range(1, 20):
        for coin in ("BTC", "ETH"):
            hear(made, "activeAssetCtx", mark(coin), now_ns=second * S)
        due = made.due(AT_MS, second * S)
        tries += [(second, frame) for frame in due.frames]
        events += due.events
        assert due.give_up is None
    assert [(second, json.loads(frame)["subscription"]) for second, frame in tries] == [
        (5, {"type": "bbo", "coin": "ETH"}),
        (10, {"type": "bbo", "coin": "ETH"}),
    ]
    assert events[0] == StreamUp(at_ms=AT_MS)
    assert [(type(each), each.coin) for each in events[1:]] == [(StreamFrozen, "ETH")]


def test_without_the_accounts_own_channels_the_connection_is_given_up():
    made = stream()
    for each in asked(made.opened(AT_MS, 0)):
        if each["type"] != "userFills":
            made.receive(ack(each), AT_MS, 0)
    given_up = None
    for second in range(1, 20):
        made.receive(b'{"channel":"pong"}', AT_MS, second * S)
        given_up = given_up or made.due(AT_MS, second * S).give_up
    assert given_up is not None
    assert "userFills" in given_up


def test_coins_come_and_go_while_connected():
    made = opened("BTC")
    new = asked(made.add_coins(["ETH", "BTC"], 5))
    assert {each["coin"] for each in new} == {"ETH"}
    assert made.is_up
    for each in new:
        assert made.receive(ack(each), AT_MS, 5) == []
    gone = [json.loads(frame) for frame in made.remove_coins(["BTC"])]
    assert {each["method"] for each in gone} == {"unsubscribe"}
    made.lost("x", AT_MS)
    assert {each.get("coin") for each in asked(made.opened(AT_MS, 9))} == {None, "ETH"}


def test_coins_that_come_while_disconnected_are_asked_for_later():
    made = stream("BTC")
    assert made.add_coins(["ETH"], 0) == []
    assert {each.get("coin") for each in asked(made.opened(AT_MS, 9))} == {None, "BTC", "ETH"}


def test_of_more_coins_than_the_exchange_allows_the_first_are_streamed_wholly_then_only_prints_then_nothing():
    made = stream(*(f"C{number}" for number in range(1_001)))
    assert made.subscription_count == 1_000
    assert [made.is_lean(coin) for coin in made.coins] == [True] * (1_000 - len(PERSONAL))
    assert made.shared.roster.by("limit") == [f"C{number}" for number in range(1_000 - len(PERSONAL), 1_001)]
    made = stream(*(f"C{number}" for number in range(300)))
    assert sum(not made.is_lean(coin) for coin in made.coins) == (1_000 - len(PERSONAL) - 300) // 3
    assert not made.is_lean("C0")
    assert made.is_lean("C299")
    assert made.subscription_count <= 1_000


# silence


def test_an_idle_line_is_pinged_and_a_talking_one_is_not():
    made = opened()
    assert made.due(AT_MS, 4 * S).frames == ()
    assert made.due(AT_MS, 5 * S).frames == (PING,)
    assert made.due(AT_MS, 6 * S).frames == ()
    made.receive(b'{"channel":"pong"}', AT_MS, 6 * S)
    assert PING not in made.due(AT_MS, 10 * S).frames
    assert PING in made.due(AT_MS, 11 * S).frames


def test_a_line_that_says_nothing_is_given_up_within_ten_seconds():
    made = opened()
    assert made.due(AT_MS, 9 * S - 1).give_up is None
    assert "nothing heard" in made.due(AT_MS, 9 * S).give_up


def live(made, seconds, *, also=lambda _second: None, coins=("BTC",)):
    """Let time pass second by second: these coins are heard, subscriptions granted; (second, what was due) for each."""
    for second in seconds:
        for coin in coins:
            hear(made, "activeAssetCtx", mark(coin), now_ns=second * S)
        also(second)
        due = made.due(AT_MS, second * S)
        yield second, due
        for frame in due.frames:
            if b'"subscribe"' in frame:
                made.receive(ack(json.loads(frame)["subscription"]), AT_MS, second * S)


def said(due, method="subscribe"):
    """The types and coins of what is to be subscribed to, or ended."""
    out = [json.loads(frame) for frame in due.frames if frame != PING]
    return [
        (each["subscription"]["type"], each["subscription"].get("coin")) for each in out if each["method"] == method
    ]


def test_a_coin_that_fell_silent_is_watched_by_rest_subscribed_again_then_frozen_while_others_live():
    made = opened("BTC", "ETH")
    again, told = [], []
    for second, due in live(made, range(1, 120)):
        assert due.give_up is None
        assert {coin for _type, coin in said(due)} <= {"ETH"}
        again += [second for type_, _coin in said(due) if type_ == "trades"]
        told += [(second, event) for event in due.events]
    assert again == [10, 28, 42]
    assert [(second, type(event)) for second, event in told] == [(14, CoinsUnheard), (42, StreamFrozen)]
    assert told[0][1].coins == ("ETH",)
    assert told[1][1].coin == "ETH"


def test_a_frozen_coin_is_asked_for_again_now_and_then_and_told_when_it_is_heard():
    made = opened("BTC", "ETH")
    again = [second for second, due in live(made, range(1, 700)) if ("bbo", "ETH") in said(due)]
    assert again == [10, 28, 42, 342, 642]
    events = hear(made, "activeAssetCtx", mark("ETH"), now_ns=700 * S)
    assert [type(event) for event in events] == [Marked, CoinsHeard]
    assert events[1].coins == ("ETH",)


def test_a_thin_coin_in_which_nobody_trades_is_left_alone():
    made = opened("BTC", "ETH")
    for _second, due in live(made, range(1, 300), coins=("BTC", "ETH")):
        assert not said(due)
        assert not due.events


def test_a_coin_about_which_there_is_nothing_to_say_answers_when_asked_and_is_asked_ever_more_seldom():
    made, asked_s = opened("BTC", "ETH"), []
    for second, due in live(made, range(1, 400)):
        assert not [event for event in due.events if isinstance(event, (CoinsUnheard, StreamFrozen))]
        if ("activeAssetCtx", "ETH") in said(due):
            asked_s.append(second)
            hear(made, "activeAssetCtx", mark("ETH"), now_ns=second * S)
    assert [late - early for early, late in pairwise(asked_s)] == [20, 40, 80, 80, 80, 80]
    made.hold(["ETH"])
    again = [second for second, due in live(made, range(400, 440)) if said(due)]
    assert again[0] <= 411


def test_prints_that_a_candle_proves_are_missed_and_asked_for_again():
    made = opened("BTC")
    row = {"t": 60_000, "T": 119_999, "s": "BTC", "i": "1m", "o": "1", "c": "1", "h": "1", "l": "1", "v": "0"}

    def candle(second):
        hear(made, "candle", {**row, "n": min(second, 10)}, now_ns=second * S)

    again = [(second, said(due)) for second, due in live(made, range(1, 30), also=candle) if said(due)]
    assert again[0] == (7, [("trades", "BTC")])


def test_a_book_and_a_candle_that_prints_prove_are_missed_and_asked_for_again():
    made = opened("BTC")

    def prints(second):
        if second < 3:
            hear(made, "trades", [trade(second, time=AT_MS + second)], now_ns=second * S)

    again = [(second, said(due)) for second, due in live(made, range(1, 30), also=prints) if said(due)]
    assert again == [(6, [("bbo", "BTC"), ("candle", "BTC")])] or again == [(6, [("candle", "BTC"), ("bbo", "BTC")])]


def test_frames_that_repeat_an_old_time_are_no_sign_of_life():
    made = opened("BTC", "ETH")
    hear(made, "bbo", {"coin": "ETH", "time": AT_MS + 9, "bbo": [{"px": "1"}, {"px": "2"}]})
    stuck = []
    for second in range(1, 40):
        hear(made, "activeAssetCtx", mark("BTC"), now_ns=second * S)
        hear(made, "bbo", {"coin": "ETH", "time": AT_MS + 9, "bbo": [{"px": "1"}, {"px": "2"}]}, now_ns=second * S)
        due = made.due(AT_MS, second * S)
        stuck += [(second, event.coins) for event in due.events if isinstance(event, CoinsUnheard)]
    assert [coins for _second, coins in stuck] == [("ETH",)]
    assert stuck[0][0] <= 16


def test_when_only_pongs_arrive_the_connection_is_given_up_in_the_end():
    made = opened("BTC")
    given_up = None
    for second in range(1, 120):
        made.receive(b'{"channel":"pong"}', AT_MS, second * S)
        due = made.due(AT_MS, second * S)
        for frame in due.frames:
            if b'"subscribe"' in frame:
                made.receive(ack(json.loads(frame)["subscription"]), AT_MS, second * S)
        given_up = given_up or due.give_up
    assert given_up is not None
    assert "silent" in given_up


# prices


def test_a_print_becomes_a_trade_with_its_times():
    [event] = hear(opened(), "trades", [trade(px="84143.5", time=AT_MS + 5)], AT_MS + 9, 77)
    price = Decimal("84143.5")
    assert event == Trade(
        at_ms=AT_MS + 9,
        coin="BTC",
        price=price,
        low=price,
        high=price,
        time_ms=AT_MS + 5,
        received_ns=77,
    )


@given(st.lists(st.tuples(st.integers(1, 50), st.integers(0, 5)), min_size=1, max_size=20))
def test_prints_of_one_frame_become_one_trade_with_the_extremes_and_the_newest_price(rows):
    sent = [trade(tid=place + 1, px=str(price), time=AT_MS + later) for place, (price, later) in enumerate(rows)]
    [event] = hear(opened(), "trades", sent)
    newest = max(range(len(rows)), key=lambda place: (rows[place][1], place))
    assert event.price == rows[newest][0]
    assert event.time_ms == AT_MS + rows[newest][1]
    assert (event.low, event.high) == (min(p for p, _ in rows), max(p for p, _ in rows))
    assert event.count == len(rows)


def test_prints_of_several_coins_in_one_frame_are_kept_apart():
    made = opened("BTC", "ETH")
    events = hear(made, "trades", [trade(1), trade(2, px="2000", coin="ETH"), trade(3, px="84000")])
    assert {(each.coin, each.count, each.price) for each in events} == {
        ("BTC", 2, Decimal(84000)),
        ("ETH", 1, Decimal(2000)),
    }


def test_a_print_is_told_once_even_after_a_reconnect():
    made = opened()
    assert hear(made, "trades", [trade(1), trade(1)])[0].count == 1
    assert hear(made, "trades", [trade(1)]) == []
    made.lost("x", AT_MS)
    made.opened(AT_MS, 0)
    assert hear(made, "trades", [trade(1)]) == []
    assert len(hear(made, "trades", [trade(2)])) == 1


def test_the_replay_of_old_prints_never_reaches_the_core():
    made = opened()
    assert hear(made, "trades", [trade(1, time=AT_MS - 2_001)]) == []
    assert len(hear(made, "trades", [trade(2, time=AT_MS - 2_000)])) == 1


def test_a_print_from_the_far_future_is_dropped():
    assert hear(opened(), "trades", [trade(1, time=AT_MS + 3_600_000)]) == []


@pytest.mark.parametrize("px", ["NaN", "sNaN", "-1", "0", "0.0", "Infinity", "-Infinity", "1e999", "1E+20"])
def test_a_price_that_cannot_be_one_is_dropped_and_its_neighbours_stay(px):
    made = opened()
    [event] = hear(made, "trades", [trade(1, px=px), trade(2, px="84000")])
    assert (event.count, event.low, event.high) == (1, Decimal(84000), Decimal(84000))
    assert hear(made, "bbo", {"coin": "BTC", "time": AT_MS, "bbo": [{"px": px}, {"px": "1"}]}) == []
    assert hear(made, "activeAssetCtx", {"coin": "BTC", "ctx": {"markPx": px}}) == []
    assert made.dropped


def test_system_prints_that_share_a_number_are_all_counted():
    made = opened()
    assert hear(made, "trades", [trade(0, px="1"), trade(0, px="2")])[0].count == 2


def test_the_touch_of_a_one_sided_book_has_one_side():
    made = opened()
    events = hear(made, "bbo", {"coin": "BTC", "time": AT_MS, "bbo": [None, {"px": "5", "sz": "1", "n": 1}]})
    assert events == [BookChanged(at_ms=AT_MS, coin="BTC", bid=None, ask=Decimal(5), time_ms=AT_MS)]
    book = {"coin": "BTC", "time": AT_MS, "levels": [[{"px": "4"}, {"px": "3"}], []], "fast": True}
    [event] = hear(made, "l2Book", book)
    assert (event.bid, event.ask) == (Decimal(4), None)


def test_a_book_from_before_the_connection_is_history():
    touch = {"coin": "BTC", "time": AT_MS - 2_001, "bbo": [{"px": "1"}, {"px": "2"}]}
    made = opened()
    assert hear(made, "bbo", touch) == []
    assert len(hear(made, "bbo", {**touch, "time": AT_MS})) == 1


def test_marks_and_candles_are_told():
    made = opened()
    [mark] = hear(made, "activeAssetCtx", {"coin": "BTC", "ctx": {"markPx": "84148.0", "premium": None}})
    assert mark == Marked(at_ms=AT_MS, coin="BTC", mark=Decimal("84148.0"), time_ms=AT_MS)
    row = {"t": 60_000, "T": 119_999, "s": "BTC", "i": "1m", "o": "1", "c": "1", "h": "1", "l": "1", "v": "0"}
    for data in (row, [row]):
        [candle] = hear(made, "candle", data)
        assert isinstance(candle, CandleChanged)
        assert candle.candle.open_ms == 60_000
    assert hear(made, "candle", {**row, "i": "5m"}) == []
    assert hear(made, "candle", {**row, "h": "0.5"}) == []


# the account


def test_fills_are_told_once_whichever_channel_brings_them():
    made = opened()
    [event] = hear(made, "userFills", {"user": USER, "fills": [fill(1, cloid="0xc1")]})
    assert isinstance(event, OrderFilled)
    assert (event.fill.cloid, event.fill.price, event.fill.taker) == ("0xc1", Decimal(84000), True)
    assert hear(made, "user", {"fills": [fill(1, cloid="0xc1")]}) == []
    assert len(hear(made, "user", {"fills": [fill(2)]})) == 1


def test_a_snapshot_brings_what_was_missed_in_order_and_no_history():
    made = opened(fills_since_ms=AT_MS)
    snapshot = [fill(3, AT_MS + 2), fill(2, AT_MS + 1), fill(1, AT_MS - 1)]
    events = hear(made, "userFills", {"isSnapshot": True, "user": USER, "fills": snapshot})
    assert [each.fill.tid for each in events] == [2, 3]
    made.lost("x", AT_MS)
    made.opened(AT_MS + 60_000, 0)
    again = [fill(4, AT_MS + 30_000), *snapshot]
    events = hear(made, "userFills", {"isSnapshot": True, "user": USER, "fills": again}, AT_MS + 60_000)
    assert [each.fill.tid for each in events] == [4]


def test_without_a_given_time_history_ends_where_the_first_connection_began():
    made = opened()
    assert hear(made, "userFills", {"fills": [fill(1, AT_MS - 60_000)]}) == []
    assert len(hear(made, "userFills", {"fills": [fill(2, AT_MS)]})) == 1


def test_a_fill_that_cannot_be_one_is_left_out():
    bad = [fill(1, px="NaN"), fill(2, sz="0"), fill(3, side="X"), fill(4, fee="Infinity")]
    assert [e.fill.tid for e in hear(opened(), "userFills", {"fills": [*bad, fill(5)]})] == [5]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("open", OrderOpened),
        ("triggered", OrderOpened),
        ("filled", OrderSeen),
        ("canceled", OrderCanceled),
        ("reduceOnlyCanceled", OrderCanceled),
        ("siblingFilledCanceled", OrderCanceled),
        ("scheduledCancel", OrderCanceled),
        ("internalCancel", OrderCanceled),
        ("badAloPxRejected", OrderRejected),
        ("rejected", OrderRejected),
        ("neverHeardOfRejected", OrderRejected),
    ],
)
def test_each_status_of_an_order_is_a_fact_of_its_kind(status, kind):
    update = {"order": order_row(), "status": status, "statusTimestamp": AT_MS + 3}
    [event] = hear(opened(), "orderUpdates", [update])
    assert isinstance(event, kind)
    if kind is OrderOpened:
        assert event.triggered == (status == "triggered")
    if kind is OrderCanceled:
        assert (event.status, event.cloid, event.oid, event.time_ms) == (status, "0xc1", 7, AT_MS + 3)


def test_a_rejection_has_the_words_of_an_orders_answer():
    [event] = hear(opened(), "orderUpdates", [{"order": order_row(), "status": "reduceOnlyRejected"}])
    assert "Reduce only order would increase position" in event.reason


def test_updates_of_orders_without_a_cloid_are_told_where_a_fact_can_name_them():
    made = opened()
    row = order_row()
    del row["cloid"]
    told = [
        hear(made, "orderUpdates", [{"order": row, "status": status}])
        for status in ("open", "canceled", "filled", "tickRejected")
    ]
    assert [len(events) for events in told] == [1, 1, 0, 0]


def test_funding_and_cancels_by_the_exchange_are_told():
    made = opened()
    funding = {"time": AT_MS, "coin": "BTC", "usdc": "-0.25", "szi": "1", "fundingRate": "0.1", "nSamples": None}
    assert hear(made, "user", {"funding": funding}) == [
        FundingPaid(at_ms=AT_MS, coin="BTC", usd=Decimal("-0.25"), time_ms=AT_MS)
    ]
    [event] = hear(made, "user", {"nonUserCancel": [{"coin": "BTC", "oid": 9}]})
    assert (type(event), event.oid) == (OrderCanceled, 9)


# posts


def posted(made, make, now_ns=0, wish=None):
    frame = json.loads(made.post(wish or make.place(make.order(1)), b'{"action":{"type":"order"}}', now_ns))
    assert frame["method"] == "post"
    assert frame["request"] == {"type": "action", "payload": {"action": {"type": "order"}}}
    return frame["id"]


def answer(post_id, payload, kind="action"):
    return {"id": post_id, "response": {"type": kind, "payload": payload}}


FILLED = {"filled": {"totalSz": "0.01", "avgPx": "84000.0", "oid": 9}}
ORDER_OK = {"status": "ok", "response": {"type": "order", "data": {"statuses": [FILLED]}}}


def test_an_answer_finds_the_wish_it_belongs_to_in_any_order(make):
    made = opened()
    first = posted(made, make)
    second = posted(made, make, wish=make.place(make.order(2)))
    [event] = hear(made, "post", answer(second, ORDER_OK))
    assert (type(event), event.cloid) == (OrderAccepted, make.cloid(2))
    [event] = hear(made, "post", answer(first, ORDER_OK))
    assert event.cloid == make.cloid(1)
    assert hear(made, "post", answer(first, ORDER_OK)) == []


def test_a_post_without_an_answer_is_in_doubt_after_eight_seconds(make):
    made = opened()
    post_id = posted(made, make, now_ns=0, wish=make.place(make.order(1), make.stop(2)))
    made.receive(b'{"channel":"pong"}', AT_MS, 7 * S)
    assert made.due(AT_MS, 8 * S - 1).events == ()
    events = made.due(AT_MS, 8 * S).events
    assert [(type(each), each.cloid) for each in events] == [
        (OrderInDoubt, make.cloid(1)),
        (OrderInDoubt, make.cloid(2)),
    ]
    assert hear(made, "post", answer(post_id, ORDER_OK)) == []


def test_a_lost_socket_leaves_every_post_in_doubt(make):
    made = opened()
    posted(made, make)
    posted(made, make, wish=make.leverage)
    events = made.lost("reset", AT_MS)
    assert [type(each) for each in events] == [StreamDown, OrderInDoubt, Faulted]
    assert not made.can_post


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("422 Unprocessable Entity", OrderRejected),
        ("400 Bad Request", OrderRejected),
        ("429 Too Many Requests", OrderInDoubt),
        ("502 Bad Gateway", OrderInDoubt),
        ("something else", OrderInDoubt),
        (None, OrderInDoubt),
    ],
)
def test_a_post_answered_with_an_error_is_rejected_only_when_it_was_surely_thrown_out(make, words, kind):
    made = opened()
    [event] = hear(made, "post", answer(posted(made, make), words, "error"))
    assert type(event) is kind


def test_no_more_posts_fly_than_the_exchange_allows(make):
    made = opened()
    for _ in range(IN_FLIGHT_MAX):
        assert made.can_post
        posted(made, make)
    assert not made.can_post


def test_recorded_answers_to_posts_are_read(make, sample):
    for frame in sample("ws/post.json"):
        made = opened()
        for _ in range(2):
            posted(made, make)
        frame["data"]["id"] = 1
        events = made.receive(json.dumps(frame).encode(), AT_MS, 0)
        assert [each.cloid for each in events] == [make.cloid(1)]


# frames of every kind


def test_every_recorded_frame_is_read(sample, recordings):
    for name in ("trades", "bbo", "l2Book", "activeAssetCtx", "candle", "userFills", "user", "orderUpdates"):
        for frame in sample(f"ws/{name}.json"):
            made = opened("BTC", fills_since_ms=0)
            made.receive(json.dumps(frame).encode(), AT_MS * 2, 0)
            assert not any(reason.startswith("frame") for reason in made.dropped), (name, frame)


def test_a_recorded_connection_is_followed_from_end_to_end(recordings):
    path = recordings / "20250904_1946_BTC-ETH-SOL_l2-bbo-trades.jsonl.gz"
    made, kinds, received = None, {}, 0
    with gzip.open(path, "rt") as lines:
        for number, line in enumerate(lines):
            if number == 5000:
                break
            recorded = json.loads(line)
            raw = recorded["raw"]
            frame = raw.encode() if isinstance(raw, str) else json.dumps(raw).encode()
            at_ms = recorded["recv_ns"] // 1_000_000
            if made is None:
                made = StreamProtocol(("BTC", "ETH", "SOL"), USER, Timeframe.M1)
                made.opened(at_ms, 0)
            received += 1
            for event in made.receive(frame, at_ms, recorded["recv_ns"]):
                kinds[type(event)] = kinds.get(type(event), 0) + 1
    assert set(kinds) >= {Trade, BookChanged}
    assert sum(count for reason, count in made.dropped.items() if reason.startswith("frame")) == 0
    assert sum(kinds.values()) > received / 2


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"null",
        b"5",
        b"[]",
        b"{}",
        b"Websocket connection established.",
        b'{"channel":"trades"}',
        b'{"channel":"trades","data":{}}',
        b'{"channel":"trades","data":[{"coin":"BTC"}]}',
        b'{"channel":"trades","data":[{"coin":"BTC","px":"x","time":1,"tid":1}]}',
        b'{"channel":"trades","data":[{"coin":"BTC","px":"1","time":1e30,"tid":1}]}',
        b'{"channel":"trades","data":[{"coin":"BTC","px":"1","time":"now","tid":1}]}',
        b'{"channel":"bbo","data":{"coin":"BTC","time":1,"bbo":[]}}',
        b'{"channel":"never heard of","data":{}}',
        b'{"data":{}}',
        b'{"channel":null}',
        b'{"channel":"user","data":null}',
        b'{"channel":"post","data":{"id":"x"}}',
        b'{"channel":"error","data":{}}',
        b"\xff\xfe\x00",
        b'{"channel":"trades","data":[' + b"[" * 5000 + b"]" * 5000 + b"]}",
        b'{"channel":"activeAssetCtx","data":{"coin":"BTC","ctx":{"markPx":"1e99999999999999999999"}}}',
        b'{"channel":"trades","data":[{"coin":"BTC","px":"1","time":' + b"9" * 400 + b',"tid":1}]}',
        b'{"channel":"user","data":{"nonUserCancel":[{"coin":"BTC","oid":99999999999999999999}]}}',
        b'{"channel":"user","data":{"nonUserCancel":[{"coin":"BTC","oid":-1}]}}',
        b'{"channel":"user","data":{"funding":{"coin":"BTC","usdc":"1","time":99999999999999999999}}}',
    ],
)
def test_a_frame_that_cannot_be_read_is_counted_and_hurts_nobody(frame):
    made = opened()
    assert made.receive(frame, AT_MS, 0) == []
    assert made.dropped.total() >= 1
    assert len(hear(made, "trades", [trade()])) == 1


def test_too_many_unreadable_frames_give_the_connection_up():
    made = opened()
    for _ in range(module.BAD_FRAMES_PER_MINUTE_MAX + 1):
        made.receive(b"garbage", AT_MS, 0)
    reason = made.due(AT_MS, S).give_up
    assert "unreadable" in reason
    made.is_up = True
    assert made.lost(reason, AT_MS) == [StreamDown(at_ms=AT_MS, reason=reason, is_worrying=True)]


def test_an_error_from_the_exchange_is_told():
    [event] = hear(opened(), "error", "Cannot track more than 10 total users.")
    assert event == Faulted(at_ms=AT_MS, where="stream", reason="Cannot track more than 10 total users.")


CHANNELS = """trades bbo l2Book activeAssetCtx candle orderUpdates user userFills subscriptionResponse post pong
error x"""
KEYS = [
    "coin",
    "px",
    "sz",
    "side",
    "time",
    "tid",
    "oid",
    "order",
    "status",
    "fills",
    "funding",
    "bbo",
    "levels",
    "ctx",
    "markPx",
    "id",
    "response",
    "type",
    "payload",
    "method",
    "subscription",
    "t",
    "T",
    "s",
    "i",
    "o",
    "c",
    "h",
    "l",
    "v",
    "isSnapshot",
    "user",
    "nonUserCancel",
    "usdc",
    "limitPx",
    "statusTimestamp",
]

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["NaN", "1.5", "-1", "1e999", "B", "A", "open", "BTC", "", USER])
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(KEYS),
            inner,
            max_size=6,
        )
    ),
    max_leaves=20,
)
channels = st.sampled_from(CHANNELS.split())


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(channels, json_values), max_size=5))
def test_no_frame_of_known_channels_with_any_content_raises(rows):
    made = opened()
    for channel, data in rows:
        for event in hear(made, channel, data):
            assert msgspec.json.decode(msgspec.json.encode(event), type=Event) == event
    assert made.due(AT_MS, 1).give_up is None


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_whatsoever_raise(raw):
    made = opened()
    made.receive(raw, AT_MS, 0)
    made.receive(b'{"channel":"trades","data":' + raw + b"}", AT_MS, 0)


@given(st.lists(st.integers(0, 40), max_size=300))
def test_the_memory_of_what_was_seen_is_bounded_and_knows_the_newest(keys):
    seen = Seen(8)
    added: list[int] = []
    for key in keys:
        is_new = seen.is_new(key)
        assert not (is_new and key in added[-8:])
        if is_new:
            added.append(key)
        assert len(seen) <= 16


# the listing of open orders


def test_of_the_open_orders_that_the_stream_lists_the_stops_are_told():
    stop = {
        "coin": "BTC", "side": "A", "limitPx": "90.0", "sz": "1.0", "oid": 7, "timestamp": AT_MS, "origSz": "1.0",
        "reduceOnly": True, "isTrigger": True, "triggerPx": "95.0", "orderType": "Stop Market", "children": [],
    }  # fmt: skip
    profit = stop | {"oid": 8, "orderType": "Take Profit Market"}
    unsound = stop | {"oid": 9, "triggerPx": "0.0"}
    made = opened()
    (fact,) = hear(made, "openOrders", {"dex": "", "user": USER, "orders": [stop, profit, unsound]})
    assert isinstance(fact, StopsListed)
    assert [order.oid for order in fact.stops] == [7]
    assert made.dropped["open order: unsound"] == 1
