"""What REST tells of candles: holes, bars that cannot be, bars that change afterwards (55 to 58)."""

import signal

from tests.e2e.journals import whole_journal
from tests.faults.cases import case
from tests.faults.scene import ACCOUNT, COIN, Scene
from tidegate.model.intents import Evaluate

CANDLES = {"request": "candleSnapshot"}
RECOVERED = r"\[risk\] BTC: the exchange confirms a resting stop"
POLLED = {"STREAM": "prices"}
"""Candles come by REST alone."""
QUICK = 10.0
"""A minute of the exchange in six seconds of ours."""
HOLE = "candles that are missing"
KINDS = ("duplicate", "unsorted", "nan", "zero", "negative", "crossed", "volume")
"""Ways in which localnet spoils an answer."""
BARS_MIN = 3


def polls(scene: Scene, more: int) -> None:
    """So many more candles are known to be closed."""
    before = scene.status()["last_poll_ms"]
    scene.until(lambda: scene.status()["last_poll_ms"] >= before + more * 60_000, f"{more} more bars", patience_s=120)


@case(
    55,
    HOLE,
    done="one is missing in the first answer, before the newest",
    expected="told, asked for again until it is there; one entry, covered",
    short=True,
    speed=QUICK,
    **POLLED,
)
def gap(scene: Scene) -> None:
    number = scene.fault("candle.gap count=1 back=3", match=CANDLES, times=1)
    scene.start()
    scene.struck(number)
    scene.hear(r"\[poll\] BTC: a candle before .* is missing; asked for again")
    scene.hear(RECOVERED)
    polls(scene, 2)
    scene.recovered()
    assert len(scene.sees.entries) == 1


@case(
    55,
    HOLE,
    done="the newest closed one is missing in three answers",
    expected="nothing is decided on what is not there; taken up when it comes; one entry, covered",
    speed=QUICK,
    **POLLED,
)
def newest_missing(scene: Scene) -> None:
    number = scene.fault("candle.gap count=1 back=1", match=CANDLES, times=3)
    scene.start()
    scene.struck(number, 3)
    scene.hear(RECOVERED)
    polls(scene, 2)
    scene.recovered()
    assert len(scene.sees.entries) == 1


@case(
    55,
    HOLE,
    done="nobody trades for two minutes",
    expected="bars without volume are taken for what they are; position and stop are kept",
    speed=QUICK,
)
def nobody_trades(scene: Scene) -> None:
    scene.start_covered()
    scene.fault(f"market.silent {COIN}", for_s=120, at_once=True)
    scene.until(scene.is_calm, "somebody trades again")
    polls(scene, 2)
    scene.recovered()
    assert scene.sees.is_covered(COIN)
    assert len(scene.sees.entries) == 1


@case(
    56,
    "the candle that still runs",
    done="it ends every answer, as always",
    expected="decided on is what has closed, and nothing else",
    speed=QUICK,
    **POLLED,
)
def running_candle(scene: Scene) -> None:
    scene.strike()
    scene.start_covered()
    polls(scene, BARS_MIN)
    scene.recovered()
    scene.bot.send(signal.SIGTERM)
    scene.ends(0)
    shown = [
        (event.at_ms, candle.close_ms)
        for event, decision in whole_journal(f"sqlite:///{scene.folder}/data/tidegate.db", ACCOUNT)
        for intent in decision.intents
        if isinstance(intent, Evaluate)
        for candle in intent.candles
    ]
    assert shown
    assert all(close_ms < at_ms for at_ms, close_ms in shown)


@case(
    57,
    "a closed candle is revised",
    done="REST tells the last closed candle otherwise than before",
    expected="taken over and told; no second entry on the same bar, position and stop are kept",
    speed=QUICK,
)
def revised(scene: Scene) -> None:
    scene.start_covered()
    number = scene.fault("candle.revise by=0.002", match=CANDLES, times=1)
    scene.until(lambda: scene.has_hit(number), "it was told", patience_s=150)
    scene.strike()
    scene.hear(r"\[poll\] BTC: 1 closed candle\(s\) were revised by the exchange: ", patience_s=150)
    polls(scene, 1)
    scene.recovered()
    assert len(scene.sees.entries) == 1
    assert scene.sees.is_covered(COIN)


@case(
    58,
    "candles that cannot be",
    done=f"{len(KINDS)} answers in a row, each spoiled in another way: {', '.join(KINDS)}",
    expected="put in order, what makes no sense is left out, the rest is used; one entry, covered",
    speed=QUICK,
    **POLLED,
)
def impossible(scene: Scene) -> None:
    numbers = [scene.fault(f"candle.bad {kind}", match=CANDLES, times=1) for kind in KINDS]
    scene.strike()
    scene.start()
    for number in numbers:
        scene.until(lambda number=number: scene.has_hit(number), f"fault {number}", patience_s=120)
    scene.hear(RECOVERED, patience_s=120)
    polls(scene, 2)
    scene.recovered()
    assert len(scene.sees.entries) == 1
    assert scene.sees.is_covered(COIN)
