"""The disk and the database: full, read-only, broken, locked, damaged, of another version (73)."""

import signal
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from tests.faults.cases import case
from tests.faults.scene import COIN, Scene
from tidegate.storage.migrating import MIGRATIONS

SPOILED = [sys.executable, str(Path(__file__).with_name("spoiled.py")), "run"]
RECOVERED = r"\[risk\] BTC: the exchange confirms a resting stop"
NOT_WRITTEN = r"the journal cannot be written: "
CLOSED = r"\[exit\] BTC closed by stop_loss"
LOCKED_S = 8.0
DISK = "the disk takes nothing"
KEPT = "told at once; position and stop are kept, the exit goes without the disk; written down when it works again"


def database(scene: Scene) -> Path:
    """The bot's database."""
    return scene.folder / "data" / "tidegate.db"


def takes_nothing(scene: Scene, how: str) -> None:
    """With a position open, the disk takes nothing any more; the stop is touched; then it works again."""
    scene.start_covered(command=SPOILED, SPOILT=f"disk@{how}")
    scene.bot.send(signal.SIGUSR1)
    scene.hear(NOT_WRITTEN)
    assert scene.sees.is_covered(COIN)
    scene.strike()
    scene.touch_the_stop()
    scene.flat()
    scene.recovered()
    scene.hear(CLOSED)
    assert len(scene.sees.exits) == 1
    scene.bot.send(signal.SIGUSR2)
    scene.until(lambda: not scene.status()["positions"], "the journal is written again")


@case(73, DISK, done="the database is full, with a position open; the stop is touched", expected=KEPT, short=True)
def full(scene: Scene) -> None:
    takes_nothing(scene, "full")


@case(73, DISK, done="the database is read-only, with a position open; the stop is touched", expected=KEPT)
def read_only(scene: Scene) -> None:
    takes_nothing(scene, "readonly")


@case(73, DISK, done="every write of database and logs fails, with a position open; the stop is touched", expected=KEPT)
def broken(scene: Scene) -> None:
    takes_nothing(scene, "broken")


@case(
    73,
    DISK,
    done="the database is read-only while flat, until a new bar has closed",
    expected="no entry: nothing is sent that was not written down",
)
def read_only_before_an_entry(scene: Scene) -> None:
    halt = scene.folder / "HALT"
    halt.touch()
    scene.start(command=SPOILED, SPOILT="disk@readonly")
    scene.hear(r"\[risk\] BTC long refused: HALT file")
    halt.unlink()
    scene.hear(r"HALT file lifted")
    scene.bot.send(signal.SIGUSR1)
    scene.strike()
    scene.hear(r"\[order\] BTC entry .* rejected: the journal cannot be written: no new positions until it can")
    scene.recovered()
    assert not scene.sees.entries


@case(
    73,
    "the database is locked",
    done=f"another program holds it for {LOCKED_S:g} s; the stop is touched meanwhile",
    expected="the exit does not wait for it; everything is written afterwards",
)
def locked(scene: Scene) -> None:
    scene.start_covered()
    with closing(sqlite3.connect(database(scene), isolation_level=None, timeout=5)) as other:
        other.execute("BEGIN IMMEDIATE")
        until_s = time.monotonic() + LOCKED_S
        scene.hear(NOT_WRITTEN)
        scene.strike()
        scene.touch_the_stop()
        scene.flat()
        scene.recovered()
        scene.until(lambda: time.monotonic() >= until_s, "it was locked for long")
        other.execute("ROLLBACK")
    scene.hear(CLOSED)
    scene.until(lambda: not scene.status()["positions"], "the journal is written again")
    assert len(scene.sees.exits) == 1


DAMAGED = "the database is damaged"
REPAIRED = "the start is refused and names `repair`; after that the position is adopted with its stop, nothing doubled"


def damaged(scene: Scene, hurt: bytes | None) -> None:
    """kill -9, damage, a refused start, `repair`, a start that takes everything over."""
    scene.start_covered()
    scene.dies()
    path = database(scene)
    with closing(sqlite3.connect(path)) as other:  # all that was written is in the file itself from here on
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with path.open("r+b") as file:
        if hurt is None:
            file.truncate(path.stat().st_size // 2 + 100)
        else:
            for place in range(1_024, path.stat().st_size, 2_048):
                file.seek(place)
                file.write(hurt)
    scene.strike()
    scene.start()
    scene.hear(r"python bot\.py repair")
    scene.ends(3)
    assert scene.sees.is_covered(COIN)
    scene.command("repair", LOCALNET_URL=scene.net.url)
    scene.start()
    scene.hear(r"\[account\] BTC: position of .* adopted .*resting stop recognised")
    scene.hear(RECOVERED)
    scene.recovered()
    assert len(scene.sees.stops) == 1
    assert len(scene.sees.entries) == 1


@case(73, DAMAGED, done="bits are flipped all over the file, after a kill -9 with a position open", expected=REPAIRED)
def bits_flipped(scene: Scene) -> None:
    damaged(scene, b"\xa5\x5a\xff\x00" * 64)


@case(73, DAMAGED, done="the file is cut in half, after a kill -9 with a position open", expected=REPAIRED)
def cut_off(scene: Scene) -> None:
    damaged(scene, None)


VERSION = "a database of another version"


@case(73, VERSION, done="the tables are those of the first version", expected="brought up to date; a usual entry")
def older(scene: Scene) -> None:
    path = database(scene)
    path.parent.mkdir()
    engine = create_engine(f"sqlite:///{path}")
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    engine.dispose()
    scene.strike()
    scene.start_covered()
    scene.recovered()


@case(73, VERSION, done="the tables are those of a newer program", expected="refused with one line, exit code 3")
def newer(scene: Scene) -> None:
    scene.start_covered()
    scene.dies()
    with closing(sqlite3.connect(database(scene))) as other:
        other.execute("UPDATE alembic_version SET version_num = '9999'")
        other.commit()
    scene.strike()
    scene.start()
    scene.hear(r"has tables of version 9999, this program needs \d+\. Update Tidegate")
    scene.ends(3)
    scene.recovered()
    assert scene.sees.is_covered(COIN)


@case(73, "no place to write", done="`data` is a file", expected="refused with one line, exit code 2; nothing is sent")
def no_folder(scene: Scene) -> None:
    (scene.folder / "data").touch()
    scene.strike()
    scene.start()
    scene.hear(r"DATABASE_URL=.* data is a file, not a folder")
    scene.ends(2)
    scene.recovered()
    assert not scene.sees.entries
