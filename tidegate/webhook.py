"""Carries alerts to a webhook: a thread of its own, a time limit, a few tries, and never a word about the address.

The address is a secret, for whoever has it may write there. So neither an error's text (which quotes it) nor an answer
is ever logged. An alert that cannot be delivered stops nothing: it stands in the log in any case.
"""

import queue
import re
import threading
import time
from typing import NamedTuple

import requests

from tidegate.logs import log
from tidegate.logs.cleaning import clean

TIMEOUT_S = (3.0, 5.0)
"""To connect, and to wait for an answer."""
PAUSES_S = (1.0, 3.0, 10.0)
"""Before the second, third and fourth try: an alert that is a minute late is old."""
WAITING_MAX = 50
TEXT_MAX = 1_500
"""Chat services refuse what is longer than about 2000 characters."""
_ADDRESS = re.compile(r"\b(0x[0-9a-fA-F]{4})[0-9a-fA-F]{32}([0-9a-fA-F]{4})\b")


class Delivery(NamedTuple):
    """How one try went: `words` never name the address; a refusal that a repetition cannot change is `final`."""

    delivered: bool
    words: str
    final: bool = False


def body_of(text: str, sender: str) -> dict[str, str]:
    """What is posted: `text` is read by Slack, Mattermost and Telegram, `content` by Discord, `message` by ntfy."""
    shown = _ADDRESS.sub(r"\1…\2", clean(f"Tidegate {sender}: {text}"))[:TEXT_MAX]
    return {"text": shown, "content": shown, "message": shown}


def post(url: str, body: dict[str, str], session: requests.Session) -> Delivery:
    """One try. A redirect is not followed: it would carry the alert, and the token, somewhere else."""
    try:
        answer = session.post(url, json=body, timeout=TIMEOUT_S, allow_redirects=False)
    except requests.Timeout:
        return Delivery(False, "no answer in time")
    except (requests.RequestException, ValueError) as error:
        return Delivery(False, f"no way there ({type(error).__name__})")
    if 200 <= answer.status_code < 300:
        return Delivery(True, f"HTTP {answer.status_code}")
    passing = answer.status_code in (408, 425, 429) or answer.status_code >= 500
    return Delivery(False, f"HTTP {answer.status_code}", final=not passing)


class Webhook:
    """Delivers texts in order. `sender` says who alerts: the network and the end of the account's address."""

    def __init__(self, url: str, sender: str, pauses_s: tuple[float, ...] = PAUSES_S) -> None:
        self._url, self._sender, self._pauses_s = url, sender, pauses_s
        self._texts: queue.Queue[str | None] = queue.Queue(WAITING_MAX)
        self._leaving = threading.Event()
        self._thread = threading.Thread(target=self._run, name="alerts", daemon=True)

    def __repr__(self) -> str:
        return "Webhook(hidden)"

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def send(self, text: str) -> None:
        """Have a text delivered; never waits. With too many of them waiting it is left to the log."""
        try:
            self._texts.put_nowait(text)
        except queue.Full:
            log("bot", f"{WAITING_MAX} alerts wait for the webhook already: this one is in the log only", "WARNING")

    def stop(self, timeout_s: float) -> None:
        """Let what waits go out, each with one more try at most; give up after `timeout_s`."""
        self._leaving.set()
        deadline_s = time.monotonic() + timeout_s
        try:
            self._texts.put(None, timeout=timeout_s)
        except queue.Full:
            return
        if self._thread.is_alive():
            self._thread.join(max(0.0, deadline_s - time.monotonic()))

    def _run(self) -> None:
        with requests.Session() as session:
            session.trust_env = False  # neither a proxy nor a password file by accident
            while (text := self._texts.get()) is not None:
                try:
                    self._deliver(text, session)
                except Exception as error:  # noqa: BLE001 (the top of a thread that must live: the log has the alert)
                    log("bot", f"an alert could not be delivered: not foreseen, {type(error).__name__}", "WARNING")

    def _deliver(self, text: str, session: requests.Session) -> None:
        body = body_of(text, self._sender)
        tried = post(self._url, body, session)
        for pause_s in self._pauses_s:
            if tried.delivered or tried.final:
                break
            if self._leaving.wait(pause_s):
                break
            tried = post(self._url, body, session)
        if not tried.delivered:
            log("bot", f"an alert could not be delivered to ALERT_WEBHOOK_URL: {tried.words}", "WARNING")
