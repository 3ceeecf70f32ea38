"""Candles for who has none: made up by chance, the same for everybody, and said wherever they are used."""

import pytest

from tests.reports.samples import by_chance
from tidegate.errors import ConfigError
from tidegate.history import CANDLES_ARE, checked, load, told_of
from tidegate.model.market import Timeframe
from tidegate.reports.honesty import doubts

DAY_MS = 86_400_000


def test_a_year_is_made_up_whole_and_sound() -> None:
    found = load("made-up", "BTC", Timeframe.H1)
    assert len(found.bars) == 365 * 24
    assert not checked(found.bars.reset_index(), Timeframe.H1).remarks
    assert found.made_up
    assert "made up by chance (seed 1)" in found.remarks[0]


def test_the_same_seed_makes_the_same_candles_and_another_one_makes_others() -> None:
    one = load("made-up", "ETH", Timeframe.D1)
    assert one.sha256 == load("made-up:1", "ETH", Timeframe.D1).sha256
    assert one.sha256 != load("made-up:2", "ETH", Timeframe.D1).sha256


def test_every_time_frame_is_cut_from_the_same_minutes() -> None:
    fine, coarse = (load("made-up", "SOL", each).bars for each in (Timeframe.H1, Timeframe.D1))
    assert coarse["high"].iloc[10] == fine["high"].iloc[240:264].max()
    assert coarse["close"].iloc[10] == fine["close"].iloc[263]


def test_a_part_of_the_year_is_cut_out_of_it() -> None:
    whole = load("made-up", "BTC", Timeframe.D1).bars
    begin_ms = int(whole.index[30].timestamp() * 1000)
    part = load("made-up", "BTC", Timeframe.D1, begin_ms, begin_ms + 7 * DAY_MS)
    assert part.bars.equals(whole.iloc[30:37])


def test_a_coin_that_the_built_in_exchange_does_not_know_is_refused_with_those_that_it_does() -> None:
    with pytest.raises(ConfigError, match="NOSUCH: candles can be made up for BTC, ETH"):
        load("made-up", "NOSUCH", Timeframe.H1)


def test_a_run_remembers_that_its_candles_are_made_up_and_its_report_says_so_first() -> None:
    told = told_of([load("made-up:7", "BTC", Timeframe.D1)])
    assert told == {CANDLES_ARE: "made up, seed 7"}
    result = by_chance()
    run = result.run
    warnings = doubts(result._replace(run=type(run)(**{**vars(run), "settings": {**run.settings, **told}}))).warnings
    assert warnings[0].startswith("The candles are made up, seed 7")
