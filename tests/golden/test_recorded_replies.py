"""Recorded answers of the real exchange against localnet's: shapes, key order, numbers, signers, figures."""

import gzip
import json
import re
from decimal import Decimal

import pytest

from tests.golden.recordings import ACCOUNTS, DECIMAL, REST, SHARED, needs_samples, recorded, same_shape, shape
from tests.localnet.floor import ALO, IOC, START_MS, Trader, move_to, order, quiet_floor, trigger
from tidegate.localnet.exchange import Exchange
from tidegate.localnet.kernel import margin
from tidegate.localnet.kernel.accounts import Account, Leverage, Position
from tidegate.localnet.kernel.signatures import USER_SIGNED, Signature, l1_signer, user_signer
from tidegate.localnet.kernel.universe import (
    MarginTable,
    MarginTier,
    PerpRule,
    Universe,
    default_universe,
    flat_table,
)
from tidegate.localnet.kernel.venue import Venue
from tidegate.localnet.markets.candles import CandleStore

D = Decimal

pytestmark = needs_samples

RECORDED_SIGNER = "0x4a1ae5a6cfb24390a704b1cc1ab88d0f89ef596b"
WRONG_SIGNER = "0x932034054685ab4d46a5b9e59b70a4b7f2c76d4d"


def a_floor_with_history():
    """A trader with fills, resting, rejected and canceled orders and an open position."""
    exchange = quiet_floor()
    exchange.load_candles("BTC", CandleStore("BTC"))
    trader = Trader(exchange, 1)
    trader.order("B", "80010", "0.01", IOC, cloid=f"0x{1:032x}")
    trader.order("B", "79000", "0.01")
    exchange.advance(START_MS + 1_000)
    move_to(exchange, 80_100)
    return exchange, trader


def test_markets_are_described_as_recorded():
    exchange, _ = a_floor_with_history()
    theirs = recorded("meta")["response"]
    ours = exchange.info({"type": "meta", "dex": ""}).body
    same_shape(ours["marginTables"], theirs["marginTables"])
    assert {**ours, "universe": ours["universe"][:6]}["universe"] == theirs["universe"]
    assert list(ours) == list(theirs)
    tables = dict(ours["marginTables"])
    for table_id, table in theirs["marginTables"]:
        assert tables[table_id] == table
    same_shape(exchange.info({"type": "spotMeta"}).body, recorded("spotMeta")["response"])
    assert exchange.info({"type": "perpDexs"}).body[0] is recorded("perpDexs")["response"][0]


def test_market_data_has_the_recorded_shapes():
    exchange, _ = a_floor_with_history()
    same_shape(exchange.info({"type": "l2Book", "coin": "BTC"}).body, recorded("l2Book")["response"])
    request = {
        "type": "candleSnapshot",
        "req": {"coin": "BTC", "interval": "1m", "startTime": 0, "endTime": START_MS * 2},
    }
    same_shape(exchange.info(request).body, recorded("candleSnapshot.spot")["response"])
    mids = exchange.info({"type": "allMids"}).body
    assert all(DECIMAL.fullmatch(mid) for mid in mids.values())


def test_contexts_have_the_recorded_shapes():
    exchange, _ = a_floor_with_history()
    path = SHARED / "data" / "meta" / "metaAndAssetCtxs_20260310.json.gz"
    meta, contexts = json.loads(gzip.decompress(path.read_bytes()))
    ours = exchange.info({"type": "metaAndAssetCtxs"}).body
    same_shape(ours[1][0], contexts[0])
    same_shape(ours[1][3], contexts[3])
    names = {row["name"]: row for row in meta["universe"]}
    for row in ours[0]["universe"]:
        theirs = names[row["name"]]
        assert row["szDecimals"] == theirs["szDecimals"], row["name"]
        assert row["maxLeverage"] == theirs["maxLeverage"], row["name"]


def test_an_account_is_described_as_recorded():
    _, trader = a_floor_with_history()
    same_shape(trader.ask("clearinghouseState"), recorded("clearinghouseState")["response"])
    same_shape(trader.ask("userFills"), with_cloid(recorded("userFills")["response"]))
    same_shape(trader.ask("openOrders"), without_cloid(recorded("openOrders")["response"]))
    same_shape(trader.ask("frontendOpenOrders"), recorded("frontendOpenOrders")["response"])
    resting = trader.ask("openOrders")[0]["oid"]
    same_shape(trader.ask("orderStatus", oid=resting), recorded("orderStatus")["response"])
    for kind in ("userRateLimit", "userFees", "activeAssetData", "portfolio", "userRole"):
        same_shape(trader.ask(kind, coin="BTC"), recorded(kind)["response"])
    spot = recorded("spotClearinghouseState")["response"]
    same_shape(trader.ask("spotClearinghouseState"), {"balances": spot["balances"]})


def with_cloid(fills):
    """The recorded fill had no cloid; where it stands is known from node recordings: after tid."""
    row = dict(fills[0])
    fee_token, twap_id = row.pop("feeToken"), row.pop("twapId")
    return [{**row, "cloid": "0x0", "feeToken": fee_token, "twapId": twap_id}]


def without_cloid(orders):
    return [{key: value for key, value in row.items() if key != "cloid"} for row in orders]


def test_an_empty_account_is_all_zeros():
    theirs = recorded("clearinghouseState.empty")["response"]
    ours = quiet_floor().info({"type": "clearinghouseState", "user": "0x" + "7" * 40}).body
    assert {**ours, "time": 0} == {**theirs, "time": 0}


def test_history_rows_have_the_recorded_shape():
    exchange = quiet_floor()
    trader = Trader(exchange, 1)
    trader.order("A", "90000", "0.01", IOC)
    theirs = recorded("historicalOrders")["response"]
    same_shape(trader.ask("historicalOrders"), theirs)
    assert trader.ask("historicalOrders")[0]["status"] == theirs[0]["status"] == "iocCancelRejected"


def test_trigger_orders_read_as_recorded():
    exchange = quiet_floor()
    trader = Trader(exchange, 1)
    trader.orders(
        [
            order("B", "79000", "0.01"),
            order("A", "70000", "0.01", trigger("sl", "78000"), reduce_only=True),
            order("A", "75000", "0.01", trigger("tp", "82000"), reduce_only=True),
        ],
        "normalTpsl",
    )
    theirs = recorded("frontendOpenOrders.triggers")["response"]
    ours = trader.ask("frontendOpenOrders")
    assert [row["orderType"] for row in ours] == [row["orderType"] for row in theirs]
    assert [child["orderType"] for child in ours[2]["children"]] == [
        child["orderType"] for child in theirs[2]["children"]
    ]
    for our_row, their_row in zip(ours, theirs, strict=True):
        # Recorded before cloids, and re-saved with sorted keys: everything else is alike.
        assert {**shape(without(our_row)), "children": 0} == {**shape(without(their_row)), "children": 0}
        words = r"Price (above|below) [0-9.]*[0-9]|N/A"
        assert re.fullmatch(words, our_row["triggerCondition"])
        assert re.fullmatch(words, their_row["triggerCondition"])


def without(row):
    return {key: value for key, value in row.items() if key not in ("cloid", "children")}


ANSWERS = [
    ("exchange.order", lambda t: t.orders([order("B", "79000", "0.001"), order("B", "78000", "0.001")])),
    ("exchange.order.min_notional.response", lambda t: t.orders([order("B", "79000", "0.0001")])),
    ("exchange.order.ioc_cancel.response", lambda t: t.orders([order("B", "70000", "0.01", IOC)])),
    (
        "exchange.order.resting_cloid.response",
        lambda t: t.orders([order("B", "79000", "0.01", cloid=f"0x{1:032x}")]),
    ),
    (
        "exchange.order.filled_cloid.response",
        lambda t: t.orders([order("B", "80001", "0.01", cloid=f"0x{1:032x}")]),
    ),
]


@pytest.mark.parametrize(("name", "ask"), ANSWERS, ids=[name for name, _ in ANSWERS])
def test_order_answers_have_the_recorded_shape_and_words(name, ask):
    theirs = recorded(name)["response"]["response"]["data"]["statuses"]
    ours = ask(Trader(quiet_floor(), 1))
    same_shape(ours, theirs)
    errors = [re.sub(r"\d+$", "N", row["error"]) for row in theirs if "error" in row]
    assert errors == [re.sub(r"\d+$", "N", row["error"]) for row in ours if "error" in row]


WHOLE_ANSWERS = [
    ("exchange.modify.error", {"type": "modify", "oid": 99999999, "order": order("B", "79000", "0.00039")}),
    (
        "exchange.cancel.error",
        {"type": "cancel", "cancels": [{"a": 3, "o": 53244215259}, {"a": 3, "o": 53244215260}]},
    ),
    (
        "exchange.updateIsolatedMargin.error",
        {"type": "updateIsolatedMargin", "asset": 0, "isBuy": True, "ntli": 10**6},
    ),
    (
        "exchange.vaultTransfer.error",
        {"type": "vaultTransfer", "vaultAddress": "0x" + "0" * 39 + "1", "isDeposit": True, "usd": 10**6},
    ),
]


@pytest.mark.parametrize(("name", "action"), WHOLE_ANSWERS, ids=[name for name, _ in WHOLE_ANSWERS])
def test_refusals_of_whole_actions_read_as_recorded(name, action):
    assert Trader(quiet_floor(), 1).post(action) == recorded(name)["response"]


@pytest.mark.parametrize("name", ["exchange.scheduleCancel.error", "exchange.createSubAccount.error"])
def test_volume_gates_read_as_recorded(name):
    theirs = recorded(name)
    ours = Trader(quiet_floor(), 1).post(theirs["request"]["action"])
    assert ours["response"] == theirs["response"]["response"].replace("$250.35", "$0.0")


def signed_requests():
    return sorted(path.stem for path in REST.glob("exchange.*.json") if "signature" in path.read_text())


@pytest.mark.parametrize("name", signed_requests() if REST.is_dir() else [])
def test_recorded_requests_recover_their_signer(name):
    body = recorded(name)["request"]
    action, hexes = body["action"], body["signature"]
    signature = Signature(int(hexes["r"], 16), int(hexes["s"], 16), hexes["v"])
    if action["type"] in USER_SIGNED:
        signer = user_signer(action, signature)
    else:
        signer = l1_signer(action, signature, body["nonce"], body.get("vaultAddress"), body.get("expiresAfter"))
    assert signer == (WRONG_SIGNER if "wrong_signer" in name else RECORDED_SIGNER)


def test_the_wrong_signer_gets_the_recorded_answer():
    sample = recorded("exchange.usdClassTransfer.wrong_signer")
    exchange = Exchange(default_universe(), start_ms=sample["request"]["nonce"], fund_on_first_action=False)
    assert exchange.act(sample["request"]).body == sample["response"]


def noiseless(text):
    """Without the exchange's float noise ("3652194.0857199999")."""
    return D(text).quantize(D("0.000001"))


def account_from(state, tables):
    """The account and market that a recorded clearinghouseState describes."""
    rules, marks = [], {}
    account = Account("0x0", raw_usd=D(state["crossMarginSummary"]["totalRawUsd"]))
    for row in state["assetPositions"]:
        position = row["position"]
        coin, szi, value = position["coin"], noiseless(position["szi"]), noiseless(position["positionValue"])
        table = tables.get(coin) or flat_table(position["maxLeverage"])
        decimals = len(position["entryPx"].partition(".")[2])
        marks[coin] = value / abs(szi)
        rules.append(PerpRule(coin, 6 - decimals, position["maxLeverage"], table, marks[coin]))
        leverage = Leverage(position["leverage"]["value"], position["leverage"]["type"] == "cross")
        signed_value = value if szi > 0 else -value
        account.positions[coin] = Position(leverage, szi, signed_value - D(position["unrealizedPnl"]))
    return account, Venue(Universe(tuple(rules)), state["time"]).market


def compare_state(state, tables, *, liquidation):
    account, market = account_from(state, tables)
    ours = margin.clearinghouse_state(account, market, state["time"])
    for summary in ("marginSummary", "crossMarginSummary"):
        assert_close(ours[summary], state[summary])
    assert_close(ours["crossMaintenanceMarginUsed"], state["crossMaintenanceMarginUsed"])
    by_coin = {row["position"]["coin"]: row["position"] for row in ours["assetPositions"]}
    for row in state["assetPositions"]:
        theirs, our_row = row["position"], by_coin[row["position"]["coin"]]
        keys = [
            "entryPx",
            "positionValue",
            "unrealizedPnl",
            "returnOnEquity",
            "marginUsed",
            "leverage",
            "maxLeverage",
        ]
        for key in keys + (["liquidationPx"] if liquidation else []):
            assert_close(our_row[key], theirs[key])


def assert_close(ours, theirs):
    """Equal up to the exchange's float noise beyond the sixth decimal ("3698519.1897200001")."""
    if isinstance(theirs, dict):
        assert list(ours) == list(theirs)
        for key in theirs:
            assert_close(ours[key], theirs[key])
    elif isinstance(theirs, str) and DECIMAL.fullmatch(theirs):
        tolerance = D("0.0000011") if len(theirs.partition(".")[2]) <= 6 else D("0.00000012") * max(1, abs(D(theirs)))
        assert abs(D(ours) - D(theirs)) <= tolerance, (ours, theirs)
    else:
        assert ours == theirs


@pytest.mark.parametrize("name", ["clearinghouseState", "clearinghouseState.later", "clearinghouseState.mainnet_cross"])
def test_recorded_margin_figures_are_reproduced(name):
    """These accounts were in unified mode, where the liquidation price also counts spot collateral."""
    tables = {"BTC": flat_table(40), "SOL": flat_table(10)}
    compare_state(recorded(name)["response"], tables, liquidation=False)


@pytest.mark.skipif(not ACCOUNTS.is_dir(), reason="the recorded accounts are not here")
@pytest.mark.parametrize(("name", "liquidation"), [("clearinghouse_small", False), ("clearinghouse_whale", True)])
def test_recorded_cross_accounts_are_reproduced_to_the_liquidation_price(name, liquidation):
    """The small one's liquidation prices count spot collateral that the recording does not show."""
    states = unzipped(ACCOUNTS / "info_l2Book_nSigFigs_and_clearinghouse_202607.json.gz")
    meta, _ = unzipped(SHARED / "data" / "meta" / "metaAndAssetCtxs_20260310.json.gz")
    listed = {
        table_id: MarginTable(table_id, "", tuple(MarginTier(D(t["lowerBound"]), t["maxLeverage"]) for t in tiers))
        for table_id, tiers in ((table_id, table["marginTiers"]) for table_id, table in meta["marginTables"])
    }
    tables = {
        row["name"]: listed.get(row["marginTableId"]) or flat_table(row["maxLeverage"]) for row in meta["universe"]
    }
    compare_state(states[name], tables, liquidation=liquidation)


def unzipped(path):
    return json.loads(gzip.decompress(path.read_bytes()))


REJECTIONS = ACCOUNTS / "real_order_rejections_mainnet_20251103-04.jsonl.gz"


@pytest.mark.skipif(not REJECTIONS.exists(), reason="the recorded rejections are not here")
def test_rejections_use_the_words_of_the_real_ones():
    def words(text):
        text = re.sub(r"asset=\d+", "asset=N", text)
        return re.sub(r"bbo was [0-9.]+@[0-9.]+\.", "bbo was B@A.", text)

    with gzip.open(REJECTIONS, "rt") as lines:
        real = {words(json.loads(line)["error"].partition(": ")[2]) for line in lines}
    trader = Trader(quiet_floor(), 1, usdc="100")
    wishes = [
        order("B", "80000.5", "0.01"),
        order("B", "80010", "0.01", ALO),
        order("B", "80000", "0.1"),
    ]
    ours = {words(status["error"]) for status in trader.orders(wishes)}
    ours |= {words(status["error"]) for status in trader.orders([order("B", "80000", "0.0000001")])}
    assert ours == real
