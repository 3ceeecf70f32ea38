"""How long a user waits and what the bot takes: `--help`, start to first decision, memory, idle processor, the end.

Runs the front door as a user does, several times in fresh folders, and prints the median and the worst.
"""

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

BOT = Path(__file__).resolve().parents[1] / "bot.py"
REPETITIONS = 5
IDLE_S = 20.0
GOALS = {
    "--help, s": 0.5,
    "start to first decision, s": 5.0,
    "resident memory of the main process, MB": 90.0,
    "processor between two polls, % of a core": 10.0,
    "SIGTERM between two polls to the end, s": 1.0,
}


def help_s() -> float:
    """Seconds for `--help`."""
    began_s = time.perf_counter()
    subprocess.run([sys.executable, str(BOT), "--help"], check=True, capture_output=True)
    return time.perf_counter() - began_s


def first_run() -> tuple[float, float]:
    """Seconds from the start to the first decision line, and megabytes resident once the recap was printed."""
    with tempfile.TemporaryDirectory() as folder:
        began_s = time.perf_counter()
        bot = subprocess.Popen(
            [sys.executable, str(BOT), "--seconds", "60"], cwd=folder, stdout=subprocess.PIPE, text=True, env=_clean()
        )
        assert bot.stdout is not None
        decided_s = megabytes = 0.0
        for line in bot.stdout:
            if "[decision]" in line and not decided_s:
                decided_s = time.perf_counter() - began_s
            if "[recap] result" in line:
                megabytes = _resident_mb(bot.pid)
                bot.terminate()
        bot.wait()
    return decided_s, megabytes


def idle() -> tuple[float, float]:
    """Per cent of a core that the main process takes while nothing is due, and seconds from SIGTERM to its end.

    The market is one in which three coins trade all the time; localnet runs in a process of its own, which stays up.
    """
    with tempfile.TemporaryDirectory() as folder, _localnet(folder) as url:
        words = ["--set", f"LOCALNET_URL={url}"]
        bot = subprocess.Popen(
            [sys.executable, str(BOT), *words], cwd=folder, stdout=subprocess.PIPE, text=True, env=_clean()
        )
        assert bot.stdout is not None
        assert any("warm-up finished" in line for line in bot.stdout), "the bot did not start"
        _nothing_for(IDLE_S / 4)
        before_s, began_s = _processor_s(bot.pid), time.perf_counter()
        _nothing_for(IDLE_S)
        share = (_processor_s(bot.pid) - before_s) / (time.perf_counter() - began_s)
        asked_s = time.perf_counter()
        bot.terminate()
        bot.communicate()
        assert bot.returncode == 0
        return share * 100, time.perf_counter() - asked_s


@contextmanager
def _localnet(folder: str) -> Iterator[str]:
    net = subprocess.Popen(
        [sys.executable, str(BOT), "localnet", "--port", "0", "--scenario", "random"],
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
        env=_clean(),
    )
    try:
        assert net.stdout is not None
        yield next(found.group() for line in net.stdout if (found := re.search(r"http://\S+:\d+", line)))
    finally:
        net.terminate()
        net.communicate()


def _nothing_for(seconds: float) -> None:
    Event().wait(seconds)


def _processor_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _clean() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR")}


def _resident_mb(pid: int) -> float:
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found.group(1)) / 1024


def main() -> None:
    """Measure and print a table with the goals."""
    helps = [help_s() for _ in range(REPETITIONS)]
    runs = [first_run() for _ in range(3)]
    quiet = [idle() for _ in range(3)]
    values = (helps, *zip(*runs, strict=True), *zip(*quiet, strict=True))
    rows = dict(zip(GOALS, values, strict=True))
    print(f"{'what':44} {'median':>8} {'worst':>8} {'goal':>8}")
    for name, values in rows.items():
        verdict = "met" if statistics.median(values) <= GOALS[name] else "MISSED"
        print(f"{name:44} {statistics.median(values):8.2f} {max(values):8.2f} {GOALS[name]:8.2f}  {verdict}")


if __name__ == "__main__":
    main()
