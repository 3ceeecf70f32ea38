"""How long a user waits and how much memory the bot takes: `--help`, start to first decision, resident memory.

Runs the front door as a user does, several times in fresh folders, and prints the median and the worst.
"""

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BOT = Path(__file__).resolve().parents[1] / "bot.py"
REPETITIONS = 5
GOALS = {"--help, s": 0.5, "start to first decision, s": 5.0, "resident memory of the main process, MB": 90.0}


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
    rows = dict(zip(GOALS, (helps, [run[0] for run in runs], [run[1] for run in runs]), strict=True))
    print(f"{'what':44} {'median':>8} {'worst':>8} {'goal':>8}")
    for name, values in rows.items():
        verdict = "met" if statistics.median(values) <= GOALS[name] else "MISSED"
        print(f"{name:44} {statistics.median(values):8.2f} {max(values):8.2f} {GOALS[name]:8.2f}  {verdict}")


if __name__ == "__main__":
    main()
