"""Whom the kernel lets run first on a busy machine: the threads that guard positions before the ones that think.

Two requests, both free to anyone and both only requests: a *nice* value, which says how the processor is shared out,
and the length of a *slice*, which says who may interrupt whom. A thread that asks for short slices gets no more of the
processor than before, but when it wakes it interrupts one with longer slices instead of waiting for that one's turn to
end (Linux 6.12 and later, `sched_setattr`). Elsewhere nothing changes.
"""

import ctypes
import os
import platform
import struct
import sys
from contextlib import suppress

SLICE_SHORTEST_NS = 100_000
"""The least that the kernel takes."""
SLICE_THINKING_NS = 10_000_000
_SCHED_OTHER = 0
_ATTRIBUTES = struct.Struct("=IIQiIQQQ")
_SYSTEM_CALLS = {"x86_64": 314, "aarch64": 274, "riscv64": 274}


def run_in_short_slices() -> bool:
    """Let the calling thread, and those that it starts from now on, interrupt others when it wakes.

    False where the system knows no such request.
    """
    return _ask_for_slices(SLICE_SHORTEST_NS)


def step_back(niceness: int) -> None:
    """Let others go first: the calling thread takes less of a busy processor, in longer slices."""
    with suppress(OSError):
        os.nice(niceness)
    _ask_for_slices(SLICE_THINKING_NS)


def _ask_for_slices(length_ns: int) -> bool:
    number = _SYSTEM_CALLS.get(platform.machine())
    if number is None or not sys.platform.startswith("linux"):
        return False
    nice = os.getpriority(os.PRIO_PROCESS, 0)
    attributes = _ATTRIBUTES.pack(_ATTRIBUTES.size, _SCHED_OTHER, 0, nice, 0, length_ns, 0, 0)
    try:
        answer: int = ctypes.CDLL(None, use_errno=True).syscall(number, 0, attributes, 0)
    except (OSError, AttributeError):
        return False
    return answer == 0
