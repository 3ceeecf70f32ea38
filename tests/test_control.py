"""The operator's way in: what the thread that looks for wishes and for the HALT file makes facts of."""

import threading
import time
from pathlib import Path

from tidegate.clock import ExchangeClock, Standstill
from tidegate.control import HALT, Desk
from tidegate.model.events import Command, Event, Faulted
from tidegate.storage.commands import Asked

PATIENCE_S = 30.0


class Facts:
    """Keeps what was put, and can be waited for."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._grown = threading.Condition()

    def put(self, event: Event) -> None:
        with self._grown:
            self.events.append(event)
            self._grown.notify_all()

    def wait_for(self, kind: type[Event]) -> Event:
        with self._grown:
            assert self._grown.wait_for(lambda: self._found(kind), PATIENCE_S)
            return self._found(kind)[-1]

    def _found(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]


class SleepyBox:
    """A box of wishes: while it is looked into for the second time, the machine sleeps for ten seconds."""

    def __init__(self, sleep) -> None:
        self._sleep, self._looks = sleep, 0

    def waiting(self):
        self._looks += 1
        if self._looks == 2:
            self._sleep()
        return ()

    def close(self) -> None:
        pass


def test_a_machine_that_falls_asleep_in_the_midst_of_a_look_is_noticed_as_well(tmp_path: Path, monkeypatch) -> None:
    ahead_s = [0.0]
    monkeypatch.setattr("tidegate.control.Standstill", lambda: Standstill(lambda: ahead_s[0], lambda: ahead_s[0]))
    facts = Facts()
    desk = Desk(lambda: SleepyBox(lambda: ahead_s.__setitem__(0, 10.0)), tmp_path / HALT, facts, ExchangeClock(0))
    desk.start()
    try:
        found = facts.wait_for(Faulted)
    finally:
        desk.stop(PATIENCE_S)
    assert isinstance(found, Faulted)
    assert found.where == "standstill"
    assert "for 10 s" in found.reason


def test_a_key_in_what_an_operator_wrote_goes_no_further_than_the_box(tmp_path: Path) -> None:
    key = "1f" * 32

    class Box(SleepyBox):
        def waiting(self):
            return (Asked(id="1", name="pause", reason=f"because of 0x{key}"),)

    facts = Facts()
    desk = Desk(lambda: Box(lambda: None), tmp_path / HALT, facts, ExchangeClock(0))
    desk.start()
    try:
        while not any(isinstance(event, Command) and event.id for event in facts.events):
            facts.wait_for(Command)
    finally:
        desk.stop(PATIENCE_S)
    reasons = {event.reason for event in facts.events if isinstance(event, Command) and event.id}
    assert reasons == {"because of (hidden)"}


def test_a_clock_that_falls_back_is_told_once(tmp_path: Path) -> None:
    """Nothing that is planned by it would come in time: the exchange's clock has to be looked at now."""
    back_s, facts = [0.0], Facts()
    clock = ExchangeClock(7_200_000, monotonic=lambda: time.monotonic() - back_s[0])
    desk = Desk(lambda: SleepyBox(lambda: None), tmp_path / HALT, facts, clock)
    desk.start()
    try:
        back_s[0] = 3_600.0
        found = facts.wait_for(Faulted)
        (tmp_path / HALT).touch()
        facts.wait_for(Command)
    finally:
        desk.stop(PATIENCE_S)
    assert [event for event in facts.events if isinstance(event, Faulted)] == [found]
    assert isinstance(found, Faulted)
    assert found.reason == "the clock says 3600 s less than it has said"


def test_a_halt_file_is_told_when_it_comes_and_when_it_goes(tmp_path: Path) -> None:
    halt, facts = tmp_path / HALT, Facts()
    halt.touch()
    desk = Desk(lambda: SleepyBox(lambda: None), halt, facts, ExchangeClock(0))
    desk.start()
    try:
        assert [event.name for event in facts.events if isinstance(event, Command)] == ["halt"]
        facts.events.clear()
        halt.unlink()
        found = facts.wait_for(Command)
    finally:
        desk.stop(PATIENCE_S)
    assert isinstance(found, Command)
    assert found.name == "unhalt"
