"""localnet in a process of its own, as the bot keeps it: started, found again, stopped.

A bot that was killed leaves its localnet running for a while, with the account and its orders on it; the next start
finds it by a small file and carries on. A bot that ends properly stops it.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

import requests
from filelock import FileLock, Timeout

from tidegate.errors import ConfigError, OtherBotRunning
from tidegate.localnet.ready import LocalnetFailed, Ready

LINGER_S = 600
START_TIMEOUT_S = 20
STOP_TIMEOUT_S = 3
ASK_TIMEOUT_S = 2


class LocalnetChild:
    """The localnet of one bot. `arguments` choose its market; `note` is where the next start looks for it."""

    def __init__(self, program: Path, arguments: Sequence[str], note: Path, log: Path) -> None:
        self._program, self._arguments, self._note, self._log = program, list(arguments), note, log
        self._process: subprocess.Popen[str] | None = None
        self._url = ""
        self._lock = FileLock(note.with_suffix(".lock"))

    def open(self) -> Ready:
        """Find the localnet of an earlier run with the same market, or start one; wait until it answers.

        One bot a folder: OtherBotRunning when the localnet noted here belongs to a bot that is alive.
        """
        self._note.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            folder = self._note.parent.absolute().parent
            raise OtherBotRunning(
                f"another bot already trades in {folder}: stop it first, or use another folder"
            ) from None
        earlier = self._earlier()
        if earlier is not None:
            self._url = earlier.url
            return earlier
        return self._start()

    def stop(self) -> None:
        """End it, and forget it."""
        if not self._lock.is_locked:
            return
        if self._url:
            with suppress(requests.RequestException):
                ask("POST", f"{self._url}/localnet/stop")
        if self._process is not None:
            if not self._url:
                self._process.terminate()  # it never said where it is: there is nobody to ask
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_TIMEOUT_S)
            if self._process.poll() is None:
                self._process.kill()
        self._note.unlink(missing_ok=True)
        self._lock.release()

    def leave(self) -> None:
        """Let one that was found again run on, as a death of this process would: the next start finds it, too."""
        if self._process is None and self._lock.is_locked:
            self._lock.release()

    def _earlier(self) -> Ready | None:
        try:
            noted: dict[str, Any] = json.loads(self._note.read_text())
            ready = Ready(**ask("GET", f"{noted['url']}/localnet/clock").json(), url=noted["url"])
        except (OSError, ValueError, KeyError, TypeError, requests.RequestException):
            return None  # nobody there, or somebody else
        if noted.get("instance") != ready.instance:
            return None
        if noted.get("arguments") == self._arguments:
            return ready
        with suppress(requests.RequestException):
            ask("POST", f"{ready.url}/localnet/stop")
        return None

    def _start(self) -> Ready:
        self._log.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, str(self._program), "localnet", "--announce", "--port", "0"]
        with self._log.open("a") as errors:
            self._process = subprocess.Popen(
                [*command, "--linger", str(LINGER_S), *self._arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                start_new_session=True,
            )
        assert self._process.stdout is not None
        ready = _announced(self._process.stdout, self._log)
        self._url = ready.url
        self._note.write_text(json.dumps({**asdict(ready), "arguments": self._arguments}))
        return ready


def ask(method: str, url: str, body: object = None, timeout_s: float = ASK_TIMEOUT_S) -> requests.Response:
    """Ask a localnet: it is near, so never through a proxy that the environment names. Raises RequestException."""
    with requests.Session() as session:
        session.trust_env = False
        return session.request(method, url, json=body, timeout=timeout_s)


def _announced(output: IO[str], log: Path) -> Ready:
    """Read the one line that a starting localnet prints: where it is, or why there is none."""
    line = output.readline()
    try:
        told = json.loads(line)
        if "problem" in told:
            raise ConfigError(str(told["problem"]).splitlines())
        return Ready(**told)
    except (ValueError, TypeError):
        raise LocalnetFailed(f"localnet did not start; its last words are in {log}") from None
