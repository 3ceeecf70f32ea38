"""TWAP orders as records: what each has done, what was told of it, and their rows (section 2.14).

Owns the numbering of TWAPs, the rows of twapHistory, twapStates and userTwapSliceFills. It trades nothing.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from tidegate.localnet.kernel.instruments import SpotPair
from tidegate.localnet.kernel.numbers import ZERO, wire

Row = dict[str, Any]

FIRST_TWAP_ID = 1
ROWS_KEPT = 2_000
ACTIVATED, FINISHED, TERMINATED = "activated", "finished", "terminated"
WAITING_FOR_TRIGGER, STOPPED, ERROR = "waitingForTrigger", "stopped", "error"


class Threshold(NamedTuple):
    """A mark price that something waits for, on the side that `above` says."""

    px: Decimal
    above: bool

    def reached(self, mark: Decimal) -> bool:
        """Say whether a mark price is there."""
        return mark >= self.px if self.above else mark <= self.px


@dataclass(slots=True, eq=False)
class Twap:
    """One TWAP order; `taken` counts the slices whose time has come."""

    twap_id: int
    user: str
    coin: str
    asset: int
    is_buy: bool
    sz: Decimal
    minutes: int
    reduce_only: bool
    randomize: bool
    timestamp_ms: int
    sz_decimals: int
    slices: int
    pair: SpotPair | None = None  # of a spot TWAP
    start: Threshold | None = None
    stop: Threshold | None = None
    begun_ms: int = 0  # when its first slice is due
    taken: int = 0
    executed_sz: Decimal = ZERO
    executed_ntl: Decimal = ZERO

    def state(self) -> Row:
        """The state as twapHistory and twapStates show it."""
        return {
            "coin": self.coin,
            "user": self.user,
            "side": "B" if self.is_buy else "A",
            "sz": wire(self.sz),
            "executedSz": wire(self.executed_sz),
            "executedNtl": wire(self.executed_ntl),
            "minutes": self.minutes,
            "reduceOnly": self.reduce_only,
            "randomize": self.randomize,
            "timestamp": self.timestamp_ms,
        }


@dataclass(slots=True)
class Twaps:
    """The TWAPs of all accounts; histories and slice fills are kept newest first."""

    running: dict[int, Twap] = field(default_factory=dict)
    history: dict[str, list[Row]] = field(default_factory=dict)
    slice_fills: dict[str, list[Row]] = field(default_factory=dict)
    next_id: int = FIRST_TWAP_ID

    def of(self, user: str) -> list[Twap]:
        """An account's running TWAPs, oldest first."""
        return [twap for twap in self.running.values() if twap.user == user]

    def add(self, twap: Twap) -> None:
        """Begin to keep a TWAP that was given `next_id`."""
        assert twap.twap_id == self.next_id, "TWAPs are numbered in order"
        self.running[twap.twap_id] = twap
        self.next_id += 1

    def note_status(self, twap: Twap, now_ms: int, status: str, description: str | None = None) -> Row:
        """Write a change of status into the history; returns its row. Its `time` is in seconds."""
        told = {"status": status} if description is None else {"status": status, "description": description}
        row = {"time": now_ms // 1_000, "state": twap.state(), "status": told, "twapId": twap.twap_id}
        _keep(self.history, twap.user, row)
        return row

    def note_slice(self, user: str, twap_id: int, fill: Row) -> Row:
        """Keep a slice's fill; returns its row."""
        row = {"fill": fill, "twapId": twap_id}
        _keep(self.slice_fills, user, row)
        return row


def _keep(kept: dict[str, list[Row]], user: str, row: Row) -> None:
    rows = kept.setdefault(user, [])
    rows.insert(0, row)
    del rows[ROWS_KEPT:]
