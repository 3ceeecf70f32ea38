"""Row 004-08: the exchange closes what idles for a minute; the bot's pings keep a quiet line, and find a dead one."""

from tests.checklist.pair import Pair, coins_of
from tidegate.hyperliquid import protocol
from tidegate.hyperliquid.protocol import SECOND_NS, SILENCE_MAX_NS
from tidegate.localnet.doors.session import IDLE_CLOSE_S
from tidegate.model.events import StreamDown, StreamUp

TEN_MINUTES_S = 600
NEVER_NS = 1 << 62
PONG = b'{"channel":"pong"}'


def quiet() -> Pair:
    """A stream of which nothing is wanted but what speaks when something happens; nothing does."""
    pair = Pair(coins_of(1), account=False, candles=False)
    line = pair.protocol
    pair.say({line: line.make_lean("C0000", pair.now_ns)})
    pair.pass_s(5)
    assert [type(event) for event in pair.told(StreamUp, StreamDown)] == [StreamUp]
    return pair


def test_ten_minutes_in_which_nothing_happens_are_survived_on_one_connection_by_pings_alone() -> None:
    pair = quiet()
    frames: list[bytes] = []
    pair.each_frame, pair.pings = frames.append, 0
    pair.pass_s(TEN_MINUTES_S)
    others = [frame for frame in frames if frame != PONG]
    assert all(b'"subscriptionResponse"' in frame for frame in others), "a coin that stays silent is asked for again"
    assert len(frames) - len(others) == pair.pings > TEN_MINUTES_S / IDLE_CLOSE_S
    assert not pair.drops
    assert not pair.told(StreamDown)
    assert pair.protocol.is_up


def test_without_pings_the_exchange_hangs_up_after_its_minute_and_the_stream_comes_back(monkeypatch) -> None:
    pair = quiet()
    monkeypatch.setattr(protocol, "PING_AFTER_NS", NEVER_NS)
    monkeypatch.setattr(protocol, "SILENCE_MAX_NS", NEVER_NS)
    pair.pass_s(IDLE_CLOSE_S - 10)
    assert not pair.drops
    pair.pass_s(15)
    assert pair.drops == ["closed by the exchange"]
    assert [type(event) for event in pair.told(StreamUp, StreamDown)] == [StreamDown, StreamUp]


def test_a_ping_that_stays_unanswered_has_the_line_given_up_and_opened_anew() -> None:
    pair = quiet()
    pair.is_deaf = True
    before = pair.pings
    pair.pass_s(SILENCE_MAX_NS / SECOND_NS + 0.5)
    assert pair.pings > before
    assert pair.drops == [f"nothing heard for {SILENCE_MAX_NS // SECOND_NS} s"]
    pair.is_deaf = False
    pair.pass_s(30)
    assert [type(event) for event in pair.told(StreamUp, StreamDown)] == [StreamDown, StreamUp]
    assert pair.protocol.is_up
