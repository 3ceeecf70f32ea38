"""What the socket tells: no JSON, nonsense, the same twice, out of order, old, nothing, a refusal (8 to 15, 22)."""

import re

from tests.faults.case_settings import REFUSED, refused
from tests.faults.case_stream import BACK, STOPPED, dropped, leaves_once, moves_below_the_stop
from tests.faults.cases import case
from tests.faults.scene import COIN, Scene

RECOVERED = r"\[risk\] BTC: the exchange confirms a resting stop"
PRINTS = {"coin": COIN, "channel": "trades"}
PERSONAL = ("orderUpdates", "user", "userFills")
MUTATIONS = (
    *("null", "number", "list", "data_null", "data_empty", "data_number", "no_data", "unknown_channel", "deep"),
    *("no_px", "px_nan", "px_negative", "px_infinite", "px_zero", "px_null", "huge_number"),
)
"""Ways of spoiling a frame after which it says nothing."""


@case(
    8,
    "text that is no JSON",
    done="`Websocket connection established.` in front of twenty frames",
    expected="left out and counted, the connection is kept",
)
def no_json(scene: Scene) -> None:
    scene.start_covered()
    number = scene.fault("ws.raw", times=20, at_once=True)
    scene.struck(number, 20)
    scene.until(lambda: sum(dropped(scene).values()) >= 20, "all are counted")
    scene.recovered()
    leaves_once(scene)
    assert scene.status()["stream"]["reconnects"] == 0


WRONG = "JSON of a wrong shape"


@case(
    9,
    WRONG,
    done=f"{len(MUTATIONS)} frames of prints, each spoiled in another way: null, no price, NaN, -1, 1e999, depth …",
    expected="left out and counted, the connection is kept; the stop still fires, once",
    short=True,
)
def spoiled_each(scene: Scene) -> None:
    scene.start_covered()
    scene.strike()
    for how in MUTATIONS:
        number = scene.fault(f"ws.mutate {how}", match=PRINTS, times=1)
        scene.until(lambda number=number: scene.has_hit(number), f"a frame is spoiled: {how}")
    scene.until(lambda: len(dropped(scene)) >= 2, "they are counted")
    scene.recovered()
    leaves_once(scene)
    assert scene.status()["stream"]["reconnects"] == 0


@case(
    9,
    WRONG,
    done="for 40 s a `null` in front of every frame",
    expected="after a hundred within a minute: alert, connected again; the stop still fires, once",
)
def a_hundred_bad(scene: Scene) -> None:
    scene.start_covered()
    scene.fault("ws.raw null", for_s=40, times=None, at_once=True)
    scene.hear(r"\[stream\] down: more than 100 unreadable frames within a minute")
    scene.hear(r"ALERT .*more than 100 unreadable frames")
    scene.hear(BACK)
    scene.recovered()
    leaves_once(scene)


@case(
    9,
    WRONG,
    done="all prints and books of one coin are without prices; its book falls below the stop",
    expected="alert; this coin is suspended and watched by REST, the stop fires; others are not touched",
    COINS="BTC,ETH",
)
def one_coin_poisoned(scene: Scene) -> None:
    scene.start()
    scene.hear(RECOVERED)
    scene.until(lambda: scene.sees.is_covered("ETH"), "both coins are covered")
    for channel in ("bbo", "trades"):
        scene.fault("ws.mutate no_px", match={"coin": COIN, "channel": channel}, times=None)
    scene.strike()
    scene.hear(r"\[stream\] BTC cannot be streamed: its frames cannot be read; watched by REST, no entries")
    moves_below_the_stop(scene)
    scene.hear(STOPPED)
    scene.flat()
    scene.recovered()
    assert len(scene.sees.exits) == 1
    assert scene.sees.is_covered("ETH")
    assert scene.status()["stream"]["reconnects"] == 0


@case(
    10,
    "duplicate frames",
    done="every print and everything about the account comes four times, from the start on",
    expected="counted once: position and stop are right, one exit",
)
def duplicates(scene: Scene) -> None:
    for channel in ("trades", *PERSONAL):
        scene.fault("ws.dup copies=3", match={"channel": channel}, times=None)
    scene.strike()
    scene.start_covered()
    leaves_once(scene)
    scene.until(lambda: not scene.status()["positions"], "flat by the bot's own word")
    scene.recovered()
    assert len(scene.sees.entries) == 1
    closed = [line for line in scene.bot.lines if re.search(STOPPED, line)]
    assert len(closed) == 1


@case(
    11,
    "frames out of order",
    done="prints and what is about the account change places two by two, from the start on",
    expected="an older print takes nothing back and fires nothing twice: one entry, covered, one exit",
)
def out_of_order(scene: Scene) -> None:
    for channel in ("trades", *PERSONAL):
        scene.fault("ws.shuffle", match={"channel": channel})
    scene.strike()
    scene.start_covered()
    leaves_once(scene)
    scene.until(lambda: not scene.status()["positions"], "flat by the bot's own word")
    scene.recovered()
    assert len(scene.sees.entries) == 1


@case(
    12,
    "a stale snapshot after a reconnect",
    done="the socket is cut, and the first prints and books after it are a minute old and 10 % lower",
    expected="what is older than the connection fires nothing; fresh prices do",
    short=True,
)
def stale_snapshot(scene: Scene) -> None:
    scene.start_covered()
    rules = [
        scene.fault("ws.snapshot_age seconds=60 by=-0.1", match={"coin": COIN, "channel": channel}, times=3)
        for channel in ("trades", "bbo")
    ]
    scene.fault("ws.rst", at_once=True)
    for rule in rules:
        scene.struck(rule, 3)
    scene.hear(BACK)
    told_ms = scene.status()["at_ms"]
    scene.until(lambda: scene.status()["coins"][0]["print_ms"] > told_ms, "fresh prints are heard", patience_s=90)
    scene.recovered()
    assert not scene.sees.exits
    assert scene.sees.is_covered(COIN)
    leaves_once(scene)


@case(
    13,
    "fills that are missed",
    done="nothing about the account is sent for a minute; the owner closes the position meanwhile",
    expected="found by REST within half a minute, booked as closed elsewhere; orders swept",
)
def missed_fills(scene: Scene) -> None:
    scene.start_covered()
    for channel in PERSONAL:
        scene.fault("ws.mute", match={"channel": channel}, for_s=60)
    scene.fault("user.trade close", at_once=True)
    scene.hear(r"\[exit\] BTC closed by closed_elsewhere", patience_s=75)
    scene.flat()
    scene.recovered()
    assert len(scene.sees.entries) == 1


REJECTED = "a subscription is rejected"
LEFT_TO_REST = "asked for three times; then alert, the coin is watched by REST, the stop fires by what REST says"


def rejected(scene: Scene, text: str) -> None:
    """After a reconnect one coin's subscriptions are refused; its book falls below the stop."""
    scene.start_covered()
    scene.fault(f"ws.sub_reject text={text}", match={"coin": COIN}, times=None)
    scene.fault("ws.rst", at_once=True)
    scene.hear(r"\[stream\] BTC cannot be streamed: .* was not acknowledged; watched by REST, no entries")
    scene.recovered()
    moves_below_the_stop(scene)
    scene.hear(STOPPED)
    scene.flat()
    assert len(scene.sees.exits) == 1


@case(14, REJECTED, done="answered with an error, always; the coin's book falls below the stop", expected=LEFT_TO_REST)
def rejected_with_an_error(scene: Scene) -> None:
    rejected(scene, "Error")


@case(14, REJECTED, done="never answered; the coin's book falls below the stop", expected=LEFT_TO_REST)
def never_acknowledged(scene: Scene) -> None:
    rejected(scene, "")


NAMES = "names of coins"


@case(15, NAMES, done="COINS=btc", expected="meant is BTC: a usual entry, covered", COINS="btc")
def wrong_case(scene: Scene) -> None:
    scene.strike()
    scene.start_covered()
    scene.recovered()


@case(15, NAMES, done="a coin that was renamed, and one that was never there", expected=REFUSED)
def renamed(scene: Scene) -> None:
    scene.strike()
    for number, coin in enumerate(("MATIC", "BTX")):
        folder = scene.folder / str(number)
        folder.mkdir()
        refused(scene, folder, coin, COINS=f"BTC,{coin}")
    scene.recovered()
