"""What nobody expected: logged, its secrets hidden; a fact when a thread dies of it, the end on the main one."""

import sys
import threading
from collections.abc import Callable
from traceback import format_exception
from types import TracebackType

from tidegate import logs


def tell_of_crashes(thread_died: Callable[[str], None]) -> None:
    """From now on no crash goes unheard. `thread_died` is told which thread died, and of what."""

    def of_thread(args: threading.ExceptHookArgs) -> None:
        name = args.thread.name if args.thread else "a thread"
        _log(args.exc_type, args.exc_value, args.exc_traceback)
        thread_died(f"{name} died: {args.exc_value!r}")

    def of_main(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        _log(kind, error, trace)
        logs.flush()

    threading.excepthook = of_thread
    sys.excepthook = of_main


def _log(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
    """A traceback, a line at a time: the last one says what it was, and a log line is cut when it is long."""
    for line in "".join(format_exception(kind, error, trace)).splitlines():
        logs.log("bot", line, "ERROR")
