"""An exit is lost on its way, and the bot lives on or is killed in the same moment: the crossing is not forgotten."""

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.scene import Scene, scene_in
from tests.kill.life import VICTIM

pytestmark = pytest.mark.e2e
ORDER = {"action": "order"}
ASKED_WITHIN_MS = 5_000


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """One exchange, one bot; the market stays far from the resting stop."""
    with scene_in(tmp_path, {}) as one:
        yield one


def test_an_exit_lost_on_a_live_socket_is_made_good_by_its_own_bytes_within_seconds(scene: Scene) -> None:
    scene.start_covered()
    number = scene.fault("drop_request", match=ORDER)
    scene.touch_the_stop()
    scene.struck(number)
    scene.flat()
    scene.recovered()
    scene.hear("unknown to the exchange: sending the same bytes again")
    scene.judge()
    assert len(scene.sees.exits) == 1
    assert scene.took_ms is not None
    assert scene.took_ms < ASKED_WITHIN_MS


def test_an_exit_lost_in_the_moment_of_a_kill_is_completed_by_the_next_life(scene: Scene) -> None:
    scene.start_covered(command=[sys.executable, str(VICTIM), "run"], CRASH_AT="during an exit:1")
    scene.fault("drop_request", match=ORDER)
    scene.touch_the_stop()
    scene.ends(-signal.SIGKILL)
    scene.no_faults()
    scene.strike()
    assert scene.sees.sizes["BTC"], "the exit never arrived"
    scene.start()
    scene.hear(r"its exit \(stop_loss\) was under way and goes on")
    scene.flat()
    scene.recovered()
    scene.judge()
    assert len(scene.sees.exits) == 1
