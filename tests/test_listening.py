"""What the bot tells its stream and its inbox, and the line that shows how the stream does."""

from collections.abc import Iterable

from msgspec.structs import replace

from tests.core.worlds import started
from tidegate.listening import REPORT_EVERY_MS, Listening
from tidegate.model.gauges import SocketGauges, StreamGauges
from tidegate.model.intents import Note

GAUGES = StreamGauges(
    sockets=(SocketGauges(coins=2, subscriptions=12, connects=3, up_s=61.0),),
    subscriptions=12,
    messages_per_minute=14,
    reconnects=2,
    restarts=0,
    unheard=1,
    conflated=7,
    lag_p50_ms=80,
    lag_p99_ms=310,
    dropped={"print: seen before": 5},
    ages_s={"BTC": 0.4, "ETH": 12.0},
)


class Holder:
    """Takes down which coins it is told to serve first."""

    def __init__(self) -> None:
        self.told: list[set[str]] = []

    def hold(self, coins: Iterable[str]) -> None:
        self.told.append(set(coins))

    def gauges(self) -> StreamGauges:
        return GAUGES


def test_coins_with_a_position_are_told_when_that_changes_and_only_then() -> None:
    world, inbox, stream = started(), Holder(), Holder()
    listening = Listening(inbox, stream, lambda _note: None)
    for _time in range(2):
        listening(world.state)
    assert inbox.told == stream.told == []
    coin = world.state.coins["BTC"]
    world.state.change("BTC", position=replace(coin.position, size=1))
    for _time in range(2):
        listening(world.state)
    assert inbox.told == stream.told == [{"BTC"}]
    world.state.change("BTC", position=replace(coin.position, size=0))
    listening(world.state)
    assert stream.told == [{"BTC"}, set()]


def test_one_line_every_five_minutes_says_how_the_stream_does() -> None:
    world, lines = started(), list[Note]()
    listening = Listening(Holder(), Holder(), lines.append)
    begin_ms = world.state.now_ms
    for passed_ms in range(0, 3 * REPORT_EVERY_MS, 60_000):
        world.state.now_ms = begin_ms + passed_ms
        listening(world.state)
    assert [note.text for note in lines] == [f"{GAUGES.words}; 0 bars decided on"] * 2


def test_the_line_names_what_is_worth_a_look() -> None:
    assert GAUGES.words == (
        "1 of 1 sockets open, 12 subscriptions, 14 messages sent a minute, 2 reconnects; lag 80 ms, p99 310 ms; "
        "1 coins without a stream; longest silent ETH, 12 s; 7 prices conflated; left out 5"
    )
    nothing = replace(GAUGES, lag_p50_ms=None, lag_p99_ms=None, ages_s={}, dropped={})
    assert "no price yet" in nothing.words


class Aside:
    """A feed beside the one that trades, with news."""

    def __init__(self) -> None:
        self.waiting = [Note(topic="stream", text="majors listening: BTC")]

    def gauges(self) -> StreamGauges:
        return GAUGES

    def news(self) -> list[Note]:
        told, self.waiting = self.waiting, []
        return told


def test_news_of_the_feed_beside_it_are_told_once_and_its_state_every_five_minutes() -> None:
    world, lines = started(), list[Note]()
    listening = Listening(Holder(), Holder(), lines.append, Aside(), lambda: ("REST weight 3 of 1200",))
    for passed_ms in (0, 1_000, REPORT_EVERY_MS):
        world.state.now_ms += passed_ms
        listening(world.state)
    assert [note.text for note in lines] == [
        "majors listening: BTC",
        f"{GAUGES.words}; REST weight 3 of 1200; 0 bars decided on",
        f"majors: {GAUGES.words}",
    ]
