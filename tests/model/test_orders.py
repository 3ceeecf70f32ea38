"""Orders, and the client order ids by which a repeated wish is recognised as a repetition."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tidegate.model.orders import (
    Limit,
    OrderRequest,
    Role,
    Trigger,
    instance_tag,
    is_ours,
    new_cloid,
)
from tidegate.model.positions import Side

D = Decimal
wishes = st.tuples(st.text(max_size=40), st.sampled_from(Role), st.integers(1, 1000))


@given(st.text(), wishes)
def test_a_cloid_is_what_the_exchange_takes_and_bears_our_tag(seed: str, wish: tuple[str, Role, int]) -> None:
    tag = instance_tag(seed)
    cloid = new_cloid(tag, *wish)
    assert len(cloid) == 34
    assert int(cloid, 16) >= 0
    assert cloid == cloid.lower()
    assert is_ours(cloid, tag)


@given(wishes, wishes)
def test_the_same_wish_has_the_same_cloid_and_another_one_another(
    one: tuple[str, Role, int], other: tuple[str, Role, int]
) -> None:
    tag = instance_tag("a bot")
    assert (new_cloid(tag, *one) == new_cloid(tag, *other)) is (one == other)


def test_an_order_of_another_bot_or_without_a_cloid_is_not_ours() -> None:
    ours, theirs = instance_tag("one"), instance_tag("two")
    assert not is_ours(new_cloid(theirs, "s", Role.ENTRY, 1), ours)
    assert not is_ours(None, ours)


def test_the_price_of_an_order_is_the_worst_it_may_trade_at() -> None:
    def order(kind: Limit | Trigger) -> OrderRequest:
        return OrderRequest(coin="BTC", asset=0, cloid="0x", side=Side.SELL, size=D(1), kind=kind, role=Role.STOP)

    assert order(Limit(price=D(5))).price == 5
    assert order(Trigger(trigger_price=D(5), worst_price=D(4), stop=True)).price == 4
