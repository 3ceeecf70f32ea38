"""No order pays a builder unless one is named and approved; then those that may open a position do, and no others."""

import json
from decimal import Decimal
from pathlib import Path

from eth_account import Account
from hyperliquid.utils.signing import order_wires_to_order_action, sign_l1_action
from hypothesis import given
from hypothesis import strategies as st

from tidegate.hyperliquid.signing import Signer
from tidegate.hyperliquid.wire import action_of
from tidegate.model.fees import BuilderFee
from tidegate.model.instruments import Instrument
from tidegate.model.intents import Grouping, PlaceOrders
from tidegate.model.orders import Limit, OrderRequest, Role, TimeInForce, Trigger, new_cloid
from tidegate.model.positions import Side

PACKAGE = Path(__file__).resolve().parents[2] / "tidegate"
KEY = "0x" + "11" * 32
BUILDER = BuilderFee(address="0x" + "AB" * 20, tenths_bp=10)
BTC = Instrument(coin="BTC", asset=3, size_decimals=5, leverage_max=40)

prices = st.decimals("1", "99999", places=1)
kinds = st.one_of(
    st.builds(Limit, price=prices, time_in_force=st.sampled_from(TimeInForce)),
    st.builds(Trigger, trigger_price=prices, worst_price=prices, stop=st.booleans(), market=st.booleans()),
)
orders = st.builds(
    OrderRequest,
    coin=st.just("BTC"),
    asset=st.just(3),
    cloid=st.builds(
        new_cloid, st.just("0badcafe"), st.text("ab", max_size=5), st.sampled_from(Role), st.integers(0, 9)
    ),
    side=st.sampled_from(Side),
    size=st.decimals("0.001", "9", places=3),
    kind=kinds,
    role=st.sampled_from(Role),
    reduce_only=st.booleans(),
)
wishes = st.builds(
    PlaceOrders,
    coin=st.just("BTC"),
    orders=st.lists(orders, min_size=1, max_size=4).map(tuple),
    grouping=st.sampled_from(Grouping),
    expires_ms=st.integers(1, 2**41),
    signal_id=st.text(max_size=5),
    reason=st.text(max_size=5),
)


@given(wishes)
def test_an_action_for_orders_never_names_a_builder(wish: PlaceOrders) -> None:
    action = action_of(wish, {"BTC": BTC})
    assert list(action) == ["type", "orders", "grouping"]
    assert all(list(order) == ["a", "b", "p", "s", "r", "t", "c"] for order in action["orders"])
    assert "builder" not in json.dumps(action)


def test_actions_for_orders_are_made_in_one_place_and_there_alone_a_builder_gets_into_them() -> None:
    trading = [path for path in PACKAGE.rglob("*.py") if "localnet" not in path.relative_to(PACKAGE).parts]
    texts = {path.relative_to(PACKAGE).as_posix(): path.read_text(encoding="utf-8") for path in trading}
    assert [name for name, text in texts.items() if '"type": "order"' in text] == ["hyperliquid/wire.py"]
    assert {name for name, text in texts.items() if '"builder"' in text} == {
        "hyperliquid/wire.py",  # into the action
        "hyperliquid/client.py",  # into the question of what is approved
    }


@given(wishes)
def test_with_a_builder_what_may_open_a_position_names_it_last_and_what_only_reduces_never_does(
    wish: PlaceOrders,
) -> None:
    action = action_of(wish, {"BTC": BTC}, BUILDER)
    opens = any(not order.reduce_only for order in wish.orders)
    assert list(action) == ["type", "orders", "grouping", *["builder"] * opens]
    assert {**action, "builder": None} == {**action_of(wish, {"BTC": BTC}), "builder": None}
    if opens:
        assert action["builder"] == {"b": "0x" + "ab" * 20, "f": 10}


def test_the_signed_bytes_are_the_sdks() -> None:
    order = OrderRequest(
        coin="BTC",
        asset=3,
        cloid="0x" + "1" * 32,
        side=Side.BUY,
        size=Decimal("0.5"),
        kind=Limit(price=Decimal(100), time_in_force=TimeInForce.IOC),
        role=Role.ENTRY,
    )
    wish = PlaceOrders(coin="BTC", orders=(order,), expires_ms=9, signal_id="1", reason="a test")
    action = action_of(wish, {"BTC": BTC}, BUILDER)
    theirs = order_wires_to_order_action(action["orders"], {"b": "0x" + "ab" * 20, "f": 10})
    assert list(theirs) == list(action)
    signed = Signer(KEY, mainnet=False).sign_l1(action, 7, None, 9)
    assert signed == sign_l1_action(Account.from_key(KEY), theirs, None, 7, 9, False)
