"""envelopes.py: shapes of /exchange bodies."""

from decimal import Decimal

import msgspec
import pytest

from tests.localnet.floor import order, trigger
from tidegate.localnet.kernel.checks import Wish
from tidegate.localnet.kernel.envelopes import Envelope, OrderAction, OrderWire


def read(wire):
    return msgspec.convert(wire, OrderWire).wish()


def test_a_limit_order_is_read():
    wish = read(order("B", "79000", "0.01", cloid="0x000000000000000000000000000000AB"))
    assert wish == Wish(0, True, Decimal(79000), Decimal("0.01"), False, "0x000000000000000000000000000000ab", "Gtc")
    assert not wish.is_trigger


def test_a_trigger_order_is_read():
    wish = read(order("A", "70000", "0", trigger("tp", "82000", is_market=False), reduce_only=True))
    assert (wish.trigger_px, wish.is_market, wish.is_stop, wish.tif) == (Decimal(82000), False, False, None)
    assert wish.is_trigger


def test_a_number_that_is_none_is_left_to_the_checks():
    wish = read(order("B", "abc", "NaN"))
    assert (wish.px, wish.sz) == (None, None)


@pytest.mark.parametrize(
    "kind", [{}, {"limit": {"tif": "Gtc"}, **trigger("sl", "1")}, {"limit": {"tif": "gtc"}}, {"trigger": {}}]
)
def test_an_order_is_exactly_one_known_kind(kind):
    with pytest.raises(msgspec.ValidationError):
        read(order("B", "1", "1", kind))


@pytest.mark.parametrize("cloid", ["1", "0x1", "0x" + "g" * 32, "00" + "1" * 32])
def test_a_cloid_is_thirty_two_hex_digits(cloid):
    with pytest.raises(msgspec.ValidationError):
        read(order("B", "1", "1", cloid=cloid))


def test_optional_keys_of_the_envelope_may_be_absent_or_null():
    least = {"action": {}, "nonce": 1, "signature": {"r": "0x1", "s": "0x1", "v": 27}}
    assert msgspec.convert(least, Envelope) == msgspec.convert(
        {**least, "vaultAddress": None, "expiresAfter": None}, Envelope
    )


def test_a_grouping_is_a_name_or_a_priority_fee():
    for grouping in ("na", "normalTpsl", "positionTpsl", {"p": 1}):
        msgspec.convert({"orders": [], "grouping": grouping}, OrderAction)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"orders": [], "grouping": "all"}, OrderAction)
