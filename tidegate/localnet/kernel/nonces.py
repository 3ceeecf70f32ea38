"""Which nonces a signer may still use (section 4.5).

Owns the hundred highest nonces of every signer. It reads no clock: the caller says around which times a nonce
may lie.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable

NONCES_KEPT = 100
DAY_MS = 86_400_000
BEHIND_MS = 2 * DAY_MS
AHEAD_MS = DAY_MS


class Nonces:
    """The nonces of all signers; a refused nonce is not used up."""

    def __init__(self) -> None:
        self._kept: dict[str, list[int]] = {}

    def refusal(self, signer: str, nonce: int, times_ms: Iterable[int]) -> str | None:
        """Why this nonce cannot be used now (one of `times_ms` must be within its window), or None."""
        times = sorted(times_ms)
        if not any(time_ms - BEHIND_MS < nonce < time_ms + AHEAD_MS for time_ms in times):
            if nonce <= times[0] - BEHIND_MS:
                return f"Invalid nonce: nonce too low {nonce} < {times[0] - BEHIND_MS}"
            return f"Invalid nonce: nonce too high {nonce} > {times[-1] + AHEAD_MS}"
        kept = self._kept.get(signer, [])
        place = bisect_left(kept, nonce)
        if place < len(kept) and kept[place] == nonce:
            return f"Invalid nonce: duplicate nonce {nonce}"
        if len(kept) == NONCES_KEPT and nonce < kept[0]:
            return f"Invalid nonce: nonce too low {nonce} < {kept[0]}"
        return None

    def use(self, signer: str, nonce: int) -> None:
        """Burn a nonce."""
        kept = self._kept.setdefault(signer, [])
        insort(kept, nonce)
        if len(kept) > NONCES_KEPT:
            del kept[0]

    def forget(self, signer: str) -> None:
        """Drop the nonces of a signer that is an agent no more."""
        self._kept.pop(signer, None)
