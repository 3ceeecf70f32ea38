"""How the lines of a simulation are: how long things take, what goes wrong and when. Values that the wires ask."""

from collections.abc import Iterable
from dataclasses import dataclass
from random import Random
from typing import Literal

from requests import ConnectionError as NoConnection
from requests import PreparedRequest, ReadTimeout, Response

from tidegate.localnet.doors.gate import Gate
from tidegate.localnet.doors.transport import LocalnetAdapter
from tidegate.research.timeline import Timeline

Kind = Literal["socket", "silence", "rest"]
LATE_MAX_MS = 14_000
"""The exchange carries out a late action up to its expiry, 15 s after it was sent."""


@dataclass(frozen=True)
class Latency:
    """How long things take: `one_way_ms` between bot and exchange.

    `account_lag_ms` is how much later than the answer to an order the stream tells of what became of it: on the real
    exchange either may be first.
    """

    one_way_ms: int
    account_lag_ms: int = 0


@dataclass(frozen=True)
class Outage:
    """One fault, from `from_ms` until `until_ms` after the start of the simulation.

    `socket`: the stream is cut, and no new connection is taken. `silence`: the stream stays open and carries
    nothing, either way. `rest`: no request gets through.
    """

    kind: Kind
    from_ms: int
    until_ms: int


class Outages:
    """All faults of one simulation, in exchange time."""

    def __init__(self, outages: Iterable[Outage], start_ms: int) -> None:
        self._spans = [(each.kind, start_ms + each.from_ms, start_ms + each.until_ms) for each in outages]

    def strikes(self, kind: Kind, at_ms: int) -> bool:
        """Whether there is a fault of this kind at that moment."""
        if not self._spans:
            return False
        return any(each == kind and from_ms <= at_ms < until_ms for each, from_ms, until_ms in self._spans)

    def beginnings_ms(self, kind: Kind) -> list[int]:
        """When faults of this kind begin."""
        return [from_ms for each, from_ms, _ in self._spans if each == kind]


@dataclass(frozen=True)
class Losses:
    """What share of the actions sent by REST gets no answer: `unanswered` ones are carried out, `dropped` ones never
    arrive, `late` ones arrive up to `LATE_MAX_MS` later. Each share is from 0 to 1; the seed says which.
    """

    seed: int = 1
    unanswered: float = 0.0
    dropped: float = 0.0
    late: float = 0.0


NO_LOSSES = Losses()


class SimulatedDoor(LocalnetAdapter):
    """localnet's in-process door, shut while an outage says so; some answers get lost."""

    def __init__(self, gate: Gate, time: Timeline, outages: Outages, losses: Losses = NO_LOSSES) -> None:
        super().__init__(gate)
        self._time, self._outages, self._losses = time, outages, losses
        self._chance = Random(losses.seed)

    def send(self, request: PreparedRequest, *arguments: object, **settings: object) -> Response:
        """Answer at once, or fail as a network fails."""
        if self._outages.strikes("rest", self._time.now_ms):
            raise NoConnection("simulated outage: no way to the exchange")
        if not (request.url or "").endswith("/exchange"):
            return super().send(request, *arguments, **settings)
        draw, losses = self._chance.random(), self._losses
        if draw < losses.dropped:
            raise ReadTimeout("simulated loss: it never arrived")
        if draw < losses.dropped + losses.late:
            self._time.later(self._chance.randint(1, LATE_MAX_MS), self._arrive_late, request)
            raise ReadTimeout("simulated loss: it arrives late")
        answer = super().send(request, *arguments, **settings)
        if draw < losses.dropped + losses.late + losses.unanswered:
            raise ReadTimeout("simulated loss: the answer was lost")
        return answer

    def _arrive_late(self, request: PreparedRequest) -> None:
        super().send(request)
