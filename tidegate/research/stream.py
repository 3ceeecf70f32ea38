"""The socket in virtual time: the bot's stream protocol on one end, localnet's session on the other.

Takes the stream client's place without a thread: frames take one latency each way and arrive in order, and what is on
its way when the line is cut is lost. Reconnects as the client does, but always after the longest pause it might take.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from tidegate.gateway import Sent
from tidegate.hyperliquid.protocol import StreamProtocol
from tidegate.localnet.doors.session import Session
from tidegate.localnet.doors.streams import Streams
from tidegate.model.events import Event
from tidegate.ports import Facts
from tidegate.research.lines import Latency, Outages
from tidegate.research.timeline import MS_PER_S, Timeline

TICK_MS = 500
PAUSE_FIRST_MS = 500
PAUSE_MAX_MS = 30_000
DOUBLINGS_MAX = 6
STABLE_AFTER_MS = 60_000
ACCOUNT_FRAMES = tuple(b'{"channel":"%s"' % channel for channel in (b"orderUpdates", b"userFills", b"user"))


class Line:
    """One connection; `session` is the exchange's end of it."""

    def __init__(self) -> None:
        self.session: Session | None = None
        self.opened_ms = 0
        self.is_cut = False

    def cut(self) -> None:
        """Nothing arrives any more, at either end."""
        self.is_cut = True
        if self.session is not None:
            self.session.close()


class SimulatedStream:
    """Streams into `facts` and carries signed orders out."""

    def __init__(
        self,
        time: Timeline,
        streams: Streams,
        protocol: StreamProtocol,
        facts: Facts,
        latency: Latency,
        outages: Outages,
    ) -> None:
        self._time, self.streams, self._protocol = time, streams, protocol
        self._facts, self._latency, self._outages = facts, latency, outages
        self._latency_ms = latency.one_way_ms
        self._line: Line | None = None
        self._failures = 0
        self._is_left = False
        self._caught: list[bytes] | None = None

    def start(self) -> None:
        """Open the stream."""
        for from_ms in self._outages.beginnings_ms("socket"):
            self._time.later(from_ms - self._time.now_ms, self._cut)
        self._connect()
        self._time.later(TICK_MS, self.look)

    def add_coins(self, coins: Iterable[str]) -> None:
        """Stream these too."""
        self._tell(self._protocol.add_coins(coins, self._time.monotonic_ns()))

    def remove_coins(self, coins: Iterable[str]) -> None:
        """Stream these no more."""
        self._tell(self._protocol.remove_coins(coins, self._time.monotonic_ns()))

    def leave(self) -> None:
        """The bot is gone, and its line with it."""
        self._is_left = True
        if self._line is not None:
            self._line.cut()
            self._line = None

    def post(self, wish: Sent, body: bytes) -> bool:
        """Send a signed envelope; False while the line is down."""
        line = self._line
        if line is None or not self._protocol.can_post:
            return False
        self._say(line, (self._protocol.post(wish, body, self._time.monotonic_ns()),))
        return True

    # connecting

    def _connect(self) -> None:
        self._time.later(self._latency_ms, self._knock)

    def _knock(self) -> None:
        """At the exchange: take the connection or refuse it; the answer travels back."""
        line = Line()
        if not self._is_cut_off and self.streams.may_connect():
            line.session = self.streams.connect(
                lambda frame: self._hear(line, frame),
                lambda after_s: self._time.later(int(after_s * MS_PER_S), self._lose, line, "closed by the exchange"),
            )
        self._time.later(self._latency_ms, self._open, line)

    def _open(self, line: Line) -> None:
        if self._is_left:
            line.cut()
            return
        if line.session is None or self._is_cut_off:
            line.cut()
            self._failures += 1
            self._protocol.lost("cannot connect", self._time.now_ms)
            self._connect_again()
            return
        self._line, line.opened_ms = line, self._time.now_ms
        self._say(line, self._protocol.opened(self._time.now_ms, self._time.monotonic_ns()))

    def _connect_again(self) -> None:
        pause_ms = PAUSE_FIRST_MS << min(self._failures - 1, DOUBLINGS_MAX)
        self._time.later(min(pause_ms, PAUSE_MAX_MS), self._connect)

    @property
    def _is_cut_off(self) -> bool:
        return self._outages.strikes("socket", self._time.now_ms)

    # losing

    def _cut(self) -> None:
        if self._line is not None:
            self._lose(self._line, "the line was cut")

    def _lose(self, line: Line, reason: str) -> None:
        if line is not self._line:
            return
        self._line = None
        line.cut()
        lived = self._time.now_ms - line.opened_ms >= STABLE_AFTER_MS
        self._failures = 1 if lived else self._failures + 1
        self._put(self._protocol.lost(reason, self._time.now_ms))
        self._connect_again()

    def look(self) -> None:
        """What time alone brings, twice a second."""
        if self._is_left:
            return
        self._time.later(TICK_MS, self.look)
        self.streams.drop_idle()
        line = self._line
        if line is None:
            return
        due = self._protocol.due(self._time.now_ms, self._time.monotonic_ns())
        self._put(due.events)
        if due.give_up is not None:
            self._lose(line, due.give_up)
        else:
            self._say(line, due.frames)

    # frames

    def _tell(self, out: Iterable[bytes]) -> None:
        if self._line is not None:
            self._say(self._line, out)

    def _say(self, line: Line, out: Iterable[bytes]) -> None:
        if not self._is_silent:
            for frame in out:
                self._time.later(self._latency_ms, self._arrive_there, line, frame)

    def _arrive_there(self, line: Line, frame: bytes) -> None:
        if not line.is_cut and line.session is not None:
            line.session.receive(frame)

    @contextmanager
    def caught(self) -> Iterator[list[bytes]]:
        """What the exchange says meanwhile is not on its way, but here."""
        frames: list[bytes] = []
        self._caught = frames
        try:
            yield frames
        finally:
            self._caught = None

    def _hear(self, line: Line, frame: bytes) -> None:
        if self._caught is not None:
            self._caught.append(frame)
            return
        if not self._is_silent:
            lag_ms = self._latency.account_lag_ms if frame.startswith(ACCOUNT_FRAMES) else 0
            self._time.later(self._latency_ms + lag_ms, self._arrive_here, line, frame)

    def _arrive_here(self, line: Line, frame: bytes) -> None:
        if not line.is_cut:
            self._put(self._protocol.receive(frame, self._time.now_ms, self._time.monotonic_ns()))

    @property
    def _is_silent(self) -> bool:
        return self._outages.strikes("silence", self._time.now_ms)

    def _put(self, events: Iterable[Event]) -> None:
        for event in events:
            self._facts.put(event)
