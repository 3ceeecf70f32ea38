"""Where frames begin: whatever the network does to the bytes, the fast way and the library hear the same messages."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from tidegate.hyperliquid.framing import Boundaries

texts = st.one_of(st.binary(max_size=200), st.integers(120, 70_000).map(bytes))
control = st.sampled_from([Opcode.PING, Opcode.PONG]).flatmap(
    lambda opcode: st.binary(max_size=125).map(lambda data: [Frame(opcode, data)])
)
whole = texts.map(lambda data: [Frame(Opcode.TEXT, data)])
binary = texts.map(lambda data: [Frame(Opcode.BINARY, data)])


@st.composite
def in_parts(draw: st.DrawFn) -> list[Frame]:
    """A message in several frames, with a control frame between them."""
    parts = draw(st.lists(texts, min_size=2, max_size=4))
    frames = [
        Frame(Opcode.CONT if number else Opcode.TEXT, part, fin=number == len(parts) - 1)
        for number, part in enumerate(parts)
    ]
    if draw(st.booleans()):
        frames.insert(1, Frame(Opcode.PING, b"?"))
    return frames


@st.composite
def streams(draw: st.DrawFn) -> tuple[list[Frame], list[bytes]]:
    """Frames, and their bytes as the network might hand them over."""
    frames = [frame for group in draw(st.lists(st.one_of(whole, control, binary, in_parts()))) for frame in group]
    parts = [frame.serialize(mask=False) for frame in frames]
    data = b"".join(parts)
    at_frames = [sum(map(len, parts[:number])) for number in range(len(parts) + 1)]
    anywhere = st.integers(0, len(data))
    cuts = sorted({0, len(data), *draw(st.lists(st.one_of(st.sampled_from(at_frames), anywhere)))})
    return frames, [data[start:end] for start, end in pairwise(cuts)]


@given(streams())
def test_messages_are_given_only_where_the_bytes_are_nothing_but_whole_text_messages(
    stream: tuple[list[Frame], list[bytes]],
) -> None:
    frames, chunks = stream
    boundaries, at, in_parts_now = Boundaries(), 0, False
    begins: dict[int, int] = {}
    open_before: list[bool] = []
    for number, frame in enumerate(frames):
        begins[at] = number
        open_before.append(in_parts_now)
        at += len(frame.serialize(mask=False))
        if frame.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            in_parts_now = not frame.fin
    begins[at] = len(frames)
    at = 0
    for chunk in chunks:
        first, last = begins.get(at), begins.get(at + len(chunk))
        inside = frames[first:last] if first is not None and last is not None else []
        plain = inside and all(each.opcode is Opcode.TEXT and each.fin for each in inside)
        plain = plain and first is not None and not open_before[first]
        assert boundaries.messages(chunk) == ([bytes(each.data) for each in inside] if plain else None)
        at += len(chunk)


@given(st.lists(st.binary(min_size=1)))
def test_bytes_that_make_no_sense_raise_nothing(chunks: list[bytes]) -> None:
    boundaries = Boundaries()
    for chunk in chunks:
        boundaries.messages(chunk)


def test_a_masked_frame_ends_it_for_good() -> None:
    boundaries = Boundaries()
    assert boundaries.messages(Frame(Opcode.TEXT, b"x").serialize(mask=True)) is None
    assert boundaries.messages(Frame(Opcode.TEXT, b"x").serialize(mask=False)) is None
