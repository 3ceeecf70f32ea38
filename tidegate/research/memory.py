"""A ledger that forgets: what a gateway must know within one run, and nothing on any disk.

For simulations that nobody kills: nothing is ever read back from an earlier life, so nothing need be written. Nonces
and signed bytes are kept as the real ledger keeps them.
"""

from collections.abc import Sequence

from tidegate.model.brackets import ExitReason
from tidegate.model.brakes import Brakes
from tidegate.model.events import Event
from tidegate.model.intents import Decision
from tidegate.model.records import Remembered
from tidegate.storage.ledger import Ledger

PAYLOADS_KEPT = 1_000


class Forgetful(Ledger):
    """Takes the ledger's place for one run."""

    def __init__(self, *, venue: str, account: str) -> None:
        super().__init__("", venue=venue, account=account)
        self._last_nonce = 0
        self._payloads: dict[str, bytes] = {}

    def open(self) -> None:
        """Nothing to open."""

    def close(self) -> None:
        """Nothing to close."""

    def abandon(self) -> None:
        """Nothing to lose."""

    def record(self, event: Event, decision: Decision) -> None:
        """Nobody will ask."""

    def flush(self, *, at_once: bool = False, calm: bool = True) -> None:
        """Nothing waits."""

    def exit_leaves(self, coin: str, exit_id: str, reason: ExitReason) -> None:
        """This run does not die."""

    def commit_before_send(
        self,
        cloids: Sequence[str],
        nonce: int,
        payload: bytes,
        expires_ms: int,  # noqa: ARG002 - the same interface as Ledger
        *,
        at_once: bool = False,  # noqa: ARG002
    ) -> None:
        """Keep the bytes for a repetition."""
        self._last_nonce = max(self._last_nonce, nonce)
        self._payloads.update(dict.fromkeys(cloids, payload))
        while len(self._payloads) > PAYLOADS_KEPT:
            del self._payloads[next(iter(self._payloads))]

    def payload_of(self, cloid: str) -> bytes | None:
        """The signed bytes of an order."""
        return self._payloads.get(cloid)

    def remembered(self) -> tuple[Remembered, ...]:
        """There is no earlier life."""
        return ()

    def brakes(self) -> Brakes:
        """None on."""
        return Brakes()

    def last_fill_ms(self) -> int:
        """There was none."""
        return 0
