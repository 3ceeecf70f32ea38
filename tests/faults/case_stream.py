"""What happens to the socket: it is closed, cut, deaf, silent, refused, and speaks no WebSocket (1 to 7, 18)."""

from tests.faults.cases import case
from tests.faults.scene import COIN, Scene

BACK = r"\[stream\] up again: back to streaming"
STOPPED = r"\[exit\] BTC closed by stop_loss"
AGAIN = "connected again, everything subscribed to anew, account read; no alert; the stop still fires, once"
LOST = "the socket is lost"
FOUND_WITHIN_MS, MACHINE_MS = 10_000, 10_000
"""In so much time by our own watchdog; and how much a loaded machine may be late."""
FLAPS_FOR_S = 50
CONNECTS_PER_MINUTE_MAX, LINES_MAX = 6, 12


def leaves_once(scene: Scene) -> None:
    """The stop is touched: the bot leaves, with one order."""
    scene.touch_the_stop()
    scene.hear(STOPPED)
    scene.flat()
    assert len(scene.sees.exits) == 1


def moves_below_the_stop(scene: Scene, **rule: float) -> None:
    """The book falls below the stop, and no print tells of it: only a book or a mid price does; the mark lags."""
    scene.fault(f"book.shift {COIN} -0.05", **({"for_s": 60} | rule))


def lost_and_back(scene: Scene, do: str, why: str, **rule: object) -> None:
    """One loss of the socket with a position open."""
    scene.start_covered()
    scene.fault(do, at_once=True, **rule)
    scene.hear(rf"\[stream\] down: {why}")
    scene.hear(BACK)
    scene.recovered()
    leaves_once(scene)
    assert "ALERT" not in scene.bot.screen


@case(1, "clean close", done="closed with code 1000", expected=AGAIN, short=True)
def closed(scene: Scene) -> None:
    lost_and_back(scene, "ws.close 1000", "closed by the other side, code 1000")


@case(1, "clean close", done="closed with code 1001", expected=AGAIN)
def going_away(scene: Scene) -> None:
    lost_and_back(scene, "ws.close 1001", "closed by the other side, code 1001")


@case(2, LOST, done="a TCP reset", expected=AGAIN)
def reset(scene: Scene) -> None:
    lost_and_back(scene, "ws.rst", "lost")


@case(2, LOST, done="a frame breaks off, and the connection with it", expected=AGAIN)
def truncated(scene: Scene) -> None:
    lost_and_back(scene, "ws.truncate", "")


@case(
    2,
    LOST,
    done="a TCP reset while flat; then a subscription of the coin is acknowledged by nobody at first",
    expected="no entry before everything is acknowledged",
)
def no_entry_before_all_is_granted(scene: Scene) -> None:
    halt = scene.folder / "HALT"
    halt.touch()
    scene.start()
    scene.hear(r"\[risk\] BTC long refused: HALT file")
    number = scene.fault("ws.sub_reject text=", match={"channel": "trades", "coin": COIN}, times=1)
    scene.fault("ws.rst", at_once=True)
    scene.struck(number)
    halt.unlink()
    scene.hear(BACK)
    assert not scene.sees.entries
    scene.hear(r"\[risk\] BTC: the exchange confirms a resting stop", patience_s=90)
    scene.recovered()


@case(
    3,
    "half-open silence",
    done="nothing goes either way and the connection stays, at first; the next handshakes are refused",
    expected="found within 10 s; prices by REST every 2 s; the stop still fires, by what REST says",
)
def half_open(scene: Scene) -> None:
    scene.start_covered()
    scene.fault("ws.handshake 503", for_s=40)
    scene.fault("ws.blackhole", at_once=True)
    scene.hear(r"\[stream\] down: nothing heard for 9 s; polling BTC by REST every 2 s")
    scene.recovered()
    assert scene.took_ms is not None
    assert scene.took_ms <= FOUND_WITHIN_MS + MACHINE_MS
    moves_below_the_stop(scene)
    scene.hear(STOPPED)
    scene.flat()
    scene.closed_once()


@case(4, "the server closes what idles", done="cut without a close frame 6 s after it opened", expected=AGAIN)
def idle_close(scene: Scene) -> None:
    scene.start_covered()
    scene.fault("ws.idle_close 6")
    scene.fault("ws.close 1000")
    scene.hear(BACK)
    scene.strike()
    scene.hear(r"\[stream\] down: ")
    scene.hear(BACK)
    scene.recovered()
    leaves_once(scene)


@case(
    5,
    "only pongs arrive",
    done="nothing of the coin is sent any more, the connection lives; the book falls below the stop",
    expected="told within 15 s, its prices come by REST, the stop fires; once it is heard it is streamed again",
)
def zombie(scene: Scene) -> None:
    scene.start_covered()
    scene.fault("ws.mute", match={"coin": COIN}, for_s=40, at_once=True)
    scene.hear(r"\[stream\] BTC not by stream: nothing was heard of it for \d+ s; polled by REST")
    scene.recovered()
    assert scene.took_ms is not None
    assert scene.took_ms <= 15_000 + MACHINE_MS
    moves_below_the_stop(scene, for_s=20)
    scene.hear(STOPPED)
    scene.flat()
    scene.closed_once()
    scene.hear(r"\[stream\] BTC by stream again", patience_s=120)


@case(
    5,
    "only pongs arrive",
    done="its prints alone are no longer sent",
    expected="the book and the candles prove that they are missing: subscribed to again, without a reconnect",
)
def zombie_prints(scene: Scene) -> None:
    scene.start_covered()
    number = scene.fault("ws.mute", match={"coin": COIN, "channel": "trades"}, at_once=True)
    scene.struck(number)
    scene.until(lambda: any("silence: trades" in why for why in dropped(scene)), "prints are asked for again")
    scene.recovered()
    scene.no_faults()
    leaves_once(scene)
    assert scene.status()["stream"]["reconnects"] == 0


def dropped(scene: Scene) -> dict[str, int]:
    """What the stream left out or tried, by reason, as the bot shows it."""
    return dict(scene.status()["stream"]["dropped"])


REFUSED = "the handshake fails"
TRIED_ON = "tried again with growing pauses, never the end; prices by REST; the stop still fires by what REST says"


def handshakes_refused(scene: Scene, do: str, why: str, url: str = "", **rule: object) -> None:
    """For a while no connection comes about, with a position open; the book falls below the stop meanwhile."""
    scene.start_covered(url)
    scene.fault(do, for_s=25, **rule)
    scene.fault("ws.rst", at_once=True)
    scene.hear(r"\[stream\] down: .*; polling BTC by REST every 2 s")
    moves_below_the_stop(scene, for_s=20)
    scene.hear(STOPPED)
    scene.flat()
    scene.hear(BACK, patience_s=120)
    scene.recovered()
    scene.closed_once()
    assert "ALERT" not in scene.bot.screen, why


@case(6, REFUSED, done="429 for 25 s", expected=TRIED_ON)
def handshake_429(scene: Scene) -> None:
    handshakes_refused(scene, "ws.handshake 429", "too many connections", times=None)


@case(6, REFUSED, done="403 for 25 s", expected=TRIED_ON)
def handshake_403(scene: Scene) -> None:
    handshakes_refused(scene, "ws.handshake 403", "forbidden", times=None)


@case(6, REFUSED, done="502 for 25 s", expected=TRIED_ON)
def handshake_502(scene: Scene) -> None:
    handshakes_refused(scene, "ws.handshake 502", "a proxy's page", times=None)


@case(6, REFUSED, done="noise instead of an answer for 25 s", expected=TRIED_ON)
def handshake_of_noise(scene: Scene) -> None:
    rule = {"match": {"door": "ws"}, "times": None}
    handshakes_refused(scene, "proxy.garbage", "no protocol", scene.proxy(), **rule)


NONSENSE = "bytes that are no frame"
RESET = "the socket is given up and opened anew; the bot lives; the stop still fires, once"


@case(7, NONSENSE, done="a reserved opcode", expected=RESET)
def reserved_opcode(scene: Scene) -> None:
    lost_and_back(scene, "ws.garbage opcode", "")


@case(7, NONSENSE, done="text that is no UTF-8", expected="left out or the socket is given up; the stop still fires")
def bad_utf8(scene: Scene) -> None:
    scene.start_covered()
    scene.fault("ws.garbage utf8", at_once=True)
    scene.until(lambda: sum(dropped(scene).values()) > 0 or scene.status()["stream"]["reconnects"] > 0, "it is seen")
    scene.recovered()
    leaves_once(scene)


@case(7, NONSENSE, done="a header that tells of a terabyte", expected=RESET)
def oversize(scene: Scene) -> None:
    lost_and_back(scene, "ws.garbage oversize", "")


@case(7, NONSENSE, done="HTTP in the middle of the stream", expected=RESET)
def http_in_between(scene: Scene) -> None:
    lost_and_back(scene, "ws.garbage http", "")


@case(
    18,
    "a storm of reconnects",
    done=f"for {FLAPS_FOR_S} s every connection is cut a second after it opened, with a position open",
    expected="six connections in a minute (30 allowed), few lines; afterwards one connection, every subscription once",
)
def flapping(scene: Scene) -> None:
    scene.start_covered()
    before = scene.status()["stream"]["subscriptions"]
    known, most = int(scene.counters()["connections_this_minute"]), 0
    scene.fault("ws.flap 1", for_s=FLAPS_FOR_S)
    scene.fault("ws.rst", at_once=True)

    def is_over() -> bool:
        nonlocal most
        most = max(most, int(scene.counters()["connections_this_minute"]))
        return scene.is_calm()

    scene.until(is_over, "the storm is over", patience_s=90)
    lines = [line for line in scene.bot.lines if "[stream]" in line]
    # The exchange's count of the last minute: the connections from before the storm are still in it.
    assert known < most <= known + CONNECTS_PER_MINUTE_MAX, (known, most)
    assert len(lines) <= LINES_MAX, scene.bot.screen
    scene.until(lambda: scene.status()["stream_up"], "streaming again", patience_s=120)
    scene.recovered()
    counters = scene.counters()
    assert counters["connections"] == 1
    assert counters["subscriptions"] == scene.status()["stream"]["subscriptions"] == before
    leaves_once(scene)
