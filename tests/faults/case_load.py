"""More than the bot can take at once, and a thread of its own that dies (16, 17, 21, 22)."""

import signal
import sys
import time
from pathlib import Path

from tests.e2e.as_testnet import command_line
from tests.faults.case_settings import AGENT, MASTER, of_wallet, prepare
from tests.faults.case_stream import BACK, STOPPED, leaves_once
from tests.faults.cases import case
from tests.faults.scene import COIN, Scene

SPOILED = [sys.executable, str(Path(__file__).with_name("spoiled.py")), "run"]
PRINTS = {"coin": COIN, "channel": "trades"}
ASLEEP_S = 10
KIB_MAX = 20 * 1024
"""By so much the bot's memory may grow."""
SOON_MS = 10_000


def memory_kib(scene: Scene) -> int:
    """The memory that the bot has in use."""
    lines = Path(f"/proc/{scene.bot.process.pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


def is_fresh(scene: Scene) -> bool:
    """Whether the bot has heard the newest prints, by its own word."""
    told = scene.status()
    return abs(told["coins"][0]["heard_ms"] - told["at_ms"]) < SOON_MS


@case(
    16,
    "a slow consumer",
    done=f"the main thread is busy for {ASLEEP_S} s while prints come five thousandfold; the stop is touched",
    expected="the crossing is kept and acted on at waking, once; memory grows by less than 20 MB",
)
def main_thread_busy(scene: Scene) -> None:
    scene.start_covered(command=SPOILED, SPOILT=f"main@{ASLEEP_S}")
    before = memory_kib(scene)
    scene.bot.send(signal.SIGUSR1)
    wakes_s = time.monotonic() + ASLEEP_S
    scene.fault("ws.burst count=5000", match=PRINTS, for_s=ASLEEP_S - 2, times=None)
    scene.touch_the_stop()
    scene.until(lambda: time.monotonic() >= wakes_s, "it is awake")
    scene.strike()
    scene.hear(STOPPED)
    scene.flat()
    scene.until(lambda: is_fresh(scene), "prices are new again")
    scene.recovered()
    assert len(scene.sees.exits) == 1
    assert memory_kib(scene) - before < KIB_MAX


@case(
    17,
    "a burst",
    done="50 000 prints at once, and right behind them one that touches the stop",
    expected="the exit goes, once; prices are new again soon; memory grows by less than 20 MB",
    short=True,
)
def burst(scene: Scene) -> None:
    scene.start_covered()
    before = memory_kib(scene)
    number = scene.fault("ws.burst count=50000", match=PRINTS, times=1)
    scene.struck(number)
    scene.touch_the_stop()
    scene.hear(STOPPED)
    scene.flat()
    scene.until(lambda: is_fresh(scene), "prices are new again")
    scene.recovered()
    assert len(scene.sees.exits) == 1
    assert memory_kib(scene) - before < KIB_MAX
    assert scene.status()["stream"]["reconnects"] == 0


THREAD = "the stream's thread dies"
MENDED = "told; replaced within 5 s and streaming again; the stop still fires, once"


def of_the_thread(scene: Scene, how: str, words: str) -> None:
    """Something happens to the thread that streams, with a position open."""
    scene.start_covered(command=SPOILED, SPOILT=f"stream@{how}")
    scene.bot.send(signal.SIGUSR1)
    scene.strike()
    scene.hear(words)
    scene.hear(BACK)
    scene.recovered()
    leaves_once(scene)


@case(21, THREAD, done="a MemoryError in it", expected=MENDED, short=True)
def memory_error(scene: Scene) -> None:
    of_the_thread(scene, "raises", r"stream: MemoryError")


@case(21, THREAD, done="it ends without a word", expected=MENDED)
def thread_ends(scene: Scene) -> None:
    scene.crash_is_expected = True
    of_the_thread(scene, "ends", r"the stream's thread has died and is replaced")


@case(
    21,
    THREAD,
    done="it stands still for 8 s",
    expected="told after 5 s, prices by REST meanwhile; when it goes on it connects anew; the stop still fires, once",
)
def thread_hangs(scene: Scene) -> None:
    of_the_thread(scene, "hangs", r"\[stream\] down: the stream's thread has stood still for 5 s; polling BTC by REST")


NOWHERE = "http://127.0.0.1:9"
VARIABLES = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"), NOWHERE)
IN_THE_WAY = "proxy variables of the environment"


@case(22, IN_THE_WAY, done="they name a proxy that is not there", expected="not used: a usual trade, REST and stream")
def proxy_variables(scene: Scene) -> None:
    scene.strike()
    scene.start_covered(**VARIABLES)
    leaves_once(scene)
    scene.recovered()


@case(22, IN_THE_WAY, done="the same on testnet", expected="told at the start, with the setting that would be used")
def proxy_variables_told(scene: Scene) -> None:
    prepare(scene)
    environ = of_wallet(AGENT, MASTER.address.lower(), "testnet", scene.folder)
    scene.strike()
    scene.start(command=command_line(scene.net.url), LOCALNET_URL="", **environ, **VARIABLES)
    scene.hear(r"testnet \(.*, directly: .*HTTP_PROXY.* of the environment not used, PROXY would be\)")
    scene.hear(r"\[stream\] listening: BTC")
    scene.recovered()
