"""What becomes of orders: parts, nothing, thin books, stops that vanish, races (36 to 38, 43, 47 to 49, 52, 53)."""

from decimal import Decimal

from tests.faults.cases import case
from tests.faults.scene import COIN, Scene

ORDER = {"action": "order"}
RECOVERED = r"\[risk\] BTC: the exchange confirms a resting stop"


@case(
    36,
    "partial fill of an IOC entry",
    done="entry finds 37 % of its size; the exchange cancels its stop and take-profit",
    expected="a stop for what was filled",
    short=True,
)
def partial_fill(scene: Scene) -> None:
    number = scene.fault("fill.partial 0.37", match=ORDER)
    scene.start()
    scene.struck(number)
    scene.hear(RECOVERED)
    scene.covered()
    scene.recovered()
    (entry,) = scene.sees.entries
    assert Decimal(0) < scene.sees.sizes[COIN] < Decimal(entry["origSz"])


@case(
    37,
    "many changes of a position within seconds",
    done="position halved by hand six times in three seconds",
    expected="followed; its stops cover it, no more than one new one a second",
)
def many_changes(scene: Scene) -> None:
    scene.start_covered()
    before = len(scene.sees.stops)
    scene.strike()
    for number in range(6):
        scene.fault("user.trade halve", at_s=0.5 * number)
    scene.until(lambda: len(scene.sees.own_hand) == 6, "six trades by hand")
    scene.covered()
    scene.recovered()
    assert len(scene.sees.stops) - before <= 3


@case(
    38, "IOC without a match", done="entry finds an empty book", expected="no position; not repeated on the same signal"
)
def nothing_to_match(scene: Scene) -> None:
    number = scene.fault("ioc.nomatch", match=ORDER)
    scene.start()
    scene.struck(number)
    scene.hear(r"\[order\] BTC entry .* rejected: Order could not immediately match")
    scene.recovered()
    assert not scene.sees.sizes


@case(43, "exit finds too little", done="exit finds 30 % of its size", expected="the rest is closed with wider collars")
def exit_partly_filled(scene: Scene) -> None:
    scene.start_covered()
    number = scene.fault("fill.partial 0.3", match=ORDER)
    scene.touch_the_stop()
    scene.struck(number)
    scene.flat()
    scene.hear(r"\[exit\] BTC closed by stop_loss")
    scene.recovered()
    assert len(scene.sees.exits) == 2


@case(
    43, "exit finds too little", done="nobody bids for 4 s", expected="tried again until flat, never without a collar"
)
def no_bids(scene: Scene) -> None:
    scene.start_covered()
    scene.fault(f"book.one_sided {COIN} missing=bids", for_s=4, at_once=True)
    scene.until(lambda: not scene.bids(), "nobody bids")
    scene.touch_the_stop()
    scene.flat()
    scene.recovered()
    assert len(scene.sees.exits) > 1 or len(scene.sees.refused) > 0
    assert all(Decimal(order["limitPx"]) > 0 for order in scene.sees.exits)


VANISHED = "a resting stop vanishes"


def stop_vanishes(scene: Scene, do: str) -> None:
    """The stop goes; another one takes its place."""
    scene.start_covered()
    scene.fault(do, at_once=True)
    scene.until(lambda: not scene.sees.is_covered(COIN) or len(scene.sees.stops) > 1, "the stop goes")
    scene.covered()
    scene.recovered()


@case(47, VANISHED, done="canceled by the exchange: marginCanceled", expected="placed again within 5 s", short=True)
def stop_canceled_by_the_exchange(scene: Scene) -> None:
    stop_vanishes(scene, "kill_stop")


@case(47, VANISHED, done="canceled by the exchange: siblingFilledCanceled", expected="placed again within 5 s")
def stop_canceled_as_sibling(scene: Scene) -> None:
    stop_vanishes(scene, "kill_stop siblingFilledCanceled")


@case(47, VANISHED, done="canceled by the exchange: openInterestCapCanceled", expected="placed again within 5 s")
def stop_canceled_by_the_cap(scene: Scene) -> None:
    stop_vanishes(scene, "kill_stop openInterestCapCanceled")


@case(47, VANISHED, done="all orders canceled: scheduledCancel", expected="placed again within 5 s")
def stop_canceled_on_schedule(scene: Scene) -> None:
    stop_vanishes(scene, "kill_stop scheduledCancel which=all")


TRAILING = {"TRAILING_STOP_PCT": "1"}
"""Nearer than the first stop: with the first print the resting stop is moved."""


@case(
    48,
    "cancel of what is gone",
    done="the stop is moved; the cancel of the old one is answered: never placed, already canceled, or filled",
    expected="taken as gone, and swept with the position if it was not; no loop",
    **TRAILING,
)
def cancel_of_what_is_gone(scene: Scene) -> None:
    number = scene.fault("refuse.gone", match={"action": "cancelByCloid"})
    scene.start()
    scene.struck(number)
    scene.covered()
    scene.touch_the_stop()
    scene.flat()
    scene.hear(r"\[exit\] BTC closed by trailing_stop")
    scene.recovered()


@case(
    49,
    "moving a stop: lost answer",
    done="the nearer stop is placed, its answer lost",
    expected="found by its cloid, the old one goes after it; never uncovered",
    **TRAILING,
)
def moved_stop_without_an_answer(scene: Scene) -> None:
    number = scene.fault("accept_then_timeout", match=ORDER, after=1)
    scene.start()
    scene.struck(number)
    scene.until(lambda: len(scene.sees.stops) == 2 == len(scene.sees.resting), "the new stop and the take-profit rest")
    scene.covered()
    scene.recovered()
    assert scene.sees.naked_ms_max == 0


@case(
    49,
    "moving a stop: cancel lost",
    done="the cancel of the old stop is lost on its way",
    expected="asked again; one stop in the end",
    **TRAILING,
)
def moved_stop_whose_cancel_is_lost(scene: Scene) -> None:
    number = scene.fault("drop_request", match={"action": "cancelByCloid"})
    scene.start()
    scene.struck(number)
    scene.until(lambda: len(scene.sees.resting) == 2, "the new stop and the take-profit rest")
    scene.covered()
    scene.recovered()
    assert scene.sees.naked_ms_max == 0


@case(
    52,
    "stop and exit in the same block",
    done="the resting stop fires in the block in which our exit arrives",
    expected="one closes, the other is refused; flat, no flip",
    short=True,
)
def same_block(scene: Scene) -> None:
    scene.start_covered()
    number = scene.fault("same_block", match=ORDER)
    scene.touch_the_stop()
    scene.struck(number)
    scene.flat()
    scene.hear(r"\[exit\] BTC closed by")
    scene.recovered()


@case(
    53,
    "self-trade prevention",
    done="our exit, asked for by `flatten`, meets the owner's own bid",
    expected="the bid is canceled by the exchange, the position is closed all the same",
)
def own_order_in_the_way(scene: Scene) -> None:
    scene.start_covered()
    scene.fault(f"user.order {COIN} buy sz=0.05 away=0.0001", at_once=True)
    scene.until(lambda: bool(scene.sees.own_hand), "the owner's order stands")
    scene.command("flatten")
    scene.until(lambda: not scene.sees.sizes.get(COIN), "no position")
    scene.hear(r"\[exit\] BTC closed by force_exit")
    scene.recovered()
