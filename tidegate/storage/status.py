"""The status that a running bot leaves for a second process to show.

Owns the reading of it: without the right to change anything, while the bot runs, or after it ended.
"""

from tidegate.storage.database import open_for_reading
from tidegate.storage.statements import newest_status


def read_status(url: str) -> bytes | None:
    """The status that any bot on this database wrote last, as its bytes; None when none did yet.

    Raises StorageError when there is no database or it cannot be read.
    """
    database = open_for_reading(url)
    try:
        rows = database.rows(newest_status(database), {})
    finally:
        database.close()
    return bytes(rows[0][0]) if rows else None
