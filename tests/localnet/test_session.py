"""One client's conversation: acks, errors, posts, silence and the limits of its address."""

import json
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lines import USER, Line, Net

from tidegate.localnet.doors.limits import Limits
from tidegate.localnet.doors.subscriptions import FIELDS


@pytest.fixture
def net() -> Net:
    return Net()


@pytest.fixture
def line(net: Net) -> Line:
    return Line(net)


def test_a_subscription_is_acked_before_its_first_frame(line):
    ack, book = line.subscribe(type="l2Book", coin="BTC")
    assert ack == {
        "channel": "subscriptionResponse",
        "data": {
            "method": "subscribe",
            "subscription": {
                "type": "l2Book",
                "coin": "BTC",
                "nSigFigs": None,
                "mantissa": None,
                "fast": False,
            },
        },
    }
    assert book["channel"] == "l2Book"
    assert [len(side) for side in book["data"]["levels"]] == [20, 20]
    assert "fast" not in book["data"]


def test_a_duplicate_and_an_unknown_subscription_are_told_and_the_line_stays_open(line):
    line.subscribe(type="l2Book", coin="SOL")
    assert line.subscribe(type="l2Book", coin="SOL", nSigFigs=None) == [
        {
            "channel": "error",
            "data": 'Already subscribed: {"type":"l2Book","coin":"SOL","nSigFigs":null,"mantissa":null,"fast":false}',
        }
    ]
    assert line.unsubscribe(type="trades", coin="ETH") == [
        {"channel": "error", "data": 'Already unsubscribed: {"type":"trades","coin":"ETH"}'}
    ]
    assert line.cut_after_s is None


def test_an_unsubscription_is_acked_and_ends_the_stream(net, line):
    line.subscribe(type="bbo", coin="BTC")
    assert line.unsubscribe(type="bbo", coin="BTC") == [
        {
            "channel": "subscriptionResponse",
            "data": {"method": "unsubscribe", "subscription": {"type": "bbo", "coin": "BTC"}},
        }
    ]
    net.quote("BTC", "60010")
    assert line.heard() == []


@pytest.mark.parametrize(
    "text",
    [
        '{"method":"subscribe","subscription":{"type":"bbo","coin":["BTC","ETH"]}}',
        '{"method": "subscribe", "subscription": {"type": "noSuchType", "coin": "BTC"}}',
        '{"method":"subscribe"}',
        '{"method":"shout"}',
        '{"method":"post","request":{"type":"info","payload":{"type":"allMids"}}}',
        '{"method":"post","id":true,"request":{"type":"info","payload":{"type":"allMids"}}}',
        '{"method":"post","id":1,"request":{"type":"explorer","payload":{}}}',
        '{"method":"post","id":1,"request":{"type":"info","payload":{"type":"noSuchType"}}}',
        '{"method":"post","id":1,"request":{"type":"action","payload":{}}}',
        "hello",
        "[" * 100_000,
        "null",
        "",
        "ä",
    ],
)
def test_a_frame_that_is_no_request_is_sent_back_in_the_error(line, text):
    assert line.say(text) == [{"channel": "error", "data": f"Error parsing JSON into valid websocket request: {text}"}]
    assert line.cut_after_s is None


@pytest.mark.parametrize(
    "subscription",
    [
        {"type": "trades", "coin": "btc"},
        {"type": "trades", "coin": "NOPE"},
        {"type": "l2Book", "coin": "XYZ:SP500"},
        {"type": "l2Book", "coin": "BTC", "nSigFigs": 7},
        {"type": "l2Book", "coin": "BTC", "nSigFigs": 4, "mantissa": 2},
        {"type": "candle", "coin": "nope", "interval": "1m"},
        {"type": "allMids", "dex": "nope"},
        {"type": "openOrders", "user": USER, "dex": "XYZ"},
        {"type": "trades", "coin": "xyz:NOPE"},
        {"type": "activeAssetData", "user": USER, "coin": "@1"},
    ],
)
def test_an_unknown_name_cuts_the_line_without_a_word(line, subscription):
    assert line.subscribe(**subscription) == []
    assert line.cut_after_s == pytest.approx(0.1)


def test_ping_is_answered_by_a_pong_without_data(line):
    line.raw.clear()
    line.session.receive(b'{"method":"ping"}')
    assert line.raw == [b'{"channel":"pong"}']


def test_a_posted_question_is_answered_under_its_id(line):
    text = '{"method":"post","id":7,"request":{"type":"info","payload":{"type":"l2Book","coin":"NOPE"}}}'
    line.raw.clear()
    line.session.receive(text.encode())
    assert line.raw == [
        b'{"channel":"post","data":{"id":7,"response":{"type":"info","payload":{"type":"l2Book","data":null}}}}'
    ]


def test_a_posted_action_gets_the_rest_answer_and_its_events_come_along(net, line):
    line.subscribe(type="orderUpdates", user=USER)
    request = {"type": "action", "payload": net.order()}
    frames = line.say(json.dumps({"method": "post", "id": 3000001, "request": request}))
    posts = [frame["data"] for frame in frames if frame["channel"] == "post"]
    assert len(posts) == 1
    assert list(posts[0]) == ["id", "response"]
    assert posts[0]["response"]["type"] == "action"
    assert "filled" in posts[0]["response"]["payload"]["response"]["data"]["statuses"][0]
    assert any(frame["channel"] == "orderUpdates" for frame in frames)


def test_posts_share_the_weight_of_the_address(net):
    net = Net(Limits(rest_weight_per_minute=3))
    line = Line(net)
    post = '{"method":"post","id":1,"request":{"type":"info","payload":{"type":"allMids"}}}'
    assert line.say(post)[0]["data"]["response"]["type"] == "info"
    assert line.say(post)[0]["data"]["response"] == {"type": "error", "payload": "429 Too Many Requests: null"}


def test_posts_beyond_those_in_flight_are_refused_by_their_id():
    net = Net(Limits(posts_in_flight=2))
    line, other = Line(net), Line(net)
    assert line.session.hold_post(1)
    assert other.session.hold_post(2)
    post = '{"method":"post","id":3,"request":{"type":"info","payload":{"type":"allMids"}}}'
    assert line.say(post) == [{"channel": "error", "data": "too many pending post requests id=3"}]
    line.session.receive_held(post.encode())
    assert line.data("post")[0]["id"] == 3
    other.session.close()
    assert line.say(post)[0]["channel"] == "post"
    line.session.release_post()
    assert net.streams.counts()["posts_in_flight"] == 0


def test_silence_of_sixty_seconds_cuts_the_line_and_a_pong_ends_the_silence(net, line):
    net.wall_s += 59.9
    net.streams.drop_idle()
    assert line.cut_after_s is None
    line.say('{"method":"ping"}')
    net.wall_s += 59.9
    net.streams.drop_idle()
    assert line.cut_after_s is None
    net.wall_s += 0.1
    net.streams.drop_idle()
    assert line.cut_after_s == 0.0


def test_the_limits_of_the_address_are_told_in_the_exchanges_words():
    net = Net(Limits(subscriptions=3, users=2, messages_per_minute=7))
    line, other = Line(net), Line(net)
    line.subscribe(type="userFills", user="0x" + "11" * 20)
    other.subscribe(type="userFills", user="0x" + "22" * 20)
    assert line.subscribe(type="userFills", user="0x" + "33" * 20) == [
        {"channel": "error", "data": "Cannot track more than 2 total users."}
    ]
    assert other.subscribe(type="orderUpdates", user="0x" + "11" * 20)[0]["channel"] == "subscriptionResponse"
    assert other.subscribe(type="bbo", coin="BTC") == [
        {"channel": "error", "data": "Cannot subscribe to more than 3 channels."}
    ]
    assert line.unsubscribe(type="userFills", user="0x" + "11" * 20)[0]["channel"] == "subscriptionResponse"
    assert line.subscribe(type="bbo", coin="BTC")[0]["channel"] == "subscriptionResponse"
    assert line.say('{"method":"ping"}') == [
        {"channel": "error", "data": "Cannot send more than 7 messages per minute."}
    ]
    net.wall_s += 60
    assert line.say('{"method":"ping"}') == [{"channel": "pong"}]


def test_connections_are_limited_in_number_and_in_rate():
    net = Net(Limits(connections=2, connections_per_minute=4))
    first, _ = (Line(net) for _ in range(2) if net.streams.may_connect())
    assert not net.streams.may_connect()
    first.session.close()
    assert net.streams.may_connect()
    Line(net).session.close()
    assert not net.streams.may_connect()
    net.wall_s += 60
    assert net.streams.may_connect()


def test_a_closed_session_leaves_nothing_behind(net, line):
    line.subscribe(type="trades", coin="BTC")
    line.subscribe(type="userFills", user=USER)
    line.session.close()
    line.raw.clear()
    net.exchange.trade("BTC", "B", Decimal("60001"), Decimal("0.5"))
    net.gate.act(net.order())
    assert line.raw == []
    assert net.streams.subscription_count == 0
    assert not net.streams.sessions


NAMES = ["type", "coin", "user", "interval", "nSigFigs", "mantissa", "fast", "dex", "aggregateByTime"]
VALUES = st.one_of(
    st.sampled_from([*FIELDS, "BTC", "ETH", "btc", "NOPE", "1m", "", USER, "subscribe", "post", "info", "action"]),
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
)
PAYLOADS = st.recursive(VALUES, lambda inner: st.dictionaries(st.sampled_from(NAMES), inner) | st.lists(inner))
MESSAGES = st.fixed_dictionaries(
    {},
    optional={
        "method": st.sampled_from(["subscribe", "unsubscribe", "ping", "post", "shout", None, 7]),
        "subscription": PAYLOADS,
        "id": VALUES,
        "request": st.fixed_dictionaries({"type": VALUES, "payload": PAYLOADS}) | PAYLOADS,
    },
)


@given(st.lists(MESSAGES.map(lambda message: json.dumps(message).encode()) | st.binary(), max_size=20))
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_whatever_a_client_says_it_is_answered_once_or_cut_off(messages):
    net = Net()
    line = Line(net)
    for message in messages:
        line.cut_after_s = None
        frames = line.say(message)
        answers = [f for f in frames if f["channel"] in ("subscriptionResponse", "error", "pong", "post")]
        assert len(answers) == (0 if line.cut_after_s is not None else 1)
    line.session.close()
    assert net.streams.subscription_count == 0


WISHES = st.sampled_from(
    [
        {"type": "trades", "coin": "BTC"},
        {"type": "bbo", "coin": "BTC"},
        {"type": "candle", "coin": "BTC", "interval": "1m"},
        {"type": "l2Book", "coin": "BTC", "fast": True},
        {"type": "userFills", "user": USER},
        {"type": "orderUpdates", "user": USER},
    ]
)


@given(st.lists(st.tuples(st.integers(0, 2), st.booleans(), WISHES), max_size=40))
@settings(deadline=None)
def test_everybody_hears_exactly_what_they_are_subscribed_to(steps):
    net = Net()
    lines = [Line(net) for _ in range(3)]
    wanted: list[set[str]] = [set(), set(), set()]
    for who, wants, wish in steps:
        (lines[who].subscribe if wants else lines[who].unsubscribe)(**wish)
        (wanted[who].add if wants else wanted[who].discard)(wish["type"])
    for line in lines:
        line.heard()
    net.exchange.trade("BTC", "B", Decimal("60001"), Decimal(5))
    net.gate.act(net.order(px="60002"))
    net.pass_time(500)
    for line, types in zip(lines, wanted, strict=True):
        assert {frame["channel"] for frame in line.heard()} == types
    assert net.streams.subscription_count == sum(map(len, wanted))
