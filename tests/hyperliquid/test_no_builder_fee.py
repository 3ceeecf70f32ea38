"""No order of this bot pays anybody: an action for orders has the three keys of a plain one, made in one place."""

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tidegate.hyperliquid.wire import action_of
from tidegate.model.instruments import Instrument
from tidegate.model.intents import Grouping, PlaceOrders
from tidegate.model.orders import Limit, OrderRequest, Role, TimeInForce, Trigger, new_cloid
from tidegate.model.positions import Side

PACKAGE = Path(__file__).resolve().parents[2] / "tidegate"
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


def test_actions_for_orders_are_made_in_one_place_and_no_code_that_trades_knows_builders() -> None:
    trading = [path for path in PACKAGE.rglob("*.py") if "localnet" not in path.relative_to(PACKAGE).parts]
    texts = {path.relative_to(PACKAGE).as_posix(): path.read_text(encoding="utf-8") for path in trading}
    assert [name for name, text in texts.items() if '"type": "order"' in text] == ["hyperliquid/wire.py"]
    assert [name for name, text in texts.items() if "builder" in text.lower()] == []
