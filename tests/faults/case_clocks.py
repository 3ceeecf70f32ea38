"""Clocks that are off, that step, that disagree (74), and a second bot on the same wallet (75)."""

import signal
import sqlite3
import sys
import time
from contextlib import closing
from pathlib import Path

from tests.faults.cases import case
from tests.faults.scene import COIN, Scene

SPOILED = [sys.executable, str(Path(__file__).with_name("spoiled.py")), "run"]
CLOSED = r"\[exit\] BTC closed by stop_loss"
HOURS_S = 7_200
NEAR_MS = 120_000
CALENDAR = "the machine's calendar clock"
STEADY = "the machine's steady clock"


def nonces(scene: Scene) -> list[int]:
    """The nonces of the bot's orders, in the order in which they were made."""
    with closing(sqlite3.connect(scene.folder / "data" / "tidegate.db")) as database:
        return [nonce for (nonce,) in database.execute("SELECT nonce FROM orders ORDER BY created_ms") if nonce]


def by_exchange_time(scene: Scene) -> None:
    """Every nonce is near the exchange's time, and none is lower than the one before."""
    now_ms = scene.net.call(lambda localnet: localnet.exchange.now_ms)
    used = nonces(scene)
    assert used
    assert used == sorted(used)
    assert all(abs(nonce - now_ms) < NEAR_MS for nonce in used)


def off_from_the_start(scene: Scene, seconds: int) -> None:
    """A whole trade by a calendar clock that is off."""
    scene.strike()
    scene.start_covered(command=SPOILED, SPOILT=f"wall={seconds}")
    scene.touch_the_stop()
    scene.hear(CLOSED)
    scene.flat()
    scene.recovered()
    scene.until(lambda: not scene.status()["positions"], "everything is written down")
    by_exchange_time(scene)


USUAL = "the exchange's time counts: a usual trade, nonces by it"


@case(74, CALENDAR, done="2 h ahead", expected=USUAL)
def ahead(scene: Scene) -> None:
    off_from_the_start(scene, HOURS_S)


@case(74, CALENDAR, done="2 h behind", expected=USUAL)
def behind(scene: Scene) -> None:
    off_from_the_start(scene, -HOURS_S)


@case(74, CALENDAR, done="5 s behind", expected=USUAL)
def a_little_behind(scene: Scene) -> None:
    off_from_the_start(scene, -5)


@case(
    74,
    CALENDAR,
    done="steps back by 2 h while a position is open; the stop is touched",
    expected="closed at once; nonces go on rising",
    short=True,
)
def steps_back(scene: Scene) -> None:
    scene.start_covered(command=SPOILED, SPOILT=f"wall@-{HOURS_S}")
    scene.bot.send(signal.SIGUSR1)
    scene.strike()
    scene.touch_the_stop()
    scene.hear(CLOSED)
    scene.flat()
    scene.recovered()
    scene.until(lambda: not scene.status()["positions"], "everything is written down")
    by_exchange_time(scene)


@case(
    74,
    CALENDAR,
    done="2 h ahead, then kill -9 and a start 2 h behind, with a position open; the stop is touched",
    expected="adopted and closed; the nonces of the second life are above those of the first",
)
def steps_back_between_two_lives(scene: Scene) -> None:
    scene.start_covered(command=SPOILED, SPOILT=f"wall={HOURS_S}")
    scene.dies()
    scene.strike()
    scene.start(command=SPOILED, SPOILT=f"wall=-{HOURS_S}")
    scene.hear(r"\[risk\] BTC: the exchange confirms a resting stop")
    scene.touch_the_stop()
    scene.hear(CLOSED)
    scene.flat()
    scene.recovered()
    scene.until(lambda: not scene.status()["positions"], "everything is written down")
    by_exchange_time(scene)


def corrected(scene: Scene, seconds: int) -> None:
    """The steady clock jumps with a position open; the bot finds out, and goes on as before."""
    scene.start_covered(command=SPOILED, SPOILT=f"clock@{seconds}")
    scene.bot.send(signal.SIGUSR1)
    scene.strike()
    scene.hear(r"ALERT our clock was .* s (ahead|behind), corrected")
    scene.recovered()
    assert scene.sees.is_covered(COIN)
    scene.fault("kill_stop")
    scene.until(lambda: len(scene.sees.stops) == 2, "the stop is placed again")
    scene.covered()
    scene.touch_the_stop()
    scene.hear(CLOSED)
    scene.flat()
    assert len(scene.sees.exits) == 1


FOUND = "found out with the next view of the account: corrected, alert; protection goes on by the right time"


@case(74, STEADY, done="jumps ahead by 5 s", expected=FOUND)
def jumps_a_little(scene: Scene) -> None:
    corrected(scene, 5)


@case(74, STEADY, done="jumps ahead by 2 h", expected=f"{FOUND}; no entries until it is confirmed")
def jumps_ahead(scene: Scene) -> None:
    corrected(scene, HOURS_S)


@case(74, STEADY, done="falls back by 2 h", expected=f"{FOUND}; no entries until it is confirmed")
def falls_back(scene: Scene) -> None:
    corrected(scene, -HOURS_S)


TWO = "two bots on one wallet"
STARTED_FOR_S = 22.0
"""So long after its start a bot knows that an order cannot be one that an earlier session of its own left behind."""
NOTICED = r"second bot: .*another bot seems to trade with this wallet"


@case(75, TWO, done="a second one on this machine", expected="refused with one line, exit code 5", short=True)
def on_one_machine(scene: Scene) -> None:
    scene.start_covered()
    folder = scene.folder / "second"
    folder.mkdir()
    scene.strike()
    second = scene.another(folder)
    assert second.ends() == 5, second.screen
    scene.recovered()
    assert "another bot on this machine already trades" in second.screen
    assert len(scene.sees.entries) == 1


@case(
    75,
    TWO,
    done="a second one on another machine, with the same settings; a position of both is enlarged by hand",
    expected="each sees the other's stop: both alert and stop entering within 60 s; covered all the time",
)
def on_two_machines(scene: Scene) -> None:
    scene.start_covered()
    folder = scene.folder / "second"
    elsewhere = folder / "tmp"
    elsewhere.mkdir(parents=True)
    second = scene.another(folder, TMPDIR=str(elsewhere))
    second.wait_for(r"\[risk\] BTC: the exchange confirms a resting stop")
    until_s = time.monotonic() + STARTED_FOR_S
    scene.until(lambda: time.monotonic() >= until_s, "both run for a while")
    scene.fault("user.trade enlarge", at_once=True)
    scene.hear(NOTICED)
    second.wait_for(NOTICED)
    scene.recovered()
    assert scene.took_ms is not None
    assert scene.took_ms < 60_000
    scene.covered()
    assert len(scene.sees.entries) == 1
    assert "Traceback" not in second.screen


@case(
    75,
    TWO,
    done="a second one on another machine, in another coin",
    expected="its entry is noticed: alert, no more entries here",
)
def in_another_coin(scene: Scene) -> None:
    scene.start_covered()
    until_s = time.monotonic() + STARTED_FOR_S
    scene.until(lambda: time.monotonic() >= until_s, "it runs for a while")
    folder = scene.folder / "second"
    elsewhere = folder / "tmp"
    elsewhere.mkdir(parents=True)
    scene.strike()
    second = scene.another(folder, TMPDIR=str(elsewhere), COINS="ETH")
    scene.hear(NOTICED)
    scene.recovered()
    second.wait_for(r"\[risk\] ETH: the exchange confirms a resting stop")
    assert scene.sees.is_covered(COIN)
