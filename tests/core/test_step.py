"""Whatever happens, in whatever order: `step` answers, and no law is broken (see `worlds.laws`)."""

import typing

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.core.storms import Step, blow, storms
from tests.core.worlds import D, started
from tidegate.core.step import _HANDLERS
from tidegate.model.events import Event
from tidegate.model.settings import StopPriceSource

STORM = settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def test_every_kind_of_fact_has_a_handler() -> None:
    assert set(_HANDLERS) == set(typing.get_args(Event))


@STORM
@given(storms(), st.sampled_from(StopPriceSource), st.booleans())
def test_every_fact_is_handled_in_every_phase(storm: list[Step], source: StopPriceSource, trailing: bool) -> None:
    world = started("BTC", "ETH", stop_price_source=source, trailing_stop_pct=D(2) if trailing else D(0))
    blow(world, storm)
