"""The operator's way in while the bot runs: wishes left in the database, and a file called HALT.

A thread of its own looks four times a second and makes facts of what it finds, of having been kept from looking for
long, and of an exchange clock that fell back meanwhile. It decides nothing and changes nothing.
"""

import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tidegate.clock import DRIFT_MAX_MS, Standstill
from tidegate.errors import StorageError
from tidegate.logs.cleaning import clean
from tidegate.model.events import Command, Faulted
from tidegate.ports import Clock, Facts
from tidegate.storage.commands import Box

LOOK_EVERY_S = 0.25
STOOD_STILL_S = 5.0
HALT = "HALT"


class Desk:
    """Looks for wishes and for the file. `open_box` is called in the thread that looks: a connection belongs to one."""

    def __init__(self, open_box: Callable[[], Box], halt: Path, facts: Facts, clock: Clock) -> None:
        self._open_box, self._halt = open_box, halt
        self._facts, self._clock = facts, clock
        self._box: Box | None = None
        self._heard: set[str] = set()
        self._halted: bool | None = None
        self._standstill = Standstill()
        self._looked_ms = clock.now_ms()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="control", daemon=True)

    def start(self) -> None:
        """Look once for the file, here and now, so that it is heard before any signal; then go on in the thread."""
        self._look_for_the_file()
        self._standstill.begin()
        self._thread.start()

    def stop(self, timeout_s: float) -> None:
        """End the thread."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _run(self) -> None:
        while not self._waited():
            self._look_for_the_file()
            with suppress(StorageError):  # that the database fails is told by whoever writes to it
                self._look_into_the_box()
        if self._box is not None:
            with suppress(StorageError):
                self._box.close()

    def _waited(self) -> bool:
        """Whether the end was asked for meanwhile. Too long since the last look is a fact: nothing ran meanwhile."""
        stopping = self._stopping.wait(LOOK_EVERY_S)
        stood_s = self._standstill.seconds()
        self._standstill.begin()  # the look that follows counts too: the machine may fall asleep in the midst of it
        if stood_s >= STOOD_STILL_S and not stopping:
            self._stood(f"nothing ran here for {stood_s:.0f} s, or the machine's clock was set")
        back_s, self._looked_ms = self._clock.seconds_until(self._looked_ms), self._clock.now_ms()
        if back_s * 1000 > DRIFT_MAX_MS:
            self._stood(f"the clock says {back_s:.0f} s less than it has said")
        return stopping

    def _stood(self, reason: str) -> None:
        self._facts.put(Faulted(at_ms=self._clock.now_ms(), where="standstill", reason=reason))

    def _look_for_the_file(self) -> None:
        there = self._halt.exists()
        if there is not self._halted:
            self._halted = there
            name, reason = ("halt", "lies in the folder") if there else ("unhalt", "is not there")
            self._say(name, f"a file {self._halt.name} {reason}")

    def _look_into_the_box(self) -> None:
        if self._box is None:
            self._box = self._open_box()
        for asked in self._box.waiting():
            if asked.id not in self._heard:
                self._heard.add(asked.id)
                # What is said here is written down and shown: a key that was pasted goes no further.
                self._say(asked.name, clean(asked.reason), asked.id, asked.coin, asked.who)

    def _say(self, name: str, reason: str, id_: str = "", coin: str = "", who: str = "") -> None:
        command = Command(at_ms=self._clock.now_ms(), name=name, reason=reason, id=id_, coin=coin, who=who)
        self._facts.put(command)
