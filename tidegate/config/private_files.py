"""Files that hold a secret: who else can read or replace them, and reading them.

Never shows what stands in them.
"""

import os
import stat
from pathlib import Path

FILE_MAX_BYTES = 10_000
NOBODY_ELSE = stat.S_IRWXG | stat.S_IRWXO


def why_not_private(path: Path) -> tuple[str, str] | None:
    """What is wrong with a file that holds a secret, and what would be right; None when nothing is.

    It is a file of ours (or root's), only its owner can do anything with it, and nobody else can put another into its
    place.
    """
    try:
        found = path.stat()
        folder = path.parent.stat()
    except OSError as error:
        return (error.strerror or "not a path"), "the path of a file"
    if not stat.S_ISREG(found.st_mode):
        return "that is not a file", "the path of a file"
    if found.st_size > FILE_MAX_BYTES:
        return f"longer than {FILE_MAX_BYTES} bytes, so neither a key nor a password", "the path of a file"
    if os.name != "posix":
        return None
    if found.st_uid not in (os.getuid(), 0):
        return (
            "it belongs to another user of this machine",
            f"a file of yours: chown it, or copy it, and chmod 600 {path}",
        )
    if found.st_mode & NOBODY_ELSE:
        return "other users of this machine can read or change it", f"a file that only you can read: chmod 600 {path}"
    if folder.st_mode & stat.S_IWOTH:
        return "every user of this machine can replace it", f"a folder that only you can write to, not {path.parent}"
    return None


def read_private(path: Path) -> str:
    """What stands in such a file, without the space around it. Raises OSError, and ValueError when it is no text."""
    try:
        return path.read_bytes()[:FILE_MAX_BYTES].decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        raise ValueError("it holds something else than text") from None
