"""Checks settings against what the exchange lists, once that is known. Pure."""

from collections.abc import Mapping

from tidegate.config.wording import did_you_mean
from tidegate.model.instruments import Instrument
from tidegate.model.settings import Settings


def check_against_market(settings: Settings, instruments: Mapping[str, Instrument]) -> list[str]:
    """One line for each coin that cannot be traded as set; `instruments` by the exchange's coin name.

    `settings.coins` holds the exchange's own names (aliases such as BTCUSDT have been resolved before).
    """
    problems = []
    for coin in settings.coins:
        instrument = instruments.get(coin)
        if instrument is None:
            guess = did_you_mean(coin, (each.coin for each in instruments.values() if not each.delisted))
            problems.append(f"COINS: {coin} is not listed on {settings.network.value}{guess}")
        elif instrument.delisted:
            problems.append(f"COINS: {coin} is delisted on {settings.network.value}; take it out")
        elif settings.leverage > instrument.leverage_max:
            problems.append(
                f"LEVERAGE={settings.leverage}: {coin} allows at most {instrument.leverage_max}; "
                f"allowed: 1 to {instrument.leverage_max}, or leave {coin} out of COINS"
            )
    return problems
