"""Wires the log together, once per process."""

import atexit
import logging
from contextlib import suppress
from pathlib import Path

from tidegate.logs.formats import OURS, JsonFormat, TextFormat
from tidegate.logs.handlers import File, Screen
from tidegate.logs.writing import Hand, Writer

CLOSE_TIMEOUT_S = 2.0

# Before `setup` our lines go nowhere, instead of uncleaned to stderr.
logging.getLogger(OURS).addHandler(logging.NullHandler())


def setup(level: str, log_dir: str | Path, console: bool = True, name: str = "bot") -> None:
    """Send lines from `level` on to the screen and to `<name>.log` and `<name>.jsonl` in `log_dir`.

    Two processes never share a name in one folder: each would rotate the other's files. A folder that cannot
    be written to is told of once, with the first line. Calling it again replaces what was set up before.
    """
    folder = Path(log_dir)
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
    text, json = TextFormat(), JsonFormat()
    handlers: list[logging.Handler] = [Screen()] if console else []
    for handler in handlers:
        handler.setFormatter(text)
    for ending, formatter in ((".log", text), (".jsonl", json)):
        file = File(folder / (name + ending))
        file.setFormatter(formatter)
        handlers.append(file)
    close()
    writer = Writer(handlers)
    writer.start()
    root = logging.getLogger()
    root.addHandler(Hand(writer))
    root.setLevel(logging.WARNING)
    logging.getLogger(OURS).setLevel(level)
    logging.captureWarnings(True)
    atexit.register(close)


def flush(timeout_s: float = CLOSE_TIMEOUT_S) -> bool:
    """Wait until every line logged so far is written; False when that took too long."""
    return all(hand.writer.flush(timeout_s) for hand in _hands())


def close(timeout_s: float = CLOSE_TIMEOUT_S) -> None:
    """Write what waits and end; later lines are lost."""
    for hand in _hands():
        logging.getLogger().removeHandler(hand)
        hand.writer.stop(timeout_s)


def _hands() -> list[Hand]:
    return [each for each in logging.getLogger().handlers if isinstance(each, Hand)]
