"""Random schedules of a run: what prices do, what becomes of orders, answers and lines, and when a bot dies.

A step is (what, which, how much, how long before it), small numbers that are read against the run at that moment, so
that a shrunk example still makes sense.
"""

from collections.abc import Callable
from decimal import Decimal

from hypothesis import strategies as st

from tests.core.crossings import CLASSES, LAGS_MS, Run
from tidegate.model.settings import StopPriceSource
from tidegate.model.signals import Want

D = Decimal
PRICES = tuple(D(price) for price in ("90", "96", "96.9", "97", "98.5", "100", "101", "103", "106", "110"))
WAITS_MS = (0, 0, 1, 1, 20, 300, 1_000, 2_500, 9_000, 16_000)
LATE_MS = (0, 50, 500, 2_000, 5_000, 8_500, 10_500, 12_000, 13_500, 14_800)
SHARES = (D(0), D(0), D("0.25"), D("0.5"), D("0.75"), D("0.001"), D(0), D(1), D("0.5"), D(1))
WANTS = (Want.LONG, Want.SHORT, Want.LONG, Want.SHORT, Want.FLAT)
FATES = ("dropped", "unanswered", "normal", "unanswered")
RECONNECT_MS = 500
Step = tuple[str, int, int, int]


def _print(run: Run, which: int, much: int) -> None:
    run.print(PRICES[much], PRICES[much], PRICES[much])


def _sweep(run: Run, which: int, much: int) -> None:
    """Several prints in one hand-over: an extreme, and then back."""
    last = run.exchange.price
    run.print(min(last, PRICES[much]), max(last, PRICES[much]), last, run.now_ms - WAITS_MS[which])


def _book(run: Run, which: int, much: int) -> None:
    run.exchange.price = PRICES[much]
    run.book(PRICES[much])


def _mark(run: Run, which: int, much: int) -> None:
    run.move_mark(PRICES[much])


def _both(run: Run, which: int, much: int) -> None:
    """Print and mark at one moment: our exit and the resting stop go for the same position."""
    if which % 2:
        _print(run, which, much)
        _mark(run, which, much)
    else:
        run.exchange.price = PRICES[much]
        _mark(run, which, much)
        _print(run, which, much)


def _calm(run: Run, which: int, much: int) -> None:
    run.exchange.price = D(100)
    run.move_mark(D(100))
    run.show_prices()


def _lag(run: Run, which: int, much: int) -> None:
    run.lags[CLASSES[which % len(CLASSES)]] = LAGS_MS[much]


def _again(run: Run, which: int, much: int) -> None:
    run.tell_again(which, LAGS_MS[much])


def _fate(run: Run, which: int, much: int) -> None:
    """What becomes of the next action, and how much later it arrives."""
    run.fates.append((FATES[which % len(FATES)], LATE_MS[much]))


def _thin(run: Run, which: int, much: int) -> None:
    """How much of a coming market order finds somebody."""
    run.exchange.thin.append(SHARES[much])


def _down(run: Run, which: int, much: int) -> None:
    run.cut(RECONNECT_MS + LATE_MS[much])


def _rest(run: Run, which: int, much: int) -> None:
    run.rest_up = which % 2 == 1


def _signal(run: Run, which: int, much: int) -> None:
    run.signal(WANTS[which % len(WANTS)])


def _die(run: Run, which: int, much: int) -> None:
    run.die()


def _deadly(run: Run, which: int, much: int) -> None:
    """The next order is the last that this process sends."""
    run.dies_sending = True


def _add(run: Run, which: int, much: int) -> None:
    run.signal(Want.ADD)


VOCABULARY: dict[str, Callable[[Run, int, int], None]] = {
    "print": _print,
    "mark": _mark,
    "both": _both,
    "signal": _signal,
    "lag": _lag,
    "fate": _fate,
    "thin": _thin,
    "sweep": _sweep,
    "book": _book,
    "calm": _calm,
    "again": _again,
    "down": _down,
    "rest": _rest,
    "die": _die,
    "deadly": _deadly,
    "add": _add,
}
OFTEN = ("print", "mark", "both")
LIKELY = ("signal", "lag", "fate", "thin", "sweep", "book", "calm")
WORDS = (*OFTEN, *OFTEN, *LIKELY, *(word for word in VOCABULARY if word != "add"))
WITH_ADDS = (*WORDS, *("add",) * 6)


def schedules(size: int = 30, words: tuple[str, ...] = WORDS) -> st.SearchStrategy[list[Step]]:
    """Lists of what happens; most of it are prices and what may be wrong with orders."""
    number = st.integers(0, 9)
    return st.lists(st.tuples(st.sampled_from(words), number, number, number), min_size=4, max_size=size)


def play(schedule: list[Step], source: StopPriceSource, trail_by: Decimal | None, adds_max: int = 0) -> Run:
    """Enter, let the schedule happen, let it settle, and have it judged."""
    run = Run(source, trail_by, adds_max)
    try:
        run.wait(100)
        run.signal(Want.LONG)
        for what, which, much, before in schedule:
            run.wait(WAITS_MS[before])
            VOCABULARY[what](run, which, much)
            run.work()
        run.settle()
        run.judge.at_the_end()
    except AssertionError as error:
        error.add_note(f"play({schedule!r}, {source}, {trail_by!r}, {adds_max})")
        raise
    return run
