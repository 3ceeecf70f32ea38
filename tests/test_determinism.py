"""Same in, same out: a simulation repeats itself byte for byte, and its journal repeats its decisions."""

import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest

from tests.research.runs import CRASH, ROOT, D, holding, needs_the_crash, settings
from tidegate.core.state import State
from tidegate.core.step import step
from tidegate.localnet.arguments import MarketChoice
from tidegate.research.evidence import Line, SentOrder
from tidegate.research.simulation import VENUE, Outage, Simulation, simulate
from tidegate.storage.ledger import Ledger

MINUTE_MS = 60_000
BUSY = {"stop_loss_pct": D("0.1"), "take_profit_pct": D("0.15"), "trailing_stop_pct": D("0.08")}
CUT = (Outage("socket", 15_000, 40_000), Outage("rest", 70_000, 95_000), Outage("silence", 120_000, 150_000))


def play(choice: MarketChoice, **changes: object) -> Simulation:
    plan = {"settings": holding("long", **BUSY), "duration_ms": 15 * MINUTE_MS, **changes}
    return simulate(plan.pop("settings"), choice, **plan)


def encoded(journal: list[Line]) -> bytes:
    return b"\n".join(msgspec.json.encode(line) for line in journal)


def of_order(order: SentOrder) -> tuple[object, ...]:
    request = order.request
    return request.coin, request.side, request.size, request.price, request.cloid, order.at_ms, order.nonce


RUNS: dict[str, tuple[MarketChoice, dict[str, object]]] = {
    "first run": (MarketChoice(seed=1), {"settings": settings(), "duration_ms": 2 * MINUTE_MS}),
    "first run, seed 7, no latency": (MarketChoice(seed=7), {"duration_ms": 2 * MINUTE_MS, "latency_ms": 0}),
    "random": (MarketChoice(seed=2, scenario="random"), {}),
    "random, lines cut": (MarketChoice(seed=3, scenario="random"), {"outages": CUT, "duration_ms": 5 * MINUTE_MS}),
    "random, short, slow": (
        MarketChoice(seed=4, scenario="random"),
        {"settings": holding("short", **BUSY), "latency_ms": 700},
    ),
}


@pytest.mark.parametrize("name", RUNS)
def test_the_same_seed_and_settings_give_the_same_journal_twice(name: str) -> None:
    choice, changes = RUNS[name]
    once, again = play(choice, **changes), play(choice, **changes)
    assert once.orders
    assert [of_order(order) for order in once.orders] == [of_order(order) for order in again.orders]
    assert encoded(once.journal) == encoded(again.journal)


OF_ANOTHER_PROCESS = """
from tests.test_determinism import RUNS, encoded, play, sha256
choice, changes = RUNS["first run"]
print(sha256(encoded(play(choice, **changes).journal)).hexdigest())
"""


def test_another_process_with_other_hashes_gives_the_same_journal() -> None:
    choice, changes = RUNS["first run"]
    said = subprocess.run(
        [sys.executable, "-c", OF_ANOTHER_PROCESS],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "4711", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.strip() == sha256(encoded(play(choice, **changes).journal)).hexdigest()


def test_another_seed_gives_another_journal() -> None:
    one, other = (play(MarketChoice(seed=seed, scenario="random"), duration_ms=5 * MINUTE_MS) for seed in (5, 6))
    assert encoded(one.journal) != encoded(other.journal)
    assert [order.request.price for order in one.orders] != [order.request.price for order in other.orders]


def test_a_coins_tape_is_the_same_with_and_without_the_other_coins() -> None:
    choice = MarketChoice(seed=5, scenario="random")
    alone, beside = (
        simulate(settings(coins=coins), choice, duration_ms=MINUTE_MS) for coins in (("BTC",), ("SOL", "BTC"))
    )
    prints = [
        [(row["time"], row["px"], row["sz"]) for row in run.exchange.recent_trades("BTC")] for run in (alone, beside)
    ]
    assert prints[0] == prints[1]


def replayed(journal: list[Line]) -> None:
    """Feed every fact through a fresh state: every decision must come out again."""
    state = State()
    for number, (event, decision) in enumerate(journal):
        assert step(state, event) == decision, f"line {number}: {event}"


@pytest.mark.parametrize("name", RUNS)
def test_the_journal_fed_through_step_again_reproduces_every_decision(name: str) -> None:
    choice, changes = RUNS[name]
    run = play(choice, **changes)
    assert len(run.journal) > 1_000
    replayed(run.journal)


@needs_the_crash
def test_the_journal_of_the_recorded_crash_reproduces_every_decision() -> None:
    run = play(MarketChoice(replay=(CRASH,), start="2021-05-19T12:30"), duration_ms=40 * MINUTE_MS)
    assert len(run.closed) > 5
    replayed(run.journal)


def test_a_journal_on_disk_is_word_for_word_what_happened_and_reproduces_every_decision(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    choice, changes = RUNS["random, lines cut"]
    run = play(choice, ledger_url=url, **changes)
    ledger = Ledger(url, venue=VENUE, account=run.account)
    ledger.open()
    kept = list(ledger.journal())
    assert encoded(kept) == encoded(run.journal)
    assert [fill.key for fill in ledger.fills_since(0)] == sorted(fill.key for fill in run.fills)
    assert list(ledger.closed_since(0)) == run.closed
    ledger.close()
    replayed(kept)


def test_the_ledger_changes_nothing(tmp_path: Path) -> None:
    choice, changes = RUNS["first run"]
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    assert encoded(play(choice, **changes).journal) == encoded(play(choice, ledger_url=url, **changes).journal)
