"""The base class: how wishes are put together, and the words that strategies are written in."""

from dataclasses import FrozenInstanceError, dataclass

import numpy as np
import pandas as pd
import pytest

from tidegate.errors import ConfigError
from tidegate.strategy import (
    WISH_COLUMNS,
    Strategy,
    crossed_above,
    crossed_below,
    param,
    price_text,
    reason_at,
    side_of,
)

NAN = float("nan")


@dataclass(frozen=True)
class Sample(Strategy):
    """The first line.

    And more.
    """

    fast: int = param(3, low=1, high=50)
    slow: int = param(9, low=2, high=50)

    def problems(self) -> list[str]:
        return [] if self.fast < self.slow else [f"fast={self.fast} must be less than slow={self.slow}"]


@dataclass(frozen=True)
class Late(Strategy):
    @property
    def warm_up_bars(self) -> int:
        return 3


def bars_of(*closes: float) -> pd.DataFrame:
    index = pd.date_range("2026-01-01", periods=len(closes), freq="5min", tz="UTC")
    close = np.array(closes, dtype=float)
    columns = {"open": close, "high": close + 1, "low": close - 1, "close": close, "volume": 1.0}
    return pd.DataFrame(columns, index=index)


BARS = bars_of(1, 2, 3, 4)


def yes(*values: object) -> pd.Series:
    return pd.Series(values, index=BARS.index)


def wants(wishes: pd.DataFrame) -> list[str]:
    return list(wishes["want"])


def test_wishes_have_one_row_a_bar_on_the_bars_own_index():
    wishes = Strategy().wishes(BARS)
    assert wishes.index.equals(BARS.index)
    assert tuple(wishes.columns) == WISH_COLUMNS
    assert wants(wishes) == ["hold"] * 4


def test_an_entry_goes_before_flat():
    wishes = Strategy().wishes(BARS, short=yes(False, True, False, True), flat=yes(True, True, False, False))
    assert wants(wishes) == ["flat", "short", "hold", "short"]


def test_a_bar_that_wishes_long_and_short_wishes_nothing():
    wishes = Strategy().wishes(BARS, long=yes(True, True, False, False), short=yes(True, False, True, False))
    assert wants(wishes) == ["hold", "long", "short", "hold"]


@pytest.mark.parametrize("column", [(NAN, 1.0, 0.0, NAN), (None, True, False, None), (pd.NA, True, False, pd.NA)])
def test_what_is_missing_is_no(column):
    assert wants(Strategy().wishes(BARS, long=yes(*column))) == ["hold", "long", "hold", "hold"]


def test_a_boolean_stands_for_every_bar():
    assert wants(Strategy().wishes(BARS, long=True, short=False)) == ["long"] * 4


def test_bars_of_the_warm_up_wish_nothing():
    assert wants(Late().wishes(BARS, long=True)) == ["hold", "hold", "long", "long"]


@pytest.mark.parametrize("stop", [NAN, float("inf"), 0.0, -1.0])
def test_an_entry_whose_stop_is_unusable_is_no_entry(stop):
    wishes = Strategy().wishes(BARS, long=True, stop=yes(0.5, stop, 0.5, 0.5))
    assert wants(wishes) == ["long", "hold", "long", "long"]
    assert wishes["reason"].iloc[1] == "no entry: the stop is not a positive price"


@pytest.mark.parametrize("fraction", [NAN, 0.0, -0.1, 1.1, float("inf")])
def test_an_entry_with_an_impossible_size_fraction_is_no_entry(fraction):
    wishes = Strategy().wishes(BARS, long=True, size_fraction=yes(0.5, fraction, 1.0, 0.01))
    assert wants(wishes) == ["long", "hold", "long", "long"]


def test_adding_goes_behind_every_other_wish_and_needs_no_stop_but_a_fraction():
    wishes = Strategy().wishes(
        BARS,
        long=yes(True, False, False, False),
        flat=yes(False, True, False, False),
        add=True,
        stop=yes(1, NAN, NAN, NAN),
        size_fraction=yes(1, 1, 0.5, 0),
    )
    assert wants(wishes) == ["long", "flat", "add", "hold"]


def test_leaving_needs_no_stop():
    assert wants(Strategy().wishes(BARS, flat=True, stop=yes(NAN, NAN, NAN, NAN))) == ["flat"] * 4


def test_a_reason_is_asked_only_for_the_row_that_somebody_reads():
    asked = []

    def reason(row: int) -> str:
        asked.append(row)
        return f"row {row}"

    wishes = Strategy().wishes(BARS, long=True, reason=reason)
    assert asked == []
    assert [reason_at(wishes, 3), reason_at(wishes, 1)] == ["row 3", "row 1"]
    assert asked == [3, 1]


def test_why_an_entry_is_refused_goes_before_the_strategys_own_reason():
    wishes = Strategy().wishes(BARS, long=True, stop=yes(NAN, 1, 1, 1), reason=lambda row: "up")
    assert [reason_at(wishes, 0), reason_at(wishes, 1)] == ["no entry: the stop is not a positive price", "up"]


def test_a_frame_without_reasons_has_none():
    assert reason_at(Strategy().wishes(BARS, long=True), 0) == ""
    assert reason_at(pd.DataFrame({"want": ["long"]}), 0) == ""


def test_a_reason_may_be_one_sentence_or_one_a_bar():
    assert Strategy().wishes(BARS, long=True, reason="because")["reason"].iloc[0] == "because"
    assert list(Strategy().wishes(BARS, long=True, reason=yes("a", "b", "c", "d"))["reason"]) == ["a", "b", "c", "d"]


def test_a_column_of_another_length_is_an_error():
    with pytest.raises(ValueError, match="4 bars, 2 values"):
        Strategy().wishes(BARS, long=pd.Series([True, False]))
    with pytest.raises(ValueError, match="4 bars, 2 values"):
        Strategy().wishes(BARS, long=True, stop=pd.Series([1.0, 2.0]))


def test_no_bars_give_no_wishes():
    empty = BARS.iloc[:0]
    assert len(Strategy().wishes(empty, long=True, stop=empty["close"], reason="x")) == 0


def test_a_crossing_is_seen_on_the_bar_after_which_the_lines_have_changed_places():
    line, other = yes(1.0, 3.0, 3.0, 1.0), yes(2.0, 2.0, 2.0, 2.0)
    assert list(crossed_above(line, other)) == [False, True, False, False]
    assert list(crossed_below(line, other)) == [False, False, False, True]
    assert list(crossed_above(line, 2.0)) == [False, True, False, False]


def test_leaving_a_touch_upwards_is_a_crossing_and_arriving_at_one_is_not():
    assert list(crossed_above(yes(1.0, 2.0, 3.0, 3.0), 2.0)) == [False, False, True, False]


def test_nothing_crosses_what_is_not_known():
    assert not crossed_above(yes(NAN, 3.0, NAN, 3.0), 2.0).any()
    assert not crossed_below(yes(3.0, 1.0, 3.0, 1.0), yes(NAN, 2.0, NAN, 2.0)).any()


def test_the_side_is_the_one_entered_last():
    assert list(side_of(yes(False, True, False, False), yes(False, False, False, True))) == [0, 1, 1, -1]


@pytest.mark.parametrize(
    ("price", "text"),
    [
        (105210.34, "105,210.3"),
        (3456.789123, "3,456.789"),
        (0.012345678, "0.01234568"),
        (100.0, "100"),
        (1234567.8, "1,234,568"),
        (NAN, "nan"),
        (0.0, "0.0"),
    ],
)
def test_a_price_is_written_with_seven_digits(price, text):
    assert price_text(price) == text


def test_parameters_are_read_from_text_with_every_problem_at_once():
    assert Sample.from_text({"fast": "5"}) == Sample(fast=5)
    with pytest.raises(ConfigError) as caught:
        Sample.from_text({"fast": "0", "slow": "x", "medium": "2"})
    assert len(caught.value.problems) == 3


def test_parameters_that_do_not_go_together_are_refused_in_the_strategys_own_words():
    with pytest.raises(ConfigError, match="STRATEGY_PARAMS: fast=9 must be less than slow=9"):
        Sample.from_text({"fast": "9"})


def test_a_strategy_describes_itself():
    assert Sample.summary() == "The first line."
    assert Sample(fast=5).values() == {"fast": 5, "slow": 9}
    assert [parameter.name for parameter in Sample.parameters()] == ["fast", "slow"]


def test_a_strategy_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        Sample().fast = 4  # type: ignore[misc]


def test_a_strategy_without_signals_says_what_is_missing():
    with pytest.raises(NotImplementedError, match="Late must define signals"):
        Late().signals(BARS)
