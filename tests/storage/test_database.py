"""Opening a database: made for one user only, brought up to date, and refused with advice when it cannot be used."""

import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, create_engine

from tidegate.errors import StorageError
from tidegate.model import events
from tidegate.model.intents import NOTHING
from tidegate.storage import database, migrating
from tidegate.storage.database import open_for_reading, open_for_writing
from tidegate.storage.ledger import Ledger
from tidegate.storage.migrating import HEAD, MIGRATIONS
from tidegate.storage.prices import PriceDataReader
from tidegate.storage.status import read_status
from tidegate.storage.tables import METADATA

T0 = 1_790_000_000_000
ROOT = Path(__file__).resolve().parents[2]

Opener = Callable[..., Ledger]


def mid(number: int) -> events.Mid:
    return events.Mid(at_ms=T0 + number, coin="BTC", price=Decimal(number + 1))


def test_a_new_database_and_its_log_are_for_this_user_only(url: str, path: Path, open_ledger: Opener) -> None:
    ledger = open_ledger()
    ledger.record(mid(1), NOTHING)
    ledger.flush()

    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    for file in (path, Path(f"{path}-wal")):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


def test_a_database_that_others_could_read_is_closed_to_them(path: Path, open_ledger: Opener) -> None:
    open_ledger().close()
    path.chmod(0o644)

    open_ledger()

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_commits_are_forced_to_the_disk_and_never_checkpoint(open_ledger: Opener) -> None:
    opened = open_ledger()._opened

    with opened.transaction() as execute:
        execute("DELETE FROM status", {})
        found = {name: opened.rows(f"PRAGMA {name}", {})[0][0] for name in ("journal_mode", "synchronous")}

    assert found == {"journal_mode": "wal", "synchronous": 2}
    assert opened.rows("PRAGMA wal_autocheckpoint", {})[0][0] == 0
    assert opened.rows("PRAGMA busy_timeout", {})[0][0] == database.BUSY_TIMEOUT_MS


def test_the_log_does_not_grow_without_end(path: Path, open_ledger: Opener) -> None:
    ledger = open_ledger()
    sizes = []
    for round_number in range(20):
        for number in range(50):
            ledger.record(mid(number), NOTHING)
            ledger.commit_before_send([f"0x{round_number}-{number}"], ledger.next_nonce(T0), b"x" * 600, T0)
            ledger.record(mid(number), NOTHING)
            ledger.flush()
        sizes.append(Path(f"{path}-wal").stat().st_size)

    assert sizes[-1] <= sizes[1] * 1.5


def test_the_migrations_lead_to_the_tables_as_they_are_declared(url: str, open_ledger: Opener) -> None:
    open_ledger()
    engine = create_engine(url)
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), METADATA)
    engine.dispose()

    assert differences == []


def test_the_newest_migration_is_the_one_that_is_named() -> None:
    assert ScriptDirectory(str(MIGRATIONS)).get_current_head() == HEAD


def test_positions_finished_before_slippage_was_written_down_stay_and_have_none(url: str, open_ledger: Opener) -> None:
    ledger = open_ledger()
    with ledger._opened.transaction() as execute:
        columns = "testnet", "0xabc", "BTC", 1, 2, "1", "2", "1", "stop_loss", "s", "-1", "0", "7"
        execute(f"INSERT INTO closed_positions VALUES {columns}", {})
        execute("ALTER TABLE closed_positions DROP COLUMN slippage", {})
        execute("UPDATE alembic_version SET version_num = '0003'", {})
    ledger.close()

    (kept,) = open_ledger().closed_since(0)

    assert (kept.coin, kept.pnl, kept.slippage) == ("BTC", -1, None)


def test_a_start_with_tables_up_to_date_does_not_load_alembic(url: str, open_ledger: Opener) -> None:
    open_ledger().close()
    program = (
        "import sys\n"
        "from tidegate.storage.ledger import Ledger\n"
        f"Ledger({url!r}, venue='testnet', account='0xabc').open()\n"
        "sys.exit('alembic' in sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, timeout=60, check=False).returncode == 0


def test_a_migration_that_is_cut_off_leaves_nothing_behind(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class PlugPulled(Exception):
        pass

    def pull_the_plug(*_: object) -> None:
        raise PlugPulled

    with monkeypatch.context() as patch:
        patch.setattr("alembic.operations.Operations.create_index", pull_the_plug)
        with pytest.raises(PlugPulled):
            open_for_writing(url)

    bare = create_engine(url)
    with bare.connect() as connection:
        assert connection.exec_driver_sql("SELECT name FROM sqlite_master").all() == []
    bare.dispose()
    open_for_writing(url).close()


def test_tables_of_a_newer_version_are_refused_with_advice(url: str, open_ledger: Opener) -> None:
    ledger = open_ledger()
    with ledger._opened.transaction() as execute:
        execute("UPDATE alembic_version SET version_num = '9999'", {})
    ledger.close()

    with pytest.raises(StorageError, match=f"version 9999, this program needs {HEAD}. Update Tidegate"):
        open_ledger()
    with pytest.raises(StorageError, match="version 9999"):
        open_for_reading(url)


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda content: b"this is not a database, it is a shopping list" * 100, id="another file"),
        pytest.param(lambda content: content[:5_000] + os.urandom(20_000) + content[25_000:], id="overwritten"),
        pytest.param(lambda content: content[: len(content) // 2], id="cut off"),
    ],
)
def test_a_damaged_file_is_refused_with_advice(
    path: Path, open_ledger: Opener, damage: Callable[[bytes], bytes]
) -> None:
    ledger = open_ledger()
    for number in range(100):
        ledger.record(mid(number), NOTHING)
        ledger.flush()
    ledger.close()
    path.write_bytes(damage(path.read_bytes()))

    with pytest.raises(StorageError, match=r"damaged: run `python bot\.py repair`"):
        open_ledger()


def test_an_empty_file_beside_a_log_is_refused_and_the_log_is_kept(path: Path, url: str, open_ledger: Opener) -> None:
    ledger = open_ledger()
    ledger.record(mid(1), NOTHING)
    ledger.flush()
    log = Path(f"{path}-wal")
    left = log.read_bytes()
    ledger.close()
    path.write_bytes(b"")
    log.write_bytes(left)

    with pytest.raises(StorageError, match=r"python bot\.py repair"):
        open_for_writing(url)
    assert log.read_bytes() == left


def test_a_folder_that_is_a_file_is_refused_with_advice(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")

    with pytest.raises(StorageError, match="Let this user write"):
        open_for_writing(f"sqlite:///{tmp_path}/data/tidegate.db")


@pytest.mark.parametrize("url", ["", "tidegate.db", "mysql://host/name", "sqlite//x", "oracle+nothing://x", "://"])
def test_an_address_that_is_no_database_is_refused_with_an_example(url: str) -> None:
    with pytest.raises(StorageError, match=r"must look like sqlite:///data/tidegate\.db"):
        open_for_writing(url)


def test_a_password_in_the_address_is_never_shown() -> None:
    shown = database.label(database.parse("postgresql://trader:hunter2@host/name"))

    assert "hunter2" not in shown
    assert "trader" in shown


def test_a_full_disk_is_said_and_what_waits_is_stored_when_there_is_room(open_ledger: Opener) -> None:
    ledger = open_ledger()
    opened = ledger._opened
    pages = opened.rows("PRAGMA page_count", {})[0][0]
    opened.rows(f"PRAGMA max_page_count={pages}", {})
    payload = os.urandom(50_000)

    with pytest.raises(StorageError, match="Free space"):
        ledger.commit_before_send(["0xa"], 5, payload, T0)
    ledger.record(mid(1), NOTHING)

    opened.rows("PRAGMA max_page_count=100000", {})
    ledger.commit_before_send(["0xa"], 6, payload, T0)
    assert ledger.payload_of("0xa") == payload
    assert ledger.next_nonce(1) == 7
    assert ledger.sessions()[0].lines == 1


def test_two_bots_may_start_on_one_new_file_at_the_same_moment(url: str) -> None:
    program = (
        "import sys\n"
        "from tidegate.storage.ledger import Ledger\n"
        f"ledger = Ledger({url!r}, venue='testnet', account=sys.argv[1])\n"
        "ledger.open()\n"
        "for number in range(3):\n"
        "    ledger.commit_before_send([f'0x{number}'], ledger.next_nonce(number), b'signed', 1)\n"
        "ledger.close()"
    )
    bots = [subprocess.Popen([sys.executable, "-c", program, f"0x{n}"], cwd=ROOT) for n in range(3)]

    assert [bot.wait(60) for bot in bots] == [0, 0, 0]
    opened = open_for_reading(url)
    assert opened.rows("SELECT COUNT(*) FROM signed_actions", {})[0][0] == 9
    opened.close()


def test_reading_needs_a_database_and_makes_none(path: Path, url: str) -> None:
    for read in (lambda: read_status(url), lambda: PriceDataReader(url, venue="testnet")):
        with pytest.raises(StorageError, match="no bot has run here yet"):
            read()

    assert not path.exists()


def test_a_reader_cannot_write(url: str, open_ledger: Opener) -> None:
    open_ledger()
    reader = open_for_reading(url)

    with pytest.raises(StorageError, match="readonly"), reader.transaction() as execute:
        execute("DELETE FROM orders", {})
    reader.close()


def test_a_ledger_in_memory_works_like_one_in_a_file() -> None:
    ledger = Ledger("sqlite://", venue="testnet", account="0xabc")
    ledger.open()
    ledger.record(mid(1), NOTHING)
    ledger.commit_before_send(["0xa"], 5, b"signed", T0)

    assert ledger.payload_of("0xa") == b"signed"
    ledger.close()
    ledger.close()


def test_a_value_inside_a_statement_is_noticed_before_it_is_lost(open_ledger: Opener) -> None:
    from sqlalchemy import select

    from tidegate.storage.tables import ORDERS

    with pytest.raises(AssertionError, match="would be lost"):
        open_ledger()._opened.compile(select(ORDERS).where(ORDERS.c.coin == "BTC"))


def test_the_migrating_module_names_a_folder_that_exists() -> None:
    assert (migrating.MIGRATIONS / "env.py").is_file()


def test_a_ledger_belongs_to_the_thread_that_opened_it(open_ledger: Opener) -> None:
    ledger = open_ledger()
    heard: list[StorageError] = []

    def use_it() -> None:
        try:
            ledger.fills_since(0)
        except StorageError as error:
            heard.append(error)

    thread = threading.Thread(target=use_it)
    thread.start()
    thread.join(10)

    assert "thread" in str(heard[0])


@pytest.mark.parametrize("name", ["with space", "100%", "question?", "hash#", "größe"])
def test_a_folder_may_have_any_name(tmp_path: Path, name: str) -> None:
    url = URL.create("sqlite", database=str(tmp_path / name / "tidegate.db")).render_as_string()
    ledger = Ledger(url, venue="testnet", account="0xabc")
    ledger.open()
    ledger.put_status(b"here")
    ledger.close()

    assert read_status(url) == b"here"
