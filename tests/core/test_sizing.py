"""How much: never more than the risk, the cap and the margin allow, and nothing the exchange would refuse as dust."""

from decimal import Decimal

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tidegate.core.sizing import MARGIN_USED_MAX, Size, by_risk, leverage_of
from tidegate.model.instruments import NOTIONAL_MIN_USD, Instrument, Rounding
from tidegate.model.settings import HUNDRED, Settings

D = Decimal


def perp(size_decimals: int = 3, leverage_max: int = 40) -> Instrument:
    return Instrument(coin="X", asset=1, size_decimals=size_decimals, leverage_max=leverage_max)


def sized(
    settings: Settings, *, equity: str = "10000", free: str = "10000", stop: str = "97", fraction: str = "1"
) -> Size | str:
    return by_risk(
        settings,
        perp(),
        equity=D(equity),
        free=D(free),
        price=D(100),
        limit=D(101),
        stop=D(stop),
        fraction=D(fraction),
    )


@settings(max_examples=500, deadline=None)
@given(
    size_decimals=st.integers(0, 5),
    leverage_max=st.integers(1, 50),
    leverage=st.integers(1, 50),
    risk_pct=st.decimals("0.01", "10", places=2),
    cap=st.decimals("1", "1000000", places=0),
    equity=st.decimals("-10", "1000000", places=2),
    free=st.decimals("-10", "1000000", places=2),
    price=st.decimals("0.00001", "1000000"),
    distance_pct=st.decimals("0.01", "50", places=2),
    slippage_pct=st.decimals("0", "5", places=1),
    direction=st.sampled_from([1, -1]),
    fraction=st.decimals("0.01", "1", places=2),
)
def test_no_size_exceeds_the_risk_the_cap_or_the_margin(
    size_decimals: int,
    leverage_max: int,
    leverage: int,
    risk_pct: Decimal,
    cap: Decimal,
    equity: Decimal,
    free: Decimal,
    price: Decimal,
    distance_pct: Decimal,
    slippage_pct: Decimal,
    direction: int,
    fraction: Decimal,
) -> None:
    instrument = perp(size_decimals, leverage_max)
    price = instrument.price(price, Rounding.DOWN)
    stop = instrument.price(price * (1 - direction * distance_pct / HUNDRED), Rounding.UP)
    assume(stop != price)
    limit = price * (1 + direction * slippage_pct / HUNDRED)
    chosen = Settings(leverage=leverage, risk_per_trade_pct=risk_pct, max_position_usd=cap)
    answer = by_risk(
        chosen, instrument, equity=equity, free=free, price=price, limit=limit, stop=stop, fraction=fraction
    )
    if isinstance(answer, str):
        assert answer
        return
    worst = max(price, limit)
    assert instrument.is_legal_size(answer.size)
    assert answer.size * abs(price - stop) <= equity * risk_pct / HUNDRED * fraction * D("1.000000001")
    assert answer.size * worst <= cap
    assert answer.size * worst <= free * leverage_of(chosen, instrument) * MARGIN_USED_MAX * D("1.000000001")
    assert answer.size * min(price, limit) >= NOTIONAL_MIN_USD


@pytest.mark.parametrize(
    ("changes", "size", "bounded_by"),
    [
        ({}, "33.333", "RISK_PER_TRADE_PCT"),
        ({"max_position_usd": D(1010)}, "10", "MAX_POSITION_USD"),
        ({"risk_per_trade_pct": D(10), "max_position_usd": D(10**6), "leverage": 1}, "89.108", "LEVERAGE"),
    ],
)
def test_the_tightest_bound_decides_and_is_named(changes: dict[str, object], size: str, bounded_by: str) -> None:
    answer = sized(Settings(**changes))  # type: ignore[arg-type]
    assert answer == Size(size=D(size), bounded_by=bounded_by)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"stop": "100"}, "no distance"),
        ({"equity": "0"}, "nothing to trade with"),
        ({"free": "0"}, "nothing to trade with"),
        ({"equity": "-5"}, "nothing to trade with"),
        ({"equity": "29"}, "raise RISK_PER_TRADE_PCT"),
        ({"free": "3"}, "raise LEVERAGE"),
        ({"fraction": "0"}, "size_fraction"),
        ({"fraction": "1.01"}, "size_fraction"),
        ({"fraction": "-1"}, "size_fraction"),
        ({"fraction": "NaN"}, "size_fraction"),
        ({"fraction": "Infinity"}, "size_fraction"),
    ],
)
def test_a_refusal_says_what_was_found(fields: dict[str, str], words: str) -> None:
    answer = sized(Settings(), **fields)
    assert isinstance(answer, str)
    assert words in answer


def test_half_a_conviction_is_half_the_size() -> None:
    half = sized(Settings(), fraction="0.5")
    assert half == Size(size=D("16.666"), bounded_by="RISK_PER_TRADE_PCT")


def test_ten_dollars_is_the_least() -> None:
    least = by_risk(
        Settings(max_position_usd=D(10)),
        perp(),
        equity=D(10**6),
        free=D(10**6),
        price=D(100),
        limit=D(100),
        stop=D(97),
        fraction=D(1),
    )
    assert least == Size(size=D("0.1"), bounded_by="MAX_POSITION_USD")


def test_a_coin_that_allows_less_leverage_is_sized_by_less() -> None:
    assert leverage_of(Settings(leverage=20), perp(leverage_max=3)) == 3
    assert leverage_of(Settings(leverage=2), perp(leverage_max=3)) == 2


def test_ten_dollars_must_be_reached_at_the_worst_price_too() -> None:
    answer = by_risk(
        Settings(max_position_usd=D("10.05")),
        perp(),
        equity=D(10**6),
        free=D(10**6),
        price=D(100),
        limit=D(99),
        stop=D(103),
        fraction=D(1),
    )
    assert isinstance(answer, str)
