"""Whose margin must be looked at before the block ends, and who is being liquidated.

Owns the notes that the rest of the kernel leaves for `liquidation`: which marks moved and whose money or positions
changed. Dictionaries stand for ordered sets, so the same calls are answered by the same bytes.
"""

from dataclasses import dataclass, field


@dataclass(slots=True)
class MarginWatch:
    """Notes of the running block, and what outlives it: who is below maintenance margin, and until when all is sold."""

    coins: dict[str, None] = field(default_factory=dict)  # whose mark moved
    users: dict[str, None] = field(default_factory=dict)  # whose fills or funding changed their worth
    below: dict[str, None] = field(default_factory=dict)  # users that the last block left below maintenance margin
    cooldown_until_ms: dict[str, int] = field(default_factory=dict)  # after a partial liquidation, by user
