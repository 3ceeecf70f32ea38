"""The way to the exchange: its name is not found, its certificate is a stranger's, and what idles is closed (4, 6)."""

from collections.abc import Callable
from pathlib import Path

import requests
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from hyperliquid_websocket import HyperliquidWebSocketClient
from tests.faults.case_stream import BACK, REFUSED, STOPPED, TRIED_ON, leaves_once, moves_below_the_stop
from tests.faults.cases import case
from tests.faults.scene import ACCOUNT, Scene
from tests.faults.tls import front_of
from tidegate.clock import ExchangeClock
from tidegate.hyperliquid.protocol import StreamProtocol
from tidegate.hyperliquid.subscriptions import Subscription
from tidegate.inbox import ConflatingInbox
from tidegate.model.market import Timeframe

NO_NAMES = "NO_NAMES"
HOOK = f"""import socket
import threading
from pathlib import Path

import certifi

asked, refused, bundle = socket.getaddrinfo, Path({NO_NAMES!r}), Path("trusted.pem").absolute()


def getaddrinfo(*args, **kwargs):
    if refused.exists() and threading.current_thread().name.startswith("asyncio"):
        with refused.open("a") as tries:
            tries.write("again\\n")
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    return asked(*args, **kwargs)


socket.getaddrinfo = getaddrinfo
if bundle.exists():
    certifi.where = lambda: str(bundle)
"""
"""Python runs it first in the bot's process: the stream's look-up of names fails while a file lies there."""
TRIES_MIN = 2
IDLE_CLOSED_WITHIN_S = 90
QUIET = ("userFundings", "userFills")


def hooked(scene: Scene) -> dict[str, str]:
    """The environment of a bot that runs the hook."""
    (scene.folder / "hook").mkdir()
    (scene.folder / "hook" / "sitecustomize.py").write_text(HOOK)
    return {"PYTHONPATH": str(scene.folder / "hook")}


def no_way_for_a_while(scene: Scene, begins: Callable[[], None], ends: Callable[[], None]) -> None:
    """No connection of the stream comes about, with a position open; the book falls below the stop meanwhile."""
    begins()
    scene.fault("ws.rst", at_once=True)
    scene.hear(r"\[stream\] down: .*; polling BTC by REST every 2 s")
    moves_below_the_stop(scene, for_s=20)
    scene.hear(STOPPED)
    scene.flat()
    ends()
    scene.hear(BACK, patience_s=120)
    scene.recovered()
    scene.closed_once()
    assert "ALERT" not in scene.bot.screen


@case(6, REFUSED, done="the exchange's name is not found for a while", expected=TRIED_ON)
def handshake_without_a_name(scene: Scene) -> None:
    refused, tries = scene.folder / NO_NAMES, 0

    def found_again() -> None:
        nonlocal tries
        scene.until(lambda: len(refused.read_text().splitlines()) >= TRIES_MIN, "it is tried again")
        tries = len(refused.read_text().splitlines())
        refused.unlink()

    scene.start_covered(scene.net.url.replace("127.0.0.1", "localhost"), **hooked(scene))
    no_way_for_a_while(scene, refused.touch, found_again)
    assert tries >= TRIES_MIN
    assert len(scene.sees.exits) == 1


@case(
    6,
    REFUSED,
    done="over TLS: whoever connects is shown a certificate that nobody trusts, for a while; REST is, too",
    expected="tried again with growing pauses, never the end; the stop fires, the bot's or the one on the exchange",
)
def handshake_with_a_stranger(scene: Scene) -> None:
    with front_of(scene.net.url, scene.folder) as front:
        (scene.folder / "trusted.pem").write_bytes(Path(front.trusted).read_bytes())
        scene.start_covered(front.url, SSL_CERT_FILE=str(front.trusted), **hooked(scene))

        def trusted_again() -> None:
            scene.until(lambda: front.refused >= TRIES_MIN, "it is tried again")
            front.show_what_is_trusted()

        no_way_for_a_while(scene, front.show_a_stranger, trusted_again)
    assert len(scene.sees.exits) <= 1


@case(
    4,
    "the server closes what idles",
    done="to three connections nothing is said but what their own pings cause; one of them does not ping",
    expected="that one is closed after 60 s; the bot and a client without a coin are still on their first connection",
)
def idling(scene: Scene) -> None:
    scene.start_covered()
    clock = ExchangeClock(requests.get(f"{scene.net.url}/localnet/clock", timeout=10).json()["time_ms"])
    protocol = StreamProtocol((), ACCOUNT, Timeframe.M1, account=False)
    protocol.add((Subscription(kind, ACCOUNT.lower(), personal=True) for kind in QUIET), 0)
    url = f"ws{scene.net.url.removeprefix('http')}/ws"
    client = HyperliquidWebSocketClient(url, ConflatingInbox(clock), clock, protocol)
    client.start()
    try:
        with connect(url, ping_interval=None) as silent:
            try:
                silent.recv(timeout=IDLE_CLOSED_WITHIN_S)
                raise AssertionError("nothing was asked for, and something came")
            except ConnectionClosed:
                scene.strike()
        assert client.connects == 1
        assert client.is_up
    finally:
        client.stop()
    assert scene.status()["stream"]["reconnects"] == 0
    scene.recovered()
    leaves_once(scene)
