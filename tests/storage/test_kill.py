"""Killing the bot at any moment loses nothing that was committed, and leaves the database whole."""

import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tidegate.storage.ledger import Ledger

ROOT = Path(__file__).resolve().parents[2]
KILLS = 8

Opener = Callable[..., Ledger]

# Commits for ever; says on standard output, only after it is durable, the last fill and the nonce. A hurried commit
# (every other one) stores its nonce, while the fill before it follows with the next commit.
WRITER = """
import sys
from decimal import Decimal
from tidegate.model import events
from tidegate.model.intents import NOTHING
from tidegate.model.positions import Fill, Side
from tidegate.model.settings import Settings
from tidegate.storage.ledger import Ledger

ledger = Ledger(sys.argv[1], venue="testnet", account="0xabc")
ledger.open()
account = events.Account(equity=Decimal(1), free=Decimal(1))
ledger.record(events.Started(at_ms=1, settings=Settings(), instruments=(), account=account, instance_tag="0"), NOTHING)
tid = ledger.last_fill_ms()
while True:
    tid += 1
    fill = Fill(coin="BTC", side=Side.BUY, price=Decimal(1), size=Decimal(1), time_ms=tid, tid=tid, oid=tid)
    ledger.record(events.OrderFilled(at_ms=tid, fill=fill), NOTHING)
    nonce, hurried = ledger.next_nonce(1000), tid % 2 == 1
    ledger.commit_before_send([f"0x{nonce}"], nonce, f"signed {nonce}".encode(), 2**60, at_once=hurried)
    print(tid - hurried, nonce, flush=True)
    if tid % 7 == 0:
        ledger.flush()
"""


@pytest.fixture
def acknowledged(url: str) -> list[tuple[int, int]]:
    """Writers killed one after the other; gives the (fill, nonce) of every commit that was acknowledged."""
    chance = random.Random(7)
    heard: list[tuple[int, int]] = []
    for _ in range(KILLS):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, url], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        lines = [writer.stdout.readline() for _ in range(chance.randint(1, 60))]
        writer.send_signal(signal.SIGKILL)
        # What it still said before it died was acknowledged as well.
        lines += writer.stdout.readlines()
        writer.wait(10)
        writer.stdout.close()
        for line in lines:
            if line.endswith("\n"):
                tid, nonce = line.split()
                heard.append((int(tid), int(nonce)))
    return heard


def test_a_writer_killed_at_any_moment_loses_nothing_it_acknowledged(
    acknowledged: list[tuple[int, int]], open_ledger: Opener
) -> None:
    ledger = open_ledger()
    kept = {fill.tid for fill in ledger.fills_since(0)}
    nonces = [nonce for _, nonce in acknowledged]

    assert len(acknowledged) > KILLS
    assert {tid for tid, _ in acknowledged if tid} <= kept
    assert all(ledger.payload_of(f"0x{nonce}") == f"signed {nonce}".encode() for nonce in nonces)
    assert nonces == sorted(set(nonces))
    assert ledger.next_nonce(0) > max(nonces)
    assert ledger._opened.rows("PRAGMA integrity_check", {}) == [("ok",)]

    sessions = ledger.sessions()
    assert len(sessions) == KILLS
    told = sum(len(list(ledger.journal(found.session))) for found in sessions)
    assert told == len(kept) + KILLS
