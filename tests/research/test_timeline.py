"""Virtual time: order of things, waiting, and a loop that would never wait."""

import pytest

from tests.research.runs import settings
from tidegate.localnet.arguments import MarketChoice
from tidegate.model.events import Command, StreamUp, Tick
from tidegate.research.counterparty import Counterparty
from tidegate.research.timeline import Timeline
from tidegate.research.wires import TAKES_AT_ONE_MOMENT_MAX, SimulatedInbox


@pytest.fixture
def time() -> Timeline:
    return Counterparty(settings(coins=("BTC",)), MarketChoice(scenario="random")).time


def test_things_happen_at_their_own_moment_in_the_order_in_which_they_were_asked_for(time: Timeline) -> None:
    heard: list[tuple[int, str]] = []
    start_ms = time.now_ms

    def note(word: str) -> None:
        heard.append((time.now_ms - start_ms, word))

    for after_ms, word in ((70, "late"), (30, "first"), (30, "second"), (0, "now")):
        time.later(after_ms, note, word)
    time.settle()
    while time.now_ms < start_ms + 100:
        time.forward(start_ms + 100)
    assert heard == [(0, "now"), (30, "first"), (30, "second"), (70, "late")]


def test_what_is_asked_for_without_delay_still_happens_at_this_moment(time: Timeline) -> None:
    heard: list[int] = []
    time.later(5, lambda: time.later(0, lambda: heard.append(time.now_ms)))
    at_ms = time.now_ms + 5
    time.forward(at_ms + 1_000_000)
    while time.now_ms < at_ms:
        time.forward(at_ms)
    assert heard == [at_ms]


def test_waiting_ends_with_the_first_fact_or_with_a_tick_at_the_moment_asked_for(time: Timeline) -> None:
    inbox, start_ms = SimulatedInbox(time, None), time.now_ms
    assert inbox.take(0) == []
    time.later(40, lambda: inbox.put(StreamUp(at_ms=time.now_ms)))
    assert inbox.take(start_ms + 1_000) == [StreamUp(at_ms=start_ms + 40)]
    assert inbox.take(start_ms + 1_000) == [Tick(at_ms=start_ms + 1_000)]


def test_at_the_end_the_bot_is_told_to_stop_once(time: Timeline) -> None:
    end_ms = time.now_ms + 500
    inbox = SimulatedInbox(time, end_ms)
    (told,) = inbox.take(end_ms + 10_000)
    assert isinstance(told, Command)
    assert (told.name, told.at_ms) == ("stop", end_ms)
    assert inbox.take(end_ms + 10_000) == [Tick(at_ms=end_ms + 10_000)]


def test_a_loop_that_never_waits_is_found_out(time: Timeline) -> None:
    inbox = SimulatedInbox(time, None)
    for _ in range(TAKES_AT_ONE_MOMENT_MAX):
        inbox.take(0)
    with pytest.raises(AssertionError, match="spins"):
        inbox.take(0)
