"""Frames, typed: of a book only the top is read, and it is what reading all of it would give."""

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.hyperliquid import frames, seen
from tidegate.hyperliquid.frames import Level
from tidegate.hyperliquid.seen import SeenPrints

levels = st.lists(
    st.fixed_dictionaries(
        {"px": st.decimals("0.001", "99999", places=3).map(str), "sz": st.just("1.5"), "n": st.integers(1, 9)},
        optional={"who": st.text(max_size=5), "more": st.just({"of": ["}", "{"]})},
    ).map(lambda row: dict(reversed(row.items()))),
    max_size=4,
)


def book(bids: Any, asks: Any, **style: Any) -> bytes:
    data = {"coin": "BTC", "time": 1, "levels": [bids, asks]}
    return json.dumps({"channel": "l2Book", "data": data}, **style).encode()


@given(levels, levels, st.sampled_from([None, 1]), st.sampled_from([(",", ":"), (" , ", " : ")]))
def test_the_top_of_a_book_is_what_reading_all_its_levels_would_give(bids, asks, indent, separators):
    frame = frames.decode(book(bids, asks, indent=indent, separators=separators))
    assert isinstance(frame, frames.L2Book)
    best = [Level(Decimal(side[0]["px"])) if side else None for side in (bids, asks)]
    assert list(frame.data.touch()) == best


@pytest.mark.parametrize("side", [{"px": "1"}, [["1"]], [{"px": "x"}], [{"sz": "1"}], ["{}"], "[{}]", None, [None], 7])
def test_what_is_no_list_of_levels_is_not_taken_for_one(side):
    with pytest.raises(msgspec.DecodeError):
        frames.decode(book(side, [])).data.touch()


@given(
    st.lists(
        st.tuples(st.sampled_from([0, 1, 2**53]), st.sampled_from("ABC"), st.sampled_from([1, 2, 2**63 - 1])),
        max_size=40,
    ),
    st.sampled_from([1, 4096]),
)
def test_prints_are_told_apart_by_time_coin_and_number_as_their_tuples_would_be(prints, numbered_max):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(seen, "NUMBERED_MAX", numbered_max)
        known: set[tuple[int, str, int]] = set()
        memory = SeenPrints()
        for each in prints:
            assert memory.is_new(*each) is (each not in known)
            known.add(each)
        assert len(memory) == len(known)
