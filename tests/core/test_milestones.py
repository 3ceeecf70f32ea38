"""The story of a start, told once and in order."""

from tests.core.worlds import World, make_ready, started
from tidegate.model.signals import Want


def told(world: World) -> list[str]:
    """The milestones so far, shortened."""
    notes = [note.text for decision in world.decisions for note in decision.notes if note.topic in ("bot", "stream")]
    words = ("listening", "have data", "warm-up finished")
    return [word for text in notes for word in words if word in text]


def test_listening_data_and_warm_up_are_told_once_and_in_order() -> None:
    world = started("BTC", "ETH", ready=False)
    make_ready(world)
    assert told(world) == ["listening", "have data"]
    world.signal(Want.HOLD)
    assert told(world) == ["listening", "have data"]
    world.signal(Want.HOLD, coin="ETH")
    assert told(world) == ["listening", "have data", "warm-up finished"]
    world.signal(Want.HOLD)
    world.trade(100)
    assert len(told(world)) == 3
