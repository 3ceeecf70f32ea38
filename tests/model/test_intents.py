"""Decisions add up in order, and nothing is nothing."""

from tidegate.model.intents import NOTHING, Alert, Decision, Note, Quit, Urgency

ONE = Decision(intents=(Alert(text="one"),), notes=(Note(topic="bot", text="one"),))
TWO = Decision(intents=(Quit(reason="two"),), notes=(Note(topic="bot", text="two"),))


def test_decisions_add_up_in_order() -> None:
    both = ONE + TWO
    assert both.intents == (*ONE.intents, *TWO.intents)
    assert [note.text for note in both.notes] == ["one", "two"]


def test_nothing_adds_nothing() -> None:
    assert not NOTHING
    assert NOTHING + ONE == ONE == ONE + NOTHING
    assert Decision(notes=ONE.notes)
    assert Decision(intents=ONE.intents)


def test_exits_go_before_protection_before_entries_before_reads() -> None:
    assert sorted(Urgency) == [Urgency.EXIT, Urgency.PROTECTION, Urgency.ENTRY, Urgency.READ]
