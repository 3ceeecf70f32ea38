"""Which coins a session has, and whether one more may join: settings, choices and positions against what is listed.

Decides nothing about trading; what an operator calls a coin becomes the exchange's name here.
"""

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from typing import Protocol

from msgspec.structs import replace

from tidegate.config import check_against_market
from tidegate.errors import Unintelligible, Unreachable
from tidegate.hyperliquid.instruments import resolve
from tidegate.hyperliquid.limits import WEIGHT_PER_MINUTE, weight_per_minute
from tidegate.hyperliquid.reads import Leverage
from tidegate.model.events import Account, CoinFound, CoinNotFound
from tidegate.model.instruments import Instrument
from tidegate.model.intents import FindCoin
from tidegate.model.orders import is_ours
from tidegate.model.records import Remembered
from tidegate.model.settings import Settings
from tidegate.model.watchlist import Choice, Origin, origins


class Client(Protocol):
    """What is asked of an exchange client."""

    def instruments(self) -> tuple[dict[str, Instrument], list[str]]:
        """What is listed."""

    def leverage(self, user: str, coin: str) -> Leverage:
        """What is set for a coin already."""


def coins_of(
    settings: Settings,
    choices: Iterable[Choice],
    listed: Mapping[str, Instrument],
    left_over: Collection[str] = (),
) -> tuple[dict[str, Origin], list[str]]:
    """The coins of a session with why it has them, and what a person should know about the choice.

    `settings.coins` are under the exchange's names. A coin that was added and cannot be traded as things are set now is
    left out; COINS itself was checked before. `left_over` are coins with a position of ours.
    """
    choices = tuple(choices)
    wanted, remarks = origins(settings.coins, choices), []
    for choice in choices:
        if not choice.wanted and choice.coin in settings.coins:
            what = f"{choice.coin} is in COINS and was removed by {choice.who or 'an operator'}"
            remarks.append(f"{what}: left out; python bot.py coins add {choice.coin} brings it back")
    for coin in [each for each, origin in wanted.items() if origin is Origin.ADDED]:
        problems = check_against_market(replace(settings, coins=(coin,)), listed)
        if problems:
            del wanted[coin]
            remarks.append(f"{coin} was added by an operator and is left out: {problems[0].removeprefix('COINS: ')}")
    if not wanted:
        wanted = dict.fromkeys(settings.coins, Origin.COINS)
        remarks.append("every coin was removed: back to those of COINS")
    for coin in left_over:
        if coin in listed and coin not in wanted:
            wanted[coin] = Origin.POSITION
            remarks.append(f"{coin} is no coin of this bot any more; what may be open of it is looked after")
    return wanted, remarks


def left_over(account: Account, remembered: Iterable[Remembered], tag: str) -> tuple[str, ...]:
    """The coins in which a position, an order or an entry in slices of this bot's may be open, whatever COINS says."""
    found = [each.coin for each in remembered if each.position is not None or each.twap is not None]
    found += [order.coin for order in account.orders if is_ours(order.cloid, tag)]
    return tuple(dict.fromkeys(found))


def find(client: Client, user: str, wish: FindCoin, settings: Settings, at_ms: int) -> CoinFound | CoinNotFound:
    """Whether a coin is listed and may be traded as things are set, and what that would cost. Raises ExchangeError."""
    listed, _ = client.instruments()
    problems = check_against_market(replace(settings, coins=(wish.name,)), listed, resolve)
    coin = resolve(wish.name, listed)
    budget, too_much = _budget(len(wish.coins) + (coin not in wish.coins), settings)
    if not problems and too_much:
        problems = [f"{budget}; a longer CHECK_INTERVAL, fewer coins, or candles by stream (STREAM=all) make room"]
    if problems or coin is None:
        reason = "; ".join(each.removeprefix("COINS: ") for each in problems)
        return CoinNotFound(at_ms=at_ms, name=wish.name, reason=reason, id=wish.id)
    shown: Leverage | None = None
    with suppress(Unreachable, Unintelligible):  # it is simply set anew then
        shown = client.leverage(user, coin)
    return CoinFound(
        at_ms=at_ms,
        instrument=listed[coin],
        leverage=None if shown is None else shown.value,
        cross=None if shown is None else shown.is_cross,
        budget=budget,
        who=wish.who,
        why=wish.why,
        id=wish.id,
    )


def _budget(coins: int, settings: Settings) -> tuple[str, bool]:
    """The REST weight of a bad minute with so many coins, in words, and whether it is too much."""
    check_s, fallback_s = float(settings.check_interval_s), float(settings.fallback_interval_s)
    used = weight_per_minute(coins, check_s, fallback_s, settings.stream.value)
    words = (
        f"{coins} coins every {settings.check_interval_s} s by REST (STREAM={settings.stream.value}) and prices every "
        f"{settings.fallback_interval_s} s use at most {used:.0f} of {WEIGHT_PER_MINUTE} REST weight a minute"
    )
    return words, used > WEIGHT_PER_MINUTE
