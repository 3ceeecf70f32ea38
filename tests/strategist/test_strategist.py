"""The supervised child: whatever a strategy does is a fact, and the bot never waits for it."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tidegate.clock import SettableClock
from tidegate.errors import ConfigError
from tidegate.model.events import Faulted, Signalled, StrategistRestarted
from tidegate.model.settings import Settings
from tidegate.strategist import InlineStrategist, Limits, Strategist
from tidegate.strategist.child import environment

PROJECT = Path(__file__).resolve().parents[2]
NOW_MS = 1_700_000_000_000
LONG = "return self.wishes(bars, long=True, reason=f'{len(bars)} bars, last {last:g}')"
QUICK = Limits(evaluation_s=1.0, grace_s=1.0, first_pause_s=0.01, longest_pause_s=0.05)

Begin = Callable[..., Strategist]


@pytest.fixture
def begin(inbox) -> Iterator[Begin]:
    """Start a strategist that ends with the test."""
    started: list[Strategist] = []

    def make(settings: Settings, limits: Limits = QUICK, wait: bool = True) -> Strategist:
        strategist = Strategist(settings, inbox, SettableClock(NOW_MS), inbox.notes.append, limits=limits)
        started.append(strategist)
        strategist.start()
        if wait:
            strategist.ready()
        return strategist

    yield make
    for strategist in started:
        strategist.stop()


def until(holds: Callable[[], bool], timeout_s: float = 10.0) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline_s, "it never came true"
        threading.Event().wait(0.01)


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    # What nobody has asked about yet is still listed after its end.
    return not (status.exists() and ") Z " in status.read_text(encoding="ascii"))


def test_bars_go_in_and_a_signal_comes_out_as_a_fact(begin, author, inbox, look):
    strategist = begin(author(LONG))
    strategist.submit(look("BTC", 10))
    strategist.submit(look("BTC", 1, first=10, reset=False))
    first, second = inbox.next(), inbox.next()
    assert isinstance(first, Signalled)
    assert (first.at_ms, first.coin, first.candle_open_ms, first.bars) == (NOW_MS, "BTC", 9 * 60_000, 10)
    assert second.signal.reason == "11 bars, last 110"


def test_the_child_and_the_inline_strategist_give_the_same_facts(begin, author, inbox, look):
    settings = author("return self.wishes(bars, long=last > 105, flat=last < 105, stop=bars['close'] * 0.9)")
    wishes = [look("BTC", 5), look("BTC", 3, first=5, reset=False), look("ETH", 4), look("BTC", 0, reset=False)]
    strategist = begin(settings)
    for wish in wishes:
        strategist.submit(wish)
    by_process = [inbox.next() for _ in wishes]
    inline = InlineStrategist(settings, inbox, SettableClock(NOW_MS), inbox.notes.append)
    for wish in wishes:
        inline.submit(wish)
    assert [inbox.next() for _ in wishes] == by_process


def test_a_long_history_arrives_whole(begin, author, inbox, look):
    strategist = begin(author(LONG, candle_history=5000))
    strategist.submit(look("BTC", 5000))
    assert inbox.next().bars == 5000


def test_wishes_that_came_before_the_child_was_ready_are_answered(begin, author, inbox, look):
    strategist = begin(author(LONG), wait=False)
    strategist.submit(look("BTC", 10))
    assert inbox.next().bars == 10


def test_a_strategy_that_raises_is_one_fault_and_the_child_lives(begin, author, inbox, look):
    strategist = begin(author("if last > 109: raise ValueError('too high')\n" + LONG))
    pid = strategist.pid
    strategist.submit(look("BTC", 11))
    strategist.submit(look("ETH", 10))
    fault = inbox.next()
    assert fault == Faulted(at_ms=NOW_MS, where="strategist", coin="BTC", reason="line 16: ValueError: too high")
    assert isinstance(inbox.next(), Signalled)
    assert strategist.pid == pid


DEADLY = {
    "exits": ("os._exit(3)", "ended with exit status 3 while it looked at BTC"),
    "is_killed": ("os.kill(os.getpid(), signal.SIGKILL)", "was ended by SIGKILL while it looked at BTC"),
    "crashes": ("import ctypes; ctypes.string_at(0)", "was ended by SIGSEGV while it looked at BTC"),
    "interrupts": ("raise KeyboardInterrupt", "while it looked at BTC"),
    "hangs": ("while True: pass", "no answer for BTC within 1 s"),
    "sleeps": ("signal.pause()", "no answer for BTC within 1 s"),
    "will_not_die": (
        "import faulthandler; faulthandler.cancel_dump_traceback_later()\nwhile True: pass",
        "no answer for BTC within 1 s",
    ),
    "prints_without_end": ("while True: print('x' * 100)", "no answer for BTC within 1 s"),
    "leaves_a_printer": ("if os.fork(): os._exit(4)\nwhile True: print('x')", "no answer for BTC within 1 s"),
    "closes_every_pipe": ("os.closerange(3, 100); signal.pause()", "closed its pipe"),
}


@pytest.mark.parametrize("name", sorted(DEADLY))
def test_a_strategy_that_ends_or_stops_its_process_is_one_fault_and_a_new_child(begin, author, inbox, look, name):
    body, reason = DEADLY[name]
    strategist = begin(author(f"if last > 109:\n    {body.replace(chr(10), chr(10) + '    ')}\n" + LONG))
    pid = strategist.pid
    strategist.submit(look("BTC", 11))
    fault, restarted = inbox.next(), inbox.next()
    assert isinstance(fault, Faulted)
    assert (fault.where, fault.coin) == ("strategist", "BTC")
    assert reason in fault.reason
    assert isinstance(restarted, StrategistRestarted)
    assert restarted.reason == fault.reason
    assert not is_running(pid)
    strategist.submit(look("BTC", 10))
    assert isinstance(inbox.next(), Signalled)
    assert inbox.empty


def test_a_strategy_that_hangs_says_at_which_line(begin, author, inbox, look):
    strategist = begin(author("if last > 109:\n    while True: pass\n" + LONG))
    strategist.submit(look("BTC", 11))
    assert 'author.py", line 17 in signals' in inbox.next().reason


def test_a_strategy_that_prints_or_reads_speaks_to_nobody(begin, author, inbox, look):
    body = (
        "print('hello')\nos.write(1, b'raw\\n')\nsys.stderr.write('err\\n')\nos.write(2, os.read(0, 9) + b'end\\n')\n"
    )
    strategist = begin(author(body + LONG))
    strategist.submit(look("BTC", 10))
    assert isinstance(inbox.next(), Signalled)
    until(lambda: len([note for note in inbox.notes if note.level == "DEBUG"]) >= 8)
    printed = [note.text for note in inbox.notes if note.level == "DEBUG"]
    assert {"printed: hello", "printed: raw", "printed: err", "printed: end"} == set(printed)


def test_printing_is_bounded(begin, author, inbox, look):
    strategist = begin(author("for row in range(20000): print('x' * 50)\nprint('y' * 9_000_000)\n" + LONG))
    strategist.submit(look("BTC", 10))
    assert isinstance(inbox.next(), Signalled)
    printed = [note for note in inbox.notes if note.level == "DEBUG"]
    assert len(printed) <= Limits().printed_lines_a_minute + 1
    assert max(len(note.text) for note in printed) < 2100


def test_a_strategy_that_writes_nonsense_into_the_private_pipe_is_replaced(begin, author, inbox, look):
    scribble = "    for fd in range(3, 20):\n        try: os.write(fd, b'\\xff' * 64)\n        except OSError: pass\n"
    strategist = begin(author("if last > 109:\n" + scribble + LONG))
    strategist.submit(look("BTC", 11))
    assert "nonsense" in inbox.next().reason
    assert isinstance(inbox.next(), StrategistRestarted)


def test_after_a_restart_bars_without_their_history_are_not_looked_at(begin, author, inbox, look):
    strategist = begin(author("if last > 109: os._exit(1)\n" + LONG))
    strategist.submit(look("BTC", 11))
    assert isinstance(inbox.next(), Faulted)
    assert isinstance(inbox.next(), StrategistRestarted)
    strategist.submit(look("BTC", 1, first=5, reset=False))
    strategist.submit(look("BTC", 7))
    assert inbox.next().bars == 7
    assert inbox.empty


def test_pauses_between_restarts_double_up_to_the_longest(begin, author, inbox, look):
    limits = Limits(evaluation_s=1.0, first_pause_s=0.05, longest_pause_s=0.2)
    strategist = begin(author("os._exit(1)"), limits)
    faults = 0
    moments = []
    while faults < 4:
        strategist.submit(look("BTC", 10))
        assert isinstance(inbox.next(), Faulted)
        faults += 1
        began = time.monotonic()
        assert isinstance(inbox.next(), StrategistRestarted)
        moments.append(time.monotonic() - began)
    for took_s, pause_s in zip(moments, (0.05, 0.1, 0.2, 0.2), strict=True):
        assert took_s >= pause_s


def test_too_many_waiting_wishes_end_a_child_that_is_behind(begin, author, inbox, look):
    strategist = begin(author("time.sleep(0.5)\n" + LONG), Limits(waiting_wishes=3, first_pause_s=0.01))
    for _ in range(6):
        strategist.submit(look("BTC", 2))
    assert "evaluations behind" in inbox.next().reason
    assert isinstance(inbox.next(), StrategistRestarted)


def test_submitting_never_waits_for_a_child_that_does_not_read(begin, author, inbox, look):
    strategist = begin(author("if last > 109:\n    while True: pass\n" + LONG), Limits(evaluation_s=5.0))
    strategist.submit(look("BTC", 11))
    wishes = [look(f"C{number}", 500) for number in range(40)]
    began = time.monotonic()
    for wish in wishes:
        strategist.submit(wish)
    assert time.monotonic() - began < 1.0
    assert inbox.empty


def test_wishes_that_a_slow_child_cannot_take_yet_are_kept_and_answered_in_order(begin, author, inbox, look):
    strategist = begin(author("if last < 101: time.sleep(0.5)\n" + LONG), Limits())
    strategist.submit(look("FIRST", 1))
    for number in range(20):
        strategist.submit(look(f"C{number}", 500))
    assert [inbox.next().coin for _ in range(21)] == ["FIRST", *(f"C{number}" for number in range(20))]


def test_a_broken_strategy_is_told_before_anything_is_traded(begin, author):
    settings = author(LONG, strategy_params={"number": "10", "other": "1"})
    strategist = begin(settings, wait=False)
    with pytest.raises(ConfigError) as caught:
        strategist.ready()
    assert len(caught.value.problems) == 2


def test_a_strategy_that_ends_its_process_while_it_is_loaded_is_told(begin, author):
    settings = author("pass\nos._exit(7)".replace("pass", "return None"))
    path = Path(settings.strategy_dir, "author.py")
    path.write_text("import os\nos._exit(7)\n", encoding="utf-8")
    strategist = begin(settings, wait=False)
    with pytest.raises(ConfigError, match="STRATEGY=author: its process ended with exit status 7"):
        strategist.ready()


def test_a_strategy_that_hangs_while_it_is_loaded_is_told(begin, author):
    settings = author(LONG)
    Path(settings.strategy_dir, "author.py").write_text("while True: pass\n", encoding="utf-8")
    strategist = begin(settings, Limits(start_s=4.0, grace_s=2.0), wait=False)
    with pytest.raises(ConfigError, match=r"STRATEGY=author: .*author.py\", line 1"):
        strategist.ready()


def test_a_strategy_that_is_not_there_is_refused_without_a_process(inbox, tmp_path):
    with pytest.raises(ConfigError, match="there is no such strategy"):
        Strategist(Settings(strategy="no", strategy_dir=str(tmp_path)), inbox, None, inbox.notes.append)


def test_a_restart_runs_the_code_it_began_with(begin, author, inbox, look):
    settings = author(LONG)
    strategist = begin(settings)
    Path(settings.strategy_dir, "author.py").write_text("raise ValueError", encoding="utf-8")
    os.kill(strategist.pid, signal.SIGKILL)
    assert isinstance(inbox.next(), Faulted)
    assert isinstance(inbox.next(), StrategistRestarted)
    strategist.submit(look("BTC", 3))
    assert isinstance(inbox.next(), Signalled)


def test_the_child_sees_neither_key_nor_proxy(begin, author, inbox, look, monkeypatch):
    monkeypatch.setenv("HYPERLIQUID_PRIVATE_KEY", "0x" + "ab" * 32)
    monkeypatch.setenv("HTTPS_PROXY", "proxy.invalid")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    strategist = begin(author("return self.wishes(bars, long=True, reason=' '.join(sorted(os.environ)))"))
    strategist.submit(look("BTC", 3))
    seen = set(inbox.next().signal.reason.split())
    assert seen <= set(environment()) | {"LC_CTYPE"}
    assert "LC_ALL" in seen
    assert not seen & {"HYPERLIQUID_PRIVATE_KEY", "HTTPS_PROXY", "HOME"}


def test_the_child_stands_back_behind_the_bot(begin, author, inbox, look):
    strategist = begin(author("return self.wishes(bars, long=True, reason=f'{os.nice(0)} {os.getsid(0)}')"))
    strategist.submit(look("BTC", 3))
    niceness, session = inbox.next().signal.reason.split()
    assert int(niceness) >= min(os.nice(0) + 5, 19)
    assert int(session) != os.getsid(0)


def test_a_stopped_strategist_leaves_no_process(begin, author, inbox, look):
    body = "forked = os.fork()\nif forked == 0: signal.pause()\n"
    strategist = begin(author(body + "return self.wishes(bars, long=True, reason=str(forked))"))
    pid = strategist.pid
    strategist.submit(look("BTC", 3))
    forked = int(inbox.next().signal.reason)
    strategist.stop()
    assert not is_running(pid)
    until(lambda: not is_running(forked))
    strategist.stop()
    strategist.submit(look("BTC", 3))
    assert inbox.empty


def test_a_strategist_that_was_never_started_can_be_stopped(author, inbox):
    Strategist(author(LONG), inbox, None, inbox.notes.append).stop()


def test_before_there_is_a_clock_nothing_is_put(author, inbox, look):
    strategist = Strategist(author(LONG), inbox, None, inbox.notes.append, limits=QUICK)
    strategist.start()
    strategist.ready()
    strategist.use_clock(SettableClock(5))
    strategist.submit(look("BTC", 3))
    assert inbox.next().at_ms == 5
    strategist.stop()


def test_the_child_ends_when_the_bot_is_killed(author, look):
    settings = author("while True: pass")
    program = f"""
import sys
from tidegate.clock import SettableClock
from tidegate.model.settings import Settings
from tidegate.strategist import Limits, Strategist
settings = Settings(strategy="author", strategy_dir={settings.strategy_dir!r})
strategist = Strategist(settings, None, SettableClock(0), lambda note: None, limits=Limits(evaluation_s=1.0))
strategist.start()
strategist.ready()
print(strategist.pid, flush=True)
sys.stdin.read()
"""
    bot = subprocess.Popen(
        [sys.executable, "-c", program], cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with bot:
        child = int(bot.stdout.readline())
        bot.kill()
    until(lambda: not is_running(child))


def test_a_clean_start_tells_what_was_loaded(begin, author, inbox):
    begin(author(LONG))
    assert inbox.notes[0].text.startswith("author number=1, needs 1 bars, sha256 ")
