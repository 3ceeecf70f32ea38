"""Every fault of the table, one by one: the bot as a process, the exchange on real sockets, the time to recover."""

from pathlib import Path

import pytest

from tests.faults.cases import Case
from tests.faults.catalogue import catalogue
from tests.faults.scene import scene_in

pytestmark = pytest.mark.e2e


def parameters() -> list[object]:
    """The cases; those of the long run are marked."""
    marks = {True: (), False: (pytest.mark.long_fault,)}
    return [pytest.param(case, id=case.name, marks=marks[case.short]) for case in catalogue()]


@pytest.mark.parametrize("case", parameters())
def test_the_bot_survives_the_fault(case: Case, tmp_path: Path, record_property) -> None:
    with scene_in(tmp_path, case.settings, case.speed) as scene:
        case.play(scene)
        scene.judge()
        record_property(f"fault {case.name}", scene.took_ms)
