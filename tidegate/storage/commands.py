"""What an operator asks of a running bot from another terminal: a row that the bot finds and marks as taken.

Owns the asking and the finding. The bot itself marks a row as taken, with the fact that it became.
"""

import time
import uuid

from msgspec import Struct

from tidegate.storage.database import Database, open_for_reading, open_for_writing
from tidegate.storage.statements import Ask, asking


class Asked(Struct, frozen=True, kw_only=True):
    """One wish of an operator."""

    id: str
    name: str
    reason: str
    coin: str = ""
    who: str = ""


class Box:
    """The wishes to one bot that it has not taken yet. Belongs to the thread that opened it."""

    def __init__(self, url: str, *, venue: str, account: str) -> None:
        self._scope = {"venue": venue, "account": account}
        self._database: Database = open_for_reading(url)
        self._waiting = asking(self._database)[Ask.WAITING]

    def waiting(self) -> list[Asked]:
        """What waits, oldest first. Raises StorageError."""
        found = self._database.rows(self._waiting, self._scope)
        return [
            Asked(id=id_, name=name, reason=reason, coin=coin or "", who=who or "")
            for id_, name, reason, coin, who in found
        ]

    def close(self) -> None:
        """Close the connection."""
        self._database.close()


def ask(url: str, name: str, reason: str, *, coin: str = "", who: str = "") -> Asked:
    """Leave a wish for the bot that wrote its status last on this database. Raises StorageError."""
    database = open_for_reading(url)
    try:
        ((venue, account),) = database.rows(asking(database)[Ask.NEWEST], {}) or (("", ""),)
    finally:
        database.close()
    asked = Asked(id=uuid.uuid4().hex, name=name, reason=reason, coin=coin, who=who)
    database = open_for_writing(url)
    try:
        with database.transaction() as execute:
            values = {"venue": venue, "account": account, "asked_ms": time.time_ns() // 1_000_000, "taken_ms": None}
            said = {"id": asked.id, "name": name, "reason": reason, "coin": coin, "who": who, "answer": None}
            execute(asking(database)[Ask.LEAVE], values | said)
    finally:
        database.close()
    return asked


def is_taken(url: str, asked: Asked) -> bool:
    """Whether the bot has taken it."""
    database = open_for_reading(url)
    try:
        return bool(database.rows(asking(database)[Ask.TAKEN], {"of_id": asked.id}))
    finally:
        database.close()


def answer_to(url: str, asked: Asked) -> str | None:
    """What came of it, in the bot's words; None while that is not known."""
    database = open_for_reading(url)
    try:
        found = database.rows(asking(database)[Ask.ANSWER], {"of_id": asked.id})
    finally:
        database.close()
    return str(found[0][0]) if found else None
