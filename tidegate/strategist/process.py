"""The bot's half of the strategist: keeps one child alive and turns what it says into facts.

One thread owns the child. The main thread only leaves wishes in a queue and never waits, whatever a strategy does:
one that raises is one `Faulted` fact; one that hangs, kills its process or talks nonsense is one `Faulted`, and
after a pause that doubles each time a new child, told by `StrategistRestarted`. Never imports pandas.
"""

import os
import selectors
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue

from tidegate.discovery import read_source
from tidegate.errors import ConfigError, Unintelligible
from tidegate.model.events import Event, Faulted, StrategistRestarted
from tidegate.model.intents import Evaluate, Note
from tidegate.model.settings import Settings
from tidegate.ports import Clock, Facts
from tidegate.strategist.child import Child
from tidegate.strategist.inline import fact_of, notes_of
from tidegate.strategist.limits import Limits, Pauses, Ration
from tidegate.strategist.messages import Answered, Bars, Broken, Failed, Forget, FromChild, Ready, Setup

# One message holds at most so many candles: encoding it keeps the interpreter from an exit for 0.2 ms, not 2.
MESSAGE_CANDLES = 500
# What the child has not taken yet lies here in bytes; beyond this, wishes stay what they are: references.
UNSENT_BYTES_MAX = 500_000
IDLE_S = 3600.0
LAST_CHUNKS = 32


class Strategist:
    """Evaluates bars in a child process.

    Raises ConfigError at once when the strategy's file cannot be read; what only the child can find out, `ready`
    raises. `start` may come long before the exchange's clock is known: `use_clock` gives it later.
    """

    def __init__(
        self,
        settings: Settings,
        facts: Facts,
        clock: Clock | None,
        note: Callable[[Note], None],
        *,
        limits: Limits | None = None,
        python: str = sys.executable,
    ) -> None:
        self._limits = limits or Limits()
        source = read_source(Path(settings.strategy_dir), settings.strategy)
        self._setup = Setup(
            name=source.name,
            path=source.path,
            source=source.source,
            sha256=source.sha256,
            parameters=settings.strategy_params,
            candle_history=settings.candle_history,
            load_limit_s=self._limits.start_s - self._limits.grace_s,
            evaluation_limit_s=self._limits.evaluation_s,
            timeframe_ms=settings.timeframe.ms,
            regime=settings.regime,
            regime_bars=settings.regime_bars,
            regime_buckets=settings.regime_buckets,
        )
        self._facts = facts
        self._clock = clock
        self._note = note
        self._python = python
        self._wishes: SimpleQueue[Evaluate | Forget] = SimpleQueue()
        self._wake_out, self._wake_in = os.pipe()
        for descriptor in (self._wake_out, self._wake_in):
            os.set_blocking(descriptor, False)
        self._closed = False
        self._stopping = threading.Event()
        self._settled = threading.Event()
        self._thread = threading.Thread(target=self._run, name="strategist", daemon=True)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._wake_out, selectors.EVENT_READ)
        self._child: Child | None = None
        self._first: Ready | tuple[str, ...] | None = None
        self._serving = False
        self._coins: set[str] = set()
        self._asked: deque[str] = deque()
        self._since_s = 0.0
        self._start_at_s = 0.0
        self._served_from_s = 0.0
        self._pauses = Pauses(self._limits)
        self._ration = Ration(self._limits.printed_lines_a_minute)
        self._trouble = ""

    @property
    def pid(self) -> int | None:
        """The child's process number while there is one."""
        child = self._child
        return child.pid if child is not None else None

    def start(self) -> None:
        """Start the child; it imports its libraries while the bot does other things."""
        self._thread.start()

    def ready(self, timeout_s: float | None = None) -> Ready:
        """Wait until the strategy is loaded for the first time and give what was loaded.

        Raises ConfigError with every problem of the strategy and its parameters.
        """
        waited_s = self._limits.start_s if timeout_s is None else timeout_s
        if not self._settled.wait(waited_s):
            raise ConfigError([f"STRATEGY={self._setup.name}: its process was not ready within {waited_s:g} s"])
        if isinstance(self._first, Ready):
            return self._first
        raise ConfigError(self._first or ())

    def use_clock(self, clock: Clock) -> None:
        """Take the time of facts from this clock from now on."""
        self._clock = clock

    def submit(self, wish: Evaluate) -> None:
        """Have these bars looked at; returns at once. While the child is being started anew the wish is dropped:
        the `StrategistRestarted` that follows asks for all bars again."""
        self._wishes.put(wish)
        self._wake()

    def forget(self, coins: Iterable[str]) -> None:
        """Nothing is asked about these coins any more: their bars need not be kept; returns at once."""
        for coin in coins:
            self._wishes.put(Forget(coin=coin))
        self._wake()

    def stop(self, timeout_s: float = 3.0) -> None:
        """End the child and the thread."""
        self._stopping.set()
        self._wake()
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        if not self._thread.is_alive() and not self._closed:
            self._closed = True
            os.close(self._wake_in)
            os.close(self._wake_out)

    def _wake(self) -> None:
        # A full pipe wakes as well as one more byte would.
        if not self._closed:
            with suppress(BlockingIOError):
                os.write(self._wake_in, b"\0")

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._start_when_due()
            for key, _ in self._selector.select(self._timeout_s()):
                self._serve(key.fd)
            self._hand_over()
            self._give_up_when_overdue()
        if self._child is not None:
            self._drop_child()
        self._settle(("the strategist was stopped",))
        self._selector.close()

    def _serve(self, descriptor: int) -> None:
        child = self._child
        if descriptor == self._wake_out:
            with suppress(BlockingIOError):
                os.read(self._wake_out, 4096)
        elif child is None or descriptor not in (child.answers, child.printed, child.feeding):
            return
        elif descriptor == child.answers:
            self._listen(child)
        elif descriptor == child.printed:
            self._show(child)
        else:
            child.flush()
            self._watch_feeding(child)

    # the child's life

    def _start_when_due(self) -> None:
        if self._child is not None or time.monotonic() < self._start_at_s:
            return
        try:
            child = Child(self._setup, self._python)
        except OSError as error:
            self._fail(f"its process cannot be started: {error}")
            return
        self._child = child
        self._selector.register(child.answers, selectors.EVENT_READ)
        self._selector.register(child.printed, selectors.EVENT_READ)
        self._watch_feeding(child)
        self._since_s = time.monotonic()

    def _timeout_s(self) -> float:
        if self._child is None:
            return max(self._start_at_s - time.monotonic(), 0.0)
        deadline_s = self._deadline_s()
        return IDLE_S if deadline_s is None else max(deadline_s - time.monotonic(), 0.0)

    def _deadline_s(self) -> float | None:
        if not self._serving:
            return self._since_s + self._limits.start_s
        if self._asked:
            return self._since_s + self._limits.evaluation_s + self._limits.grace_s
        return None

    def _give_up_when_overdue(self) -> None:
        deadline_s = self._deadline_s() if self._child is not None else None
        if deadline_s is not None and time.monotonic() >= deadline_s:
            self._fail(self._slow())

    def _fail(self, reason: str) -> None:
        """One fact for one trouble; the next child after a pause."""
        now_s = time.monotonic()
        coin = self._asked[0] if self._asked else None
        self._start_at_s = now_s + self._pauses.after(now_s - self._served_from_s if self._serving else 0.0)
        self._trouble = reason
        if self._child is not None:
            self._drop_child()
        if not self._settled.is_set():
            self._settle((f"STRATEGY={self._setup.name}: {reason}",))
            self._stopping.set()
            return
        self._put(lambda at_ms: Faulted(at_ms=at_ms, where="strategist", coin=coin, reason=reason))

    def _drop_child(self) -> None:
        child, self._child = self._child, None
        assert child is not None
        for descriptor in (child.answers, child.printed, child.feeding):
            with suppress(KeyError):
                self._selector.unregister(descriptor)
        self._serving = False
        self._coins.clear()
        self._asked.clear()
        child.end()

    def _slow(self) -> str:
        """Why it was given up, with the line at which it hangs if it could still say so."""
        child = self._child
        if not self._serving:
            return f"its process was not ready within {self._limits.start_s:g} s"
        return f"no answer for {self._asked[0]} within {self._limits.evaluation_s:g} s{self._hint(child)}"

    def _ended(self, child: Child) -> str:
        # What it said last is in the pipe; what it started may print for ever, so there is a limit.
        for _ in range(LAST_CHUNKS):
            self._show(child)
        status = child.status()
        if self._asked and time.monotonic() - self._since_s >= self._limits.evaluation_s:
            return self._slow()
        how = "closed its pipe" if status is None else _exit_in_words(status)
        about = f" while it looked at {self._asked[0]}" if self._asked else ""
        return f"its process {how}{about}{self._hint(child)}"

    def _hint(self, child: Child | None) -> str:
        """The printed line that tells most: the first that names the strategy's file, or else the last."""
        tail = [line.strip() for line in child.tail if line.strip()] if child is not None else []
        hint = next((line for line in tail if self._setup.path in line), tail[-1] if tail else "")
        return f" ({hint})" if hint else ""

    # what it is asked

    def _hand_over(self) -> None:
        # Until the first child is ready, wishes wait; between two children they are dropped, and asked for anew.
        while self._settled.is_set():
            child = self._child if self._serving else None
            if child is not None and child.unsent_bytes > UNSENT_BYTES_MAX:
                break
            try:
                wish = self._wishes.get_nowait()
            except Empty:
                break
            if isinstance(wish, Forget):
                self._forget(wish)
            elif child is not None and (wish.reset or wish.coin in self._coins):
                self._ask(child, wish)
        behind = len(self._asked) + self._wishes.qsize()
        if self._serving and behind > self._limits.waiting_wishes:
            self._fail(f"it is {behind} evaluations behind")

    def _forget(self, wish: Forget) -> None:
        if wish.coin in self._coins and self._child is not None:
            self._coins.discard(wish.coin)
            self._child.say(wish)
            self._watch_feeding(self._child)

    def _ask(self, child: Child, wish: Evaluate) -> None:
        if not self._asked:
            self._since_s = time.monotonic()
        self._asked.append(wish.coin)
        self._coins.add(wish.coin)
        starts = range(0, max(len(wish.candles), 1), MESSAGE_CANDLES)
        for start in starts:
            candles = wish.candles[start : start + MESSAGE_CANDLES]
            reset = wish.reset and start == 0
            last = start == starts[-1]
            known = {"funding": wish.funding, "imbalance": wish.imbalance} if last else {}
            child.say(Bars(coin=wish.coin, candles=candles, reset=reset, last=last, **known))
        self._watch_feeding(child)

    def _watch_feeding(self, child: Child) -> None:
        watched = child.feeding in self._selector.get_map()
        if child.unsent_bytes and not watched:
            self._selector.register(child.feeding, selectors.EVENT_WRITE)
        elif watched and not child.unsent_bytes:
            self._selector.unregister(child.feeding)

    # what it says

    def _listen(self, child: Child) -> None:
        try:
            messages = child.listen()
            if messages is None:
                self._fail(self._ended(child))
                return
            for message in messages:
                self._take(message)
        except Unintelligible as error:
            self._fail(f"it sent nonsense: {error}")

    def _take(self, message: FromChild) -> None:
        if isinstance(message, Ready | Broken) and self._serving:
            raise Unintelligible("it introduced itself twice")
        if isinstance(message, Ready):
            self._begin(message)
        elif isinstance(message, Broken):
            self._refuse(message)
        elif not self._asked or self._asked[0] != message.coin:
            raise Unintelligible(f"an answer for {message.coin} that nobody asked for")
        else:
            self._asked.popleft()
            self._since_s = time.monotonic()
            self._tell(message)

    def _begin(self, ready: Ready) -> None:
        took_s = time.monotonic() - self._since_s
        self._serving = True
        self._since_s = self._served_from_s = time.monotonic()
        named = " ".join([ready.name, *(f"{name}={value}" for name, value in ready.values.items())])
        text = f"{named}, needs {ready.warm_up_bars} bars, sha256 {ready.sha256[:12]}, up in {took_s:.1f} s"
        self._note(Note(topic="strategist", text=text))
        if self._settled.is_set():
            reason = self._trouble
            self._put(lambda at_ms: StrategistRestarted(at_ms=at_ms, reason=reason))
        self._settle(ready)

    def _refuse(self, broken: Broken) -> None:
        if self._settled.is_set():
            self._fail("; ".join(broken.problems))
            return
        self._drop_child()
        self._settle(broken.problems)
        self._stopping.set()

    def _show(self, child: Child) -> None:
        """Turn what it printed into lines of the log."""
        lines = child.printed_lines()
        if lines is None:
            with suppress(KeyError):
                self._selector.unregister(child.printed)
        now_s = time.monotonic()
        for line in lines or ():
            text = self._ration.share(f"printed: {line}", now_s)
            if text is not None:
                self._note(Note(topic="strategist", text=text, level="DEBUG"))

    def _tell(self, answer: Answered | Failed) -> None:
        self._put(lambda at_ms: fact_of(answer, at_ms))
        for note in notes_of(answer):
            self._note(note)

    def _settle(self, first: Ready | tuple[str, ...]) -> None:
        if not self._settled.is_set():
            self._first = first
            self._settled.set()

    def _put(self, fact: Callable[[int], Event]) -> None:
        # Without a clock nothing was asked yet, and nobody waits for a fact.
        if self._clock is not None:
            self._facts.put(fact(self._clock.now_ms()))


def _exit_in_words(status: int) -> str:
    if status >= 0:
        return f"ended with exit status {status}"
    try:
        return f"was ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"was ended by signal {-status}"
