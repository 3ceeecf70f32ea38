"""Builder fees: who may take one, what a fill brings, and how it is claimed (sections 3.7 and 8.5).

Owns approvals and the rewards that fills earn for builders; the fee is part of the fill's `fee` and shown beside it.
Over the approved rate and without any approval the exchange says the same. The texts were measured on testnet, those of
a malformed rate and of too many builders are ours. A builder named with a fee of nothing needs no approval: ccxt
approves "0%" and sends such orders for the builder's statistics.
"""

from decimal import Decimal

from tidegate.localnet.kernel.accounts import Account
from tidegate.localnet.kernel.numbers import ZERO, micro, parse, wire
from tidegate.localnet.kernel.orders import BuilderFee
from tidegate.localnet.kernel.venue import Venue
from tidegate.localnet.kernel.wealth import equity, give

NOT_APPROVED = "Builder fee has not been approved"
TENTHS_BP_A_PERCENT = 1_000
TENTHS_BP = Decimal("0.00001")
PERP_MAX, SPOT_MAX = 100, 1_000  # tenths of a basis point
BUILDERS_MAX = 10
BUILDER_USDC_MIN = Decimal(100)


def approve(venue: Venue, account: Account, builder: str, rate: str) -> str | None:
    """Let a builder take up to `rate` ("0.001%"); "0%" takes the leave back. Returns the refusal."""
    percent = parse(rate.removesuffix("%")) if rate.endswith("%") else None
    tenths = None if percent is None else percent * TENTHS_BP_A_PERCENT
    if tenths is None or tenths != int(tenths) or not 0 <= tenths <= SPOT_MAX:
        return "Invalid builder fee."
    approved = venue.people.builder_fees.setdefault(account.user, {})
    if not tenths:
        approved.pop(builder, None)
        return None
    earner = venue.account(builder)
    if earner is None or equity(venue, earner) < BUILDER_USDC_MIN:
        return "Builder has insufficient balance to be approved."
    if builder not in approved and len(approved) >= BUILDERS_MAX:
        return "Too many approved builders."
    approved[builder] = int(tenths)
    return None


def refusal(venue: Venue, account: Account, fee: BuilderFee, *, has_perps: bool) -> str | None:
    """Why an order may not carry this fee. A sub-account or vault has what its master or leader approved."""
    owner = venue.people.master_of(account.user)
    approved = venue.people.builder_fees.get(owner, {}).get(fee.builder, 0)
    limit = min(approved, PERP_MAX) if has_perps else approved
    return None if 0 <= fee.tenths_bp <= limit else NOT_APPROVED


def earn(venue: Venue, fee: BuilderFee | None, notional: Decimal) -> Decimal:
    """Credit a builder with its part of a fill; returns what the fill's account pays for it, in USDC."""
    if fee is None:
        return ZERO
    amount = micro(notional * fee.tenths_bp * TENTHS_BP)
    rewards = venue.people.rewards_of(fee.builder)
    rewards.unclaimed += amount
    rewards.of_builder += amount
    return amount


def claim(venue: Venue, account: Account) -> str | None:
    """Pay an account what it earned from others' fees; returns the refusal."""
    rewards = venue.people.rewards.get(account.user)
    if rewards is None or not rewards.unclaimed:
        return "No rewards to claim"
    amount, rewards.unclaimed = rewards.unclaimed, ZERO
    rewards.claimed += amount
    give(account, amount)
    row = {"type": "rewardsClaim", "amount": wire(amount), "token": "USDC"}
    account.ledger.append({"time": venue.now_ms, "hash": venue.next_hash(), "delta": row})
    return None
