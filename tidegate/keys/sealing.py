"""Closes this process to those who would read it: no core dumps, no debugger of the same user, no secret left where
the system shows what a process was started with.

On Linux both; elsewhere only the core dumps. What the system does not offer is left out in silence.
"""

import ctypes
import os
import sys
from collections.abc import Iterable
from contextlib import suppress

PR_SET_DUMPABLE = 4


def seal() -> None:
    """Write no core file, and let other processes of this user read neither memory nor environment."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None, use_errno=True).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)


def erase(names: Iterable[str]) -> None:
    """Overwrite these variables where the process was started with them: /proc/PID/environ shows them until then.

    Taking a variable out of `os.environ`, which comes next, leaves its text in memory.
    """
    given = [name for name in names if os.environ.get(name)]
    if not given or os.name != "posix":
        return
    getenv = ctypes.CDLL(None).getenv
    getenv.restype, getenv.argtypes = ctypes.c_void_p, [ctypes.c_char_p]
    for name in given:
        address = getenv(os.fsencode(name))
        if address:
            ctypes.memset(address, 0, len(ctypes.string_at(address)))
