"""What may not be traded, whatever a strategy wishes. Exits always pass; entries must pass every rule here."""

from decimal import Decimal

from tidegate.core import apart, blocks, brakes, leverages, staleness
from tidegate.core.state import CoinState, Phase, State
from tidegate.model.settings import HUNDRED
from tidegate.model.signals import Signal

PRICE_AGE_MAX_MS = 30_000
PRICE_MAX = Decimal(10**15)
"""No price is as high; arithmetic on such numbers would leave the digits that a Decimal has."""
COLLAR_PCT = Decimal(5)
"""An entry further than this from the mark price is a mistake somewhere."""


def hindrance(state: State, coin: CoinState, *, held: bool = False) -> str | None:
    """What stands in the way of an entry now but may be gone in a moment, or None.

    `held`: it would add to a position that is held, whose resting orders belong there.
    """
    if not state.is_heard(coin.coin):
        return "prices do not come by stream yet"
    if coin.leverage is None:
        return "the leverage is not confirmed yet"
    if coin.phase is Phase.WARMING:
        return "the coin is warming up"
    if coin.orders and not held:
        return "orders of the last position are not all known to be over"
    if state.now_ms < coin.barred_until_ms:
        return "an order of the last session may still be on its way"
    if coin.reference_price() is None or state.now_ms - coin.heard_ms() > state.wait_ms(PRICE_AGE_MAX_MS):
        return "no fresh price was heard"
    if coin.mark is None:
        return "no mark price was heard, by which the exchange fires resting stops"
    return staleness.hindrance(state, coin) or blocks.hindrance(state) or apart.hindrance(state, coin)


def objection(state: State, coin: CoinState) -> str | None:
    """Why no entry may be made in this coin at all, or None."""
    if state.stopping:
        return "the bot is stopping"
    braked = brakes.objection(state, coin)
    if braked:
        return braked
    if coin.phase is Phase.SUSPENDED:
        return f"{coin.coin} is suspended: {coin.why}"
    if coin.phase is not Phase.READY and coin.phase is not Phase.WARMING:
        return f"{coin.coin} is {coin.phase.value}"
    if coin.position.size:
        return f"a position of {coin.position.size} is open"
    if coin.instrument.delisted:
        return f"{coin.coin} is delisted"
    if state.equity <= 0:
        return "the account's equity is zero: deposit, or check HYPERLIQUID_ACCOUNT_ADDRESS"
    return None


def unsound_wish(signal: Signal) -> str | None:
    """Whether a strategy's numbers can be prices and distances at all, or which of them cannot."""
    for name in ("stop", "take_profit", "trail_by"):
        value = getattr(signal, name)
        if value is not None and not (value.is_finite() and 0 < value < PRICE_MAX):
            return f"the strategy's {name} is {value}, a positive number below {PRICE_MAX} was expected"
    return None


def liquidation_price(
    state: State, coin: CoinState, *, direction: int, price: Decimal, size: Decimal
) -> Decimal | None:
    """About where a position of this size would be liquidated, None if nowhere.

    By the exchange's formula at the coin's own maximum leverage (Hyperliquid docs, "Liquidations"): an isolated
    position has the margin that it is opened with, a cross one what the account has beside its other positions, which
    are counted as standing still at their last price.
    """
    share = 1 / Decimal(2 * coin.instrument.leverage_max)
    if not leverages.has_cross(state, coin):
        fee = state.fees.taker if state.fees is not None else Decimal(0)  # paid out of what was set aside
        available = size * price * (1 / Decimal(_leverage(state, coin)) - share - fee)
    else:
        others = sum((_bound(state, each) for each in state.coins.values() if each.coin != coin.coin), Decimal(0))
        available = state.equity - others - size * price * share
    level = price - direction * available / size / (1 - share * direction)
    return level if level > 0 else None


def _bound(state: State, coin: CoinState) -> Decimal:
    """The money that another position keeps from a cross one: its maintenance margin, or all that is set aside."""
    size = abs(coin.position.size)
    if not size:
        return Decimal(0)
    last = coin.reference_price() or coin.position.entry_price
    if leverages.has_cross(state, coin):
        return size * last / (2 * coin.instrument.leverage_max)
    return size * coin.position.entry_price / _leverage(state, coin) + coin.position.unrealised_pnl(last)


def _leverage(state: State, coin: CoinState) -> int:
    return coin.leverage or coin.shown_leverage or leverages.wanted(state, coin)


def beyond_liquidation(direction: int, stop: Decimal, liquidation: Decimal | None) -> bool:
    """Whether the exchange would close the position before its stop does."""
    return liquidation is not None and (stop - liquidation) * direction <= 0


def unsound(
    coin: CoinState, *, direction: int, price: Decimal, stop: Decimal, take_profit: Decimal | None
) -> str | None:
    """Whether the prices of an entry make sense together, or what does not."""
    if (price - stop) * direction <= 0:
        return f"the stop {stop} is on the wrong side of the price {price}"
    if take_profit is not None and (take_profit - price) * direction <= 0:
        return f"the take-profit {take_profit} is on the wrong side of the price {price}"
    if coin.mark is not None and abs(price - coin.mark) > coin.mark * COLLAR_PCT / HUNDRED:
        return f"the price {price} is more than {COLLAR_PCT} % from the mark price {coin.mark}"
    return None
