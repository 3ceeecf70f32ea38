"""accounts.py: cash, exact cost, realised profit, isolated margin."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.localnet.kernel import accounts
from tidegate.localnet.kernel.accounts import Account, Leverage
from tidegate.localnet.kernel.fees import BASE, fee_of
from tidegate.localnet.kernel.orders import CANCELED, Order, Stage

D = Decimal

CROSS = Leverage(20)


@pytest.mark.parametrize(
    ("start", "signed_sz", "words"),
    [
        ("0", "1", "Open Long"),
        ("1", "1", "Open Long"),
        ("1", "-1", "Close Long"),
        ("2", "-1", "Close Long"),
        ("1", "-2", "Long > Short"),
        ("0", "-1", "Open Short"),
        ("-1", "1", "Close Short"),
        ("-1", "2", "Short > Long"),
    ],
)
def test_a_fill_says_what_it_did_to_the_position(start, signed_sz, words):
    account = Account("0x0")
    if D(start):
        account.trade("BTC", CROSS, D(start), D(100), D(0))
    traded = account.trade("BTC", CROSS, D(signed_sz), D(110), D(0))
    assert traded.direction == words
    assert traded.start_position == D(start)


def test_the_recorded_round_trip_realises_its_loss_without_the_fee():
    """Entry 2080.2, exit 2067.2, 0.01 ETH: closedPnl -0.13."""
    account = Account("0x0")
    account.trade("ETH", CROSS, D("0.01"), D("2080.2"), D("0.009360"))
    traded = account.trade("ETH", CROSS, D("-0.01"), D("2067.2"), D("0.009302"))
    assert traded.closed_pnl == D("-0.13")
    assert account.positions == {}
    assert account.raw_usd == D("-0.13") - D("0.009360") - D("0.009302")


def test_a_flip_closes_at_cost_and_opens_anew_at_the_trade_price():
    account = Account("0x0")
    account.trade("BTC", CROSS, D(2), D(100), D(0))
    traded = account.trade("BTC", CROSS, D(-3), D(120), D(0))
    position = account.positions["BTC"]
    assert traded.closed_pnl == 40
    assert (position.szi, position.cost) == (D(-1), D(-120))


def test_the_recorded_isolated_position_pays_its_fee_out_of_its_margin():
    """2 HYPE at 37.829 with 10x: rawUsd -68.126246, as in section 2.10."""
    account = Account("0x0", raw_usd=D("83.347684"))
    fee = fee_of(D(2) * D("37.829"), BASE.cross)
    account.trade("HYPE", Leverage(10, is_cross=False), D(2), D("37.829"), fee)
    assert account.positions["HYPE"].isolated_usd == D("-68.126246")
    assert account.raw_usd == D("75.781884")


def test_a_closed_isolated_position_gives_all_its_cash_back():
    account = Account("0x0", raw_usd=D(100))
    isolated = Leverage(10, is_cross=False)
    account.trade("HYPE", isolated, D(2), D(40), D("0.036"))
    account.trade("HYPE", isolated, D("-0.5"), D(41), D("0.009225"))
    account.trade("HYPE", isolated, D("-1.5"), D(39), D("0.026325"))
    assert account.raw_usd == D(100) + D("0.5") - D("1.5") - D("0.07155")


trades = st.lists(st.tuples(st.integers(-50, 50).filter(bool), st.integers(1, 10_000_000)), min_size=1, max_size=30)


@given(trades, st.booleans())
def test_cash_and_positions_add_up_to_the_last_digit(trades, is_cross):
    """Raw cash is what was paid; realised plus unrealised profit is the same money seen otherwise."""
    account = Account("0x0")
    leverage = Leverage(3, is_cross=is_cross)
    paid = realised = fees = D(0)
    for lots, ticks in trades:
        sz, px = D(lots) / 1000, D(ticks) / 1000
        fee = fee_of(abs(sz * px), BASE.cross)
        realised += account.trade("BTC", leverage, sz, px, fee).closed_pnl
        paid += sz * px
        fees += fee
    position = account.positions.get("BTC")
    isolated = position.isolated_usd if position else D(0)
    assert account.raw_usd + isolated == -paid - fees
    mark = D("123.456")
    unrealised = position.unrealized(mark) if position else D(0)
    worth = position.szi * mark if position else D(0)
    assert account.raw_usd + isolated + worth == realised + unrealised - fees


def resting(oid, stage=Stage.DONE, cloid=None):
    order = Order(oid, "0x0", "BTC", 0, True, D(1), D(1), D(1), False, 0, tif="Gtc", cloid=cloid)
    order.stage, order.status = stage, CANCELED
    return order


def test_finished_orders_fall_out_of_the_history_and_live_ones_never(monkeypatch):
    monkeypatch.setattr(accounts, "ORDERS_KEPT", 3)
    account = Account("0x0")
    account.note_order(resting(1, Stage.RESTING))
    for oid in range(2, 8):
        account.note_order(resting(oid, cloid=f"0x{oid:032x}"))
    assert list(account.history) == [1, 5, 6, 7]
    assert list(account.live) == [1]
    assert f"0x{2:032x}" not in account.by_cloid
    assert f"0x{7:032x}" in account.by_cloid


def test_only_so_many_fills_are_kept(monkeypatch):
    monkeypatch.setattr(accounts, "FILLS_KEPT", 2)
    account = Account("0x0")
    for tid in range(3):
        account.note_fill({"tid": tid})
    assert [row["tid"] for row in account.fills] == [1, 2]


def test_volume_is_kept_by_day_and_side():
    account = Account("0x0")
    day = accounts.DAY_MS
    account.note_volume(0, D(10), is_taker=True)
    account.note_volume(day, D(5), is_taker=False)
    account.note_volume(20 * day, D(1), is_taker=True)
    assert account.volume == 16
    assert list(account.days) == [20]
