"""What somebody must know at once is an alert, ten seconds after it is so at the latest (P28)."""

import pytest

from tests.core.worlds import D, World, started
from tidegate.core.step import step
from tidegate.model.events import Faulted, OrderInDoubt, OrderRejected, StreamDown
from tidegate.model.intents import Alert
from tidegate.model.orders import Role

LATE_MS = 10_000


def alerted_ms(world: World, *words: str, within_ms: int) -> int:
    """After how long an alert with these words was sent, everything going on as it goes."""
    began_ms = world.now_ms
    while world.now_ms - began_ms <= within_ms:
        if any(all(word in alert.text for word in words) for alert in world.wished(Alert)):
            return world.now_ms - began_ms
        world.run_until(world.now_ms + 250)
    pytest.fail(f"no alert within {within_ms} ms: {[alert.text for alert in world.wished(Alert)]}")


def test_an_uncovered_position() -> None:
    world = started()
    wish = world.enter()
    for order in wish.orders:
        if order.role is Role.ENTRY:
            world.accept(order)
        else:
            world.tell(OrderRejected(at_ms=world.now_ms, cloid=order.cloid, reason="Too many open orders."))
    entry = wish.orders[0]
    world.fill(entry.side, entry.size, 100, cloid=entry.cloid)
    assert alerted_ms(world, "no resting stop", within_ms=LATE_MS + 500) <= LATE_MS + 250


def test_a_brake_that_trips() -> None:
    world = started(max_daily_loss_pct=D(5))
    world.account(equity=D(9_000))
    assert alerted_ms(world, "MAX_DAILY_LOSS_PCT", within_ms=0) == 0


@pytest.mark.parametrize("role", [Role.ENTRY, Role.STOP])
def test_an_outcome_that_stays_unknown_for_half_a_minute(role: Role) -> None:
    world = started()
    wish = world.enter()
    order = next(each for each in wish.orders if each.role is role)
    world.tell(OrderInDoubt(at_ms=world.now_ms, cloid=order.cloid, reason="the line was cut"))
    assert alerted_ms(world, "still unknown", within_ms=30_000 + LATE_MS) <= 30_000 + LATE_MS


def test_an_answer_that_never_comes_counts_from_the_sending() -> None:
    world = started()
    world.enter()
    assert alerted_ms(world, "still unknown", within_ms=30_000 + LATE_MS) >= 30_000


def test_a_stream_that_is_gone_for_a_minute_with_a_position() -> None:
    world = started()
    world.hold()
    world.tell(StreamDown(at_ms=world.now_ms, reason="reset"))
    assert alerted_ms(world, "stream has been down", within_ms=60_000 + LATE_MS) >= 60_000


def test_a_key_that_is_refused() -> None:
    world = started()
    order = world.enter().orders[0]
    reason = "User or API Wallet 0x12 does not exist."
    world.tell(OrderRejected(at_ms=world.now_ms, cloid=order.cloid, reason=reason))
    assert alerted_ms(world, "refuses this key", within_ms=0) == 0


def test_a_second_bot() -> None:
    world = started()
    entry = world.enter().orders[0]
    world.now_ms += 60_000
    world.fill(entry.side, 1, 100, cloid=entry.cloid[:10] + "f" * 24)
    assert alerted_ms(world, "another bot", within_ms=0) == 0


def test_a_clock_that_was_off_by_more_than_a_second() -> None:
    world = started()
    reason = "our clock was 1.5 s behind, corrected"
    world.tell(Faulted(at_ms=world.now_ms, where="clock", reason=reason, off_ms=1_500))
    assert alerted_ms(world, "our clock was 1.5 s", within_ms=0) == 0


def test_what_goes_on_is_not_told_again_and_again() -> None:
    world = started()
    for _ in range(20):
        world.now_ms += 1_000
        fault = Faulted(at_ms=world.now_ms, where="clock", reason="our clock was 2.0 s ahead, corrected", off_ms=-2_000)
        world.decisions.append(step(world.state, fault))
    assert len(world.wished(Alert)) == 1
