"""How the settings of the regime filter are read."""

from tidegate.config.rules import Rule, coins
from tidegate.config.wording import did_you_mean, fragment
from tidegate.model.settings import REGIME_DRIVERS


def drivers(example: str) -> Rule:
    """Which drivers must agree, separated by commas, each once; or none."""
    allowed = ", ".join(REGIME_DRIVERS)

    def read(text: str) -> tuple[str, ...]:
        names = tuple(part.strip().lower() for part in text.split(",")) if text else ()
        for name in names:
            if name not in REGIME_DRIVERS:
                raise ValueError(f"{fragment(name)} is no driver{did_you_mean(name, REGIME_DRIVERS)}")
        if len(set(names)) < len(names):
            raise ValueError("one stands twice")
        return names

    return Rule(read, f"some of {allowed} separated by commas, or nothing", example, empty=True)


def buckets(example: str) -> Rule:
    """Groups of coins: coins joined by +, groups separated by commas; no coin twice; or nothing."""
    some = coins("BTC,ETH")

    def read(text: str) -> tuple[tuple[str, ...], ...]:
        groups = [part.strip() for part in text.split(",")] if text else []
        found: tuple[tuple[str, ...], ...] = tuple(some.read(group.replace("+", ",")) for group in groups)
        if found:
            some.read(",".join(coin for group in found for coin in group))
        return found

    return Rule(read, "coins joined by +, groups separated by commas, or nothing", example, empty=True)
