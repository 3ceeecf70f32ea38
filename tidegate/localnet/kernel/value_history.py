"""What accounts were worth: one sample an hour of exchange time, for `portfolio` (section 2.14).

Owns the sampling, the thinning of old samples and what a sample counts. Deposits, withdrawals and transfers are neither
profit nor loss. Spot tokens count at their marks, and their profit is what they have gained since they were bought:
profit that spot sales realised is in the value and not in the profit.
"""

from tidegate.localnet.kernel import transfers, wealth
from tidegate.localnet.kernel.accounts import USDC_INDEX, Account
from tidegate.localnet.kernel.numbers import ZERO
from tidegate.localnet.kernel.people import Sample
from tidegate.localnet.kernel.venue import Venue

SAMPLE_MS = 3_600_000
SAMPLES_KEPT = 1_000


def await_next_sample(venue: Venue) -> None:
    """Sample all accounts at the next full hour, and at every one after it."""
    venue.alarms.at((venue.now_ms // SAMPLE_MS + 1) * SAMPLE_MS, lambda: _sample_all(venue))


def sample(venue: Venue, account: Account) -> Sample:
    """What an account is worth now."""
    perp_value = wealth.equity(venue, account)
    perp_pnl = perp_value - sum((part.account.deposits for part in venue.clearings(account)), ZERO)
    held, gained = ZERO, ZERO
    for token, balance in account.spot.items():
        worth = transfers.usdc_value(venue, token, balance.total)
        held += worth
        gained += ZERO if token == USDC_INDEX else worth - balance.entry_ntl
    return Sample(venue.now_ms, perp_value, perp_pnl, perp_value + held, perp_pnl + gained, account.volume)


def since(venue: Venue, account: Account, start_ms: int) -> list[Sample]:
    """An account's samples from a moment on, oldest first, the present one last. Its beginning had nothing."""
    begun = Sample(account.first_ms, ZERO, ZERO, ZERO, ZERO, ZERO)
    known = [begun, *(each for each in venue.people.samples.get(account.user, ()) if each.time_ms < venue.now_ms)]
    return [*(each for each in known if start_ms <= each.time_ms), sample(venue, account)]


def _sample_all(venue: Venue) -> None:
    for user, account in venue.accounts.items():
        samples = venue.people.samples.setdefault(user, [])
        samples.append(sample(venue, account))
        if len(samples) > SAMPLES_KEPT:
            del samples[: SAMPLES_KEPT // 2 : 2]  # of the older half every second one
    await_next_sample(venue)
