"""What an entry has filled so far has its stop, while the rest of it still rests or is still traded, deaths included.

Judged by what the exchange saw, in virtual time; the bot dies where it stands, as by kill -9.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.research.referee import Referee
from tests.research.runs import D, holding
from tests.research.test_maker_entries import LARGE, MAKER, MakerReferee
from tests.research.test_twap_entries import PLANS as SLICED
from tests.research.test_twap_entries import TwapReferee, the_books_agree
from tidegate.core.state import State
from tidegate.localnet.arguments import MarketChoice
from tidegate.model.settings import Settings
from tidegate.research.simulation import Simulation, simulate

COVERED_WITHIN_MS = 2_000
COVERED_AFTER_A_DEATH_MS = 5_000
MINUTES_MS = 12 * 60_000
PARTLY = holding("short", **{**LARGE, **MAKER, "entry_timeout_s": D(60)})


def run(
    plan: Settings, seed: int, referee: type[Referee], folder: Path, dies: Callable[[State], bool] = lambda _: False
) -> tuple[Simulation, Any]:
    referees: list[Referee] = []

    def watch(exchange, user):
        referees.append(referee(exchange, user, plan))
        return referees[0]

    choice = MarketChoice(seed=seed, scenario="random")
    url = f"sqlite:///{folder / 'bot.db'}"
    simulation = simulate(
        plan, choice, duration_ms=MINUTES_MS, watch=watch, keep_journal=False, ledger_url=url, dies=dies
    )
    return simulation, referees[0]


class AtFirstParts:
    """Sees an entry that has filled in part while the rest of it is still there; the bot dies of the first `deaths`."""

    def __init__(self, deaths: int = 0) -> None:
        self._deaths = deaths
        self.seen: set[str] = set()

    def __call__(self, state: State) -> bool:
        for coin in state.coins.values():
            if coin.grows and coin.position.size and coin.signal_id not in self.seen:
                self.seen.add(coin.signal_id)
                return len(self.seen) <= self._deaths
        return False


@pytest.mark.parametrize("seed", [3, 5])
def test_a_maker_entry_that_filled_in_part_is_covered_while_the_rest_rests(seed: int, tmp_path: Path) -> None:
    parts = AtFirstParts()
    _, referee = run(PARTLY, seed, MakerReferee, tmp_path, parts)
    assert parts.seen, "no entry was filled in part"
    assert referee.naked_ms_max <= COVERED_WITHIN_MS


@pytest.mark.parametrize("seed", [3, 5])
def test_a_death_at_the_first_part_of_a_maker_entry_is_no_gap_in_its_cover(seed: int, tmp_path: Path) -> None:
    simulation, referee = run(PARTLY, seed, MakerReferee, tmp_path, AtFirstParts(deaths=1))
    assert simulation.deaths == 1, "no entry was filled in part"
    assert referee.naked_ms_max <= COVERED_AFTER_A_DEATH_MS


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("plan", ["long", "short", "long, by REST"])
def test_a_death_at_a_slice_leaves_a_twap_that_is_found_again(plan: str, seed: int, tmp_path: Path) -> None:
    simulation, referee = run(SLICED[plan], seed, TwapReferee, tmp_path, AtFirstParts(deaths=2))
    assert simulation.deaths
    assert simulation.said("of an earlier session is found again")
    assert referee.naked_ms_max <= COVERED_AFTER_A_DEATH_MS
    the_books_agree(simulation, referee)
