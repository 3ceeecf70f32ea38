"""REST answers as model values: recordings, old shapes, and rows that make no sense."""

from decimal import Decimal

import pytest

from tidegate.errors import Unintelligible
from tidegate.hyperliquid import reads
from tidegate.model.events import OrderSeen
from tidegate.model.positions import Side

USER = "0x010461c14e146ac35fe42271bdc1134ee31c703a"


def candle(open_ms, **more):
    row = {"t": open_ms, "T": open_ms + 59_999, "s": "BTC", "i": "1m", "v": "1.5", "n": 3}
    return {**row, "o": "10.0", "c": "11.0", "h": "12.0", "l": "9.0", **more}


def perps(**more):
    return {
        "marginSummary": {"accountValue": "100.5"},
        "withdrawable": "50.25",
        "assetPositions": [],
        "time": 7,
        **more,
    }


def position(**more):
    return {"type": "oneWay", "position": {"coin": "BTC", "szi": "-0.5", "entryPx": "80000.1", **more}}


def test_recorded_candles_are_read_in_order(sample):
    for name in ("candleSnapshot", "candleSnapshot.spot"):
        rows = sample(f"rest/{name}.json")["response"]
        candles = reads.candles_of(rows)
        assert [each.open_ms for each in candles] == sorted(row["t"] for row in rows)
        assert candles[0].close == Decimal(rows[0]["c"])


def test_candles_come_out_ascending_once_each_and_the_later_row_of_a_time_wins():
    rows = [candle(120_000), candle(0), candle(120_000, c="10.5"), candle(60_000)]
    candles = reads.candles_of(rows)
    assert [each.open_ms for each in candles] == [0, 60_000, 120_000]
    assert candles[-1].close == Decimal("10.5")


@pytest.mark.parametrize(
    "bad",
    [
        candle(60_000, h="NaN"),
        candle(60_000, h="1e999"),
        candle(60_000, l="-1"),
        candle(60_000, h="9.5"),
        candle(60_000, v="-1"),
        candle(60_000, T=1),
        {"t": 60_000},
        None,
        "row",
        candle(60_000, o=None),
    ],
)
def test_an_unsound_candle_is_left_out_and_the_others_stay(bad):
    assert [each.open_ms for each in reads.candles_of([candle(0), bad, candle(120_000)])] == [0, 120_000]


@pytest.mark.parametrize("body", [None, {}, "x", {"error": "Could not parse JSON"}, [None, 5]])
def test_an_answer_without_any_candle_row_is_unintelligible(body):
    with pytest.raises(Unintelligible):
        reads.candles_of(body)


def test_no_candles_is_an_answer():
    assert reads.candles_of([]) == ()


def test_recorded_mids_are_read(sample):
    body = sample("rest/allMids.json")["response"]
    mids = reads.mids_of(body, ["BTC", "ETH", "nothing"])
    assert mids == {coin: Decimal(body[coin]) for coin in ("BTC", "ETH") if coin in body}
    assert mids


def test_a_price_that_cannot_be_one_is_absent():
    body = {"A": "1.5", "B": "NaN", "C": "0", "D": "-1", "E": None, "F": "x", "G": "Infinity"}
    assert reads.mids_of(body, list(body)) == {"A": Decimal("1.5")}


def test_marks_belong_to_the_coin_in_the_same_place():
    body = [
        {"universe": [{"name": "BTC"}, {"name": "MATIC"}, {"name": "ETH"}]},
        [{"markPx": "80000.0"}, {"markPx": None}, {"markPx": "2000.5"}],
    ]
    assert reads.marks_of(body, ["ETH", "MATIC", "BTC"]) == {
        "ETH": Decimal("2000.5"),
        "BTC": Decimal("80000.0"),
    }


def test_recorded_accounts_are_read(sample):
    fills = sample("rest/userFillsByTime.json")["response"]
    orders = sample("rest/frontendOpenOrders.triggers.json")["response"]
    for name in ("clearinghouseState", "clearinghouseState.later", "clearinghouseState.mainnet_cross"):
        body = sample(f"rest/{name}.json")["response"]
        account = reads.account_of(body, orders, fills, USER)
        assert account.equity == Decimal(body["marginSummary"]["accountValue"])
        assert account.free == Decimal(body["withdrawable"])
        shown = {row["position"]["coin"]: row["position"] for row in body["assetPositions"]}
        assert {each.coin: each.size for each in account.positions} == {
            coin: Decimal(row["szi"]) for coin, row in shown.items()
        }
        assert len(account.fills) == len(fills)
        assert [each.time_ms for each in account.fills] == sorted(row["time"] for row in fills)
    stops = [each for each in account.orders if each.is_trigger]
    assert {each.is_stop for each in stops} == {True, False}
    assert all(each.trigger_price and each.reduce_only and each.side is Side.SELL for each in stops)


def test_an_empty_account_and_one_of_2023_are_read(sample):
    empty = sample("rest/clearinghouseState.empty.json")["response"]
    old = sample("rest/clearinghouseState.2023_old_shape.json")["response"]
    old_orders = sample("rest/openOrders.2023_old_shape.json")["response"]
    old_fills = sample("rest/userFillsByTime.2023_old_shape.json")["response"]
    assert reads.account_of(empty, [], [], USER).positions == ()
    account = reads.account_of(old, old_orders, old_fills, USER)
    assert account.positions
    assert account.orders


def test_a_dust_conversion_among_the_fills_does_not_hide_the_account(sample):
    fills = sample("rest/userFills.dust_conversion.json")["response"]
    assert reads.account_of(perps(), [], fills, USER).equity == Decimal("100.5")


def test_in_unified_mode_the_money_is_the_spot_balance():
    spot = {"balances": [{"coin": "HYPE", "total": "3"}, {"coin": "USDC", "total": "900.5", "hold": "100"}]}
    account = reads.account_of(perps(), [], [], USER, spot)
    assert (account.equity, account.free) == (Decimal("900.5"), Decimal("800.5"))
    assert reads.account_of(perps(), [], [], USER, {"balances": []}).equity == 0


@pytest.mark.parametrize(
    "broken",
    [
        None,
        [],
        {},
        {"error": "Could not parse JSON"},
        perps(withdrawable="NaN"),
        perps(marginSummary={"accountValue": "Infinity"}),
        perps(assetPositions=[position(szi="NaN")]),
        perps(assetPositions=[position(entryPx="0")]),
        perps(assetPositions=[position(entryPx=None)]),
        perps(assetPositions=[{"position": {}}]),
    ],
)
def test_an_account_whose_positions_or_money_cannot_be_read_is_unintelligible(broken):
    with pytest.raises(Unintelligible):
        reads.account_of(broken, [], [], USER)


def test_a_foreign_row_that_cannot_be_read_does_not_hide_the_others(sample):
    orders = [*sample("rest/frontendOpenOrders.json")["response"], {"coin": "?"}, None]
    orders.append({**orders[0], "limitPx": "NaN"})
    orders.append({**orders[0], "side": "C"})
    fills = [*sample("rest/userFillsByTime.json")["response"], None, {"coin": "X"}]
    fills.append({**fills[0], "px": "0.0", "tid": 1})
    account = reads.account_of(perps(), orders, fills, USER)
    assert len(account.orders) == len(orders) - 4
    assert len(account.fills) == len(fills) - 3


def test_a_flat_coin_is_no_position():
    assert reads.account_of(perps(assetPositions=[position(szi="0.0")]), [], [], USER).positions == ()


def test_a_liquidation_counts_only_for_the_one_who_was_liquidated():
    fill = {"coin": "BTC", "px": "1", "sz": "1", "side": "A", "time": 1, "oid": 1, "tid": 1}
    ours = {**fill, "liquidation": {"liquidatedUser": USER.upper().replace("0X", "0x"), "markPx": "1"}}
    theirs = {**fill, "tid": 2, "liquidation": {"liquidatedUser": "0x" + "00" * 20, "markPx": "1"}}
    account = reads.account_of(perps(), [], [ours, theirs, {**fill, "tid": 3}], USER)
    assert [each.liquidation for each in account.fills] == [True, False, False]


def test_the_fate_of_an_order_is_read(sample):
    fate = reads.order_fate_of(sample("rest/orderStatus.json")["response"])
    assert (fate.status, fate.oid, fate.filled) == ("filled", 498601872037, Decimal("0.56"))
    assert fate.seen("0xc", 9) == OrderSeen(
        at_ms=9, cloid="0xc", status="filled", oid=498601872037, filled=Decimal("0.56")
    )
    assert reads.order_fate_of({"status": "unknownOid"}).status is None


@pytest.mark.parametrize("body", [None, {}, {"status": "order"}, {"status": "order", "order": {}}, [1]])
def test_an_order_status_of_unknown_shape_is_unintelligible_and_never_unknown_order(body):
    with pytest.raises(Unintelligible):
        reads.order_fate_of(body)


def test_roles_are_read(sample):
    assert reads.role_of(sample("rest/userRole.json")["response"]).role == "user"
    agent = reads.role_of({"role": "agent", "data": {"user": "0xAB"}})
    assert (agent.role, agent.master) == ("agent", "0xab")
    assert reads.role_of({"role": "subAccount", "data": {"master": "0xCD"}}).master == "0xcd"
    assert reads.role_of({"role": "missing"}).master is None
    with pytest.raises(Unintelligible):
        reads.role_of({"role": None})


@pytest.mark.parametrize(("kind", "found"), [("cross", (20, True)), ("isolated", (20, False))])
def test_the_leverage_that_is_set_is_read_with_its_margin_mode(kind, found):
    body = {"user": "0x0", "coin": "BTC", "leverage": {"type": kind, "value": 20}, "maxTradeSzs": ["0.0", "0.0"]}
    assert reads.leverage_of(body) == found
