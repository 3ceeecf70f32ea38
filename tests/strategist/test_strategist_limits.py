"""Pauses that double, printing that is rationed: the arithmetic, without a process."""

from tidegate.strategist.limits import Limits, Pauses, Ration


def test_pauses_double_up_to_the_longest():
    pauses = Pauses(Limits(first_pause_s=0.5, longest_pause_s=3))
    assert [pauses.after(0) for _ in range(5)] == [0.5, 1, 2, 3, 3]


def test_a_child_that_served_long_enough_begins_with_a_short_pause_again():
    pauses = Pauses(Limits(first_pause_s=0.5, healthy_s=300))
    assert [pauses.after(lived_s) for lived_s in (0, 299, 300, 301, 0)] == [0.5, 1, 2, 0.5, 1]


def test_a_thousand_troubles_still_pause_no_longer_than_the_longest():
    pauses = Pauses(Limits())
    assert {pauses.after(0) for _ in range(1000)} == {0.5, 1, 2, 4, 8, 16, 32, 60}


def test_so_many_lines_a_minute_are_shown_and_the_silence_is_told_once():
    ration = Ration(2)
    assert [ration.share("x", now_s) for now_s in (0, 1, 2, 3, 59)] == [
        "x",
        "x",
        "more was printed; not shown for a minute",
        None,
        None,
    ]
    assert ration.share("x", 60) == "x"
