"""Within which prices nobody reacts: neither the bot, nor an order that rests on the exchange, nor the exchange itself.

Levels of the bot's brackets, triggers that are armed, how much an account may lose before it is near a liquidation.
Pure reading of both sides.
"""

from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from tidegate.core.state import CoinState, State
from tidegate.localnet.kernel import margin
from tidegate.localnet.kernel.venue import Venue

if TYPE_CHECKING:
    from tidegate.localnet.markets.leaping import Tape
    from tidegate.localnet.markets.quiet import Band

WHOLE = 2**60
MARGIN_LEFT = Decimal("0.5")
"""Of what an account has above twice its maintenance margin so much may be lost within a stretch."""
NEAR = Decimal("0.0001")
"""So near to a level, as a share of the price, a mark is played: it is compared before it is rounded."""


class Span(NamedTuple):
    """Prices on both sides at which something happens; None where nothing does."""

    low: Decimal | None = None
    high: Decimal | None = None

    def without(self, level: Decimal, price: Decimal) -> "Span":
        """Narrowed to have this level outside; `price` is inside."""
        if level < price:
            return Span(level if self.low is None else max(self.low, level), self.high)
        return Span(self.low, level if self.high is None else min(self.high, level))


def of_coin(state: State, venue: Venue, account: str, coin: CoinState) -> Span | None:
    """The span around the mark in which nothing happens; None when something is at hand, or may be."""
    book, mark = venue.books[coin.coin], venue.prices[coin.coin].mark
    if book.bids.clients or book.asks.clients:
        return None
    span = _of_bracket(coin)
    for order in venue.armed[coin.coin].values():
        if order.trigger is None or order.trigger.reached(mark):
            return None
        span = span.without(order.trigger.px, mark)
    held = venue.account(account)
    if coin.position.size and held is not None:
        loss = _spare(state, venue, account)
        if loss <= 0:
            return None
        span = span.without(mark - loss / coin.position.size, mark)
    inside = (span.low is None or span.low < mark) and (span.high is None or mark < span.high)
    return span if inside else None


def band_of(span: Span, tape: "Tape", mark: Decimal) -> "Band":
    """The same for walking a tape: prices in units, marks as they are before they are rounded."""
    from tidegate.localnet.markets.quiet import Band

    margin_px = mark * NEAR + 2 * Decimal(10) ** -tape.grid.px_decimals
    return Band(
        0 if span.low is None else tape.units(span.low) + 1,
        WHOLE if span.high is None else tape.units(span.high) - 1,
        0.0 if span.low is None else float(span.low + margin_px),
        float("inf") if span.high is None else float(span.high - margin_px),
    )


def _spare(state: State, venue: Venue, account: str) -> Decimal:
    """What one position may lose before anybody thinks of a liquidation."""
    held = sum(1 for coin in state.coins.values() if coin.position.size)
    there = venue.account(account)
    assert there is not None
    figures = margin.cross(there, venue.prices)
    spare = [figures.value - 2 * figures.maintenance]
    for name, position in there.positions.items():
        if not position.leverage.is_cross:
            value, maintenance = margin.isolated(position, venue.prices[name])
            spare.append(value - 2 * maintenance)
    return min(spare) * MARGIN_LEFT / held


def _of_bracket(coin: CoinState) -> Span:
    bracket = coin.bracket
    if bracket is None:
        return Span()
    trails = None
    if bracket.trail_by is not None:
        trails = coin.last if bracket.stop is None else bracket.stop + bracket.direction * bracket.trail_by
    gains = [each for each in (bracket.take_profit, bracket.trim_at, trails) if each is not None]
    if bracket.direction > 0:
        return Span(bracket.stop, min(gains, default=None))
    return Span(max(gains, default=None), bracket.stop)
