"""The pipe's messages: whole however they arrive, refused when they are none."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.errors import Unintelligible
from tidegate.strategist.messages import (
    MESSAGE_BYTES_MAX,
    Answered,
    Bars,
    Broken,
    Failed,
    Unread,
    decode_from_child,
    decode_to_child,
    encode,
)

SENT = (
    Failed(coin="BTC", reason="because"),
    Broken(problems=("a", "b")),
    Answered(coin="ETH", candle_open_ms=60_000, bars=3, signal=None),
)


@given(st.lists(st.integers(1, 40), max_size=60))
def test_messages_arrive_whole_however_they_were_cut(cuts):
    stream = b"".join(encode(message) for message in SENT)
    unread, bodies = Unread(), []
    for cut in [*cuts, len(stream)]:
        bodies += unread.feed(stream[:cut])
        stream = stream[cut:]
    assert tuple(decode_from_child(body) for body in bodies) == SENT


def test_a_message_that_is_too_long_is_refused_before_it_is_kept():
    with pytest.raises(Unintelligible, match="are allowed"):
        list(Unread().feed(struct.pack(">I", MESSAGE_BYTES_MAX + 1)))


@given(st.binary(max_size=60))
def test_any_other_bytes_are_unintelligible(body):
    for decode in (decode_from_child, decode_to_child):
        with pytest.raises(Unintelligible):
            decode(body)


def test_each_side_understands_only_what_is_said_to_it(candles):
    bars = encode(Bars(coin="BTC", candles=candles(2), reset=True))[4:]
    assert decode_to_child(bars) == Bars(coin="BTC", candles=candles(2), reset=True)
    with pytest.raises(Unintelligible):
        decode_from_child(bars)
