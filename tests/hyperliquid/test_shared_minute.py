"""One minute for all bots of a host: what one spends, the others see; nothing ever holds up protection."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from filelock import FileLock

from tidegate.hyperliquid.limits import WEIGHT_PER_MINUTE, Budget, Lane
from tidegate.hyperliquid.shared_minute import SharedMinute

URL = "https://exchange.test"
SPENDER = """
import sys
from pathlib import Path
from tidegate.hyperliquid.shared_minute import SharedMinute
minute = SharedMinute(Path(sys.argv[1]), sys.argv[2])
print(sum(minute.take(20, 1200, int(sys.argv[3]), urgent=False) for _ in range(40)))
"""


class Watch:
    """A clock that tests move."""

    now_s = 5000.0

    def __call__(self) -> float:
        return self.now_s


def shared(folder: Path, watch: Watch) -> Budget:
    return Budget(monotonic=watch, minute=SharedMinute(folder, URL))


def test_what_one_bot_spends_the_others_see(tmp_path):
    watch = Watch()
    one, other = shared(tmp_path, watch), shared(tmp_path, watch)
    assert one.take(900, Lane.PRICES)
    assert other.used() == 900
    assert not other.take(100, Lane.PRICES)
    assert other.take(300, Lane.PROTECTION)
    assert one.used() == WEIGHT_PER_MINUTE
    watch.now_s += 62
    assert one.used() == 0


def test_another_exchange_is_another_budget(tmp_path):
    SharedMinute(tmp_path, URL).take(20, 1200, 1_000, urgent=False)
    assert SharedMinute(tmp_path, "https://other.test").used(1_000) == 0
    assert SharedMinute(tmp_path, URL + "/").used(1_000) == 20


def test_processes_together_never_spend_more_than_the_minute(tmp_path):
    arguments = [sys.executable, "-c", SPENDER, str(tmp_path), URL, "777000"]
    bots = [subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert sum(int(bot.communicate(timeout=60)[0]) for bot in bots) == 60
    assert SharedMinute(tmp_path, URL).used(777_000) == WEIGHT_PER_MINUTE


def test_threads_of_one_bot_share_it_too(tmp_path):
    budget = shared(tmp_path, Watch())
    taken: list[bool] = []
    threads = [
        threading.Thread(target=lambda: taken.extend(budget.take(30, Lane.PROTECTION) for _ in range(15)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(taken) == 40


def test_a_lock_that_another_holds_does_not_hold_up_protection_and_nothing_is_lost(tmp_path):
    watch = Watch()
    minute = SharedMinute(tmp_path, URL)
    budget = Budget(monotonic=watch, minute=minute)
    lock = FileLock(f"{minute.path}.lock", thread_local=False)
    with lock:
        assert budget.take(22, Lane.PROTECTION)
    assert budget.take(2, Lane.PROTECTION)
    assert shared(tmp_path, watch).used() == 24


@pytest.mark.parametrize("content", ["", "{", "[[1]]", "null", '[["x", 2]]'])
def test_a_file_that_makes_no_sense_counts_as_what_this_bot_knows(tmp_path, content):
    minute = SharedMinute(tmp_path, URL)
    assert minute.take(20, 1200, 9_000, urgent=False)
    minute.path.write_text(content)
    assert minute.used(9_000) == 20
    assert SharedMinute(tmp_path, URL).take(1200, 1200, 9_000, urgent=True)


def test_what_an_earlier_life_of_the_machine_spent_is_over(tmp_path):
    SharedMinute(tmp_path, URL).take(1000, 1200, 900_000_000, urgent=False)
    assert SharedMinute(tmp_path, URL).used(5_000) == 0


def test_a_folder_that_cannot_be_written_leaves_a_budget_of_ones_own(tmp_path):
    minute = SharedMinute(tmp_path / "nowhere", URL)
    assert minute.take(1200, 1200, 9_000, urgent=True)
    assert not minute.take(1, 1200, 9_000, urgent=True)
