"""What the exchange's operators have set for the moment: caps, bands, halts, a post-only period.

Owns the settings, all off in the beginning; `checks` and `open_interest` read them, `operators` writes them.
"""

from dataclasses import dataclass, field
from decimal import Decimal

from tidegate.localnet.kernel.refusals import Refusal


@dataclass(slots=True)
class Restrictions:
    """Settings by coin (USD at the mark price, shares of the oracle price) and for the whole exchange."""

    open_interest_caps: dict[str, Decimal] = field(default_factory=dict)
    growth_limits: dict[str, Decimal] = field(default_factory=dict)  # USD of open interest added in one minute
    oracle_bands: dict[str, Decimal] = field(default_factory=dict)
    halted: set[str] = field(default_factory=set)
    post_only_until_ms: int = 0
    stakes: dict[str, Decimal] = field(default_factory=dict)  # undelegated HYPE by account, for priority fees
    stops_refused: Refusal | None = None  # what an order that would rest as a stop is told
    grown_from: dict[str, tuple[int, Decimal]] = field(default_factory=dict)  # minute, base units when first asked

    def post_only(self, now_ms: int) -> bool:
        """Say whether only post-only orders are taken, as for a while after a network upgrade."""
        return now_ms < self.post_only_until_ms
