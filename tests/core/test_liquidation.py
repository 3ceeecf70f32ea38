"""A stop that liquidation would come before is no stop: refused for an entry, said aloud for a position."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.worlds import D, instrument, started, wishes
from tests.localnet.floor import IOC, Trader, quiet_floor
from tidegate.core import risk
from tidegate.model.events import Account, AccountSeen, FeesSeen, LeverageSet
from tidegate.model.fees import Fees
from tidegate.model.intents import Alert, PlaceOrders, SetLeverage
from tidegate.model.settings import MarginMode
from tidegate.model.signals import Want


def test_an_entry_whose_stop_lies_beyond_its_liquidation_is_refused_with_both_prices() -> None:
    far = {"stop_loss_pct": D(50), "risk_per_trade_pct": D(200), "max_position_usd": D(100_000)}
    far |= {"max_daily_loss_pct": D(0), "max_drawdown_pct": D(0)}
    world = started(instrument("BTC", leverage_max=3), **far)
    world.account(equity=D(1000), free=D(1000))
    decision = world.signal(Want.LONG)
    assert not list(wishes([decision], PlaceOrders))
    assert "the stop 50.000 lies beyond the liquidation price 7" in decision.notes[0].text
    assert "lower LEVERAGE or STOP_LOSS_PCT" in decision.notes[0].text


@given(
    st.sampled_from([1, -1]),
    st.decimals(1, 100_000, places=2),
    st.decimals("0.1", "50", places=1),
    st.integers(3, 40),
)
def test_at_the_liquidation_price_equity_is_what_the_exchange_wants_at_least(
    direction: int, equity: Decimal, size: Decimal, leverage_max: int
) -> None:
    world = started(instrument("BTC", leverage_max=leverage_max))
    world.account(equity=equity)
    price = D(100)
    level = risk.liquidation_price(world.state, world.coin(), direction=direction, price=price, size=size)
    if level is None:
        return
    left = equity + (level - price) * direction * size
    assert abs(left - size * level / (2 * leverage_max)) < D("1e-9") * (equity + size * price)


def test_a_position_whose_stop_lies_beyond_its_liquidation_is_an_alert_now_and_then() -> None:
    world = started()
    position = world.hold()

    def seen(level: Decimal) -> list[str]:
        world.now_ms += 3_000
        account = Account(
            equity=D(10_000),
            free=D(9_000),
            positions=(position,),
            orders=tuple(world.open_orders()),
            time_ms=world.now_ms,
            liquidation_prices={"BTC": level},
        )
        decision = world.tell(AccountSeen(at_ms=world.now_ms, account=account))
        return [each.text for each in wishes([decision], Alert)]

    assert not seen(D(50))
    assert "the stop 97.000 lies beyond the liquidation price 98" in seen(D(98))[0]
    assert not seen(D(98)), "not at every look"
    world.now_ms += 300_000
    assert seen(D(98))


def test_a_leverage_that_is_set_already_is_not_set_again() -> None:
    world = started("BTC", "ETH", ready=False, leverages={"BTC": 3, "ETH": 5})
    assert [wish.coin for wish in world.wished(SetLeverage)] == ["ETH"]
    assert world.coin("BTC").leverage == 3


@given(
    st.sampled_from([1, -1]),
    st.decimals("0.1", "50", places=1),
    st.integers(3, 40),
    st.integers(1, 10),
)
def test_an_isolated_position_is_liquidated_when_its_own_margin_is_down_to_the_least(
    direction: int, size: Decimal, leverage_max: int, leverage: int
) -> None:
    leverage = min(leverage, leverage_max)
    world = started(
        instrument("BTC", leverage_max=leverage_max), leverage=leverage, margin_mode=MarginMode.ISOLATED, ready=False
    )
    world.tell(LeverageSet(at_ms=world.now_ms, coin="BTC", leverage=leverage, cross=False))
    price = D(100)
    level = risk.liquidation_price(world.state, world.coin(), direction=direction, price=price, size=size)
    if level is None:
        assert leverage == 1
        assert direction > 0
        return
    left = size * price / leverage + (level - price) * direction * size
    assert abs(left - size * level / (2 * leverage_max)) < D("1e-9") * size * price


@pytest.mark.parametrize("direction", [1, -1])
@pytest.mark.parametrize("leverage", [2, 5, 20])
@pytest.mark.parametrize("cross", [True, False])
def test_the_liquidation_price_is_localnets_own(direction: int, leverage: int, cross: bool) -> None:
    trader = Trader(quiet_floor(), 1, usdc="3000")
    trader.post({"type": "updateLeverage", "asset": 0, "isCross": cross, "leverage": leverage})
    trader.order("B" if direction > 0 else "A", "80001" if direction > 0 else "79999", "0.05", IOC)
    state = trader.ask("clearinghouseState")
    theirs = state["assetPositions"][0]["position"]
    world = started(instrument("BTC", leverage_max=40), leverage=leverage, ready=False)
    world.account(equity=D(state["marginSummary"]["accountValue"]))
    world.tell(FeesSeen(at_ms=world.now_ms, fees=Fees(taker=D("0.00045"), maker=D("0.00015"))))
    world.tell(LeverageSet(at_ms=world.now_ms, coin="BTC", leverage=leverage, cross=cross))
    size, price = D("0.05"), D(theirs["entryPx"])
    ours = risk.liquidation_price(world.state, world.coin(), direction=direction, price=price, size=size)
    assert (ours is None) == (theirs["liquidationPx"] is None)
    assert ours is None or abs(ours - D(theirs["liquidationPx"])) < price * D("0.00005")


def test_what_an_isolated_position_has_set_aside_does_not_carry_a_cross_one() -> None:
    world = started(instrument("BTC", leverage_max=10), instrument("ETH", leverage_max=10))
    alone = risk.liquidation_price(world.state, world.coin("ETH"), direction=1, price=D(100), size=D(500))
    world.tell(LeverageSet(at_ms=world.now_ms, coin="BTC", leverage=2, cross=False))
    world.hold(coin="BTC")
    beside = risk.liquidation_price(world.state, world.coin("ETH"), direction=1, price=D(100), size=D(500))
    assert alone is not None
    assert beside is not None
    assert beside > alone
