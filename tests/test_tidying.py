"""The garbage collector runs at quiet moments, and never over everything while something is at stake."""

import gc
from collections.abc import Iterator

import pytest

from tests.core.worlds import World, started
from tidegate.tidying import LOOK_EVERY_S, THOROUGH_EVERY_S, Tidying


class Monotonic:
    """A clock that the test moves."""

    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def now() -> Monotonic:
    return Monotonic()


@pytest.fixture
def tidying(now: Monotonic) -> Iterator[Tidying]:
    made = Tidying(now)
    made.begin()
    yield made
    made.end()


def warm(tidying: Tidying, **settings: object) -> World:
    world = started("BTC", "ETH", **settings)  # type: ignore[arg-type]
    world.state.is_warm = True
    tidying.quiet(world.state)
    return world


def test_python_never_looks_through_everything_by_itself(tidying: Tidying) -> None:
    before = tidying.gauges().full
    kept = [[number] for number in range(300_000)]
    assert len(kept) == 300_000
    assert tidying.gauges().full == before
    assert tidying.gauges().collections > 0


def test_what_the_start_and_the_warm_up_have_built_is_put_aside(tidying: Tidying) -> None:
    begun = tidying.gauges().put_aside
    built = [[number] for number in range(5_000)]
    warm(tidying)
    assert tidying.gauges().put_aside >= begun + len(built)
    assert tidying.gauges().longest_ms == 0.0


def test_to_show_what_was_put_aside_it_is_not_counted_again(tidying: Tidying, monkeypatch: pytest.MonkeyPatch) -> None:
    def count() -> int:
        raise AssertionError("counting takes 20 ms, and the status is written every second")

    monkeypatch.setattr(gc, "get_freeze_count", count)
    assert tidying.gauges().put_aside > 0
    held = started("BTC")
    held.hold()
    held.state.is_warm = True
    tidying.quiet(held.state)
    assert tidying.gauges().put_aside > 0


def test_cycles_go_at_a_quiet_moment_once_a_minute(tidying: Tidying, now: Monotonic) -> None:
    world = warm(tidying)
    full = tidying.gauges().full
    tidying.quiet(world.state)
    assert tidying.gauges().full == full
    now.now_s += LOOK_EVERY_S
    tidying.quiet(world.state)
    assert tidying.gauges().full == full + 1


def test_everything_is_looked_through_only_without_a_position(
    tidying: Tidying, now: Monotonic, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = warm(tidying)
    unfrozen: list[float] = []
    monkeypatch.setattr(gc, "unfreeze", lambda: unfrozen.append(now.now_s))
    world.hold()
    now.now_s += THOROUGH_EVERY_S
    tidying.quiet(world.state)
    assert not unfrozen
    flat = started("BTC", "ETH")
    flat.state.is_warm = True
    tidying.quiet(flat.state)
    assert unfrozen == [now.now_s]


def test_in_the_end_python_does_it_again_as_before() -> None:
    before = gc.get_threshold()
    tidying = Tidying()
    tidying.begin()
    assert gc.get_threshold() != before
    tidying.end()
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0
