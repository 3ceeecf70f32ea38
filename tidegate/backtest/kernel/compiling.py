"""How the kernel is compiled: once for each state of its files, kept beside them.

numba asks the file of a function alone whether what it kept is still true, and not the files of what the function
calls, whose code is in it all the same. So everything is kept in a folder that is named by all of the kernel's files:
whoever changes one of them finds it empty.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar, cast

from numba import config, njit
from numba.core import event

F = TypeVar("F", bound=Callable[..., Any])
SOURCES = Path(__file__).parent
PREFIX = "compiled-"
DIGEST_DIGITS = 16
COMPILING = "compiling what plays the account, once on this machine: some ten seconds"


def compiled(function: F) -> F:
    """Compile on the first call, once a machine."""
    return _decorated(function, forceinline=False)


def inlined(function: F) -> F:
    """The same for what is asked every bar: put into its caller, which then counts no references to arrays."""
    return _decorated(function, forceinline=True)


def digest_of(folder: Path) -> str:
    """Of the names and the text of all Python files in a folder."""
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.py")):
        digest.update(f"{path.name}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()[:DIGEST_DIGITS]


@contextmanager
def telling(say: Callable[[str], None]) -> Iterator[None]:
    """Say so while something is compiled: what was kept is only loaded, and says nothing."""
    with event.install_listener("numba:compile", _Telling(say)):
        yield


class _Telling(event.Listener):
    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say

    def on_start(self, event: event.Event) -> None:  # noqa: ARG002 - every function of ours is as good as the next
        self._say(COMPILING)

    def on_end(self, event: event.Event) -> None:
        """Its caller is not done yet."""


def _decorated(function: F, *, forceinline: bool) -> F:
    """`function` with what is kept of it in PLACE; where nothing can be written it is compiled each time."""
    asked = vars(config)
    before, asked["CACHE_DIR"] = asked["CACHE_DIR"], str(PLACE or "")
    try:
        made = njit(cache=PLACE is not None, nogil=True, error_model="numpy", forceinline=forceinline)(function)
    finally:
        asked["CACHE_DIR"] = before
    return cast(F, made)


def _place(folder: Path) -> Path | None:
    """Where what is compiled of a folder's files is kept; what was kept of files that are no more is removed."""
    named = os.environ.get("NUMBA_CACHE_DIR")
    caches = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    name = f"{PREFIX}{digest_of(folder)}"
    for base in (Path(named) if named else folder / "__pycache__", Path(caches) / "tidegate"):
        place = base / name
        try:
            place.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=place):
                pass
        except OSError:
            continue
        if base == folder / "__pycache__":
            for old in base.glob(f"{PREFIX}*"):
                if old != place:
                    shutil.rmtree(old, ignore_errors=True)
        return place
    return None


PLACE = _place(SOURCES)
