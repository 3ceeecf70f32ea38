"""twap.py: slices at equal times."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.localnet.floor import IOC, START_MS, Tape, Trader, move_to, order, quiet_floor, trigger
from tidegate.localnet.kernel.twap import CATCH_UP, FIRST_SLICE_MS, MINUTE_MS, MINUTES_MAX

D = Decimal
BTC = 0
NOT_RUNNING = {"error": "TWAP was never placed, already canceled, or filled."}
ZERO_HASH = "0x" + "0" * 64


@pytest.fixture
def trader():
    return Trader(quiet_floor(), 1)


def twap(trader, side="B", sz="0.11", minutes=5, *, asset=BTC, reduce_only=False, randomize=False, details=None):
    wire = {"a": asset, "b": side == "B", "s": sz, "r": reduce_only, "m": minutes, "t": randomize}
    action = {"type": "twapOrder", "twap": wire}
    answer = trader.post(action if details is None else {**action, "details": details})
    assert answer["response"]["type"] == "twapOrder"
    return answer["response"]["data"]["status"]


def cancel(trader, twap_id, asset=BTC):
    answer = trader.post({"type": "twapCancel", "a": asset, "t": twap_id})
    assert answer["response"]["type"] == "twapCancel"
    return answer["response"]["data"]["status"]


def wait(trader, ms):
    trader.exchange.advance(trader.exchange.now_ms + ms)


def statuses(trader):
    """Newest first."""
    return [row["status"]["status"] for row in trader.ask("twapHistory")]


def sizes(trader):
    """Oldest first."""
    return [D(row["fill"]["sz"]) for row in reversed(trader.ask("userTwapSliceFills"))]


def test_five_minutes_are_eleven_equal_slices_thirty_seconds_apart(trader):
    assert twap(trader) == {"running": {"twapId": 1}}
    wait(trader, 5 * MINUTE_MS + FIRST_SLICE_MS)
    rows = trader.ask("userTwapSliceFills")[::-1]
    assert [row["fill"]["time"] - START_MS for row in rows] == [FIRST_SLICE_MS + 30_000 * n for n in range(11)]
    assert sizes(trader) == [D("0.01")] * 11
    assert trader.position() == D("0.11")
    assert statuses(trader) == ["finished", "activated"]


def test_a_slice_is_a_taker_fill_without_a_transaction_and_no_plain_fill(trader):
    twap(trader)
    wait(trader, FIRST_SLICE_MS)
    (row,) = trader.ask("userTwapSliceFills")
    fill = row["fill"]
    assert row["twapId"] == 1
    assert (fill["hash"], fill["twapId"], fill["crossed"], fill["dir"]) == (ZERO_HASH, None, True, "Open Long")
    assert trader.ask("userFills") == []
    assert trader.ask("historicalOrders") == []
    assert trader.exchange.recent_trades("BTC")[0]["hash"] == ZERO_HASH


def test_the_history_has_a_row_a_status_with_the_time_in_seconds(trader):
    twap(trader)
    wait(trader, FIRST_SLICE_MS)
    assert cancel(trader, 1) == "success"
    terminated, activated = trader.ask("twapHistory")
    assert activated["time"] == START_MS // 1_000
    assert activated["state"] == {
        "coin": "BTC",
        "user": trader.user,
        "side": "B",
        "sz": "0.11",
        "executedSz": "0.0",
        "executedNtl": "0.0",
        "minutes": 5,
        "reduceOnly": False,
        "randomize": False,
        "timestamp": START_MS,
    }
    assert terminated["status"] == {"status": "terminated"}
    assert (terminated["state"]["executedSz"], terminated["state"]["executedNtl"]) == ("0.01", "800.01")


def test_a_canceled_twap_trades_no_more(trader):
    twap(trader)
    wait(trader, FIRST_SLICE_MS)
    assert cancel(trader, 1) == "success"
    wait(trader, 5 * MINUTE_MS)
    assert trader.position() == D("0.01")
    assert cancel(trader, 1) == NOT_RUNNING


def test_only_the_owner_cancels_by_asset_and_id(trader):
    twap(trader)
    assert cancel(Trader(trader.exchange, 2), 1) == NOT_RUNNING
    assert cancel(trader, 1, asset=1) == NOT_RUNNING
    assert cancel(trader, 2) == NOT_RUNNING
    assert cancel(trader, 1) == "success"


def test_the_feed_hears_of_statuses_and_slices(trader):
    tape = Tape()
    trader.exchange.feed.append(tape)
    twap(trader)
    wait(trader, FIRST_SLICE_MS)
    assert [(user, list(event)) for user, event in tape.events] == [
        (trader.user, ["twapHistory"]),
        (trader.user, ["twapSliceFills"]),
    ]
    assert tape.updates == []
    assert tape.fills == []


@pytest.mark.parametrize(
    ("sz", "minutes", "slices"),
    [("0.00258", 5, 11), ("0.00192", 5, 11), ("0.00125", 5, 9), ("0.00125", 60, 9), ("0.11", 60, 121)],
)
def test_slices_are_fewer_where_one_would_be_worth_less_than_an_order(trader, sz, minutes, slices):
    twap(trader, sz=sz, minutes=minutes)
    assert trader.exchange._venue.twaps.running[1].slices == slices


@pytest.mark.parametrize("minutes", [4, 1, 0, -3, MINUTES_MAX + 1])
def test_a_twap_lasts_five_minutes_to_seven_days(trader, minutes):
    assert twap(trader, minutes=minutes) == {"error": f"Invalid TWAP duration: {minutes} min(s)"}


@pytest.mark.parametrize("sz", ["0", "-1", "0.000001", "much"])
def test_a_size_that_is_none_is_refused(trader, sz):
    assert twap(trader, sz=sz) == {"error": "Order has invalid size."}


def test_a_twap_is_worth_a_hundred_dollars(trader):
    assert twap(trader, sz="0.00124") == {"error": "TWAP order value too small. Min is $100."}


def test_an_unknown_asset_is_refused(trader):
    assert "error" in twap(trader, asset=999)


@pytest.mark.parametrize("held", [None, "B"])
def test_a_reduce_only_twap_needs_something_to_reduce(trader, held):
    if held:
        trader.order(held, "80001", "0.1", IOC)
    status = twap(trader, "B", reduce_only=True)
    assert status == {"error": "Reduce-only TWAP order would increase position."}


def test_a_reduce_only_twap_closes_and_never_flips(trader):
    trader.order("B", "80001", "0.05", IOC)
    twap(trader, "A", sz="0.11", reduce_only=True)
    wait(trader, 6 * MINUTE_MS)
    assert trader.position() == 0
    assert statuses(trader)[-1] == "activated"
    assert statuses(trader)[0] in ("finished", "error")


def test_a_slice_without_margin_ends_the_twap_with_the_exchanges_words(trader):
    poor = Trader(trader.exchange, 2, usdc="20")
    twap(poor, sz="0.11")
    wait(poor, FIRST_SLICE_MS)
    assert poor.ask("twapHistory")[0]["status"] == {
        "status": "error",
        "description": "Insufficient margin to place order.",
    }
    assert poor.position() == 0


def test_a_slice_that_finds_nothing_is_caught_up_with_three_times_its_size_at_most(trader):
    exchange = trader.exchange
    twap(trader)
    exchange.quote("BTC", [(D(79_990), D(1), 1)], [(D(90_000), D(1), 1)])
    exchange.advance(START_MS + FIRST_SLICE_MS + 4 * 30_000)
    assert trader.position() == 0
    exchange.quote("BTC", [(D(79_990), D(1), 1)], [(D(80_010), D(1), 1)])
    exchange.advance(START_MS + FIRST_SLICE_MS + 6 * 30_000)
    assert sizes(trader) == [D("0.01") * CATCH_UP] * 2
    wait(trader, 5 * MINUTE_MS)
    assert trader.position() == D("0.11")


def test_a_twap_waits_for_its_trigger(trader):
    twap(trader, details={"t": {"p": "81000", "a": True}, "s": None})
    wait(trader, 10 * MINUTE_MS)
    assert statuses(trader) == ["waitingForTrigger"]
    assert trader.position() == 0
    move_to(trader.exchange, 81_500)
    wait(trader, 6 * MINUTE_MS)
    assert statuses(trader) == ["finished", "activated", "waitingForTrigger"]
    assert trader.position() == D("0.11")


def test_a_stop_price_ends_a_twap(trader):
    twap(trader, details={"t": None, "s": {"p": "79000", "a": False}})
    wait(trader, FIRST_SLICE_MS)
    move_to(trader.exchange, 78_500)
    wait(trader, 6 * MINUTE_MS)
    assert statuses(trader) == ["stopped", "activated"]
    assert trader.position() == D("0.01")


def test_a_trigger_without_a_price_is_refused(trader):
    assert "error" in twap(trader, details={"t": {"p": "x", "a": True}, "s": None})


def test_reduce_only_orders_follow_what_a_twap_closes(trader):
    trader.order("B", "80001", "0.11", IOC)
    trader.order("A", "90000", "0.11", trigger("tp", "81000"), reduce_only=True)
    twap(trader, "A", sz="0.11")
    wait(trader, 6 * MINUTE_MS)
    assert trader.position() == 0
    assert trader.ask("openOrders") == []


def test_a_sub_account_has_twaps_of_its_own(trader):
    trader.exchange.volume_gates = False
    user = trader.post({"type": "createSubAccount", "name": "s"})["response"]["data"]
    trader.post({"type": "subAccountTransfer", "subAccountUser": user, "isDeposit": True, "usd": 10**10})
    wire = {"a": BTC, "b": True, "s": "0.11", "r": False, "m": 5, "t": False}
    trader.post({"type": "twapOrder", "twap": wire}, vaultAddress=user)
    wait(trader, FIRST_SLICE_MS)
    assert trader.ask("userTwapSliceFills") == []
    assert len(trader.exchange.info({"type": "userTwapSliceFills", "user": user}).body) == 1


@settings(max_examples=25, deadline=None)
@given(st.integers(125, 50_000), st.integers(5, 20), st.booleans())
def test_a_twap_never_trades_more_than_its_size_and_all_of_it_on_a_deep_book(lots, minutes, randomize):
    trader = Trader(quiet_floor(sz="100"), 1, usdc="10000000")
    sz = D(lots) / 100_000
    assert "running" in twap(trader, sz=str(sz), minutes=minutes, randomize=randomize)
    wait(trader, (minutes + 1) * MINUTE_MS)
    assert statuses(trader) == ["finished", "activated"]
    assert trader.position() <= sz
    state = trader.ask("twapHistory")[0]["state"]
    assert D(state["executedSz"]) == trader.position() == sum(sizes(trader))
    # What is left when a slice's rounding adds up to less than an order's minimum stays undone.
    assert (sz - trader.position()) * 80_000 < 10


def test_random_slices_differ_and_are_the_same_every_time(trader):
    twap(trader, sz="1.1", randomize=True)
    wait(trader, 6 * MINUTE_MS)
    again = Trader(quiet_floor(), 1)
    twap(again, sz="1.1", randomize=True)
    wait(again, 6 * MINUTE_MS)
    assert sizes(trader) == sizes(again)
    assert len(set(sizes(trader))) > 5


def test_the_order_of_an_account_that_trades_with_itself_is_canceled_by_a_slice(trader):
    oid = trader.orders([order("A", "80001", "0.01")])[0]["resting"]["oid"]
    trader.exchange.quote("BTC", [(D(79_999), D(1), 1)], [(D(80_002), D(1), 1)])
    twap(trader)
    wait(trader, FIRST_SLICE_MS)
    assert trader.ask("orderStatus", oid=oid)["order"]["status"] == "selfTradeCanceled"


def test_a_spot_twap_buys_the_token(trader):
    exchange = trader.exchange
    pair = exchange.universe.spots[0]
    exchange.quote(pair.name, [(pair.reference_px, D(100_000), 1)], [(pair.reference_px * 2, D(100_000), 1)])
    exchange.quote(pair.name, [], [(pair.reference_px, D(10**6), 1)])
    exchange.fund_spot(trader.user, "USDC", D(1_000))
    sz = (D(200) / pair.reference_px).quantize(D(1).scaleb(-pair.sz_decimals))
    assert "running" in twap(trader, sz=str(sz), asset=pair.asset)
    wait(trader, 6 * MINUTE_MS)
    fills = trader.ask("userTwapSliceFills")
    assert {row["fill"]["dir"] for row in fills} == {"Buy"}
    assert sum(sizes(trader)) == sz
    assert statuses(trader) == ["finished", "activated"]


def test_a_spot_twap_without_the_quote_token_ends_with_the_exchanges_words(trader):
    pair = trader.exchange.universe.spots[0]
    trader.exchange.quote(pair.name, [], [(pair.reference_px, D(10**6), 1)])
    sz = (D(200) / pair.reference_px).quantize(D(1).scaleb(-pair.sz_decimals))
    twap(trader, sz=str(sz), asset=pair.asset)
    wait(trader, FIRST_SLICE_MS)
    assert trader.ask("twapHistory")[0]["status"] == {"status": "error", "description": "Insufficient spot balance"}


def test_a_halted_coin_makes_a_twap_wait(trader):
    twap(trader)
    trader.exchange.operators.halt("BTC")
    assert twap(trader) == {"error": "Trading is halted"}
    wait(trader, 3 * MINUTE_MS)
    assert trader.position() == 0
    trader.exchange.operators.resume("BTC")
    wait(trader, 3 * MINUTE_MS)
    assert trader.position() == D("0.11")


def test_a_delisted_coin_ends_a_twap(trader):
    twap(trader)
    wait(trader, FIRST_SLICE_MS)
    trader.exchange.operators.delist("BTC")
    wait(trader, MINUTE_MS)
    assert trader.ask("twapHistory")[0]["status"] == {"status": "error", "description": "Trading is halted"}
