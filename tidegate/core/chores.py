"""What is known about upkeep by REST: when which chore is due, and what the last minute's requests weighed."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Upkeep:
    """Part of `State`, changed by `upkeep` and by what is looked after.

    `spent`: when requests left and what they weighed. `fills_ms`: the time of the last view of the account with its
    fills. `flows_wanted`: the next one should tell of deposits. `gaps_ms`: when candles that a lost stream left out are
    asked for. `doubts`: since when a coin's price by stream and the one by REST differ, `diverged`: where that was
    believed. `apart`: since when a coin's mark and what is traded are far from each other, `apart_told`: where that was
    said. `losses`: when the stream was lost lately. `lag_ms`: how late the least late print of the last seconds was by
    our clock, `lag_asked_ms`: when that had the clock looked at. `requests`: at which times how many of the account's
    actions were used, of how many.
    """

    next_ms: int | None = None
    due_ms: dict[str, int] = field(default_factory=dict)
    spent: list[tuple[int, int]] = field(default_factory=list)
    fills_ms: int = 0
    flows_wanted: bool = False
    flows_asked_ms: int = 0
    gaps_ms: int | None = None
    doubts: dict[str, int] = field(default_factory=dict)
    diverged: frozenset[str] = frozenset()
    apart: dict[str, int] = field(default_factory=dict)
    apart_told: frozenset[str] = frozenset()
    losses: list[int] = field(default_factory=list)
    lag_ms: int | None = None
    lag_asked_ms: int = 0
    requests: list[tuple[int, int, int]] = field(default_factory=list)
