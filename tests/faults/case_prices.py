"""Prices that cannot both be true: a print far from the mark, a mark far from what is traded (19, 20)."""

from tests.faults.case_stream import leaves_once
from tests.faults.cases import case
from tests.faults.scene import COIN, Scene

RECOVERED = r"\[risk\] BTC: the exchange confirms a resting stop"
FAR = "a print far from the mark"


@case(19, FAR, done="one print 5 % lower, with STOP_PRICE_SOURCE=trade", expected="it fires the stop, once")
def outlier_counts(scene: Scene) -> None:
    scene.start_covered()
    scene.strike()
    leaves_once(scene)
    scene.recovered()


@case(
    19,
    FAR,
    done="one print 5 % lower, with STOP_PRICE_SOURCE=mark; then the mark falls too",
    expected="the print is told and fires nothing; the mark does",
    short=True,
    STOP_PRICE_SOURCE="mark",
)
def outlier_does_not_count(scene: Scene) -> None:
    scene.start_covered()
    scene.strike()
    scene.touch_the_stop()
    scene.hear(r"\[exit\] BTC: a print of \S+ is beyond the stop .*; STOP_PRICE_SOURCE=mark waits for the mark")
    scene.recovered()
    assert scene.sees.is_covered(COIN)
    assert not scene.sees.exits
    scene.fault(f"mark.diverge {COIN} by=-0.05", for_s=60)
    scene.flat()
    assert len(scene.sees.exits) <= 1


@case(
    19,
    FAR,
    done="a print of 1.5 dollars, with STOP_PRICE_SOURCE=trade",
    expected="it fires the stop; the exit is priced by the book: flat",
)
def nonsense_counts(scene: Scene) -> None:
    scene.start_covered()
    prints = {"coin": COIN, "channel": "trades"}
    number = scene.fault("ws.mutate px_number", match=prints, times=1)
    scene.struck(number)
    scene.flat()
    scene.hear(r"\[exit\] BTC closed by stop_loss")
    scene.recovered()
    assert len(scene.sees.exits) == 1


APART = "two sources of the price disagree"


@case(
    20,
    APART,
    done="the mark is up to 15 % above what is traded, while flat",
    expected="told after 10 s; no entry until they agree again",
)
def apart_while_flat(scene: Scene) -> None:
    halt = scene.folder / "HALT"
    halt.touch()
    scene.start()
    scene.hear(r"\[risk\] BTC long refused: HALT file")
    scene.fault(f"mark.diverge {COIN} by=0.15", for_s=45)
    scene.hear(r"ALERT BTC: the mark price .* is .* % from what is traded.*no entries")
    halt.unlink()
    scene.until(scene.is_calm, "they agree again")
    assert not scene.sees.entries
    scene.strike()
    scene.hear(r"\[risk\] BTC: the mark price and what is traded agree again")
    scene.hear(RECOVERED, patience_s=120)
    scene.recovered()


@case(
    20,
    APART,
    done="the mark falls by 4 % and what is traded does not, with a position open",
    expected="the resting stop, which watches the mark, closes the position",
)
def apart_with_a_position(scene: Scene) -> None:
    scene.start_covered()
    scene.fault(f"mark.diverge {COIN} by=-0.04", for_s=60, at_once=True)
    scene.flat()
    scene.hear(r"\[exit\] BTC closed by stop_loss")
    scene.recovered()
    assert len(scene.sees.entries) == 1
