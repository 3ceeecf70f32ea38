"""Streams that remember what they said: changes, differences, histories; and the rarer streams of an account."""

import json
import zlib
from base64 import b64decode
from decimal import Decimal

import pytest
from lines import START_MS, USER, Line, Net

from tidegate.localnet.doors.frames import packed

DOCUMENTED = "q1ZyCnFWsqpWyk0syg6oULJSsjQ3NTDQM1Wq1VFyDfFAkTI2MzXQMwJLVVRWWfmFuTiiyBuamOoZKdXWAgA="
ACTIVE = {"type": "activeAssetData", "user": USER, "coin": "BTC"}


@pytest.fixture
def net() -> Net:
    return Net()


@pytest.fixture
def line(net: Net) -> Line:
    return Line(net)


def unpacked(text: str) -> dict:
    return json.loads(zlib.decompress(b64decode(text), wbits=-15))


def test_the_documented_fast_contexts_unpack_and_ours_unpack_alike():
    prices = {"BTC": {"markPx": "97500.5"}, "ETH": {"markPx": "3650.25"}, "xyz:NVDA": {"markPx": "145.2"}}
    assert unpacked(DOCUMENTED) == unpacked(packed(prices)) == prices


def test_fast_contexts_begin_with_everything_and_go_on_with_what_changed(net, line):
    net.pass_time(10_000)
    _, first = line.subscribe(type="fastAssetCtxs")
    begun = unpacked(first["data"])
    assert set(begun["BTC"]) == {"markPx", "midPx"}
    metas = net.exchange.info({"type": "allPerpMetas"}).body
    assert set(begun) == {rule["name"] for meta in metas for rule in meta["universe"]}
    net.pass_time(3_000)
    assert line.data("fastAssetCtxs") == []
    net.quote("BTC", "60100")
    net.pass_time(1_000)
    (news,) = line.data("fastAssetCtxs")
    assert unpacked(news)["BTC"]["midPx"] == "60100.5"
    assert list(unpacked(news)) == ["BTC"]


def test_a_latecomer_to_a_remembering_stream_gets_everything_and_hides_nothing_from_the_others(net, line):
    line.subscribe(type="fastAssetCtxs")
    net.quote("BTC", "60100")
    late = Line(net)
    _, first = late.subscribe(type="fastAssetCtxs")
    assert unpacked(first["data"])["BTC"]["midPx"] == "60100.5"
    (news,) = line.data("fastAssetCtxs")
    assert unpacked(news) == {"BTC": {"midPx": "60100.5"}}
    net.streams.advance(START_MS + 1_000)
    assert line.heard() == late.heard() == []


def test_all_contexts_are_sent_by_dex_and_position_every_thirteen_seconds_and_a_bit(net, line):
    _, first = line.subscribe(type="allDexsAssetCtxs")
    dex, contexts = first["data"]["ctxs"][0]
    assert (dex, contexts) == ("", net.exchange.info({"type": "metaAndAssetCtxs"}).body[1])
    net.pass_time(2 * 13_600)
    assert len(line.data("allDexsAssetCtxs")) == 2


def test_an_accounts_asset_is_told_when_it_changes_and_only_then(net, line):
    _, first = line.subscribe(**ACTIVE)
    assert first["data"] == net.exchange.info(ACTIVE).body
    net.pass_time(1_000)
    assert line.heard() == []
    net.gate.act(net.signed({"type": "updateLeverage", "asset": 0, "isCross": False, "leverage": 3}))
    (told,) = line.data("activeAssetData")
    assert told["leverage"]["value"] == 3
    assert list(told) == ["user", "coin", "leverage", "maxTradeSzs", "availableToTrade", "markPx"]


def test_an_asset_of_an_account_is_a_perp(line):
    assert line.subscribe(type="activeAssetData", user=USER, coin="PURR/USDC") == []
    assert line.cut_after_s is not None


def test_ledger_rows_come_as_a_snapshot_and_then_one_by_one(net, line):
    net.exchange.fund(USER, Decimal(5))
    _, first = line.subscribe(type="userNonFundingLedgerUpdates", user=USER)
    rows = net.exchange.info({"type": "userNonFundingLedgerUpdates", "user": USER}).body
    assert first["data"] == {"isSnapshot": True, "user": USER, "nonFundingLedgerUpdates": rows}
    net.exchange.fund(USER, Decimal(7))
    net.pass_time(500)
    (news,) = line.data("userNonFundingLedgerUpdates")
    assert list(news) == ["user", "nonFundingLedgerUpdates"]
    assert [row["delta"] for row in news["nonFundingLedgerUpdates"]] == [{"type": "deposit", "usdc": "7.0"}]
    net.pass_time(2_000)
    assert line.heard() == []


@pytest.mark.parametrize(("kind", "rows"), [("userTwapSliceFills", "twapSliceFills"), ("userTwapHistory", "history")])
def test_a_history_that_is_empty_begins_with_an_empty_snapshot(line, kind, rows):
    ack, first = line.subscribe(type=kind, user=USER)
    assert ack["data"]["subscription"] == {"type": kind, "user": USER}
    assert first == {"channel": kind, "data": {"isSnapshot": True, "user": USER, rows: []}}


def test_the_states_of_all_dexs_and_of_twaps_name_dex_and_user(net, line):
    _, states = line.subscribe(type="allDexsClearinghouseState", user=USER)
    account = net.exchange.info({"type": "clearinghouseState", "user": USER}).body
    assert states["data"]["user"] == USER
    assert states["data"]["clearinghouseStates"][0] == ["", account]
    _, twaps = line.subscribe(type="twapStates", user=USER)
    assert twaps["data"] == {"dex": "", "user": USER, "states": []}
    net.pass_time(5_000)
    assert {frame["channel"] for frame in line.heard()} == {"allDexsClearinghouseState", "twapStates"}


def test_web_data_says_who_an_account_is(net, line):
    net.gate.act(net.order())
    _, first = line.subscribe(type="webData3", user=USER)
    user_state, dex_states = first["data"]["userState"], first["data"]["perpDexStates"]
    assert list(user_state)[:6] == ["agentAddress", "agentValidUntil", "cumLedger", "serverTime", "isVault", "user"]
    assert user_state["cumLedger"] == "10000.0"
    assert (user_state["serverTime"], user_state["isVault"], user_state["user"]) == (START_MS, False, USER)
    assert dex_states[0] == {"totalVaultEquity": "0.0", "perpsAtOpenInterestCap": []}
    assert len(dex_states) == len(net.exchange.info({"type": "perpDexs"}).body)
    net.pass_time(5_000)
    assert len(line.data("webData3")) == 1


def test_the_fill_of_a_resting_order_is_notified_in_words_and_a_takers_is_not(net, line):
    assert len(line.subscribe(type="notification", user=USER)) == 1
    net.gate.act(net.order(px="60001", sz="0.01"))
    assert line.heard() == []
    net.gate.act(net.order(buy=False, px="60001", sz="0.01", tif="Gtc"))
    net.exchange.trade("BTC", "B", Decimal("60001"), Decimal("5.01"))
    assert line.data("notification") == [{"notification": "Resting order filled: Sold 0.01 BTC at $60001"}]


def test_outcomes_are_accepted_and_silent_for_there_are_none(net, line):
    ack, *frames = line.subscribe(type="outcomeMetaUpdates")
    assert ack["data"]["subscription"] == {"type": "outcomeMetaUpdates"}
    net.pass_time(15_000)
    assert frames == line.heard() == []


@pytest.fixture
def dex(net: Net) -> str:
    """The name of the builder's dex."""
    return next(entry["name"] for entry in net.exchange.info({"type": "perpDexs"}).body if entry is not None)


def test_a_builders_dex_has_streams_of_its_own(net, line, dex):
    ack, mids = line.subscribe(type="allMids", dex=dex)
    assert ack["data"]["subscription"] == {"type": "allMids", "dex": dex}
    assert mids["data"] == {"dex": dex, "mids": net.exchange.info({"type": "allMids", "dex": dex}).body}
    for kind in ("clearinghouseState", "openOrders", "twapStates"):
        ack, state = line.subscribe(type=kind, user=USER, dex=dex)
        assert ack["data"]["subscription"] == {"type": kind, "user": USER, "dex": dex}
        assert (state["data"]["dex"], state["data"]["user"]) == (dex, USER)
    coin = next(iter(mids["data"]["mids"]))
    ack, book = line.subscribe(type="l2Book", coin=coin)
    assert book["data"]["coin"] == coin
    assert line.subscribe(type="activeAssetCtx", coin=coin)[1]["channel"] == "activeAssetCtx"


def test_the_first_dex_is_named_by_nothing(line):
    ack, state = line.subscribe(type="openOrders", user=USER)
    assert ack["data"]["subscription"] == {"type": "openOrders", "user": USER, "dex": ""}
    assert state["data"]["dex"] == ""
    assert line.subscribe(type="openOrders", user=USER, dex="")[0]["channel"] == "error"


def test_a_twap_is_told_as_it_runs_in_states_history_slices_and_events(net, line):
    net.exchange.set_oracle("BTC", Decimal(60_000))
    twap = {"a": 0, "b": True, "s": "0.05", "r": False, "m": 5, "t": False}
    for kind in ("userTwapHistory", "userTwapSliceFills", "userEvents", "twapStates"):
        line.subscribe(type=kind, user=USER)
    assert net.gate.act(net.signed({"type": "twapOrder", "twap": twap})).body["status"] == "ok"
    net.pass_time(5_000)
    told = [(frame["channel"], frame["data"]) for frame in line.heard()]
    (history,) = (data for channel, data in told if channel == "userTwapHistory")
    assert list(history) == ["user", "history"]
    assert [row["status"] for row in history["history"]] == [{"status": "activated"}]
    (slices,) = (data for channel, data in told if channel == "userTwapSliceFills")
    twap_id = history["history"][0]["twapId"]
    assert [row["twapId"] for row in slices["twapSliceFills"]] == [twap_id]
    assert slices["twapSliceFills"] in [data.get("twapSliceFills") for channel, data in told if channel == "user"]
    ((number, state),) = next(data["states"] for channel, data in told if channel == "twapStates")
    assert (number, state["coin"]) == (twap_id, "BTC")
    assert state["executedSz"] == slices["twapSliceFills"][0]["fill"]["sz"]
    net.gate.act(net.signed({"type": "twapCancel", "a": 0, "t": twap_id}))
    (history,) = line.data("userTwapHistory")
    assert [row["status"] for row in history["history"]] == [{"status": "terminated"}]
    net.pass_time(5_000)
    assert line.data("twapStates") == [{"dex": "", "user": USER, "states": []}]


def test_a_funding_snapshot_holds_the_latest_payments_however_many_pages_there_are(net, line):
    payment = {"type": "funding", "coin": "BTC", "usdc": "-0.1", "szi": "0.1", "fundingRate": "0.0", "nSamples": None}
    net.exchange.fund(USER, Decimal(1))
    hour_ms = 3_600_000

    def pay(venue):
        rows = ({"time": START_MS - hour_ms * ago, "hash": "0x", "delta": payment} for ago in range(1_200, 0, -1))
        venue.accounts[USER].fundings.extend(rows)

    net.exchange.perform(pay)
    _, first = line.subscribe(type="userFundings", user=USER)
    times = [row["time"] for row in first["data"]["fundings"]]
    assert times == [START_MS - hour_ms * ago for ago in range(500, 0, -1)]
