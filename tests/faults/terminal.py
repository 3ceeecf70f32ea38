"""A program in a terminal (or, with --pipe, in front of a pipe): what it prints is passed on; SIGUSR1 closes that.

Ends with the program's exit code, which outlives its terminal.
"""

import os
import pty
import signal
import sys
from contextlib import suppress

CHUNK_BYTES = 65_536


def fork_before_a_pipe() -> tuple[int, int]:
    """As `pty.fork`, with a pipe for the screen."""
    screen, end = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(end, 1)
        os.dup2(end, 2)
        os.close(screen)
    os.close(end)
    return child, screen


def main() -> None:
    """`terminal.py [--pipe] PROGRAM ARGUMENTS…`"""
    words = sys.argv[1:]
    piped = words[0] == "--pipe"
    child, screen = fork_before_a_pipe() if piped else pty.fork()
    if child == 0:
        program = words[piped:]
        os.execv(program[0], program)

    def close(_number: int, _frame: object) -> None:
        os.close(screen)

    signal.signal(signal.SIGUSR1, close)
    signal.signal(signal.SIGTERM, lambda number, _frame: os.kill(child, number))
    with suppress(OSError):  # it is closed, or the program has ended
        while chunk := os.read(screen, CHUNK_BYTES):
            os.write(sys.stdout.fileno(), chunk)
    _, status = os.waitpid(child, 0)
    sys.exit(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
