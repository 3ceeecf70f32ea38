"""info.py and account_info.py: answers, refusals of malformed requests, paging, merging."""

from decimal import Decimal

import pytest

from tests.localnet.floor import IOC, START_MS, Trader, order, quiet_floor, trigger
from tidegate.localnet.info import account as account_info
from tidegate.localnet.info.answer import REQUESTS
from tidegate.localnet.markets.candles import CandleStore

D = Decimal
NOBODY = "0x" + "0" * 40


@pytest.fixture
def floor():
    exchange = quiet_floor()
    return exchange, Trader(exchange, 1)


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {},
        {"type": "noSuchType"},
        {"type": 5},
        {"type": "l2Book"},
        {"type": "l2Book", "coin": 5},
        {"type": "clearinghouseState"},
        {"type": "clearinghouseState", "user": "0x12"},
        {"type": "orderStatus", "user": NOBODY},
        {"type": "candleSnapshot", "req": {"coin": "BTC", "interval": "7m", "startTime": 0, "endTime": 1}},
        {"type": "userFillsByTime", "user": NOBODY},
        {"type": "userFills", "user": NOBODY, "aggregateByTime": "yes"},
    ],
)
def test_a_request_without_meaning_is_unprocessable(body):
    reply = quiet_floor().info(body)
    assert (reply.status, reply.body, reply.text) == (
        422,
        "Failed to deserialize the JSON body into the target type",
        True,
    )


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"type": "l2Book", "coin": "NOPE"}, 200),
        ({"type": "l2Book", "coin": "BTC", "nSigFigs": 6}, 500),
        ({"type": "l2Book", "coin": "BTC", "nSigFigs": 4, "mantissa": 5}, 500),
        ({"type": "l2Book", "coin": "BTC", "nSigFigs": 5, "mantissa": 3}, 500),
        ({"type": "metaAndAssetCtxs", "dex": "nope"}, 500),
        ({"type": "fundingHistory", "coin": "NOPE", "startTime": 0}, 500),
        ({"type": "recentTrades", "coin": "NOPE"}, 500),
        ({"type": "activeAssetData", "user": NOBODY, "coin": "NOPE"}, 500),
        (
            {
                "type": "candleSnapshot",
                "req": {"coin": "NOPE", "interval": "1m", "startTime": 0, "endTime": 1},
            },
            500,
        ),
    ],
)
def test_unknown_names_get_null(body, status):
    reply = quiet_floor().info(body)
    assert (reply.status, reply.body, reply.text) == (status, None, False)


def test_a_delisted_coin_has_an_empty_book():
    body = quiet_floor().info({"type": "l2Book", "coin": "MATIC"}).body
    assert body == {"coin": "MATIC", "time": START_MS, "levels": [[], []]}


def test_an_aggregated_book_tells_the_spread_of_the_true_one():
    body = quiet_floor().info({"type": "l2Book", "coin": "BTC", "nSigFigs": 3, "mantissa": None}).body
    assert body["spread"] == "2.0"
    assert [level["px"] for level in body["levels"][0]] == ["79900.0"]
    assert [level["px"] for level in body["levels"][1]] == ["80100.0"]


ABOUT_USERS = [kind for kind, (shape, _) in REQUESTS.items() if "user" in shape.__struct_fields__]


@pytest.mark.parametrize("kind", ABOUT_USERS)
def test_an_unknown_user_gets_an_empty_answer_and_never_an_error(kind):
    body = {
        "type": kind,
        "user": NOBODY,
        "oid": 1,
        "coin": "BTC",
        "startTime": 0,
        "builder": NOBODY,
        "vaultAddress": NOBODY,
    }
    exchange = quiet_floor()
    assert exchange.info(body).status == 200
    assert exchange.info({"type": "userRole", "user": NOBODY}).body == {"role": "missing"}


def test_addresses_are_taken_in_any_case_and_answered_in_lower_case(floor):
    exchange, trader = floor
    body = exchange.info({"type": "activeAssetData", "user": trader.wallet.address, "coin": "BTC"}).body
    assert body["user"] == trader.user
    assert body["availableToTrade"] == ["100000.0", "100000.0"]
    assert body["maxTradeSzs"] == ["25.0", "25.0"]


def test_what_can_be_traded_against_a_position_frees_it_first(floor):
    _, trader = floor
    trader.order("B", "80001", "10", IOC)
    body = trader.ask("activeAssetData", coin="BTC")
    buy, sell = (D(usd) for usd in body["availableToTrade"])
    assert sell - buy == 2 * 40_000


def test_an_order_is_found_by_id_and_by_cloid(floor):
    _, trader = floor
    cloid = f"0x{10:032x}"
    oid = trader.order("B", "79000", "0.01", cloid=cloid)["resting"]["oid"]
    by_oid = trader.ask("orderStatus", oid=oid)
    assert by_oid == trader.ask("orderStatus", oid=cloid.upper().replace("0X", "0x"))
    assert by_oid["order"]["status"] == "open"
    assert trader.ask("orderStatus", oid=oid + 1) == {"status": "unknownOid"}


def test_history_has_the_latest_change_first(floor):
    _, trader = floor
    first = trader.order("B", "79000", "0.01")["resting"]["oid"]
    second = trader.order("B", "79001", "0.01")["resting"]["oid"]
    trader.cancel(first)
    rows = trader.ask("historicalOrders")
    assert [(row["order"]["oid"], row["status"]) for row in rows] == [(first, "canceled"), (second, "open")]


def fill_at_three_times(exchange, trader):
    for step in range(3):
        exchange.advance(START_MS + step * 100)
        trader.order("B", "80010", "0.01", IOC)


def test_fills_come_newest_first_and_by_time_oldest_first(floor):
    exchange, trader = floor
    fill_at_three_times(exchange, trader)
    assert [row["time"] - START_MS for row in trader.ask("userFills")] == [200, 100, 0]
    by_time = {"startTime": START_MS + 100, "endTime": None}
    assert [row["time"] - START_MS for row in trader.ask("userFillsByTime", **by_time)] == [100, 200]
    newest = trader.ask("userFillsByTime", **by_time, reversed=True)
    assert [row["time"] - START_MS for row in newest] == [200, 100]
    ends = {"startTime": START_MS, "endTime": START_MS + 100}
    assert len(trader.ask("userFillsByTime", **ends)) == 2, "both ends belong to the range"


def test_no_answer_has_more_fills_than_its_limit(floor, monkeypatch):
    monkeypatch.setattr(account_info, "FILLS_PER_ANSWER", 2)
    exchange, trader = floor
    fill_at_three_times(exchange, trader)
    assert [row["time"] - START_MS for row in trader.ask("userFills")] == [200, 100]
    assert [row["time"] - START_MS for row in trader.ask("userFillsByTime", startTime=0)] == [0, 100]


def test_partial_fills_of_a_taker_can_be_merged():
    exchange = quiet_floor(sz="0.01")
    trader = Trader(exchange, 1)
    trader.order("B", "80010", "0.03", IOC)
    (merged,) = trader.ask("userFills", aggregateByTime=True)
    assert (merged["px"], merged["sz"]) == ("80002.0", "0.03")
    parts = trader.ask("userFills")
    assert D(merged["fee"]) == sum(D(part["fee"]) for part in parts)
    assert len(parts) == 3


def test_fees_tell_rates_and_volumes_by_day(floor):
    _, trader = floor
    trader.order("B", "80001", "0.01", IOC)
    fees = trader.ask("userFees")
    assert (fees["userCrossRate"], fees["userAddRate"]) == ("0.00045", "0.00015")
    assert len(fees["dailyUserVlm"]) == 15
    assert fees["dailyUserVlm"][-1]["userCross"] == "800.01"


def test_the_action_budget_grows_with_volume(floor):
    _, trader = floor
    trader.order("B", "80001", "0.01", IOC)
    assert trader.ask("userRateLimit") == {
        "cumVlm": "800.01",
        "nRequestsUsed": 1,
        "nRequestsCap": 10800,
        "nRequestsSurplus": 0,
    }


def test_deposits_are_in_the_ledger(floor):
    _, trader = floor
    (row,) = trader.ask("userNonFundingLedgerUpdates", startTime=0, endTime=None)
    assert row["delta"] == {"type": "deposit", "usdc": "100000.0"}


def test_the_portfolio_tells_profit_against_deposits(floor):
    _, trader = floor
    trader.order("B", "80001", "0.01", IOC)
    day = dict(trader.ask("portfolio"))["day"]
    assert day["pnlHistory"][-1][1] == "-0.370004"
    assert day["vlm"] == "800.01"


def test_constant_answers(floor):
    exchange, trader = floor
    assert trader.ask("userAbstraction") == "disabled"
    assert trader.ask("subAccounts") is None
    assert trader.ask("maxBuilderFee", builder=NOBODY) == 0
    assert trader.ask("userFunding", startTime=0) == []
    assert trader.ask("userRole") == {"role": "user"}
    assert exchange.info({"type": "exchangeStatus"}).body == {"specialStatuses": None, "time": START_MS}
    assert exchange.info({"type": "fundingHistory", "coin": "BTC", "startTime": START_MS}).body == []


def test_candles_come_from_the_prints(floor):
    exchange, _ = floor
    request = {"type": "candleSnapshot", "req": {"coin": "BTC", "interval": "1m", "startTime": 0}}
    assert exchange.info(request).body == []
    assert exchange.candle("BTC", "1m") is None
    exchange.load_candles("BTC", CandleStore("BTC"))
    exchange.trade("BTC", "B", D(80002), D("10.5"))
    (candle,) = exchange.info(request).body
    assert (candle["o"], candle["c"], candle["v"], candle["n"]) == ("80001.0", "80002.0", "10.5", 2)
    assert exchange.candle("BTC", "1m") == candle
    assert exchange.candle("PURR/USDC", "1m") is None


def test_spot_names_have_contexts_and_empty_books(floor):
    exchange, _ = floor
    meta, contexts = exchange.info({"type": "spotMetaAndAssetCtxs"}).body
    assert [row["coin"] for row in contexts] == [pair["name"] for pair in meta["universe"]]
    assert exchange.info({"type": "l2Book", "coin": "@107"}).body["levels"] == [[], []]
    assert exchange.bbo("@107")["bbo"] == [None, None]
    assert exchange.recent_trades("@107") == []
    assert exchange.knows_coin("@107")
    assert not exchange.knows_coin("btc")


def test_a_waiting_child_is_listed_alone_and_with_its_parent(floor):
    _, trader = floor
    exits = order("A", "70000", "0.01", trigger("sl", "78000"), reduce_only=True)
    trader.orders([order("B", "79000", "0.01"), exits], "normalTpsl")
    child, parent = trader.ask("frontendOpenOrders")
    assert parent["children"] == [child]
    assert len(trader.ask("openOrders")) == 2
