"""A broken database: what is found, what can still be read of it, and what is put in its place. Nothing is deleted."""

import os
import random
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from tidegate.errors import StorageError
from tidegate.model.brackets import Bracket
from tidegate.model.brakes import Brake, Brakes, Trip
from tidegate.model.events import Tick
from tidegate.model.intents import Decision, Remember, RememberBrakes
from tidegate.model.positions import Position
from tidegate.model.records import Remembered
from tidegate.storage import rebuilding, rows, salvage, soundness
from tidegate.storage.ledger import Ledger
from tidegate.storage.rebuilding import Known

D = Decimal
T0 = 1_790_000_000_000
SCOPE = {"venue": "testnet", "account": "0xabc"}
BRAKES = Brakes(trips=(Trip(brake=Brake.DRAWDOWN, reason="too much lost", since_ms=T0),), peak_equity=D(12_000))
COINS = tuple(f"C{number:03d}" for number in range(120))

Opener = Callable[..., Ledger]


def record(coin: str) -> Remembered:
    position = Position(coin=coin, size=D("0.5"), entry_price=D(100), opened_ms=T0)
    return Remembered(coin=coin, position=position, bracket=Bracket(direction=1, stop=D(97)), generation=3)


def filled(open_ledger: Opener) -> None:
    """A ledger with brakes, many positions, nonces, a journal; closed properly."""
    ledger = open_ledger()
    for number, coin in enumerate(COINS):
        ledger.record(Tick(at_ms=T0 + number), Decision(intents=(Remember(record=record(coin)),)))
        ledger.commit_before_send([f"0x{number}"], T0 + number, os.urandom(600), T0, at_once=True)
    ledger.record(Tick(at_ms=T0 + 999), Decision(intents=(RememberBrakes(brakes=BRAKES),)))
    ledger.close()


def killed(open_ledger: Opener, path: Path, folder: Path) -> Path:
    """The same, as it is found after the process died: with a write-ahead log. In a folder of its own."""
    ledger = open_ledger()
    ledger.record(Tick(at_ms=T0), Decision(intents=(Remember(record=record("BTC")),)))
    ledger.flush()
    ledger._opened.checkpoint()
    for number in range(30):
        ledger.record(Tick(at_ms=T0 + number), Decision(intents=(RememberBrakes(brakes=BRAKES),)))
        ledger.flush()
    folder.mkdir()
    return soundness.copied(path, folder)


def flipped(content: bytes, seed: int, count: int, first: int = 0) -> bytes:
    rng, changed = random.Random(seed), bytearray(content)
    for _ in range(count):
        changed[rng.randrange(first, len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "bits flipped": lambda content: flipped(content, 7, 4_000, 4_096),
    "overwritten in the middle": lambda content: content[:40_000] + os.urandom(30_000) + content[70_000:],
    "cut off": lambda content: content[: len(content) // 2],
    "cut within a page": lambda content: content[: len(content) - 1_000],
    "the first page gone": lambda content: os.urandom(4_096) + content[4_096:],
    "empty": lambda _content: b"",
    "another file": lambda _content: b"a shopping list " * 500,
    "noise": lambda content: os.urandom(len(content)),
}


@pytest.fixture
def copies(tmp_path: Path) -> Path:
    folder = tmp_path / "copies"
    folder.mkdir()
    return folder


def test_a_sound_database_has_no_problems(path: Path, copies: Path, open_ledger: Opener) -> None:
    filled(open_ledger)
    assert soundness.examined(soundness.copied(path, copies)) == soundness.Soundness()


def test_a_database_as_a_death_leaves_it_is_sound(path: Path, tmp_path: Path, open_ledger: Opener) -> None:
    copy = killed(open_ledger, path, tmp_path / "dead")
    assert Path(f"{copy}-wal").stat().st_size
    found = soundness.examined(copy)
    assert (found.problems, found.log_lost) == ((), False)


@pytest.mark.parametrize("name", DAMAGES)
def test_every_damage_is_found(path: Path, copies: Path, open_ledger: Opener, name: str) -> None:
    filled(open_ledger)
    path.write_bytes(DAMAGES[name](path.read_bytes()))
    assert soundness.examined(soundness.copied(path, copies)).problems


def test_looking_changes_no_byte(path: Path, tmp_path: Path, open_ledger: Opener) -> None:
    dead = killed(open_ledger, path, tmp_path / "dead")
    sides = [Path(f"{dead}{side}") for side in soundness.SIDES]
    before = [side.read_bytes() for side in sides]
    folder = tmp_path / "look"
    folder.mkdir()
    copy = soundness.copied(dead, folder)
    soundness.examined(copy)
    salvage.salvaged(copy)
    assert [side.read_bytes() for side in sides] == before


def test_a_flipped_bit_in_the_log_is_found_and_said_to_have_cost_changes(
    path: Path, tmp_path: Path, open_ledger: Opener
) -> None:
    copy = killed(open_ledger, path, tmp_path / "dead")
    log = Path(f"{copy}-wal")
    content = bytearray(log.read_bytes())
    content[len(content) // 3] ^= 4
    log.write_bytes(content)
    found = soundness.examined(copy)
    assert found.log_lost
    assert "write-ahead log" in found.problems[0]


def test_a_log_without_a_byte_is_remarked_and_the_rest_is_sound(
    path: Path, tmp_path: Path, open_ledger: Opener
) -> None:
    copy = killed(open_ledger, path, tmp_path / "dead")
    Path(f"{copy}-wal").write_bytes(b"")
    found = soundness.examined(copy)
    assert found.problems == ()
    assert found.remarks == ("its write-ahead log is empty",)


def test_a_row_that_nobody_understands_is_a_problem(path: Path, copies: Path, open_ledger: Opener) -> None:
    filled(open_ledger)
    ledger = open_ledger()
    with ledger._opened.transaction() as execute:
        execute("UPDATE brakes SET record = x'7b7d7d'", {})
    ledger.close()
    copy = soundness.copied(path, copies)
    assert soundness.examined(copy).problems == ("a row of brakes cannot be read",)
    assert salvage.salvaged(copy).left_out == 1


def test_tables_of_a_newer_program_are_not_repaired(path: Path, copies: Path, open_ledger: Opener) -> None:
    ledger = open_ledger()
    with ledger._opened.transaction() as execute:
        execute("UPDATE alembic_version SET version_num = '9999'", {})
    ledger.close()
    with pytest.raises(StorageError, match=r"version 9999.*Update Tidegate"):
        soundness.examined(soundness.copied(path, copies))


HOLDER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
connection.execute("PRAGMA journal_mode=WAL")
connection.execute(sys.argv[2])
connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
print("in", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("how", ["BEGIN IMMEDIATE", "SELECT 1"], ids=["writes", "only has it open"])
def test_a_database_that_another_program_is_in_is_left_to_it(path: Path, open_ledger: Opener, how: str) -> None:
    filled(open_ledger)
    soundness.require_alone(path)
    words = [sys.executable, "-c", HOLDER, str(path), how]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "in\n"
        with pytest.raises(StorageError, match="another program holds it"):
            soundness.require_alone(path)
        holder.communicate("")
    soundness.require_alone(path)


@pytest.mark.parametrize("url", ["postgresql://user@host/name", "sqlite://"])
def test_what_is_no_file_is_not_repaired_here(url: str) -> None:
    with pytest.raises(StorageError, match="repair is for SQLite files"):
        soundness.path_of(url)


# what is left


def brakes_in(found: salvage.Salvaged) -> list[Brakes]:
    return [rows.brakes_of(row["record"]) for row in found.of("brakes", **SCOPE)]


def test_everything_is_read_from_a_sound_copy(path: Path, copies: Path, open_ledger: Opener) -> None:
    filled(open_ledger)
    found = salvage.salvaged(soundness.copied(path, copies))
    assert (found.broken, found.left_out) == ({}, 0)
    assert len(found.rows["positions"]) == len(COINS)
    assert brakes_in(found) == [BRAKES]


@pytest.mark.parametrize("seed", range(6))
def test_damage_in_one_place_costs_what_is_there_and_no_more(
    path: Path, copies: Path, open_ledger: Opener, seed: int
) -> None:
    filled(open_ledger)
    path.write_bytes(flipped(path.read_bytes(), seed, 3, 4_096))
    found = salvage.salvaged(soundness.copied(path, copies))
    kept = [rows.remembered_of(row["record"]) for row in found.rows["positions"]]
    assert len(kept) > len(COINS) // 2
    assert sum(each == record(each.coin) for each in kept) >= len(kept) - 3


def test_without_its_first_page_the_tables_are_found_where_those_of_a_new_database_begin(
    path: Path, copies: Path, open_ledger: Opener
) -> None:
    filled(open_ledger)
    path.write_bytes(os.urandom(4_096) + path.read_bytes()[4_096:])
    found = salvage.salvaged(soundness.copied(path, copies))
    assert len(found.rows["positions"]) == len(COINS)
    assert brakes_in(found) == [BRAKES]


@pytest.mark.parametrize("name", DAMAGES)
def test_no_damage_raises_and_no_row_is_made_up(path: Path, copies: Path, open_ledger: Opener, name: str) -> None:
    filled(open_ledger)
    path.write_bytes(DAMAGES[name](path.read_bytes()))
    found = salvage.salvaged(soundness.copied(path, copies))
    for row in found.of("positions"):
        rows.remembered_of(row["record"])
    assert brakes_in(found) in ([], [BRAKES])


def test_brakes_are_found_in_the_bytes_when_their_table_is_gone(path: Path, copies: Path, open_ledger: Opener) -> None:
    filled(open_ledger)
    copy = soundness.copied(path, copies)
    assert BRAKES in salvage.carved_brakes(copy, copy.with_name("missing"))


def test_the_journal_tells_of_brakes_and_nonces(path: Path, copies: Path, open_ledger: Opener) -> None:
    filled(open_ledger)
    found = salvage.salvaged(soundness.copied(path, copies))
    assert salvage.journal_of(found.of("journal", **SCOPE))[0] == BRAKES


# what takes its place


def known(**more: object) -> Known:
    values = {"signer": "0xsigner", "nonce": T0 + 5_000, "brakes": BRAKES, "records": (record("BTC"),), "at_ms": T0}
    return Known(**SCOPE, **(values | more))  # type: ignore[arg-type]


def test_the_new_database_has_what_was_salvaged_and_what_is_known(
    path: Path, copies: Path, url: str, open_ledger: Opener
) -> None:
    filled(open_ledger)
    left = salvage.salvaged(soundness.copied(path, copies))
    new = path.with_name("new.db")
    rebuilding.build(new, left, [known()])
    aside = rebuilding.exchanged(new, path)
    assert aside.exists()
    assert not new.exists()

    ledger = Ledger(url, **SCOPE, signer="0xsigner")
    ledger.open()
    assert ledger.brakes() == BRAKES
    assert {each.coin for each in ledger.remembered()} == {"BTC", *COINS}
    assert ledger.next_nonce(1) == T0 + 5_001
    assert ledger.sessions()
    ledger.close()


def test_the_broken_file_and_its_log_are_set_aside_together_and_kept_as_they_were(
    path: Path, tmp_path: Path, open_ledger: Opener
) -> None:
    dead = killed(open_ledger, path, tmp_path / "dead")
    before = [Path(f"{dead}{side}").read_bytes() for side in soundness.SIDES]
    new = dead.with_name("new.db")
    nothing = salvage.Salvaged(rows={}, broken={})
    rebuilding.build(new, nothing, [known()])
    aside = rebuilding.exchanged(new, dead)
    assert [Path(f"{aside}{side}").read_bytes() for side in soundness.SIDES] == before
    assert not Path(f"{dead}-wal").exists()
    again = dead.with_name("again.db")
    rebuilding.build(again, nothing, [known()])
    assert rebuilding.exchanged(again, dead) != aside, "nothing that was set aside is ever replaced"
    assert len(list(dead.parent.glob("*.broken-*"))) == 3


def test_a_database_that_cannot_be_built_leaves_nothing_behind_and_the_old_one_in_place(
    path: Path, open_ledger: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(open_ledger)
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise StorageError("the disk is full")

    monkeypatch.setattr(rebuilding, "_say", full)
    new = path.with_name("new.db")
    with pytest.raises(StorageError, match="full"):
        rebuilding.build(new, salvage.Salvaged(rows={}, broken={}), [known()])
    assert [each.name for each in path.parent.glob("new.db*")] == []
    assert path.read_bytes() == before
