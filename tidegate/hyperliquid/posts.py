"""Orders on their way over the stream: which answer belongs to which wish, and what silence means.

Owns the pending posts. `add` is called by the main thread, everything else by the stream's; each step is one
operation on a dictionary, which the interpreter does not interrupt.

Source: Hyperliquid docs, "Post requests"; an answer may lose its id, so every post has a time limit.
"""

from itertools import count

from tidegate.hyperliquid.replies import Sent, doubted, facts_of_reply, refused
from tidegate.model.events import Event

POST_TIMEOUT_NS = 8_000_000_000
IN_FLIGHT_MAX = 90
# A status that says the request was understood and thrown out; any other may have been carried out.
_UNKNOWN_OUTCOMES = frozenset({"408", "429"})


class Posts:
    """The posts whose answers are awaited."""

    def __init__(self) -> None:
        self._ids = count(1)
        self._pending: dict[int, tuple[Sent, int]] = {}

    def __len__(self) -> int:
        return len(self._pending)

    @property
    def full(self) -> bool:
        """Whether as many are in flight as the exchange allows."""
        return len(self._pending) >= IN_FLIGHT_MAX

    def add(self, wish: Sent, body: bytes, now_ns: int) -> bytes:
        """The frame that carries `body`, a signed envelope; its answer is awaited from now on."""
        post_id = next(self._ids)
        self._pending[post_id] = (wish, now_ns + POST_TIMEOUT_NS)
        return b'{"method":"post","id":%d,"request":{"type":"action","payload":%b}}' % (post_id, body)

    def answered(self, post_id: int, kind: str, payload: object, at_ms: int) -> list[Event] | None:
        """What the answer says; None when no such post is awaited."""
        wish, _ = self._pending.pop(post_id, (None, 0))
        if wish is None:
            return None
        if kind == "action":
            return facts_of_reply(wish, payload, at_ms)
        words = str(payload)
        if words[:1] == "4" and words[:3].isdigit() and words[:3] not in _UNKNOWN_OUTCOMES:
            return refused(wish, words, at_ms)
        return doubted(wish, f"the post was answered with an error: {words[:200]}", at_ms)

    def overdue(self, at_ms: int, now_ns: int) -> list[Event]:
        """Posts that were not answered in time: what became of them is unknown."""
        events: list[Event] = []
        for post_id, (_, deadline_ns) in tuple(self._pending.items()):
            if now_ns >= deadline_ns:
                events += self._doubt(post_id, "no answer to the post in time", at_ms)
        return events

    def lost(self, reason: str, at_ms: int) -> list[Event]:
        """The connection is gone: no answer can come any more."""
        events: list[Event] = []
        for post_id in tuple(self._pending):
            events += self._doubt(post_id, f"the stream was lost before the answer: {reason}", at_ms)
        return events

    def _doubt(self, post_id: int, reason: str, at_ms: int) -> list[Event]:
        wish, _ = self._pending.pop(post_id, (None, 0))
        return doubted(wish, reason, at_ms) if wish is not None else []
