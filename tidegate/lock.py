"""One bot per wallet: a lock that the operating system frees when its holder dies."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from filelock import FileLock, Timeout

from tidegate.errors import OtherBotRunning, StorageError


@contextmanager
def one_bot_per_wallet(venue: str, account: str) -> Iterator[None]:
    """Hold the wallet on this host. Raises OtherBotRunning when another process has it, StorageError when the
    machine has no place for the lock that we may write to."""
    name = sha256(f"{venue}|{account.lower()}".encode()).hexdigest()[:16]
    lock = FileLock(Path(tempfile.gettempdir()) / f"tidegate-{name}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise OtherBotRunning(
            f"another bot on this machine already trades {account} on {venue}: stop it first (two would double orders)"
        ) from None
    except OSError as error:
        raise StorageError(f"the lock of the wallet cannot be taken: {lock.lock_file}: {error.strerror}") from None
    try:
        yield
    finally:
        lock.release()
