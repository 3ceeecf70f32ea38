"""The first line of a session: who trades what with which strategy, and what it may weigh."""

from tidegate import logs
from tidegate.hyperliquid.limits import WEIGHT_PER_MINUTE, weight_per_minute
from tidegate.model.events import Account
from tidegate.model.settings import Settings
from tidegate.wallet import Wallet


def greet(settings: Settings, coins: tuple[str, ...], wallet: Wallet, account: Account) -> None:
    """Log it."""
    params = ", ".join(f"{name}={value}" for name, value in settings.strategy_params.items()) or "its defaults"
    dry = "; DRY RUN: orders are shown, never sent" if settings.dry_run else ""
    check_s, fallback_s = float(settings.check_interval_s), float(settings.fallback_interval_s)
    weight = weight_per_minute(len(coins), check_s, fallback_s, settings.stream.value)
    logs.log(
        "bot",
        f"initialised: account {wallet.account}, equity {account.equity:,.2f} USD; {settings.strategy} ({params}) on "
        f"{', '.join(coins)} {settings.timeframe.value}, polling every {settings.check_interval_s} s "
        f"(at most {weight:.0f} of {WEIGHT_PER_MINUTE} REST weight a minute){dry}",
    )
