"""The WebSocket conversation without a socket: acks, snapshots, cadences, errors and limits."""

import json
from decimal import Decimal

import pytest
from eth_account import Account
from hyperliquid.utils.signing import sign_l1_action

from tidegate.localnet.candles import CandleStore
from tidegate.localnet.exchange import Exchange
from tidegate.localnet.gate import Gate
from tidegate.localnet.limits import Limits
from tidegate.localnet.streams import Streams
from tidegate.localnet.universe import default_universe

START_MS = 1_790_000_000_000
WALLET = Account.from_key("0x" + "42" * 32)
USER = WALLET.address.lower()


class Net:
    """A kernel with its streams; wall time stands still until a test moves it."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.wall_s = 1000.0
        self.exchange = Exchange(default_universe(), start_ms=START_MS)
        self.exchange.load_candles("BTC", CandleStore("BTC"))
        limits = limits or Limits()
        self.gate = Gate(self.exchange, limits)
        self.streams = Streams(self.exchange, self.gate, limits, lambda: self.wall_s)
        self._nonce = START_MS
        self.quote("BTC", "60000")
        self.quote("ETH", "3000")

    def quote(self, coin: str, bid: str, tick: str = "1", sz: str = "5") -> None:
        low, step = Decimal(bid), Decimal(tick)
        bids = [(low - i * step, Decimal(sz), 2) for i in range(20)]
        asks = [(low + (i + 1) * step, Decimal(sz), 3) for i in range(20)]
        self.exchange.quote(coin, bids, asks)

    def pass_time(self, ms: int) -> None:
        """Let exchange time pass as the driver does: from mark to mark."""
        until_ms = self.exchange.now_ms + ms
        while self.exchange.now_ms < until_ms:
            step_ms = min(until_ms, self.streams.next_due_ms())
            self.exchange.advance(step_ms)
            self.streams.advance(step_ms)

    def signed(self, action: dict) -> dict:
        self._nonce += 1
        signature = sign_l1_action(WALLET, action, None, self._nonce, None, False)
        return {"action": action, "nonce": self._nonce, "signature": signature, "vaultAddress": None}

    def order(self, *, buy: bool = True, px: str = "60001", sz: str = "0.01", tif: str = "Ioc") -> dict:
        order = {"a": 0, "b": buy, "p": px, "s": sz, "r": False, "t": {"limit": {"tif": tif}}}
        return self.signed({"type": "order", "orders": [order], "grouping": "na"})


class Line:
    """One client: what it said, what it heard, and whether it was cut off."""

    def __init__(self, net: Net) -> None:
        self.raw: list[bytes] = []
        self.cut_after_s: float | None = None
        self.session = net.streams.connect(self.raw.append, self._cut)

    def _cut(self, after_s: float) -> None:
        self.cut_after_s = after_s

    def say(self, text: str | bytes) -> list[dict]:
        """Send one frame and return what came back."""
        self.raw.clear()
        self.session.receive(text.encode() if isinstance(text, str) else text)
        return self.heard()

    def subscribe(self, **subscription: object) -> list[dict]:
        return self.say(json.dumps({"method": "subscribe", "subscription": subscription}))

    def unsubscribe(self, **subscription: object) -> list[dict]:
        return self.say(json.dumps({"method": "unsubscribe", "subscription": subscription}))

    def heard(self) -> list[dict]:
        frames = [json.loads(raw) for raw in self.raw]
        self.raw.clear()
        return frames

    def data(self, channel: str) -> list:
        return [frame["data"] for frame in self.heard() if frame["channel"] == channel]


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


def test_the_fast_book_has_five_levels_and_says_that_it_is_fast(line):
    _, book = line.subscribe(type="l2Book", coin="BTC", fast=True)
    assert [len(side) for side in book["data"]["levels"]] == [5, 5]
    assert list(book["data"])[-1] == "fast"
    assert book["data"]["fast"] is True


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
        {"type": "allMids", "dex": "xyz"},
    ],
)
def test_an_unknown_name_cuts_the_line_without_a_word(line, subscription):
    assert line.subscribe(**subscription) == []
    assert line.cut_after_s == pytest.approx(0.1)


def test_ping_is_answered_by_a_pong_without_data(line):
    line.raw.clear()
    line.session.receive(b'{"method":"ping"}')
    assert line.raw == [b'{"channel":"pong"}']


def test_about_thirty_old_trades_are_replayed_oldest_first_and_unmarked(net, line):
    for i in range(40):
        net.pass_time(10)
        net.exchange.trade("BTC", "B", Decimal("60001"), Decimal("0.001") * (i + 1))
    frames = line.subscribe(type="trades", coin="BTC")
    assert [frame["channel"] for frame in frames] == ["subscriptionResponse", "trades"]
    trades = frames[1]["data"]
    assert [trade["time"] - START_MS for trade in trades] == [10 * (i + 1) for i in range(10, 40)]


def test_a_coin_without_trades_has_no_replay(line):
    assert [frame["channel"] for frame in line.subscribe(type="trades", coin="BTC")] == ["subscriptionResponse"]


def test_a_trade_is_pushed_the_moment_it_happens_to_all_in_the_same_bytes(net, line):
    other = Line(net)
    line.subscribe(type="trades", coin="BTC")
    other.subscribe(type="trades", coin="BTC")
    line.raw.clear()
    other.raw.clear()
    net.exchange.trade("BTC", "A", Decimal("60000"), Decimal("0.5"))
    assert line.raw == other.raw
    assert line.raw[0] is other.raw[0]
    (trades,) = line.data("trades")
    assert {key: trades[0][key] for key in ("coin", "side", "px", "sz")} == {
        "coin": "BTC",
        "side": "A",
        "px": "60000.0",
        "sz": "0.5",
    }


def test_the_touch_is_sent_when_it_changes_and_only_then(net, line):
    _, first = line.subscribe(type="bbo", coin="BTC")
    assert first["data"]["bbo"] == [{"px": "60000.0", "sz": "5.0", "n": 2}, {"px": "60001.0", "sz": "5.0", "n": 3}]
    net.quote("BTC", "60000")
    net.quote("ETH", "3010")
    assert line.heard() == []
    net.quote("BTC", "59999")
    (bbo,) = line.data("bbo")
    assert bbo["bbo"][0]["px"] == "59999.0"


def test_somebody_who_comes_late_does_not_hide_a_change_from_the_others(net, line):
    line.subscribe(type="bbo", coin="BTC")
    net.exchange.feed.remove(net.streams)
    net.quote("BTC", "59990")
    net.exchange.feed.append(net.streams)
    late = Line(net)
    _, first = late.subscribe(type="bbo", coin="BTC")
    assert first["data"]["bbo"][0]["px"] == "59990.0"
    assert [bbo["bbo"] for bbo in line.data("bbo")] == [first["data"]["bbo"]]
    net.quote("BTC", "59990")
    assert late.heard() == []


def test_candles_are_pushed_with_the_trades_that_change_them(net, line):
    line.subscribe(type="candle", coin="BTC", interval="1m")
    line.heard()
    net.exchange.trade("BTC", "B", Decimal("60001"), Decimal("0.5"))
    net.exchange.trade("BTC", "A", Decimal("60000"), Decimal("0.25"))
    first, second = line.data("candle")
    assert (first["s"], first["i"], first["n"], second["n"]) == ("BTC", "1m", 1, 2)
    assert (second["o"], second["h"], second["l"], second["c"]) == ("60001.0", "60001.0", "60000.0", "60000.0")
    assert second["v"] == "0.75"


def test_clocked_streams_keep_their_period_in_exchange_time_on_marks_common_to_all_coins(net, line):
    line.subscribe(type="l2Book", coin="BTC")
    line.subscribe(type="l2Book", coin="ETH")
    line.subscribe(type="l2Book", coin="BTC", fast=True)
    line.subscribe(type="activeAssetCtx", coin="BTC")
    line.subscribe(type="allMids")
    line.heard()
    net.pass_time(20_000)
    frames = line.heard()
    books = [f["data"] for f in frames if f["channel"] == "l2Book" and "fast" not in f["data"]]
    assert [book["coin"] for book in books] == ["BTC", "ETH"] * 4
    assert [book["time"] - START_MS for book in books if book["coin"] == "BTC"] == [5_000, 10_000, 15_000, 20_000]
    assert [book["time"] for book in books[::2]] == [book["time"] for book in books[1::2]]
    fast = [f["data"] for f in frames if f["channel"] == "l2Book" and "fast" in f["data"]]
    assert [book["time"] - START_MS for book in fast] == list(range(500, 20_001, 500))
    assert sum(frame["channel"] == "activeAssetCtx" for frame in frames) == 20
    assert sum(frame["channel"] == "allMids" for frame in frames) == 4


def test_missed_marks_are_not_made_up_for(net, line):
    line.subscribe(type="l2Book", coin="BTC", fast=True)
    line.heard()
    net.exchange.advance(START_MS + 60_250)
    net.streams.advance(START_MS + 60_250)
    assert [book["time"] - START_MS for book in line.data("l2Book")] == [60_250]
    assert net.streams.next_due_ms() == START_MS + 60_500


def test_all_mids_and_contexts_name_their_coin(line):
    _, mids = line.subscribe(type="allMids")
    assert mids["data"]["mids"]["BTC"] == "60000.5"
    _, ctx = line.subscribe(type="activeAssetCtx", coin="BTC")
    assert ctx["data"]["coin"] == "BTC"
    assert ctx["data"]["ctx"]["midPx"] == "60000.5"


def test_an_order_is_told_to_its_user_on_all_three_streams(net, line):
    assert [f["channel"] for f in line.subscribe(type="orderUpdates", user=USER)] == ["subscriptionResponse"]
    assert [f["channel"] for f in line.subscribe(type="userEvents", user=USER)] == ["subscriptionResponse"]
    _, snapshot = line.subscribe(type="userFills", user=WALLET.address)
    assert snapshot["data"] == {"isSnapshot": True, "user": USER, "fills": []}
    assert net.gate.act(net.order()).body["status"] == "ok"
    frames = {frame["channel"]: frame["data"] for frame in line.heard()}
    assert frames["orderUpdates"][-1]["status"] == "filled"
    assert list(frames["user"]) == ["fills"]
    assert list(frames["userFills"]) == ["user", "fills"]
    assert frames["userFills"]["fills"] == frames["user"]["fills"]
    late = Line(net)
    _, snapshot = late.subscribe(type="userFills", user=USER)
    assert snapshot["data"] == {"isSnapshot": True, "user": USER, "fills": frames["user"]["fills"]}


def test_another_users_orders_are_not_told(net, line):
    line.subscribe(type="orderUpdates", user="0x" + "11" * 20)
    line.subscribe(type="userFills", user="0x" + "11" * 20)
    line.heard()
    net.gate.act(net.order())
    assert line.heard() == []


def test_funding_goes_to_the_events_and_to_its_own_stream(net, line):
    line.subscribe(type="userEvents", user=USER)
    _, snapshot = line.subscribe(type="userFundings", user=USER)
    assert snapshot["data"] == {"isSnapshot": True, "user": USER, "fundings": []}
    funding = {
        "time": START_MS,
        "coin": "BTC",
        "usdc": "-0.1",
        "szi": "0.1",
        "fundingRate": "0.0000125",
        "nSamples": None,
    }
    net.streams.on_user_event(USER, {"funding": funding})
    assert line.heard() == [
        {"channel": "user", "data": {"funding": funding}},
        {"channel": "userFundings", "data": {"user": USER, "fundings": [funding]}},
    ]


def test_account_streams_carry_the_rest_answer_and_repeat_it_every_five_seconds(net, line):
    line.subscribe(type="clearinghouseState", user=USER)
    line.subscribe(type="openOrders", user=USER)
    line.subscribe(type="spotState", user=USER)
    line.heard()
    net.gate.act(net.order(px="50000", tif="Gtc"))
    net.pass_time(5_000)
    frames = {frame["channel"]: frame["data"] for frame in line.heard()}
    info = net.exchange.info
    assert frames["clearinghouseState"]["clearinghouseState"] == info({"type": "clearinghouseState", "user": USER}).body
    assert frames["openOrders"] == {
        "dex": "",
        "user": USER,
        "orders": info({"type": "frontendOpenOrders", "user": USER}).body,
    }
    assert len(frames["openOrders"]["orders"]) == 1
    assert list(frames["spotState"]) == ["user", "spotState"]


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
