"""Where frames begin: whatever the network does to the bytes, the fast way and the library hear the same messages."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.protocol import Protocol, Side, State

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
def streams(draw: st.DrawFn, of: st.SearchStrategy[list[Frame]] | None = None) -> tuple[list[Frame], list[bytes]]:
    """Frames, and their bytes as the network might hand them over."""
    kinds = st.one_of(whole, control, binary, in_parts()) if of is None else of
    frames = [frame for group in draw(st.lists(kinds)) for frame in group]
    parts = [frame.serialize(mask=False) for frame in frames]
    data = b"".join(parts)
    at_frames = [sum(map(len, parts[:number])) for number in range(len(parts) + 1)]
    anywhere = st.integers(0, len(data))
    cuts = sorted({0, len(data), *draw(st.lists(st.one_of(st.sampled_from(at_frames), anywhere)))})
    return frames, [data[start:end] for start, end in pairwise(cuts)]


class Library:
    """What `websockets` makes of the bytes that are left to it, as messages and control frames."""

    def __init__(self) -> None:
        self._protocol = Protocol(Side.CLIENT, state=State.OPEN, max_size=1 << 20)
        self._parts: list[bytes] = []

    def hear(self, data: bytes) -> list[tuple[Opcode, bytes]]:
        self._protocol.receive_data(data)
        heard: list[tuple[Opcode, bytes]] = []
        for event in self._protocol.events_received():
            assert isinstance(event, Frame)
            if event.opcode in (Opcode.PING, Opcode.PONG):
                heard.append((event.opcode, bytes(event.data)))
                continue
            self._parts.append(bytes(event.data))
            if event.fin:
                heard.append((Opcode.TEXT, b"".join(self._parts)))
                self._parts.clear()
        return heard


def heard_by_both(chunks: list[bytes], boundaries: Boundaries) -> list[tuple[Opcode, bytes]]:
    """What arrives when whole messages are taken out and the library has the rest."""
    library, heard = Library(), []
    for chunk in chunks:
        messages, rest = boundaries.split(chunk)
        heard += [(Opcode.TEXT, message) for message in messages]
        heard += library.hear(rest)
    return heard


@given(streams())
def test_with_the_library_behind_it_everything_is_heard_once_and_in_order(
    stream: tuple[list[Frame], list[bytes]],
) -> None:
    frames, chunks = stream
    alone = Library().hear(b"".join(frame.serialize(mask=False) for frame in frames))

    assert heard_by_both(chunks, Boundaries()) == alone


@given(streams(of=whole))
def test_whole_text_messages_never_reach_the_library_wherever_the_network_cuts_them(
    stream: tuple[list[Frame], list[bytes]],
) -> None:
    frames, chunks = stream
    boundaries = Boundaries()
    splits = [boundaries.split(chunk) for chunk in chunks]

    assert [message for messages, _ in splits for message in messages] == [bytes(each.data) for each in frames]
    assert not any(rest for _, rest in splits)


def test_a_message_is_given_as_soon_as_its_last_byte_is_there() -> None:
    frame, boundaries = Frame(Opcode.TEXT, b"x" * 300).serialize(mask=False), Boundaries()

    assert [boundaries.split(frame[at : at + 1])[0] for at in range(len(frame) - 1)] == [[]] * (len(frame) - 1)
    assert boundaries.split(frame[-1:]) == ([b"x" * 300], b"")


def test_what_was_held_back_is_the_librarys_when_it_takes_over() -> None:
    frame, boundaries = Frame(Opcode.TEXT, b"x" * 300).serialize(mask=False), Boundaries()
    boundaries.split(frame[:200])

    assert boundaries.give_up() == frame[:200]
    assert boundaries.give_up() == b""
    assert boundaries.split(frame[200:]) == ([], frame[200:])


def test_a_message_that_is_too_long_is_the_librarys() -> None:
    frame = Frame(Opcode.TEXT, b"x" * 300).serialize(mask=False)
    head, boundaries = frame[:10], Boundaries(bytes_max=299)

    assert boundaries.split(head) == ([], head)
    assert boundaries.split(frame[10:]) == ([], frame[10:])
    assert Boundaries(bytes_max=299).split(frame) == ([], frame)


@given(st.lists(st.binary(min_size=1)))
def test_bytes_that_make_no_sense_raise_nothing(chunks: list[bytes]) -> None:
    boundaries = Boundaries()
    for chunk in chunks:
        boundaries.split(chunk)


def test_a_masked_frame_ends_it_for_good() -> None:
    boundaries = Boundaries()
    for mask in (True, False):
        frame = Frame(Opcode.TEXT, b"x").serialize(mask=mask)
        assert boundaries.split(frame) == ([], frame)
