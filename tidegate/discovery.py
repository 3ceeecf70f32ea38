"""Finding strategies: a file in the strategy folder with one subclass of `Strategy` is a strategy, named by its file.

Files are found by listing the folder, read once, and run from the very bytes whose sha256 is shown, so that what is
told is what trades. Imports pandas only when a file is loaded: names and sources cost nothing. Never writes.
"""

import hashlib
import inspect
import signal
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, is_dataclass
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from tidegate.errors import ConfigError

if TYPE_CHECKING:
    from tidegate.strategy import Strategy

SOURCE_BYTES_MAX = 1_000_000
LOAD_LIMIT_S = 10.0
"""A listing waits this long for a file to load; the first one also loads pandas."""
WORDS_LENGTH_MAX = 300
MODULE_PREFIX = "tidegate_strategy_"


@dataclass(frozen=True)
class StrategySource:
    """A strategy's file as it was read: `name` (of the file), `path`, the bytes and their sha256 in hex."""

    name: str
    path: str
    source: bytes
    sha256: str


@dataclass(frozen=True)
class StrategyRow:
    """One line of the listing: a strategy with its parameters, or the reason why the file is not one."""

    name: str
    path: str
    sha256: str = ""
    summary: str = ""
    parameters: tuple[str, ...] = ()
    broken: str = ""


def strategy_names(folder: Path) -> list[str]:
    """The names of the strategies in `folder`, sorted, without opening a file; empty when there is no folder.

    Files that begin with `_` or `.` are no strategies: they hold what several strategies share.
    """
    if not folder.is_dir():
        return []
    return sorted(path.stem for path in folder.glob("*.py") if not path.name.startswith(("_", ".")))


def read_source(folder: Path, name: str) -> StrategySource:
    """Read the file of the strategy `name`.

    Raises ConfigError when there is none (with the nearest name), when it is not a regular readable file of
    reasonable length, or when others may write to it.
    """
    names = strategy_names(folder)
    if name not in names:
        raise ConfigError([f"STRATEGY={name}: there is no such strategy in {folder}/; {_nearest(name, names)}"])
    path = folder / f"{name}.py"
    try:
        if refusal := _refusal(folder) or _refusal(path):
            raise ConfigError([f"STRATEGY={name}: {refusal}"])
        source = path.read_bytes()
    except OSError as error:
        raise ConfigError([f"STRATEGY={name}: {path} cannot be read: {error.strerror}"]) from error
    return StrategySource(name, str(path.resolve()), source, hashlib.sha256(source).hexdigest())


def load(source: StrategySource) -> "type[Strategy]":
    """Run the file and give its strategy class.

    Raises ConfigError saying where the file is broken: it cannot be run, it has no strategy or several, or its
    class is not a frozen dataclass of plain parameters.
    """
    module = _run(source)
    found = _strategies_in(module)
    if len(found) != 1:
        listed = f"has {len(found)}: {', '.join(cls.__name__ for cls in found)}" if found else "has none"
        raise ConfigError([f"{source.name}: a strategy file needs exactly one subclass of Strategy, this one {listed}"])
    if problem := _problem_of(found[0], source.path):
        raise ConfigError([f"{source.name}: {problem}"])
    return found[0]


class LoadingTooLongError(Exception):
    """A strategy's file was still running when its time was over."""


@contextmanager
def time_limit(limit_s: float) -> Iterator[None]:
    """Raise LoadingTooLongError in what follows when it takes too long. For the main thread of a command only."""

    def over(_number: int, _frame: object) -> None:
        raise LoadingTooLongError(f"it did not finish loading within {limit_s:g} s")

    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, limit_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def listing(folder: Path) -> list[StrategyRow]:
    """Every strategy of the folder in the order of their names, the broken ones with the reason."""
    return [_row(folder, name) for name in strategy_names(folder)]


def in_words(error: BaseException, path: str) -> str:
    """What an author's code raised, on one line, with the line of the file at `path` at which it did."""
    line = error.lineno if isinstance(error, SyntaxError) and error.filename == path else None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == path:
            line = trace.tb_lineno
        trace = trace.tb_next
    said = error.msg if isinstance(error, SyntaxError) else str(error)
    place = f"line {line}: " if line else ""
    text = " ".join(f"{place}{type(error).__name__}: {said}".split()).removesuffix(":")
    return text if len(text) <= WORDS_LENGTH_MAX else text[: WORDS_LENGTH_MAX - 1] + "…"


def _row(folder: Path, name: str) -> StrategyRow:
    path = str(folder / f"{name}.py")
    try:
        source = read_source(folder, name)
        with time_limit(LOAD_LIMIT_S):
            cls = load(source)
    except ConfigError as error:
        return StrategyRow(name, path, broken="; ".join(error.problems))
    parameters = tuple(
        f"{parameter.name}: {parameter.type.__name__} = {parameter.default}" for parameter in cls.parameters()
    )
    return StrategyRow(name, path, source.sha256, cls.summary(), parameters)


def _run(source: StrategySource) -> ModuleType:
    module = ModuleType(MODULE_PREFIX + source.name)
    module.__file__ = source.path
    # dataclasses look their module up by name while the class is being made.
    sys.modules[module.__name__] = module
    try:
        exec(compile(source.source, source.path, "exec", dont_inherit=True), module.__dict__)
    except (Exception, SystemExit) as error:
        del sys.modules[module.__name__]
        raise ConfigError([f"{source.name}: {in_words(error, source.path)}"]) from error
    return module


def _strategies_in(module: ModuleType) -> "list[type[Strategy]]":
    from tidegate.strategy import Strategy

    return [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Strategy) and value.__module__ == module.__name__
    ]


def _problem_of(cls: "type[Strategy]", path: str) -> str | None:
    from tidegate.strategy import Strategy

    if cls.signals is Strategy.signals:
        return f"{cls.__name__} does not define signals(self, bars)"
    own = inspect.get_annotations(cls)
    if not is_dataclass(cls) or (own and "__dataclass_fields__" not in vars(cls)):
        return f"{cls.__name__} has parameters but is not decorated with @dataclass(frozen=True)"
    try:
        cls.parameters()
        cls()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - an author's __post_init__ may raise anything
        return f"{cls.__name__}: {in_words(error, path)}"
    return None


def _refusal(path: Path) -> str | None:
    status = path.stat()
    if status.st_mode & stat.S_IWOTH and not status.st_mode & stat.S_ISVTX:
        return f"{path} can be written by every user of this machine; run: chmod o-w {path}"
    if path.is_dir():
        return None
    if not stat.S_ISREG(status.st_mode):
        return f"{path} is not a regular file"
    if status.st_size > SOURCE_BYTES_MAX:
        return f"{path} has {status.st_size:,} bytes; a strategy may have {SOURCE_BYTES_MAX:,}"
    return None


def _nearest(name: str, names: list[str]) -> str:
    if not names:
        return "the folder holds no strategies"
    close = get_close_matches(name, names, n=1)
    return f"did you mean {close[0]}?" if close else f"there are {', '.join(names)}"
