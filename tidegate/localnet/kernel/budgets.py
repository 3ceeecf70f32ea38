"""How many actions an address may send: a free allowance, one more for every USDC it traded, and what it bought.

Owns the numbers and texts of section 7.2 of the protocol and the counting. A batch counts its elements; an action that
was refused as a whole counts nothing, except one that came after its own `expiresAfter`, which counts five times.
An address that has used up its budget may still act once in ten seconds of exchange time, and cancel from a purse of
its own. It never looks at what an action wants.
"""

from decimal import Decimal
from typing import Any

from tidegate.localnet.kernel.accounts import Account
from tidegate.localnet.kernel.orders import plain

FREE_REQUESTS = 10_000
CANCELS_BEYOND = 100_000
SPENT_PAUSE_MS = 10_000
STALE_FACTOR = 5
BATCHES = ("orders", "cancels", "modifies")
CANCELS = frozenset({"cancel", "cancelByCloid"})
CENT = Decimal("0.01")


def requests_of(action: dict[str, Any]) -> int:
    """How many requests an action counts as: one for each order, cancel or modify of a batch."""
    batch = next((action[key] for key in BATCHES if isinstance(action.get(key), list)), ())
    return max(len(batch), 1)


def cap_of(account: Account | None, free: int) -> int:
    """The `nRequestsCap` of an address: `free` and one for every whole USDC traded."""
    return free if account is None else free + int(account.volume)


def refusal(account: Account, kind: str, count: int, now_ms: int, free: int) -> str | None:
    """The exchange's refusal when `count` more requests are beyond the budget and the last extra one is too recent."""
    if account.requests + count < _limit(account, kind, free) or now_ms >= account.paused_until_ms:
        return None
    volume = plain(account.volume.quantize(CENT))
    return (
        f"Too many cumulative requests sent ({account.requests + count} > {_limit(account, '', free) - 1}) "
        f"for cumulative volume traded ${volume}. Place taker orders to free up 1 request per USDC traded."
    )


def spend(account: Account, kind: str, count: int, now_ms: int, free: int) -> None:
    """Count an action that was carried out; one beyond the budget closes the door for ten seconds."""
    account.requests += count
    if account.requests >= _limit(account, kind, free):
        account.paused_until_ms = now_ms + SPENT_PAUSE_MS


def waste(account: Account, count: int) -> None:
    """Count an action that came after its `expiresAfter`."""
    account.requests += STALE_FACTOR * count


def reserve(account: Account, count: int) -> None:
    """Raise the limit by requests that were bought (`reserveRequestWeight`)."""
    account.reserved_requests += count


def _limit(account: Account, kind: str, free: int) -> int:
    """The first count that is too many. Recorded: an address with a cap of 97457 is told "97460 > 97456"."""
    limit = cap_of(account, free) + account.reserved_requests
    return min(limit + CANCELS_BEYOND, 2 * limit) if kind in CANCELS else limit
