"""A PostgreSQL of the tests' own: made anew in a temporary folder, on a free port of 127.0.0.1, stopped at the end."""

import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any

import pytest

PATIENCE_S = 60
PASSWORD = "very-secret-word"
USER = "tidegate"


@contextmanager
def server() -> Iterator[str]:
    """The address of its database `postgres`, for SQLAlchemy and with the password in it; skips where there is none."""
    psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed")
    programs = _programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed")
    user = _other_user()
    with tempfile.TemporaryDirectory(prefix="tidegate-postgresql-", dir=_open_to_all()) as folder:
        place, word = Path(folder), Path(folder) / "word"
        word.write_text(PASSWORD)
        if user:
            for path in (place, word):
                shutil.chown(path, user["user"])
        # A machine that says nothing of its language would get a server whose texts have no encoding.
        words = ["-A", "scram-sha-256", "--pwfile", word, "-E", "UTF8", "--locale", "C", "-N"]
        _made([programs / "initdb", "-D", place / "data", "-U", USER, *words], cwd=folder, **user)
        port = _free_port()
        options = ["-F", "-p", str(port), "-c", "listen_addresses=127.0.0.1", "-k", ""]
        said = (place / "said").open("w+")
        running = subprocess.Popen(
            [programs / "postgres", "-D", place / "data", *options], cwd=folder, stdout=said, stderr=said, **user
        )
        address = f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{port}/postgres"
        try:
            _wait_until_it_answers(psycopg, address, running, place / "said")
            yield address.replace("postgresql:", "postgresql+psycopg:")
        finally:
            said.close()
            running.send_signal(signal.SIGINT)  # "fast": whoever is still connected is cut off
            try:
                running.wait(PATIENCE_S)
            finally:
                running.kill()


@contextmanager
def database(address: str) -> Iterator[str]:
    """An empty database of one's own on a server; the same address with its name."""
    import sqlalchemy as sql

    name = f"test_{os.urandom(6).hex()}"
    engine = sql.create_engine(address, isolation_level="AUTOCOMMIT", poolclass=sql.NullPool)
    with engine.connect() as connection:
        connection.execute(sql.text(f"CREATE DATABASE {name}"))
    try:
        yield f"{address.rpartition('/')[0]}/{name}"
    finally:
        with engine.connect() as connection:
            connection.execute(sql.text(f"DROP DATABASE {name} WITH (FORCE)"))


def _programs() -> Path | None:
    places = [Path(found).parent] if (found := shutil.which("initdb")) else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((place for place in places if (place / "initdb").exists() and (place / "postgres").exists()), None)


def _other_user() -> dict[str, Any]:
    """PostgreSQL does not run as root: somebody else, if we are."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": name}
    pytest.skip("PostgreSQL does not run as root, and there is no other user here")


def _open_to_all() -> Path:
    """The temporary folder, or the one around it, into which every user may go."""
    place = Path(tempfile.gettempdir()).resolve()
    closed = [each for each in (place, *place.parents) if not each.stat().st_mode & stat.S_IXOTH]
    return closed[-1].parent if closed else place


def _made(command: list[Any], **how: Any) -> None:
    found = subprocess.run(command, check=False, capture_output=True, text=True, **how)
    if found.returncode:
        pytest.skip(f"PostgreSQL cannot be set up here: {(found.stderr or found.stdout).strip().splitlines()[-1:]}")


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def _wait_until_it_answers(psycopg: Any, address: str, running: "subprocess.Popen[bytes]", said: Path) -> None:
    until_s = time.monotonic() + PATIENCE_S
    while True:
        try:
            psycopg.connect(address, connect_timeout=2).close()
            return
        except psycopg.OperationalError:
            assert running.poll() is None, said.read_text()
            assert time.monotonic() < until_s, f"PostgreSQL does not answer: {said.read_text()}"
        Event().wait(0.05)
