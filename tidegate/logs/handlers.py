"""Where lines end up: the screen and files that rotate. A place that cannot be written to is told of once."""

import logging
import sys
from contextlib import suppress
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TextIO

FILE_MAX_BYTES = 10_000_000
FILES_KEPT = 5


class _Forgiving(logging.Handler):
    """Counts lines that could not be written; says so once, on stderr, and lets trading go on."""

    place = ""
    failures = 0

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802 - the standard library's
        """Count what `emit` could not write."""
        self.failures += 1
        if self.failures > 1 or sys.stderr is None:
            return
        kind = sys.exc_info()[1]
        words = kind.strerror if isinstance(kind, OSError) else type(kind).__name__
        with suppress(OSError, ValueError):
            print(f"log: {self.place} cannot be written ({words}); trading goes on", file=sys.stderr)  # noqa: T201


class Screen(_Forgiving, logging.StreamHandler[TextIO]):
    """Lines on the standard output."""

    place = "the screen"

    def __init__(self) -> None:
        # A terminal that cannot show a character gets its escape instead of an error.
        if isinstance(sys.stdout, TextIOWrapper):
            sys.stdout.reconfigure(errors="backslashreplace")
        super().__init__(sys.stdout)


class File(_Forgiving, RotatingFileHandler):
    """Lines in a file that is opened with the first one, and put aside as `.1`, `.2` … when it is full."""

    def __init__(self, path: Path, max_bytes: int = FILE_MAX_BYTES, kept: int = FILES_KEPT) -> None:
        super().__init__(
            path,
            maxBytes=max_bytes,
            backupCount=kept,
            encoding="utf-8",
            errors="backslashreplace",
            delay=True,
        )
        self.place = path.name

    def close(self) -> None:
        """Close the file; what a full disk still refuses is lost."""
        with suppress(OSError, ValueError):
            super().close()
