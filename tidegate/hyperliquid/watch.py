"""Which coins of one socket are alive: a watchdog for each coin and each of its streams.

Owns when something was heard of a coin, and what is tried when nothing is. A coin in which nobody trades is told apart
from a dead feed by its other streams: its context comes every second, and a book or a candle that moves proves prints
that must have come. What the exchange's time does is watched too: frames that repeat an old time are no life.

    heard ─► silent: subscribe again ─► no answer: told ─► silent: another socket ─► silent: frozen, tried now and then

What is subscribed to begins with its present state, so a coin about which there was merely nothing to say answers at
once, and is given more time from then on; not so one with a position.
"""

from collections.abc import Container

from msgspec import Struct

SECOND_NS = 1_000_000_000
SILENCE_MAX_NS = 14 * SECOND_NS
"""A coin without any current frame for so long has lost its streams: with a position REST has to watch it by now."""
PROBE_AFTER_NS = 10 * SECOND_NS
"""After so much silence its streams are subscribed to again, to see."""
PATIENCE_MAX_NS = 80 * SECOND_NS
LEAN_SILENCE_MAX_NS = 300 * SECOND_NS
"""The same for a coin of which only prints are streamed: nobody may have traded."""
DEBT_MAX_NS = 5 * SECOND_NS
"""What one stream has proven must come on the other within so much."""
DEBTS_MAX = 3
RETRY_AFTER_NS = 300 * SECOND_NS
BAD_PER_MINUTE_MAX = 20
PROBE_STEP, MUTE_STEP, MOVE_STEP, FROZEN_STEP = 1, 2, 3, 4


class Ear(Struct, gc=False):
    """What was heard of one coin (monotonic nanoseconds; 0 is never), and how far its repair has come.

    `*_owed_ns` is when another stream proved that something should have come on this one.
    """

    heard_ns: int
    lean: bool = False
    has_candles: bool = True
    trades_owed_ns: int = 0
    candle_owed_ns: int = 0
    book_owed_ns: int = 0
    mark_ns: int = 0
    newest_ms: int = 0
    stuck_since_ns: int = 0
    stuck_until_ns: int = 0
    candle: tuple[int, int, object] = (0, 0, None)
    step: int = 0
    patience_ns: int = 0
    repaired_ns: int = 0
    debts: int = 0
    bad: int = 0
    bad_since_ns: int = 0
    is_muted: bool = False


class Repair(Struct, frozen=True, kw_only=True):
    """What to do about a coin: `types` are the streams to subscribe to again (None: all of them)."""

    coin: str
    why: str
    types: tuple[str, ...] | None = None
    step: int = 0


class CoinWatch:
    """The ears of one socket; `types` are what is streamed of a coin."""

    def __init__(self, types: Container[str]) -> None:
        self._has_candles = "candle" in types
        self.held: frozenset[str] = frozenset()
        self.ears: dict[str, Ear] = {}

    def listen(self, coin: str, now_ns: int, *, lean: bool = False, step: int = 0) -> Ear:
        """Begin to watch a coin; `step` is how far its repair had come elsewhere."""
        ear = self.ears.get(coin)
        if ear is None:
            ear = self.ears[coin] = Ear(heard_ns=now_ns, lean=lean, has_candles=self._has_candles, step=step)
        return ear

    def forget(self, coin: str) -> None:
        """Watch it no more."""
        self.ears.pop(coin, None)

    def opened(self, now_ns: int) -> None:
        """A new connection: nothing is owed, and silence counts from now on; how far repairs have come stays."""
        for coin, ear in tuple(self.ears.items()):
            self.ears[coin] = Ear(
                heard_ns=now_ns, lean=ear.lean, has_candles=ear.has_candles, step=ear.step, is_muted=ear.is_muted
            )

    def silent(self, now_ns: int) -> list[Repair]:
        """Coins of which nothing is heard, or whose time stands still, and what to try now."""
        repairs = []
        for coin, ear in self.ears.items():
            # what was done about single streams is no reason to be patient with a coin of which nothing is heard
            quiet_ns = now_ns - max(ear.heard_ns, ear.repaired_ns if ear.step else 0)
            stuck = ear.stuck_until_ns - ear.stuck_since_ns >= SILENCE_MAX_NS and ear.stuck_since_ns > ear.repaired_ns
            if quiet_ns < self._patience_ns(coin, ear) and not stuck:
                continue
            ear.step, ear.repaired_ns = min(ear.step + 1, FROZEN_STEP), now_ns
            ear.stuck_since_ns = ear.stuck_until_ns = 0
            seconds = (now_ns - ear.heard_ns) // SECOND_NS
            why = "its frames repeat an old time" if stuck else f"nothing was heard of it for {seconds} s"
            repairs.append(Repair(coin=coin, why=why, step=ear.step))
        return repairs

    def recovered(self, ear: Ear) -> None:
        """It is heard again: if that is the answer to a question, it only had nothing to say."""
        if ear.step == PROBE_STEP:
            ear.patience_ns = min(2 * (ear.patience_ns or PROBE_AFTER_NS), PATIENCE_MAX_NS)
        ear.step, ear.is_muted = 0, False

    def _patience_ns(self, coin: str, ear: Ear) -> int:
        """How long to wait for a coin until the next step."""
        if ear.step >= FROZEN_STEP:
            return RETRY_AFTER_NS
        if ear.step == PROBE_STEP:
            return SILENCE_MAX_NS - PROBE_AFTER_NS
        if ear.step:
            return SILENCE_MAX_NS
        if coin in self.held:
            return PROBE_AFTER_NS
        return LEAN_SILENCE_MAX_NS if ear.lean else ear.patience_ns or PROBE_AFTER_NS

    def indebted(self, now_ns: int) -> list[Repair]:
        """Single streams that stay silent though others prove that they should not."""
        repairs = []
        late_ns = now_ns - DEBT_MAX_NS
        for coin, ear in self.ears.items():
            types = [kind for kind, since_ns in _debts(ear) if 0 < since_ns <= late_ns]
            if ear.mark_ns and now_ns - ear.mark_ns >= SILENCE_MAX_NS and now_ns - ear.heard_ns < SILENCE_MAX_NS:
                types.append("activeAssetCtx")
                ear.mark_ns = now_ns
            exhausted = ear.debts > DEBTS_MAX and now_ns - ear.repaired_ns < RETRY_AFTER_NS
            if not types or ear.step or exhausted:
                continue
            ear.trades_owed_ns = ear.candle_owed_ns = ear.book_owed_ns = 0
            ear.debts += 1
            ear.repaired_ns = now_ns
            step = MOVE_STEP if ear.debts == DEBTS_MAX + 1 else 0
            why = f"{', '.join(types)} stay silent though the others move"
            repairs.append(Repair(coin=coin, why=why, types=tuple(types), step=step))
        return repairs

    def all_silent(self, now_ns: int) -> bool:
        """Whether nothing has been heard of any coin for so long that it is the socket rather than the coin."""
        full = [ear for ear in self.ears.values() if not ear.lean]
        return bool(full) and all(ear.step == MOVE_STEP and now_ns - ear.heard_ns >= 2 * SILENCE_MAX_NS for ear in full)

    def bad_frame(self, coin: str, now_ns: int) -> bool:
        """One more frame of this coin was unreadable; whether that is too many within a minute."""
        ear = self.ears.get(coin)
        if ear is None:
            return False
        if now_ns - ear.bad_since_ns >= 60 * SECOND_NS:
            ear.bad, ear.bad_since_ns = 0, now_ns
        ear.bad += 1
        return ear.bad == BAD_PER_MINUTE_MAX

    def ages_s(self, now_ns: int) -> dict[str, float]:
        """Seconds since each coin was heard."""
        return {coin: (now_ns - ear.heard_ns) / SECOND_NS for coin, ear in tuple(self.ears.items())}


def repeated(ear: Ear, received_ns: int) -> None:
    """A frame whose time is not new is no sign of life; whether such frames go on is remembered."""
    if not ear.stuck_since_ns:
        ear.stuck_since_ns = received_ns
    ear.stuck_until_ns = received_ns


def prints_heard(ear: Ear, received_ns: int) -> None:
    """New prints: the candle and the book must move with them."""
    ear.trades_owed_ns = 0
    if not ear.lean:
        if ear.has_candles:
            ear.candle_owed_ns = ear.candle_owed_ns or received_ns
        ear.book_owed_ns = ear.book_owed_ns or received_ns


def candle_heard(ear: Ear, candle: tuple[int, int, object], received_ns: int) -> None:
    """A candle that has changed: the prints that changed it must come."""
    ear.candle_owed_ns = 0
    if ear.candle[0] == candle[0] and ear.candle[1:] != candle[1:]:
        ear.trades_owed_ns = ear.trades_owed_ns or received_ns
    ear.candle = candle


def _debts(ear: Ear) -> tuple[tuple[str, int], ...]:
    return (("trades", ear.trades_owed_ns), ("candle", ear.candle_owed_ns), ("bbo", ear.book_owed_ns))
