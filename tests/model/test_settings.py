"""Settings in the units that the core counts in."""

from decimal import Decimal

from tidegate.model.settings import Settings


def test_durations_are_asked_for_in_milliseconds() -> None:
    settings = Settings(check_interval_s=Decimal("1.5"), fallback_interval_s=Decimal("0.25"))
    assert settings.check_interval_ms == 1_500
    assert settings.fallback_interval_ms == 250


def test_slippage_is_asked_for_as_a_fraction() -> None:
    assert Settings(max_slippage_pct=Decimal("0.5")).slippage == Decimal("0.005")


def test_the_defaults_are_safe() -> None:
    settings = Settings()
    assert settings.network.value == "localnet"
    assert settings.stop_loss_pct > 0
    assert settings.risk_per_trade_pct <= 1
