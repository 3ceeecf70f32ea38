"""The bot's own process: killed at named points, ended, left without a terminal, suspended (71, 72)."""

import re
import signal
import sys
import time
from decimal import Decimal
from pathlib import Path

from tests.faults.cases import case
from tests.faults.scene import COIN, Scene
from tests.kill.life import SPEED, WIDE, Lives
from tests.kill.victim import POINTS, RARE

RECOVERED = r"\[risk\] BTC: the exchange confirms a resting stop"
TERMINAL = Path(__file__).with_name("terminal.py")
BOT = Path(__file__).resolve().parents[2] / "bot.py"
ASLEEP_S = 20.0
ASLEEP_MIN_S = 7.0
MINUTE_S = 60.0
CLOSED_S = 2.0
"""So long after the end of a minute its candle is asked for, and more."""
NEAR = Decimal("0.02")
FRESH_MS = 2_000


def killed_at(point: str, *, short: bool) -> None:
    """One case of 71: the bot dies there, the next one finds everything."""

    def play(scene: Scene) -> None:
        lives = Lives(scene.net, scene.folder, scene.sees)
        lives.until_point(point, 1, WIDE if point in RARE else {})
        scene.strike()
        lives.settle()
        scene.recovered()

    play.__name__ = "killed_" + "_".join(re.findall(r"[a-z]+", point))
    case(
        71,
        "kill -9",
        done=point,
        expected="started again: nothing doubled, nothing lost, covered within 5 s, nothing to repair",
        short=short,
        speed=SPEED,
    )(play)


for each in POINTS:
    killed_at(each, short=each == "between the entry's fill and its stop")


END = "the process is asked to end"
LEFT = "no more entries, exit code 0 within 10 s; the position keeps its stop, the next start adopts both"


def ended_by(scene: Scene, number: signal.Signals) -> None:
    """A signal ends the bot; the exchange keeps the stop; the next bot knows both."""
    scene.start_covered()
    stops = len(scene.sees.stops)
    scene.strike()
    scene.bot.send(number)
    scene.ends(0)
    scene.recovered()
    assert scene.took_ms is not None
    assert scene.took_ms < 10_000
    taken_over(scene, stops)


def taken_over(scene: Scene, stops: int) -> None:
    """The position is there with its stop and the next bot goes on with both."""
    assert scene.sees.is_covered(COIN)
    scene.start()
    scene.hear(r"\[account\] BTC: position of .* adopted \(known from an earlier run\).*resting stop recognised")
    scene.hear(RECOVERED)
    assert len(scene.sees.stops) == stops
    assert len(scene.sees.entries) == 1


@case(72, END, done="SIGTERM with a position open", expected=LEFT, short=True)
def terminated(scene: Scene) -> None:
    ended_by(scene, signal.SIGTERM)


@case(72, END, done="SIGHUP with a position open", expected=LEFT)
def hung_up(scene: Scene) -> None:
    ended_by(scene, signal.SIGHUP)


@case(72, END, done="Ctrl-C twice", expected="the second one forces it, exit code 130; the next start adopts")
def forced(scene: Scene) -> None:
    scene.start_covered()
    stops = len(scene.sees.stops)
    # An order on its way holds up leaving: there is a second to be impatient in.
    scene.fault("accept_then_timeout", match={"action": "order"})
    scene.touch_the_stop()
    scene.until(lambda: len(scene.sees.exits) == 1, "an exit on its way")
    scene.strike()
    scene.bot.send(signal.SIGINT)
    scene.bot.send(signal.SIGINT)
    found = scene.bot.ends()
    assert found in (0, 130), scene.bot.screen
    scene.ends(found)
    scene.recovered()
    scene.start()
    scene.hear(r"\[stream\] listening")
    scene.flat()
    assert len(scene.sees.stops) == stops


@case(72, "the terminal is closed", done="the window is closed with a position open", expected=LEFT)
def terminal_closed(scene: Scene) -> None:
    scene.start_covered(command=[sys.executable, str(TERMINAL), sys.executable, str(BOT)])
    stops = len(scene.sees.stops)
    scene.strike()
    scene.bot.send(signal.SIGUSR1)
    scene.ends(0)
    scene.recovered()
    taken_over(scene, stops)


@case(
    72,
    "the terminal is closed",
    done="what reads its output goes away (a pipe into head)",
    expected="the log files tell on, the stop still fires",
)
def output_closed(scene: Scene) -> None:
    scene.start_covered(command=[sys.executable, str(TERMINAL), "--pipe", sys.executable, str(BOT)])
    scene.bot.send(signal.SIGUSR1)
    scene.strike()
    scene.touch_the_stop()
    scene.flat()
    log = scene.folder / "logs" / "bot.log"
    scene.until(lambda: "[exit] BTC closed by stop_loss" in log.read_text(), "the log file tells of the exit")
    scene.recovered()


def asleep(scene: Scene, until_s: float) -> None:
    """The process stands still until that moment of the monotonic clock."""
    scene.until(lambda: time.monotonic() >= until_s, "it has slept")
    scene.strike()
    scene.bot.send(signal.SIGCONT)


@case(
    72,
    "the machine sleeps",
    done=f"suspended for {ASLEEP_S:g} s with a position open; the stop is touched after it woke",
    expected="covered while it sleeps; at waking streams and account are asked anew, the exit goes once",
)
def asleep_with_a_position(scene: Scene) -> None:
    scene.start_covered()
    scene.bot.send(signal.SIGSTOP)
    asleep(scene, time.monotonic() + ASLEEP_S)
    assert scene.sees.is_covered(COIN)
    scene.hear(r"standstill: nothing ran here for")
    scene.until(lambda: is_fresh(scene), "the stream is up and prices are new")
    scene.touch_the_stop()
    scene.hear(r"\[exit\] BTC closed by stop_loss")
    scene.flat()
    scene.recovered()
    assert len(scene.sees.exits) == 1


def is_fresh(scene: Scene) -> bool:
    """Whether the bot hears prices again, by its own word."""
    told = scene.status()
    return bool(told["stream_up"]) and time.time() * 1000 - told["wall_ms"] < FRESH_MS


@case(
    72,
    "the machine sleeps",
    done="suspended while flat, until a new bar has closed",
    expected="what was known is stale: a new price and a new view of the account come before the entry",
)
def asleep_before_an_entry(scene: Scene) -> None:
    halt = scene.folder / "HALT"
    halt.touch()
    scene.start()
    scene.hear(r"\[risk\] BTC long refused: HALT file")
    halt.unlink()
    scene.hear(r"HALT file lifted")
    scene.bot.send(signal.SIGSTOP)
    left_s = MINUTE_S - time.time() % MINUTE_S
    asleep(scene, time.monotonic() + max(left_s + CLOSED_S, ASLEEP_MIN_S))
    scene.hear(r"standstill: nothing ran here for")
    scene.hear(r"\[decision\] BTC long: ")
    scene.hear(RECOVERED)
    scene.recovered()
    (entry,) = scene.sees.entries
    bid = Decimal(scene.bids()[0]["px"])
    assert abs(Decimal(entry["limitPx"]) / bid - 1) < NEAR
