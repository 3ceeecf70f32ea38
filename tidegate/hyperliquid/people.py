"""REST answers about who is whose, and on what terms: agents of an account, leaders of vaults, the requests that an
account has left, its fee rates.

Pure parsing. Raises Unintelligible for what cannot be understood.

Source: Hyperliquid docs, "Info endpoint"; recorded answers.
"""

from decimal import Decimal
from typing import Any

from msgspec import Struct

from tidegate.errors import Unintelligible
from tidegate.hyperliquid.reads import UNIFIED_MODES
from tidegate.hyperliquid.shapes import typed
from tidegate.model.fees import Fees

RATE_MAX = Decimal("0.05")
"""No fee is as high; what says so is garbage."""


class Agent(Struct, frozen=True, rename="camel"):
    """A named API wallet; `valid_until` is in milliseconds, None where the exchange names no end."""

    name: str
    address: str
    valid_until: int | None = None


class Requests(Struct, frozen=True, rename="camel"):
    """How many actions an account has sent in its life, and how many it may by now."""

    n_requests_used: int
    n_requests_cap: int

    @property
    def left(self) -> int:
        """What it may still send; the exchange then takes one action in ten seconds."""
        return max(0, self.n_requests_cap - self.n_requests_used)


class _Rates(Struct, rename="camel"):
    user_cross_rate: Decimal
    user_add_rate: Decimal


def agents_of(body: object) -> tuple[Agent, ...]:
    """The answer to extraAgents: the named agents, addresses in small letters."""
    rows: list[Agent] = typed(body, list[Agent], "agents")
    return tuple(Agent(row.name, row.address.lower(), row.valid_until) for row in rows)


def leader_of(body: object) -> str | None:
    """The leader in an answer to vaultDetails; None for an address that is no vault."""
    if body is None:
        return None
    leader = typed(body, dict[str, Any], "vault").get("leader")
    if not isinstance(leader, str):
        raise Unintelligible(f"vault: its leader is {leader!r}"[:200])
    return leader.lower()


def fees_of(body: object) -> Fees:
    """The answer to userFees: the rates of perps, discounts included."""
    rates: _Rates = typed(body, _Rates, "fees")
    fees = Fees(taker=rates.user_cross_rate, maker=rates.user_add_rate)
    if not all(rate.is_finite() and abs(rate) <= RATE_MAX for rate in (fees.taker, fees.maker)):
        raise Unintelligible(f"fees: taker {fees.taker}, maker {fees.maker}")
    return fees


def builder_fee_of(body: object) -> int:
    """The answer to maxBuilderFee: tenths of a basis point."""
    approved: int = typed(body, int, "builder fee")
    return approved


def mode_words(mode: str) -> str:
    """An account mode for a person: where the money lies."""
    where = "the USDC of spot is the margin of perps too" if mode in UNIFIED_MODES else "perps and spot apart"
    return f"{mode or 'default'}: {where}"


def requests_of(body: object) -> Requests:
    """The answer to userRateLimit."""
    answer: Requests = typed(body, Requests, "requests left")
    return answer
