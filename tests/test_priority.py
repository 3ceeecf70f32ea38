"""Short slices: asked for where the system knows them, of the thread that asks alone; elsewhere nothing changes."""

import sys
import threading

import pytest

from tidegate import priority


def test_a_thread_may_always_ask_and_hears_whether_the_system_knows_such_a_thing() -> None:
    answers: list[bool] = []
    thread = threading.Thread(target=lambda: answers.append(priority.run_in_short_slices()))
    thread.start()
    thread.join()
    assert answers in ([True], [False])


def test_another_system_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert priority.run_in_short_slices() is False


def test_an_unknown_processor_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "vax")
    assert priority.run_in_short_slices() is False
