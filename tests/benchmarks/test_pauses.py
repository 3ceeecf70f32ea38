"""The benchmark of the collector's pauses measures what it says; no time is judged here."""

import gc

import pytest

from benchmarks import pauses


@pytest.fixture(autouse=True)
def the_collector_as_it_was():
    before, callbacks = gc.get_threshold(), list(gc.callbacks)
    yield
    gc.callbacks[:] = callbacks
    gc.set_threshold(*before)
    gc.unfreeze()


@pytest.mark.parametrize("way", pauses.WAYS)
def test_every_way_has_pauses_to_show(way):
    assert len(pauses.measured(way, 6_000)) > 10
