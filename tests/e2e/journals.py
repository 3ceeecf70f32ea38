"""The journal of a finished run, read from its database without knowing which localnet it was on."""

import sqlite3
from collections.abc import Iterator

from tidegate.model.events import Event
from tidegate.model.intents import Decision
from tidegate.storage.ledger import Ledger


def whole_journal(url: str, account: str) -> Iterator[tuple[Event, Decision]]:
    """Every fact and decision of the newest session of this account."""
    with sqlite3.connect(url.removeprefix("sqlite:///")) as database:
        (venue,) = database.execute("SELECT venue FROM ledgers").fetchone()
    ledger = Ledger(url, venue=venue, account=account)
    ledger.open()
    yield from ledger.journal()
    ledger.close()
