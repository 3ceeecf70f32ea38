"""What is pushed, to whom and when: snapshots, events, cadences."""

from decimal import Decimal

import pytest
from lines import START_MS, USER, WALLET, Line, Net


@pytest.fixture
def net() -> Net:
    return Net()


@pytest.fixture
def line(net: Net) -> Line:
    return Line(net)


def test_the_fast_book_has_five_levels_and_says_that_it_is_fast(line):
    _, book = line.subscribe(type="l2Book", coin="BTC", fast=True)
    assert [len(side) for side in book["data"]["levels"]] == [5, 5]
    assert list(book["data"])[-1] == "fast"
    assert book["data"]["fast"] is True


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


def sizes(frames: list[dict]) -> list[list[str]]:
    """The sizes of each frame's fills."""
    return [[fill["sz"] for fill in data["fills"]] for data in frames]


def test_an_aggregated_stream_pools_the_fills_of_one_taker_order(net, line):
    net.exchange.fund(USER, Decimal(1_000_000))
    line.subscribe(type="userFills", user=USER, aggregateByTime=True)
    plain = Line(net)
    plain.subscribe(type="userFills", user=USER)
    line.heard()
    plain.heard()
    for sz in ("8", "7"):
        net.gate.act(net.order(px="60002", sz=sz))
        net.quote("BTC", "60000")
    assert sizes(plain.data("userFills")) == [["5.0", "3.0"], ["5.0", "2.0"]]
    assert sizes(line.data("userFills")) == [["8.0"], ["7.0"]]


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
