"""kill -9 at any moment and at twelve named ones: nothing doubled, nothing lost, nothing uncovered, nothing to repair.

`make kill` plays 200 random deaths and ten at each point; `make test` a few of them.
"""

import os
import random
from pathlib import Path

import pytest

from tests.kill.life import WIDE, lives_in
from tests.kill.victim import POINTS, RARE

pytestmark = pytest.mark.e2e
ALL = os.environ.get("KILLS") == "all"
ROUNDS, DEATHS, AT_EACH_POINT = (20, 10, 10) if ALL else (1, 3, 1)
SHORT = ("after the journal's commit", "after the send", "during an exit", "during a migration")
PLAYED = POINTS if ALL or os.environ.get("KILLS") == "points" else SHORT


@pytest.mark.parametrize("seed", range(1, ROUNDS + 1))
def test_a_bot_that_is_killed_at_random_doubles_loses_and_uncovers_nothing(seed: int, tmp_path: Path) -> None:
    rng = random.Random(seed)
    with lives_in(tmp_path, seed) as lives:
        for _ in range(DEATHS):
            lives.for_a_while(rng)
            if rng.random() < 0.3:
                lives.settle()
        lives.settle()
        lives.judge()
    assert lives.kills == DEATHS


@pytest.mark.parametrize("point", PLAYED)
def test_a_bot_that_is_killed_at_a_named_point_doubles_loses_and_uncovers_nothing(point: str, tmp_path: Path) -> None:
    for number in range(AT_EACH_POINT):  # a fresh exchange and an empty folder each
        folder = tmp_path / str(number)
        folder.mkdir()
        with lives_in(folder, 100 + number) as lives:
            rare = point in RARE
            lives.until_point(point, 1 if rare else 1 + number % 3, WIDE if rare else {})
            lives.settle()
            lives.judge()
