"""What a session reads before it may trade, and how patient it is: a hiccup of the exchange does not end the start.

All reads of a start share one budget of time. A read that fails is told once and tried again until the budget is
spent; then the start fails with the reason. Decides nothing and writes nothing.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from threading import Event
from typing import TypeVar

from tidegate import logs
from tidegate.errors import Unintelligible, Unreachable
from tidegate.hyperliquid.client import HyperliquidClient
from tidegate.hyperliquid.reads import Leverage
from tidegate.model.fees import Fees
from tidegate.model.settings import HUNDRED, Settings

START_LIMIT_S = 30.0
PAUSES_S = (0.5, 1.0, 2.0, 4.0)
LEVERAGES_ASKED_MAX = 10

Answer = TypeVar("Answer")


class Patience:
    """Repeats reads that fail while the start's time lasts. `wait` lets so many seconds pass."""

    def __init__(
        self,
        limit_s: float = START_LIMIT_S,
        monotonic: Callable[[], float] = time.monotonic,
        wait: Callable[[float], object] | None = None,
    ) -> None:
        self._limit_s, self._monotonic = limit_s, monotonic
        self._wait = wait or Event().wait
        self._until_s = monotonic() + limit_s

    def __call__(self, what: str, read: Callable[[], Answer]) -> Answer:
        """The answer of `read`. Raises what it raised last (an ExchangeError) once the time is over."""
        tries = 0
        while True:
            try:
                return read()
            except (Unreachable, Unintelligible) as error:
                pause_s = PAUSES_S[min(tries, len(PAUSES_S) - 1)]
                left_s = self._until_s - self._monotonic()
                if left_s <= pause_s:
                    raise type(error)(
                        f"{what} could not be read at the start, {tries + 1} times within {self._limit_s:g} s; {error}"
                    ) from None
                if not tries:
                    text = f"{what} cannot be read yet, trying on for up to {left_s:.0f} s: {error}"
                    logs.log("account", text, "WARNING")
            tries += 1
            self._wait(pause_s)


def fees(read: Callable[[], Fees], settings: Settings) -> Fees:
    """The account's rates; those of the settings where the exchange answers without any, and nowhere else."""
    try:
        return read()
    except Unintelligible as error:
        if not settings.taker_fee_pct:
            raise
        rates = Fees(taker=settings.taker_fee_pct / HUNDRED, maker=settings.maker_fee_pct / HUNDRED)
        text = f"the exchange gives no fee rates ({error}): TAKER_FEE_PCT and MAKER_FEE_PCT count until the next read"
        logs.log("account", text, "WARNING")
        return rates


def leverages(client: HyperliquidClient, user: str, coins: tuple[str, ...]) -> dict[str, Leverage]:
    """What is set for each coin already need not be set again; of very many coins asking costs more than setting.

    A coin whose answer fails is simply set anew.
    """
    if len(coins) > LEVERAGES_ASKED_MAX:
        return {}
    found: dict[str, Leverage] = {}
    for coin in coins:
        with suppress(Unreachable, Unintelligible):
            found[coin] = client.leverage(user, coin)
    return found
