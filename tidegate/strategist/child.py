"""The strategist's process as the bot holds it: started, fed and read without ever waiting for it.

Owns the process and the three pipes. Decides nothing: when to start, give up or start again is process.py's.
"""

import os
import signal
import subprocess
import sys
from collections import deque
from contextlib import suppress
from pathlib import Path

from tidegate.strategist.messages import FromChild, Setup, ToChild, Unread, decode_from_child, encode

READ_BYTES = 1 << 16
# Few, so that a strategy that prints without end never holds the interpreter for long.
PRINTED_READ_BYTES = 1 << 12
PRINTED_LINE_BYTES_MAX = 2_000
PRINTED_TAIL_LINES = 20
REAP_LIMIT_S = 2.0
LAST_BREATH_S = 0.5

# The child needs to find Python, its libraries and its language: no key, no proxy, nothing else passes.
PASSED_ON = ("PATH", "LANG", "LANGUAGE", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
# One thread, since the bot needs the other cores; the same order of sets in every run, so that runs can be compared.
GIVEN = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}
PROJECT = Path(__file__).resolve().parents[2]


class Child:
    """One started strategist. Every method returns at once; raises OSError when the process cannot be started."""

    def __init__(self, setup: Setup, python: str = sys.executable) -> None:
        self._process = subprocess.Popen(
            [python, "-P", "-m", "tidegate.strategist"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(),
            bufsize=0,
            # A Ctrl-C in the terminal is for the bot, which still wants answers while it shuts down.
            start_new_session=True,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self.feeding, self.answers, self.printed = (
            pipe.fileno() for pipe in (self._process.stdin, self._process.stdout, self._process.stderr)
        )
        for descriptor in (self.feeding, self.answers, self.printed):
            os.set_blocking(descriptor, False)
        self._unsent = bytearray()
        self._unread = Unread()
        self._partial_line = b""
        self.tail: deque[str] = deque(maxlen=PRINTED_TAIL_LINES)
        self.say(setup)

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    @property
    def unsent_bytes(self) -> int:
        """How much it has not taken yet."""
        return len(self._unsent)

    def say(self, message: ToChild) -> None:
        """Send a message, or what of it the pipe takes now; `flush` sends the rest."""
        self._unsent += encode(message)
        self.flush()

    def flush(self) -> None:
        """Send what the pipe takes. A broken pipe is not told here: the end of the answers tells it."""
        try:
            while self._unsent:
                sent = os.write(self.feeding, self._unsent[:READ_BYTES])
                del self._unsent[:sent]
        except BlockingIOError:
            return
        except BrokenPipeError:
            self._unsent.clear()

    def listen(self) -> list[FromChild] | None:
        """The messages that have arrived; None when there will be no more. Raises Unintelligible."""
        try:
            chunk = os.read(self.answers, READ_BYTES)
        except BlockingIOError:
            return []
        if not chunk:
            return None
        return [decode_from_child(body) for body in self._unread.feed(chunk)]

    def printed_lines(self) -> list[str] | None:
        """Whole lines that the strategy printed, over-long ones cut; None when there will be no more."""
        try:
            chunk = os.read(self.printed, PRINTED_READ_BYTES)
        except BlockingIOError:
            return []
        if not chunk:
            return None
        *whole, rest = (self._partial_line + chunk).split(b"\n")
        self._partial_line = rest[:PRINTED_LINE_BYTES_MAX]
        lines = [line[:PRINTED_LINE_BYTES_MAX].decode("utf-8", "replace").rstrip() for line in whole]
        self.tail.extend(lines)
        return lines

    def status(self) -> int | None:
        """Its exit status (negative: the signal that ended it) if it ends within a moment, else None."""
        with suppress(subprocess.TimeoutExpired):
            return self._process.wait(LAST_BREATH_S)
        return None

    def end(self) -> None:
        """Kill it with everything that it started."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(REAP_LIMIT_S)
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()


def environment() -> dict[str, str]:
    """What the child is told of its surroundings."""
    kept = {name: value for name, value in os.environ.items() if name in PASSED_ON or name.startswith("LC_")}
    paths = [str(PROJECT), os.environ.get("PYTHONPATH", "")]
    return kept | GIVEN | {"PYTHONPATH": os.pathsep.join(path for path in paths if path)}
