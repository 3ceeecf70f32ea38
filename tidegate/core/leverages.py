"""Leverage and margin mode of each coin: what the settings want, whether the exchange has to be told, and when.

The exchange is told only where it shows something else, and never while a position is open in the coin: that one keeps
the terms it was opened on.
"""

from decimal import Decimal

from msgspec.structs import replace

from tidegate.core import ration, sizing
from tidegate.core.state import EXPIRES_AFTER_MS, CoinState, Phase, State
from tidegate.model.events import Started
from tidegate.model.instruments import Instrument
from tidegate.model.intents import NOTHING, Decision, Intent, Note, SetLeverage
from tidegate.model.settings import MarginMode, Settings

PATIENCE_MS = 10_000
AGAIN_MS = 60_000
"""A coin whose leverage was refused is suspended; it is asked for again after this long."""


def is_cross(settings: Settings, instrument: Instrument) -> bool:
    """Whether a coin is to have cross margin: MARGIN_MODE, where the coin allows it."""
    return settings.margin_mode is MarginMode.CROSS and not instrument.isolated_only


def has_cross(state: State, coin: CoinState) -> bool:
    """Whether a position of this coin has cross margin, as far as is known."""
    return is_cross(state.settings, coin.instrument) if coin.cross is None else coin.cross


def at_start(state: State, event: Started) -> Decision:
    """Take over what the exchange has set already; say which coins cannot have the margin mode that was asked for."""
    for coin in tuple(state.coins.values()):
        shown = event.leverages.get(coin.coin)
        if shown is None:
            continue
        shown_by_exchange(state, coin, shown, cross=coin.coin not in event.isolated)
    return isolated_ones(state, tuple(state.coins))


def wanted(state: State, coin: CoinState) -> int:
    """The leverage that a coin is to have: LEVERAGE, or what its last signal's score makes of it."""
    return sizing.leverage_of(settings_for(state, coin), coin.instrument)


def settings_for(state: State, coin: CoinState) -> Settings:
    """The settings with the leverage of this coin's last signal."""
    return state.settings if coin.score_leverage is None else replace(state.settings, leverage=coin.score_leverage)


def by_score(state: State, coin: CoinState, score: Decimal) -> CoinState:
    """The coin as a signal of this score wants it, while it is flat and nothing of it is on its way.

    Below the first step of LEVERAGE_BY_SCORE it is 1; LEVERAGE and the coin's own maximum are the limits.
    """
    steps = state.settings.leverage_steps
    if not steps or coin.position.size or coin.orders:
        return coin
    most = sizing.leverage_of(state.settings, coin.instrument)
    asked = min(most, max((leverage for least, leverage in steps if score >= least), default=1))
    if asked == coin.score_leverage:
        return coin
    coin = state.change(coin.coin, score_leverage=asked)
    fits = asked == coin.shown_leverage and coin.cross == is_cross(state.settings, coin.instrument)
    return state.change(coin.coin, leverage=asked if fits else None, leverage_asked_ms=None)


def shown_by_exchange(state: State, coin: CoinState, leverage: int, *, cross: bool) -> None:
    """What the exchange has for a coin: where that is what is wanted, nothing need be set."""
    fits = leverage == wanted(state, coin)
    fits = fits and cross == is_cross(state.settings, coin.instrument)
    state.change(coin.coin, cross=cross, shown_leverage=leverage, leverage=leverage if fits else None)


def isolated_ones(state: State, names: tuple[str, ...]) -> Decision:
    """Which of these coins are isolated whatever is set, in one line."""
    if state.settings.margin_mode is not MarginMode.CROSS:
        return NOTHING
    forced = [name for name in names if state.coins[name].instrument.isolated_only]
    if not forced:
        return NOTHING
    text = f"{', '.join(forced)}: the exchange takes isolated margin only here, whatever MARGIN_MODE says"
    return Decision(notes=(Note(topic="account", text=text),))


def ask(state: State) -> Decision:
    """Ask for the leverage of every flat coin that does not have it confirmed; open positions keep theirs."""
    intents: list[Intent] = []
    if ration.is_sparing(state):
        return NOTHING
    for coin in tuple(state.coins.values()):
        if coin.leverage is not None or coin.position.size:
            continue
        if not _is_call_needed(state, coin):
            state.change(coin.coin, leverage=coin.shown_leverage or 1)
            continue
        asked_ms = coin.leverage_asked_ms
        patience_ms = AGAIN_MS if coin.phase is Phase.SUSPENDED else PATIENCE_MS
        if asked_ms is not None and state.now_ms - asked_ms < state.wait_ms(patience_ms):
            continue
        state.change(coin.coin, leverage_asked_ms=state.now_ms)
        intents.append(
            SetLeverage(
                coin=coin.coin,
                asset=coin.instrument.asset,
                leverage=wanted(state, coin),
                cross=is_cross(state.settings, coin.instrument),
                expires_ms=state.now_ms + state.wait_ms(EXPIRES_AFTER_MS),
            )
        )
    return Decision(intents=tuple(intents))


def _is_call_needed(state: State, coin: CoinState) -> bool:
    """Whether what the exchange has makes a difference.

    LEVERAGE=0 leaves everything as it is. With LEVERAGE=1 a position is never worth more than the free balance; under
    cross margin it may then lose the same whatever number the exchange has.
    """
    leverage = settings_for(state, coin).leverage
    return leverage > 1 or (
        leverage == 1 and not (has_cross(state, coin) and is_cross(state.settings, coin.instrument))
    )
