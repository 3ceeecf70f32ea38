"""Faults at the in-process door: a gate whose requests may be lost, late or spoiled, without a socket.

What a network would show as silence or a cut line is raised as the exception that `requests` raises for it. Waits are
handed to whoever moves the time.
"""

from collections.abc import Callable

from requests import exceptions

from tidegate.localnet.doors.courses import follow, read_request
from tidegate.localnet.doors.gate import PATHS, Gate, HttpAnswer
from tidegate.localnet.doors.limits import Limits
from tidegate.localnet.exchange import Exchange
from tidegate.localnet.faults.course import Ending
from tidegate.localnet.faults.desk import Faults

PROCESS = "process"


class FaultyGate(Gate):
    """A gate among `faults`, for `LocalnetAdapter`. `wait(seconds)` lets exchange time pass; the default lets none."""

    def __init__(
        self,
        exchange: Exchange,
        limits: Limits,
        faults: Faults,
        catch_up: Callable[[], object] = lambda: None,
        wait: Callable[[float], object] = lambda _seconds: None,
    ) -> None:
        super().__init__(exchange, limits, catch_up)
        self._faults = faults
        self._wait = wait

    def http(self, method: str, path: str, content_type: str, body: bytes) -> HttpAnswer:
        """Answer one request, or raise what a client sees instead: ReadTimeout, ConnectionError, a broken body."""
        if self._faults.idle or path not in PATHS:
            return super().http(method, path, content_type, body)
        asked = read_request(self._faults, PROCESS, path, body)
        course = None if asked is None else self._faults.course(asked)
        if asked is None or course is None:
            answer = super().http(method, path, content_type, body)
        else:
            self._wait(course.before_s)
            ask = super().http
            answer = follow(course, asked, lambda: ask(method, path, content_type, body))
            self._wait(course.after_s)
        if asked is not None:
            self._faults.answered(asked)
        if course is None or course.ending is Ending.ANSWER:
            return answer
        if course.ending is Ending.SILENCE:
            raise exceptions.ReadTimeout(f"{path}: no answer (a fault)")
        if course.ending is Ending.CUT:
            raise exceptions.ChunkedEncodingError(f"{path}: the answer broke off (a fault)")
        raise exceptions.ConnectionError(f"{path}: the connection ended without an answer (a fault)")
