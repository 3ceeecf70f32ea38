"""A localnet in a process of its own: found again, replaced, stopped, and explained when it cannot start."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from tidegate.errors import ConfigError, OtherBotRunning
from tidegate.localnet.child import LocalnetChild, ask
from tidegate.localnet.ready import LocalnetFailed

ROOT = Path(__file__).resolve().parents[2]
BOT = ROOT / "bot.py"
PATIENCE_S = 30
MARKET = ("--seed", "5", "--scenario", "random")
OTHER_MARKET = ("--seed", "6", "--scenario", "random")

# A bot that opens its localnet, says where it is, and waits to be killed.
OWNER = """
import sys
from pathlib import Path
from tidegate.localnet.child import LocalnetChild
bot, folder, *market = sys.argv[1:]
child = LocalnetChild(Path(bot), market, Path(folder) / "data" / "localnet.json", Path(folder) / "logs" / "err")
print(child.open().url, flush=True)
sys.stdin.read()
"""

NewChild = Callable[..., LocalnetChild]
NewOwner = Callable[..., tuple["subprocess.Popen[str]", str]]


@pytest.fixture
def note(tmp_path: Path) -> Path:
    return tmp_path / "data" / "localnet.json"


@pytest.fixture
def child_of(tmp_path: Path, note: Path) -> Iterator[NewChild]:
    """Makes localnets of this test's folder; whatever runs at the end is stopped."""
    made: list[LocalnetChild] = []

    def make(*market: str, program: Path = BOT) -> LocalnetChild:
        made.append(LocalnetChild(program, market or MARKET, note, tmp_path / "logs" / "err"))
        return made[-1]

    yield make
    for child in made:
        child.stop()


@pytest.fixture
def owner_of(tmp_path: Path) -> Iterator[NewOwner]:
    """Starts bots in processes of their own; gives each with the address of its localnet."""
    started: list[tuple[subprocess.Popen[str], str]] = []

    def start(*market: str) -> tuple["subprocess.Popen[str]", str]:
        words = [sys.executable, "-c", OWNER, str(BOT), str(tmp_path), *(market or MARKET)]
        process = subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        started.append((process, process.stdout.readline().strip()))
        return started[-1]

    yield start
    for process, url in started:
        process.kill()
        process.communicate(timeout=PATIENCE_S)
        with suppress(requests.RequestException):
            ask("POST", f"{url}/localnet/stop")


def killed(owner: tuple["subprocess.Popen[str]", str]) -> str:
    """Kill a bot; where its localnet still is."""
    process, url = owner
    process.kill()
    process.wait(PATIENCE_S)
    return url


def line_to(url: str) -> socket.socket:
    """A connection whose end tells that the server is gone."""
    place = urlsplit(url)
    assert place.hostname is not None
    return socket.create_connection((place.hostname, place.port or 0), timeout=PATIENCE_S)


def test_it_starts_one_that_answers_and_notes_where(child_of: NewChild, note: Path) -> None:
    ready = child_of().open()
    page = ask("GET", f"{ready.url}/localnet/clock").json()
    noted = json.loads(note.read_text())
    assert page["instance"] == ready.instance == noted["instance"]
    assert noted["url"] == ready.url
    assert noted["arguments"] == list(MARKET)


def test_what_it_started_it_stops_and_forgets(child_of: NewChild, note: Path) -> None:
    child = child_of()
    ready = child.open()
    with line_to(ready.url) as line:
        child.stop()
        assert line.recv(1) == b""
    with pytest.raises(ProcessLookupError):
        os.kill(ready.pid, 0)
    assert not note.exists()
    child.stop()  # once more is no harm


def test_the_localnet_of_a_killed_run_with_the_same_market_is_found_again(
    child_of: NewChild, owner_of: NewOwner, note: Path
) -> None:
    url = killed(owner_of())
    child = child_of()
    assert child.open().url == url
    with line_to(url) as line:
        child.stop()
        assert line.recv(1) == b"", "found or started, it ends with its bot"
    assert not note.exists()


def test_one_that_was_found_again_can_be_left_to_the_next_start(child_of: NewChild, owner_of: NewOwner) -> None:
    url = killed(owner_of())
    first = child_of()
    first.open()
    first.leave()
    first.stop()
    assert child_of().open().url == url


def test_one_that_was_started_here_is_not_left_behind(child_of: NewChild) -> None:
    child = child_of()
    with line_to(child.open().url) as line:
        child.leave()
        child.stop()
        assert line.recv(1) == b""


def test_for_another_market_another_is_started_and_the_old_one_ends(child_of: NewChild, owner_of: NewOwner) -> None:
    url = killed(owner_of())
    with line_to(url) as line:
        ready = child_of(*OTHER_MARKET).open()
        assert line.recv(1) == b""
    assert ready.url != url


def test_a_second_bot_in_the_folder_is_refused_and_ends_nothing(
    child_of: NewChild, owner_of: NewOwner, tmp_path: Path
) -> None:
    _, url = owner_of()
    second = child_of()
    with pytest.raises(OtherBotRunning, match=r"another bot already trades in .*stop it first") as told:
        second.open()
    assert str(tmp_path) in str(told.value)
    second.stop()
    assert ask("GET", f"{url}/localnet/clock").ok


@pytest.mark.parametrize("text", ["", "not JSON", "[]", "{}", '{"url": 7}', '{"url": "http://127.0.0.1:9"}'])
def test_a_note_that_leads_nowhere_is_passed_over(child_of: NewChild, note: Path, text: str) -> None:
    note.parent.mkdir()
    note.write_text(text)
    child = child_of(program=answering(note.parent, '{"problem": "so it was started"}'))
    with pytest.raises(ConfigError, match="so it was started"):
        child.open()


def test_somebody_else_at_the_noted_address_is_not_taken_for_a_localnet(
    child_of: NewChild, note: Path, stranger: str
) -> None:
    note.parent.mkdir()
    note.write_text(json.dumps({"url": stranger, "instance": "1", "arguments": list(MARKET)}))
    child = child_of(program=answering(note.parent, '{"problem": "so it was started"}'))
    with pytest.raises(ConfigError, match="so it was started"):
        child.open()


def test_a_localnet_that_cannot_play_what_was_asked_says_every_problem(child_of: NewChild, tmp_path: Path) -> None:
    broken = tmp_path / "BTC_broken.parquet"
    broken.write_text("this is no recording")
    with pytest.raises(ConfigError) as told:
        child_of("--replay", str(broken)).open()
    assert any("BTC_broken.parquet" in problem for problem in told.value.problems)


@pytest.mark.parametrize("says", ["", "Traceback (most recent call last):", "{}", '{"url": 1, "more": 2}'])
def test_a_localnet_that_fails_to_start_is_explained(child_of: NewChild, tmp_path: Path, says: str) -> None:
    child = child_of(program=answering(tmp_path, says))
    with pytest.raises(LocalnetFailed, match="localnet did not start; its last words are in") as told:
        child.open()
    log = tmp_path / "logs" / "err"
    assert str(log) in str(told.value)
    child.stop()
    assert "the reason" in log.read_text()


def test_after_a_failed_start_the_folder_is_free_again(child_of: NewChild, tmp_path: Path) -> None:
    first = child_of(program=answering(tmp_path, ""))
    with pytest.raises(LocalnetFailed):
        first.open()
    first.stop()
    assert child_of().open().url


def test_a_proxy_of_the_environment_is_not_asked_for_the_way_next_door(
    child_of: NewChild, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert ask("GET", f"{child_of().open().url}/localnet/clock").ok


def answering(folder: Path, line: str) -> Path:
    """A program that says one line on each of its outputs and ends."""
    program = folder / "program.py"
    program.write_text(f"import sys\nprint('the reason', file=sys.stderr, flush=True)\nprint({line!r})\n")
    return program


@pytest.fixture
def stranger() -> Iterator[str]:
    """The address of a web server that is no localnet."""
    words = [sys.executable, "-u", "-c", STRANGER]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    yield process.stdout.readline().strip()
    process.kill()
    process.communicate(timeout=PATIENCE_S)


STRANGER = """
from http.server import BaseHTTPRequestHandler, HTTPServer

class Door(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"hello": "world"}')

    def log_message(self, *words):
        pass

server = HTTPServer(("127.0.0.1", 0), Door)
print(f"http://127.0.0.1:{server.server_port}")
server.serve_forever()
"""
