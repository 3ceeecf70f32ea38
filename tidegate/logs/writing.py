"""Writes log lines on a thread of its own, so that a slow disk or a stopped terminal never delays an order.

When the thread falls too far behind, lines are dropped and counted. Nothing here raises into the caller.
"""

import logging
import threading
from collections.abc import Sequence
from queue import SimpleQueue

from tidegate.logs.formats import OURS
from tidegate.model.intents import Level, Topic

WAITING_MAX = 10_000
LEVELS: dict[Level, int] = {"DEBUG": 10, "INFO": 20, "WARNING": 30, "ERROR": 40}

_ours = logging.getLogger(OURS)


def log(topic: Topic, text: str, /, level: Level = "INFO", **fields: object) -> None:
    """Log one line; `fields` go into the JSON beside it. Costs microseconds, never blocks, never raises.

    Secrets are hidden and control characters written out later, on the writing thread.
    """
    number = LEVELS[level]
    if _ours.isEnabledFor(number):
        _ours.handle(_record(number, topic, text, fields))


def _record(number: int, topic: Topic, text: str, fields: dict[str, object]) -> logging.LogRecord:
    record = logging.LogRecord(OURS, number, "", 0, text, None, None)
    record.topic, record.fields = topic, fields
    return record


class Hand(logging.Handler):
    """The root's handler: gives records to the writer, of other programs only those from WARNING on."""

    def __init__(self, writer: "Writer") -> None:
        super().__init__()
        self.writer = writer

    def createLock(self) -> None:  # noqa: N802 - the standard library's name
        """Have no lock: a queue's `put` needs none, and a signal handler may log."""
        self.lock = None

    def handle(self, record: logging.LogRecord) -> bool:
        """Take a record without locking."""
        self.emit(record)
        return True

    def emit(self, record: logging.LogRecord) -> None:
        """Queue a record; its message is built now, since its arguments may change."""
        if record.levelno < logging.WARNING and record.name != OURS:
            return
        if record.args:
            try:
                record.msg = record.getMessage()
            except (TypeError, ValueError, KeyError, IndexError):
                record.msg = f"{record.msg} (its arguments do not fit)"
            record.args = None
        self.writer.put(record)


class Writer(threading.Thread):
    """Takes records from a queue and gives them to handlers, in order."""

    def __init__(self, handlers: Sequence[logging.Handler], waiting_max: int = WAITING_MAX) -> None:
        super().__init__(name="logs", daemon=True)
        self.dropped = 0
        self._handlers = tuple(handlers)
        self._waiting: SimpleQueue[logging.LogRecord | threading.Event | None] = SimpleQueue()
        self._waiting_max = waiting_max
        self._told = 0

    def put(self, record: logging.LogRecord) -> None:
        """Queue a record, or count it as dropped when too many wait."""
        if self._waiting.qsize() < self._waiting_max:
            self._waiting.put(record)
        else:
            self.dropped += 1

    def flush(self, timeout_s: float) -> bool:
        """Wait until what was queued before is written; False when that took too long."""
        written = threading.Event()
        self._waiting.put(written)
        return not self.is_alive() or written.wait(timeout_s)

    def stop(self, timeout_s: float) -> None:
        """Write what waits, then end; give up after `timeout_s`."""
        self._waiting.put(None)
        self.join(timeout_s)

    def run(self) -> None:
        """Write until told to stop."""
        while (item := self._waiting.get()) is not None:
            if isinstance(item, threading.Event):
                item.set()
            else:
                self._write(item)
                self._tell_of_dropped()
        for handler in self._handlers:
            handler.close()

    def _write(self, record: logging.LogRecord) -> None:
        for handler in self._handlers:
            try:
                handler.handle(record)
            except RecursionError:
                # The one error that the standard handlers let through.
                handler.handleError(record)

    def _tell_of_dropped(self) -> None:
        count = self.dropped - self._told
        if count:
            self._told += count
            text = f"{count} log lines were dropped: writing fell behind"
            self._write(_record(LEVELS["WARNING"], "bot", text, {"dropped": count}))
