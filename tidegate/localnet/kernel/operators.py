"""The exchange's operators: what they may do to a running exchange.

Owns the doors to caps, bands, halts, upgrades and delistings, all of which a client only ever suffers. Each
call is a block of its own. Nothing here happens by itself.
"""

from collections.abc import Callable
from decimal import Decimal

from tidegate.localnet.kernel import settling
from tidegate.localnet.kernel.lifecycle import cancel_all
from tidegate.localnet.kernel.numbers import ZERO
from tidegate.localnet.kernel.orders import INTERNAL_CANCEL
from tidegate.localnet.kernel.venue import Venue


class Operators:
    """Acts on a venue; `close` ends the block. Coins are names, money is USD, None takes a setting back."""

    def __init__(self, venue: Venue, close: Callable[[], None]) -> None:
        self._venue = venue
        self._close = close

    def cap_open_interest(self, coin: str, usd: Decimal | None) -> None:
        """From this open interest (at the mark price) on, nobody may add to a position."""
        _put(self._venue.restrictions.open_interest_caps, coin, usd)

    def limit_growth(self, coin: str, usd: Decimal | None) -> None:
        """Open interest may grow by this much in one minute of exchange time."""
        _put(self._venue.restrictions.growth_limits, coin, usd)

    def band_around_oracle(self, coin: str, share: Decimal | None) -> None:
        """Orders may be priced this share of the oracle price away from it, no further.

        The exchange's own share is unknown (section 11), so there is no band until one is set.
        """
        _put(self._venue.restrictions.oracle_bands, coin, share)

    def upgrade(self, post_only_ms: int) -> None:
        """Take only post-only orders for a while; trigger orders wait until it is over."""
        self._venue.restrictions.post_only_until_ms = self._venue.now_ms + post_only_ms

    def halt(self, coin: str) -> None:
        """Take no orders for a coin; its resting orders stay and still trade with the house."""
        self._venue.restrictions.halted.add(coin)

    def resume(self, coin: str) -> None:
        """Take orders again."""
        self._venue.restrictions.halted.discard(coin)

    def cancel_orders(self, user: str) -> None:
        """Cancel all orders of an account, as `internalCancel`."""
        if user.lower() in self._venue.accounts:
            cancel_all(self._venue, user.lower(), INTERNAL_CANCEL)
        self._close()

    def give_stake(self, user: str, hype: Decimal) -> None:
        """Give an account undelegated staking balance, from which priority fees are burned."""
        stakes = self._venue.restrictions.stakes
        stakes[user.lower()] = stakes.get(user.lower(), ZERO) + hype

    def delist(self, coin: str) -> Decimal:
        """End a perp's trading for good; returns the price its positions were settled at."""
        px = settling.delist(self._venue, coin)
        self._close()
        return px


def _put(settings: dict[str, Decimal], coin: str, value: Decimal | None) -> None:
    if value is None:
        settings.pop(coin, None)
    else:
        settings[coin] = value
