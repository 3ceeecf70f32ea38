"""Secrets that must turn up nowhere, and a watch over the processes in which they might."""

import base64
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

KEY = "0x5ca1ab1e0ddba11c0ffee5eed0fca11ab1ede7ec7ab1ef1e1dfaced0ff1cedab"
OTHER_KEY = "0xd0de5ca1eb1a57ed0ddc0ffee0f1ce5ab1ede0dd5fee1bad1dea5ace0fbad5ee"
PASSWORD = "canary-Vogelkaefig-81"
DATABASE_PASSWORD = "canary-Zugvogel-55"
TOKEN = "T0CANARY/B0CANARY/q7Kx9canaryWebhookZz41"
WEBHOOK = f"https://hooks.slack.com/services/{TOKEN}"
WATCH_EVERY_S = 0.02


def needles() -> dict[str, bytes]:
    """What is searched for, by name: whole secrets, the halves of the key, and the key as bytes."""
    digits, raw = KEY[2:], bytes.fromhex(KEY[2:])
    texts = {
        "the key": digits,
        "the key in capitals": digits.upper(),
        "the key's beginning": digits[:20],
        "the key's end": digits[-20:],
        "the key in base64": base64.b64encode(raw).decode()[:24],
        "the key as a number": str(int(digits, 16))[:30],
        "the key of another network": OTHER_KEY[2:],
        "the beginning of the key of another network": OTHER_KEY[2:22],
        "the keystore's password": PASSWORD,
        "the database's password": DATABASE_PASSWORD,
        "the webhook's token": TOKEN,
        "a part of the webhook's token": TOKEN.rpartition("/")[2],
    }
    return {name: text.encode() for name, text in texts.items()} | {"the key as bytes": raw}


def found_in(content: bytes, where: str, sought: Mapping[str, bytes] | None = None) -> list[str]:
    """A line for each secret in `content`."""
    return [f"{name} in {where}" for name, needle in (sought or needles()).items() if needle in content]


def found_in_files(folder: Path, but: Iterable[str]) -> list[str]:
    """A line for each secret in each file under `folder` but those in which it was put."""
    left_out = set(but)
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name not in left_out)
    return [line for path in files for line in found_in(path.read_bytes(), str(path.relative_to(folder)))]


class Watch:
    """Looks again and again at the command lines of a process and all that it starts, and at what those inherit."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.hits: set[str] = set()
        self.seen: set[int] = set()

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._over.set()
        self._thread.join(10)

    def _run(self) -> None:
        while not self._over.wait(WATCH_EVERY_S):
            for pid in family(self._pid):
                self._look_at(pid)

    def _look_at(self, pid: int) -> None:
        self.seen.add(pid)
        # What the first process was started with is its user's doing; nothing of it may be passed on.
        for name in ("cmdline",) if pid == self._pid else ("cmdline", "environ"):
            try:
                content = Path(f"/proc/{pid}/{name}").read_bytes()
            except OSError:
                continue  # gone, or closed to us: then it shows nothing either
            self.hits.update(found_in(content, f"/proc/PID/{name}"))


@contextmanager
def watching(pid: int) -> Iterator[Watch]:
    """Watch a process for the length of a `with` block."""
    watch = Watch(pid)
    watch.start()
    try:
        yield watch
    finally:
        watch.stop()


def family(pid: int) -> list[int]:
    """A process and everything under it."""
    found, at = [pid], 0
    while at < len(found):
        for children in Path(f"/proc/{found[at]}/task").glob("*/children"):
            try:
                found += [int(each) for each in children.read_text().split()]
            except OSError:
                continue
        at += 1
    return found
