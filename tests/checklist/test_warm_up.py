"""Row 000-18: what the store has is not asked for again, and without a warm-up the bot begins at once with nothing."""

from pathlib import Path
from queue import SimpleQueue

import pytest
from msgspec.structs import replace

from tests.core.worlds import T0, candles, started, wishes
from tidegate.clock import SettableClock
from tidegate.config import load
from tidegate.core import schedule
from tidegate.hyperliquid.limits import weight_per_minute
from tidegate.model.events import CandlesFetched, Event
from tidegate.model.intents import Evaluate, FetchCandles
from tidegate.model.market import Candle, Timeframe
from tidegate.reader import Reader

STEP = Timeframe.M5.ms
HISTORY = 300
STRATEGIES = Path(__file__).resolve().parents[2] / "strategies"


class Facts:
    """An inbox that a test waits at."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[Event] = SimpleQueue()

    def put(self, event: Event) -> None:
        self._queue.put(event)

    def next(self) -> Event:
        return self._queue.get(timeout=20)


def test_of_300_bars_the_store_has_280_and_one_rest_call_brings_the_other_20() -> None:
    whole = candles(T0, HISTORY + 1)[:-1]
    asked: list[tuple[int, int]] = []

    class Exchange:
        def candles(self, coin: str, timeframe: Timeframe, since_ms: int, until_ms: int) -> tuple[Candle, ...]:
            rows = tuple(row for row in whole if row.open_ms >= since_ms)
            asked.append((since_ms, len(rows)))
            return rows

        def close(self) -> None:
            pass

    facts = Facts()
    reader = Reader(Exchange, "0x" + "ab" * 20, facts, SettableClock(T0), stored=lambda *_: whole[:280])  # type: ignore[arg-type]
    reader.start()
    try:
        reader.submit(FetchCandles(coin="BTC", timeframe=Timeframe.M5, since_ms=T0 - HISTORY * STEP))
        fetched = facts.next()
    finally:
        reader.stop(20)
    assert isinstance(fetched, CandlesFetched)
    assert fetched.candles == whole
    assert asked == [(T0 - 20 * STEP, 20)]


def test_without_a_warm_up_no_history_is_asked_for_and_the_first_bar_that_closes_is_decided_on() -> None:
    world = started(ready=False, warmup=False, candle_history=HISTORY)
    world.tick()
    asked = wishes(world.decisions, FetchCandles)
    assert {wish.since_ms for wish in asked} == {T0}, "the bar that forms now, and none before"
    world.fetched(1)
    world.run_until(T0 + STEP + schedule.SETTLE_MS)
    world.tell(
        CandlesFetched(at_ms=world.now_ms, coin="BTC", candles=candles(world.now_ms, 2), exchange_ms=world.now_ms)
    )
    (look,) = world.wished(Evaluate)
    assert [row.open_ms for row in look.candles] == [T0]


def test_a_coin_that_comes_later_begins_with_nothing_too() -> None:
    world = started(warmup=False)
    world.now_ms += 7 * STEP + 1_234
    cache = type(world.coin().candles).new(world.state.settings, world.now_ms)
    assert cache.since_ms(world.now_ms) == T0 + 7 * STEP
    warm = replace(world.state.settings, warmup=True)
    assert type(cache).new(warm, world.now_ms).since_ms(world.now_ms) == T0 + (7 - warm.candle_history) * STEP


@pytest.mark.parametrize(("text", "warmup"), [("0", False), ("false", False), ("1", True), (None, True)])
def test_it_is_switched_off_by_name(text: str | None, warmup: bool, tmp_path) -> None:
    environ = {} if text is None else {"WARMUP": text}
    loaded = load({}, environ, tmp_path / ".env", weight_per_minute=weight_per_minute, strategy_dir=STRATEGIES)
    assert loaded.settings.warmup is warmup
