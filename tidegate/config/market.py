"""Checks settings against what the exchange lists, once that is known. Pure."""

from collections.abc import Callable, Mapping

from tidegate.config.wording import did_you_mean, escaped
from tidegate.model.instruments import Book, Instrument
from tidegate.model.settings import Settings

Resolve = Callable[[str, Mapping[str, Instrument]], str | None]


def check_against_market(
    settings: Settings, instruments: Mapping[str, Instrument], resolve: Resolve | None = None
) -> list[str]:
    """One line for each coin that cannot be traded as set; `instruments` by the exchange's coin name.

    `resolve` turns what a user calls a coin (BTCUSDT) into the exchange's name; without it names are exact.
    """
    problems: list[str] = []
    called: dict[str, str] = {}
    for name in settings.coins:
        coin = resolve(name, instruments) if resolve else name
        instrument = instruments.get(coin) if coin else None
        if _is_spot(name, instrument):
            problems.append(
                f"COINS: {escaped(name)} is a spot pair; the bot trades perpetuals{_perpetual(name, instruments)}"
            )
        elif coin is None or instrument is None:
            guess = did_you_mean(name, (each.coin for each in instruments.values() if not each.delisted))
            problems.append(f"COINS: {escaped(name)} is not listed on {settings.network.value}{guess}")
        elif coin in called:
            problems.append(f"COINS: {called[coin]} and {name} are the same coin; leave one out")
        elif instrument.delisted:
            problems.append(f"COINS: {name} is delisted on {settings.network.value}; leave it out")
        elif settings.leverage > instrument.leverage_max:
            problems.append(
                f"LEVERAGE={settings.leverage}: too large for {name}; "
                f"allowed: 1 to {instrument.leverage_max}, or leave {name} out of COINS"
            )
        if coin is not None:
            called.setdefault(coin, name)
    return problems


def _is_spot(name: str, instrument: Instrument | None) -> bool:
    """Whether a spot pair is meant: it is listed as one, or written as one (`PURR/USDC`, `@107`)."""
    if instrument is not None:
        return instrument.book is Book.SPOT
    return name.startswith("@") or "/" in name


def _perpetual(name: str, instruments: Mapping[str, Instrument]) -> str:
    """The hint at the perpetual of a pair's coin, if one is listed."""
    perpetual = instruments.get(name.partition("/")[0])
    if perpetual is None or perpetual.delisted or perpetual.book is Book.SPOT:
        return ""
    return f", did you mean {perpetual.coin}?"
