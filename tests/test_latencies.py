"""How long the strategy, orders and exits take, as the status shows it."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.core.worlds import started
from tidegate.latencies import OPEN_MAX, Histogram, Latencies
from tidegate.model.events import Event, OrderAccepted, OrderInDoubt, OrderRejected, Signalled, Tick
from tidegate.model.gauges import LATENCY_BOUNDS_MS
from tidegate.model.intents import NOTHING, Decision, Evaluate

T0 = 1_767_225_600_000


class Written:
    """A journal, and a clock that the test moves."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.now_ms = 0.0
        self.timed = Latencies(self, lambda: int(self.now_ms * 1e6))

    def record(self, event: Event, decision: Decision) -> None:
        self.events.append(event)

    def after(self, milliseconds: float, event: Event, decision: Decision = NOTHING) -> None:
        self.now_ms += milliseconds
        self.timed.record(event, decision)

    @property
    def found(self) -> dict[str, Any]:
        return {each.name: each for each in self.timed.gauges()}


def tick() -> Tick:
    return Tick(at_ms=T0)


def test_everything_is_passed_on_to_the_journal() -> None:
    written, events = Written(), [tick(), Signalled(at_ms=T0, coin="BTC", candle_open_ms=0, signal=None)]
    for event in events:
        written.after(1, event)
    assert written.events == events
    assert written.found == {}, "what was not asked for was not answered"


def test_the_strategys_answer_is_timed_from_the_bars_and_an_orders_from_the_decision() -> None:
    written, world = Written(), started()
    look = Decision(intents=(Evaluate(coin="BTC", candles=(), reset=True),))
    written.after(0, tick(), look)
    written.after(7, Signalled(at_ms=T0, coin="BTC", candle_open_ms=0, signal=None))
    wish = world.enter()
    cloid = wish.orders[0].cloid
    written.after(1, tick(), Decision(intents=(wish,)))
    written.after(150, OrderAccepted(at_ms=T0, cloid=cloid, oid=1))
    written.after(1, OrderAccepted(at_ms=T0, cloid=cloid, oid=1))
    assert (written.found["decision"].count, written.found["decision"].longest_ms) == (1, 7)
    assert (written.found["order"].count, written.found["order"].longest_ms) == (1, 150)
    assert written.found["order"].words == "150 ms, p99 150 ms, longest 150 ms, of 1"


def test_a_refusal_is_an_answer_and_a_doubt_is_none() -> None:
    for event, count in ((OrderRejected, 1), (OrderInDoubt, 0)):
        written, wish = Written(), started().enter()
        cloid = wish.orders[0].cloid
        written.after(0, tick(), Decision(intents=(wish,)))
        written.after(9, event(at_ms=T0, cloid=cloid, reason="no"))
        written.after(9, OrderAccepted(at_ms=T0, cloid=cloid, oid=1))
        assert written.found["order"].count == count if count else "order" not in written.found


def test_what_nobody_answers_is_forgotten_and_takes_no_room() -> None:
    written = Written()
    for number in range(OPEN_MAX + 50):
        look = Decision(intents=(Evaluate(coin=f"C{number}", candles=(), reset=True),))
        written.after(0, tick(), look)
    assert len(written.timed._evaluating) == OPEN_MAX


@given(st.lists(st.floats(0, 20_000), min_size=1), st.sampled_from([50, 90, 99, 100]))
def test_no_fewer_than_so_many_per_cent_took_no_longer_than_the_bound(durations: list[float], percent: int) -> None:
    histogram = Histogram("order")
    for each in durations:
        histogram.add(each)
    gauges = histogram.gauges()
    bound_ms = gauges.bound_ms(percent)
    assert sum(each <= bound_ms for each in durations) >= len(durations) * percent / 100
    assert bound_ms <= gauges.longest_ms == max(durations)
    assert bound_ms in (*LATENCY_BOUNDS_MS, gauges.longest_ms)
