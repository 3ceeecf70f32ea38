"""The bot as a user runs it: a process of its own, in a folder of its own; its screen is read line by line."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BOT = ROOT / "bot.py"
PATIENCE_S = 90
KEPT = ("PATH", "HOME", "LANG", "TMPDIR")
ENVIRON = {name: value for name, value in os.environ.items() if name in KEPT} | {"COLUMNS": "200"}


class Running:
    """One process of the front door. `lines` grows while it runs."""

    def __init__(
        self, folder: Path, *words: str, environ: dict[str, str] | None = None, command: Sequence[str] = ()
    ) -> None:
        self.process = subprocess.Popen(
            command or [sys.executable, str(BOT), *words],
            cwd=folder,
            env={**ENVIRON, **(environ or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
        )
        self.lines: list[str] = []
        self._grown = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._grown:
                self.lines.append(line.rstrip("\n"))
                self._grown.notify_all()
        with self._grown:
            self._grown.notify_all()

    def wait_for(self, pattern: str, after: int = 0, patience_s: float = PATIENCE_S) -> re.Match[str]:
        """Wait for a line that matches, among those from number `after` on; fail with the screen if none comes."""
        deadline_s = time.monotonic() + patience_s
        seen = after
        with self._grown:
            while True:
                for line in self.lines[seen:]:
                    found = re.search(pattern, line)
                    if found:
                        return found
                seen = len(self.lines)
                left_s = deadline_s - time.monotonic()
                if left_s <= 0 or (not self._reader.is_alive() and seen == len(self.lines)):
                    raise AssertionError(f"no line matches {pattern!r}:\n{self.screen}")
                self._grown.wait(min(left_s, 1.0))

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def ends(self, patience_s: float = PATIENCE_S) -> int:
        """Wait for the end; give the exit code."""
        code = self.process.wait(patience_s)
        self._reader.join(patience_s)
        return code

    def line_number(self, pattern: str) -> int:
        """Where the first matching line is."""
        return next(number for number, line in enumerate(self.lines) if re.search(pattern, line))

    @property
    def screen(self) -> str:
        """Everything it printed."""
        return "\n".join(self.lines)

    def stop(self) -> None:
        """End it, whatever it does."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(15)
        self._reader.join(15)


@contextmanager
def running(folder: Path, *words: str, environ: dict[str, str] | None = None) -> Iterator[Running]:
    """A process that is surely ended."""
    process = Running(folder, *words, environ=environ)
    try:
        yield process
    finally:
        process.stop()
