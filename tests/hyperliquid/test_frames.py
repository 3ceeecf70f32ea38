"""Frames, typed: of a book only the top is read, and it is what reading all of it would give."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.hyperliquid import frames
from tidegate.hyperliquid.frames import Level
from tidegate.hyperliquid.seen import SeenPrints

prices = st.decimals("0.001", "99999", places=3).map(str) | st.sampled_from(
    ["1e3", "007", "0", "NaN", 12.5, "-1", " 1"]
)
rows = st.fixed_dictionaries(
    {"px": prices, "sz": st.just("1.5"), "n": st.integers(1, 9)},
    optional={"who": st.text(max_size=5), "more": st.just({"of": ["}", "{"]})},
)
levels = st.lists(rows | rows.map(lambda row: dict(reversed(row.items()))), max_size=4)


def book(bids: Any, asks: Any, **style: Any) -> bytes:
    data = {"coin": "BTC", "time": 1, "levels": [bids, asks]}
    return json.dumps({"channel": "l2Book", "data": data}, **style).encode()


@given(levels, levels, st.sampled_from([None, 1]), st.sampled_from([(",", ":"), (" , ", " : ")]))
def test_the_top_of_a_book_is_what_reading_all_its_levels_would_give(bids, asks, indent, separators):
    frame = frames.decode(book(bids, asks, indent=indent, separators=separators))
    assert isinstance(frame, frames.L2Book)
    try:
        best = [
            msgspec.json.decode(json.dumps(side), type=list[Level])[0].px if side else None for side in (bids, asks)
        ]
    except msgspec.ValidationError:
        with pytest.raises(msgspec.DecodeError):
            frame.data.touch()
    else:
        assert [str(each) for each in frame.data.touch()] == [str(each) for each in best]


@pytest.mark.parametrize("side", [{"px": "1"}, [["1"]], [{"px": "x"}], [{"sz": "1"}], ["{}"], "[{}]", None, [None], 7])
def test_what_is_no_list_of_levels_is_not_taken_for_one(side):
    with pytest.raises(msgspec.DecodeError):
        frames.decode(book(side, [])).data.touch()


@given(
    st.lists(
        st.tuples(st.sampled_from([0, 1, 2**53]), st.sampled_from("ABC"), st.sampled_from([1, 2, 2**63 - 1])),
        max_size=40,
    )
)
def test_prints_are_told_apart_by_time_coin_and_number_as_their_tuples_would_be(prints):
    known: set[tuple[int, str, int]] = set()
    memory = SeenPrints()
    for each in prints:
        assert memory.is_new(*each) is (each not in known)
        known.add(each)
    assert len(memory) == len(known)


@given(
    st.lists(st.tuples(st.integers(0, 30), st.sampled_from("AB"), st.integers(1, 12)), max_size=200),
    st.integers(1, 20),
)
def test_of_prints_at_least_the_newest_are_remembered_and_at_most_twice_as_many_of_each_sort(prints, size):
    newest: list[tuple[int, str, int]] = []
    memory = SeenPrints(size)
    for each in prints:
        if each in newest[-(size - 1) :] and size > 1:
            assert not memory.is_new(*each), "it was among the newest"
        elif memory.is_new(*each):
            newest.append(each)
    assert len(memory) <= 4 * size, "those with a namesake have a memory of their own"
