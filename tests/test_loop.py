"""The loop's order: facts, acts, lines, settling. What is decided is scripted here; the core has tests of its own."""

from collections import deque
from collections.abc import Iterable, Sequence
from decimal import Decimal

import pytest

from tests.core.worlds import started
from tidegate import loop as module
from tidegate.core.state import State
from tidegate.loop import MORE_EXITS_MS, SETTLE_EVERY_MS, Loop, Todo, tick_text
from tidegate.model.events import BookChanged, Command, Event, Faulted, Marked, Mid, Tick, Trade
from tidegate.model.intents import (
    NOTHING,
    Alert,
    Decision,
    FetchPrices,
    Intent,
    Note,
    PlaceOrders,
    Quit,
    Remember,
    Urgency,
)
from tidegate.model.orders import Limit, OrderRequest, Role
from tidegate.model.positions import Side
from tidegate.model.records import Remembered

D = Decimal
T0 = 1_767_225_600_000
READS_A_TURN = 50


def fact(name: str, at_ms: int = T0) -> Faulted:
    return Faulted(at_ms=at_ms, where=name, reason="")


def wish(name: str, urgency: Urgency = Urgency.READ) -> Alert:
    return Alert(text=name, urgency=urgency)


def wishes(*intents: Intent) -> Decision:
    return Decision(intents=intents)


def order(cloid: str) -> PlaceOrders:
    request = OrderRequest(
        coin="BTC", asset=0, cloid=cloid, side=Side.BUY, size=D(1), kind=Limit(price=D(100)), role=Role.ENTRY
    )
    return PlaceOrders(coin="BTC", orders=(request,), expires_ms=T0, signal_id="1", reason=cloid)


def name_of(item: Event | Intent) -> str:
    match item:
        case Faulted():
            return item.where
        case Alert():
            return item.text
        case PlaceOrders():
            return item.reason
    return type(item).__name__.lower()


class Stage:
    """Inbox, world, journal, screen and core in one: everything that happens is a line of the story."""

    def __init__(self, state: State | None = None) -> None:
        self.state = state if state is not None else State(next_account_ms=T0 + 60_000, next_poll_ms=T0 + 60_000)
        self.story: list[str] = []
        self.untils: list[int] = []
        self.decisions: dict[str, Decision] = {}
        self.outcomes: dict[str, list[Event]] = {}
        self.turns: deque[list[Event]] = deque()
        self.told: list[Note] = []

    def take(self, until_ms: int) -> Sequence[Event]:
        self.untils.append(until_ms)
        assert len(self.untils) < READS_A_TURN, "the loop does not end"
        return self.turns.popleft() if self.turns else [fact("end")]

    def step(self, state: State, event: Event) -> Decision:
        state.now_ms = max(state.now_ms, event.at_ms)
        state.stopped = state.stopped or name_of(event) == "end"
        return self.decisions.get(name_of(event), NOTHING)

    def record(self, event: Event, decision: Decision) -> None:
        self.story.append(f"fact {name_of(event)}")

    def perform(self, intent: Intent) -> Iterable[Event]:
        self.story.append(f"act {name_of(intent)}")
        return self.outcomes.get(name_of(intent), [])

    def say(self, note: Note) -> None:
        self.told.append(note)
        self.story.append(f"say {note.text}")

    def settle(self, _state: State) -> None:
        self.story.append("settle")

    def play(self, *turns: list[Event], ticks: bool = False) -> list[str]:
        """Run the loop on what each wait brings, then end it; the story without the end."""
        self.turns.extend(turns)
        Loop(self.state, self, self, self, self.say, self.settle, ticks=ticks).run()
        return [line for line in self.story if line != "fact end"]


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    stage = Stage()
    monkeypatch.setattr(module, "step", stage.step)
    return stage


def test_all_waiting_facts_are_taken_in_before_one_act_is_performed(stage: Stage) -> None:
    stage.decisions["a"] = wishes(wish("first"), wish("second"))
    story = stage.play([fact("a"), fact("b")], [fact("c")])
    assert story[:5] == ["fact a", "fact b", "act first", "fact c", "act second"]


def test_exits_go_before_protection_before_entries_before_reads() -> None:
    todo = Todo()
    todo.add(tuple(wish(urgency.name, urgency) for urgency in reversed(Urgency)))
    assert todo.exits_wait
    assert [name_of(todo.pop()) for _ in Urgency] == ["EXIT", "PROTECTION", "ENTRY", "READ"]
    assert not todo


def test_within_an_urgency_first_come_is_first_served() -> None:
    todo = Todo()
    todo.add((wish("1"), wish("2")))
    todo.add((wish("3"),))
    assert [name_of(todo.pop()) for _ in range(3)] == ["1", "2", "3"]


def test_there_is_nothing_to_take_from_nothing() -> None:
    with pytest.raises(IndexError):
        Todo().pop()


def test_an_exit_does_not_wait_for_the_facts_behind_it(stage: Stage) -> None:
    stage.decisions["touch"] = wishes(wish("exit", Urgency.EXIT))
    story = stage.play([fact("before"), fact("touch"), fact("behind")])
    assert story[:4] == ["fact before", "fact touch", "act exit", "fact behind"]


def test_an_exit_overtakes_the_wishes_that_wait(stage: Stage) -> None:
    stage.decisions["a"] = wishes(wish("read"), wish("entry", Urgency.ENTRY))
    stage.decisions["b"] = wishes(wish("exit", Urgency.EXIT))
    story = stage.play([fact("a")], [fact("b")])
    assert [line for line in story if line.startswith("act")] == ["act entry", "act exit", "act read"]


def test_what_an_act_gives_at_once_is_a_fact_before_anything_else_happens(stage: Stage) -> None:
    stage.decisions["a"] = wishes(wish("send"), wish("later"))
    stage.outcomes["send"] = [fact("sent")]
    stage.decisions["sent"] = wishes(wish("follow up", Urgency.PROTECTION))
    story = stage.play([fact("a")])
    assert story[:5] == ["fact a", "act send", "fact sent", "act follow up", "act later"]


def test_lines_are_said_after_an_exit_has_left_not_before(stage: Stage) -> None:
    why = Note(topic="exit", text="the stop was touched")
    stage.decisions["touch"] = Decision(intents=(wish("exit", Urgency.EXIT),), notes=(why,))
    story = stage.play([fact("touch"), fact("behind")])
    assert story[:4] == ["fact touch", "act exit", "fact behind", "say the stop was touched"]


def test_nothing_is_said_while_one_of_several_exits_still_waits(stage: Stage) -> None:
    exits = tuple(wish(f"exit {number}", Urgency.EXIT) for number in range(4))
    stage.decisions["touch"] = Decision(intents=exits, notes=(Note(topic="exit", text="why"),))
    story = stage.play([fact("touch")], [], [])
    assert story.index("say why") == 1 + story.index("act exit 3")


def test_lines_come_in_the_order_in_which_they_were_thought(stage: Stage) -> None:
    for name in "ab":
        stage.decisions[name] = Decision(notes=(Note(topic="bot", text=f"{name}1"), Note(topic="bot", text=f"{name}2")))
    stage.play([fact("a"), fact("b")])
    assert [note.text for note in stage.told] == ["a1", "a2", "b1", "b2"]


def test_a_wish_given_up_meanwhile_is_not_performed(stage: Stage) -> None:
    stage.decisions["a"] = wishes(order("kept"), order("given up"))
    stage.state.coin_of = {"kept": "BTC"}
    acts = [line for line in stage.play([fact("a")], []) if line.startswith("act")]
    assert acts == ["act kept"]


def test_the_journal_has_a_fact_before_what_it_caused_is_done(stage: Stage) -> None:
    stage.decisions["a"] = wishes(wish("send", Urgency.EXIT))
    assert stage.play([fact("a")])[:2] == ["fact a", "act send"]


def test_it_settles_a_second_after_something_happened(stage: Stage) -> None:
    just_before, then = T0 + SETTLE_EVERY_MS - 1, T0 + SETTLE_EVERY_MS
    story = stage.play([fact("a")], [fact("b", just_before)], [fact("c", then)])
    assert story == ["fact a", "fact b", "fact c", "settle", "settle"]
    assert stage.untils[1] == T0 + SETTLE_EVERY_MS, "it wakes for it, even when nothing comes"


def test_a_second_of_ours_is_many_of_a_fast_exchange(stage: Stage) -> None:
    stage.state.speed = 10.0
    stage.play([fact("a")])
    assert stage.untils[1] == T0 + 10 * SETTLE_EVERY_MS


def test_a_changed_position_is_written_down_as_soon_as_nothing_presses(stage: Stage) -> None:
    stage.decisions["fill"] = wishes(Remember(record=Remembered(coin="BTC")), wish("read"))
    assert stage.play([fact("fill")], [])[:4] == ["fact fill", "act remember", "act read", "settle"]


def guarding(stage: Stage) -> None:
    """Another position has a stop that may be touched next."""
    world = started()
    world.hold()
    stage.state.coins = world.state.coins


def exit_of(coin: str) -> Decision:
    notes = (Note(topic="exit", text=f"{coin} touched"),)
    return Decision(intents=(Remember(record=Remembered(coin=coin)), wish(coin, Urgency.EXIT)), notes=notes)


def test_after_an_exit_the_stops_left_go_before_saying_and_writing_down(stage: Stage) -> None:
    guarding(stage)
    stage.decisions["a"], stage.decisions["b"] = exit_of("ETH"), exit_of("SOL")
    story = stage.play([fact("a")], [], [fact("b", T0 + 5)], [], [fact("later", T0 + 5 + MORE_EXITS_MS)])
    acts = [line for line in story if "remember" not in line]
    assert acts[:6] == ["fact a", "act ETH", "fact b", "act SOL", "fact later", "say ETH touched"]
    assert acts[6:8] == ["say SOL touched", "settle"]
    assert T0 + MORE_EXITS_MS in stage.untils, "it wakes for it, even when nothing comes"


def test_the_last_exit_is_said_and_written_down_at_once(stage: Stage) -> None:
    stage.decisions["a"] = exit_of("ETH")
    story = stage.play([fact("a")], [])
    assert story[:5] == ["fact a", "act ETH", "act remember", "say ETH touched", "settle"]


def test_a_busy_stream_puts_writing_down_off_no_further(stage: Stage) -> None:
    guarding(stage)
    stage.decisions["a"] = exit_of("ETH")
    ticks = [[fact(f"tick {ms}", T0 + ms)] for ms in range(1, MORE_EXITS_MS + 5)]
    story = stage.play([fact("a")], *ticks)
    assert story.index("settle") == 1 + story.index("say ETH touched")
    assert story.index("say ETH touched") == 1 + story.index(f"fact tick {MORE_EXITS_MS}")


def test_it_does_not_settle_while_something_is_to_be_done(stage: Stage) -> None:
    stage.decisions["a"] = wishes(*(wish(str(number)) for number in range(3)))
    later = T0 + SETTLE_EVERY_MS
    story = stage.play([fact("a")], [fact("b", later)], [fact("c", later)])
    assert story.index("settle") > story.index("act 2")


def test_a_tick_that_had_nothing_to_do_is_nothing_to_settle(stage: Stage) -> None:
    stage.play([Tick(at_ms=T0)], [Tick(at_ms=T0 + 10_000)])
    assert stage.story.count("settle") == 1, "the one at the end"
    assert stage.untils == [T0 + 60_000] * 3


def test_at_the_end_it_says_and_settles_what_is_left(stage: Stage) -> None:
    stage.decisions["end"] = Decision(notes=(Note(topic="bot", text="goodbye"),))
    assert stage.play()[-2:] == ["say goodbye", "settle"]


def test_it_does_not_wait_while_something_is_to_be_done(stage: Stage) -> None:
    stage.decisions["a"] = wishes(wish("1"), wish("2"))
    stage.play([fact("a")], [], [])
    assert stage.untils[:2] == [T0 + 60_000, 0]


def test_what_was_wished_before_the_end_is_still_done(stage: Stage) -> None:
    stage.decisions["end"] = wishes(wish("1"), wish("2"), Quit(reason="told to"))
    stage.turns = deque([[fact("end")], [], []])
    assert [line for line in stage.play() if line.startswith("act")] == ["act 1", "act 2", "act quit"]


def test_it_stops_when_the_core_says_so() -> None:
    stage = Stage()  # with the core as it is
    stage.turns.append([Command(at_ms=T0, name="stop", reason="Ctrl-C")])
    Loop(stage.state, stage, stage, stage, stage.say, stage.settle).run()
    assert stage.state.stopped
    assert stage.story == [
        "fact command",
        "act quit",
        "say stopping: Ctrl-C; no more entries; no position is open",
        "settle",
    ]


PRICES: dict[str, Event] = {
    "BTC traded 99 (3 prints from 98 to 101)": Trade(
        at_ms=T0, coin="BTC", price=D(99), low=D(98), high=D(101), count=3, time_ms=T0
    ),
    "BTC book 99 / nobody": BookChanged(at_ms=T0, coin="BTC", bid=D(99), ask=None, time_ms=T0),
    "BTC mark 99.5": Marked(at_ms=T0, coin="BTC", mark=D("99.5"), time_ms=T0),
    "BTC mid 99.5 by REST": Mid(at_ms=T0, coin="BTC", price=D("99.5")),
}


@pytest.mark.parametrize("text", PRICES)
def test_prices_are_said_at_debug_when_asked_for_and_else_not(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    stage.play([PRICES[text]], ticks=True)
    assert stage.told == [Note(topic="stream", level="DEBUG", text=text)]
    assert tick_text(PRICES[text]) == text  # type: ignore[arg-type]

    quiet = Stage()
    monkeypatch.setattr(module, "step", quiet.step)
    quiet.play([PRICES[text]])
    assert quiet.told == []


def test_the_urgency_of_a_wish_is_its_own() -> None:
    assert FetchPrices(coins=("BTC",)).urgency is Urgency.EXIT, "a polled price may be what touches a stop"
    assert order("1").urgency is Urgency.ENTRY
