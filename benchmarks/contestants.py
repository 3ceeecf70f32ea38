"""Who is measured: the bot, the SDK as its users use it, and the floor under both. Each runs in a process of its own.

A contestant says "ready", then takes words from the benchmark and answers each: `enter` opens in each of its coins a
position that its stop guards, `think` starts or stops strategies that compute beside it, `read` a read that is repeated
without end. Owns nothing that is measured: the stamps are the counterparty's.
"""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from functools import partial
from hashlib import sha256
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import requests
from websockets.client import ClientProtocol
from websockets.uri import parse_uri

from benchmarks.counterparty import Coin
from benchmarks.thinking import ThinkingChild, ThinkingThread
from hyperliquid_websocket import HyperliquidWebSocketClient
from tidegate.clock import ExchangeClock
from tidegate.config import load
from tidegate.hyperliquid.client import HyperliquidClient
from tidegate.hyperliquid.limits import Budget, Lane, weight_per_minute
from tidegate.hyperliquid.signing import Signer
from tidegate.localnet.arguments import MarketChoice
from tidegate.model.events import Command, Signalled
from tidegate.model.intents import FetchPrices
from tidegate.model.signals import Signal, Want
from tidegate.reader import Reader
from tidegate.session import Session

ROOT = Path(__file__).resolve().parents[1]
OURS, SDK, FLOOR = "BTC", "ETH", "SOL"
"""The coin of each contestant."""

STOP_PCT = "0.5"
POSITION_USD = 50
LEVERAGE = "20"
ANSWER_TIMEOUT_S = 20
LOOK_EVERY_S = 0.02


class Purse(Budget):
    """The REST budget of the bot. A bot leaves a position now and then and reads its account after that; this one
    leaves some twenty a second, so that its reads would bring thousands of fills each time. Once it is shut they are
    refused at once, as they are when a minute's budget is spent. Before that nothing is, so that the candles of all
    coins are there in a moment."""

    is_shut = False

    def take(self, weight: int, lane: Lane = Lane.REST) -> bool:  # noqa: ARG002
        """Whether a read may go out."""
        return not self.is_shut


class RepeatedRead:
    """A reader of the bot's kind, in its process, that reads prices again and again."""

    def __init__(self, url: str, coins: Iterable[str]) -> None:
        self._coins = tuple(coins)
        clock = ExchangeClock(time.time_ns() // 1_000_000)
        client = partial(HyperliquidClient, url, budget=Budget(weight_per_minute=1 << 40, reserved=0))
        self._reader = Reader(client, "", self, clock)
        self._reads = self._started = False

    def set(self, reads: bool) -> None:
        """Read, or stop reading."""
        self._reads = reads
        if reads and not self._started:
            self._started = True
            self._reader.start()
        if reads:
            self._reader.submit(FetchPrices(coins=self._coins))

    def put(self, _event: object) -> None:
        """An answer: read on."""
        if self._reads:
            self._reader.submit(FetchPrices(coins=self._coins))


class Bot:
    """A whole session of the bot, as `python bot.py` makes it; only its entries are wished for by us.

    Its wallet is told apart by `seed`. The stream client is the real one; it is handed to the session here because
    that is how one gets hold of the inbox, into which a wish is put as the strategist would put it. `more` are further
    settings, `strategies` the folder of its strategy.
    """

    def __init__(
        self,
        conn: Connection,
        url: str,
        folder: str,
        seed: int,
        coins: Mapping[str, Coin],
        more: Mapping[str, str] | None = None,
        strategies: Path = ROOT / "strategies",
    ) -> None:
        self._conn, self._coins = conn, coins
        home = Path(folder)
        home.mkdir(parents=True)
        os.chdir(home)
        _silence(home / "screen.log")
        settings = {
            "LOCALNET_URL": url,
            "COINS": ",".join(coins),
            "STOP_LOSS_PCT": STOP_PCT,
            "MAX_POSITION_USD": str(POSITION_USD),
            "LEVERAGE": LEVERAGE,
            "MAX_ORDERS_PER_MINUTE": "6000",
            "MAX_OPEN_POSITIONS": "0",
            "MAX_DAILY_LOSS_PCT": "0",
            "MAX_DRAWDOWN_PCT": "0",
            "DATABASE_URL": f"sqlite:///{home}/tidegate.db",
            "LOG_DIR": str(home / "logs"),
            **(more or {}),
        }
        loaded = load(settings, {}, None, weight_per_minute=weight_per_minute, strategy_dir=strategies)
        choice = MarketChoice(seed=seed)
        self._session = Session(loaded, choice, ROOT / "bot.py", self._new_stream)
        self._budget = Purse()
        self._thinking = ThinkingChild(str(ROOT / "strategies"))
        self._reading = RepeatedRead(url, coins)

    def run(self) -> None:
        """Until told to stop."""
        self._session.run(None)
        self._thinking.stop()
        self._reading.set(False)

    def _new_stream(self, url: str, inbox: Any, clock: Any, protocol: Any, **way: Any) -> HyperliquidWebSocketClient:
        self._inbox, self._clock = inbox, clock
        self._session._budget = self._budget  # from here on: the reader asks for its client later
        self._stream = HyperliquidWebSocketClient(url, inbox, clock, protocol, **way)
        threading.Thread(target=self._obey, name="benchmark", daemon=True).start()
        return self._stream

    def _obey(self) -> None:
        patience = threading.Event()
        while not self._stream.is_up:
            patience.wait(LOOK_EVERY_S)
        self._conn.send("ready")
        try:
            while True:
                word, argument = self._conn.recv()
                self._conn.send(self.answer(word, argument))
        except EOFError:
            self._inbox.put(Command(at_ms=self._clock.now_ms(), name="stop", reason="the benchmark is over"))

    def answer(self, word: str, argument: Any) -> Any:
        """Do what the benchmark asks."""
        if word == "think":
            self._thinking.set(argument)
        elif word == "read":
            self._reading.set(argument)
        elif word == "many":
            self._budget.is_shut = True
        else:
            self.enter()
        return word

    def enter(self) -> None:
        """Wish for a position in every coin."""
        now_ms = self._clock.now_ms()
        for coin in self._coins.values():
            # The same stop every time, also if the bot has not heard yet that the price has recovered.
            stop = coin.mid * (100 - Decimal(STOP_PCT)) / 100
            wish = Signal(want=Want.LONG, reason="the benchmark wishes it", stop=stop)
            self._inbox.put(Signalled(at_ms=now_ms, coin=coin.name, candle_open_ms=now_ms, signal=wish))


class SdkUser:
    """What the SDK's examples teach: a callback on trades that calls `market_close` when the price is through."""

    def __init__(self, conn: Connection, url: str, coins: Iterable[str]) -> None:
        from eth_account import Account
        from hyperliquid.exchange import Exchange
        from hyperliquid.info import Info

        self._conn = conn
        wallet = Account.create()
        body = {"user": wallet.address, "usdc": 1_000_000}
        requests.post(f"{url}/localnet/fund", json=body, timeout=ANSWER_TIMEOUT_S).raise_for_status()
        self._exchange = Exchange(wallet, url, timeout=ANSWER_TIMEOUT_S)
        self._info = Info(url, timeout=ANSWER_TIMEOUT_S)
        self._stop_px: dict[str, float] = {}
        self._coins = tuple(coins)
        self._thinking = ThinkingThread(str(ROOT / "strategies"))
        for coin in self._coins:
            self._info.subscribe({"type": "trades", "coin": coin}, self._on_trades)

    def run(self) -> None:
        """Until told to stop."""
        self._conn.send("ready")
        try:
            while True:
                word, argument = self._conn.recv()
                if word == "think":
                    self._thinking.set(argument)
                else:
                    self._enter()
                self._conn.send(word)
        except EOFError:
            self._thinking.set(False)
            self._info.disconnect_websocket()

    def _enter(self) -> None:
        mids = self._info.all_mids()
        for coin in self._coins:
            answer = self._exchange.market_open(coin, True, round(POSITION_USD / float(mids[coin]), 3))
            entry = float(answer["response"]["data"]["statuses"][0]["filled"]["avgPx"])
            self._stop_px[coin] = entry * (1 - float(STOP_PCT) / 100)

    def _on_trades(self, message: Any) -> None:
        for trade in message["data"]:
            if float(trade["px"]) <= self._stop_px.get(trade["coin"], 0.0):
                del self._stop_px[trade["coin"]]
                self._exchange.market_close(trade["coin"])


class Echo:
    """The floor: a blocking socket that answers the awaited print with bytes made long before."""

    def __init__(self, conn: Connection, url: str, coins: Iterable[str]) -> None:
        self._conn = conn
        host, port = url.removeprefix("http://").split(":")
        self._socket = socket.create_connection((host, int(port)))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._protocol = ClientProtocol(parse_uri(f"ws://{host}:{port}/ws"))
        self._protocol.send_request(self._protocol.connect())
        self._flush()
        while b"\r\n\r\n" not in (head := self._socket.recv(4096)):
            pass
        self._protocol.receive_data(head)
        for coin in coins:
            subscription = f'{{"method":"subscribe","subscription":{{"type":"trades","coin":"{coin}"}}}}'
            self._protocol.send_text(subscription.encode())
        self._flush()
        self._protocol.send_text(_prebuilt_order())
        self._echo = b"".join(self._protocol.data_to_send())

    def run(self) -> None:
        """Until told to stop."""
        threading.Thread(target=self._listen, name="echo", daemon=True).start()
        self._conn.send("ready")
        try:
            while True:
                word, _ = self._conn.recv()
                self._conn.send(word)
        except EOFError:
            self._socket.close()

    def _listen(self) -> None:
        receive, send, echo = self._socket.recv, self._socket.sendall, self._echo
        while data := receive(65536):
            for _ in range(data.count(b'"channel":"trades","data":[')):
                send(echo)

    def _flush(self) -> None:
        self._socket.sendall(b"".join(self._protocol.data_to_send()))


def _prebuilt_order() -> bytes:
    """A post as large as an exit's; the exchange throws it out, which it does after it has arrived."""
    signature = Signer("0x" + sha256(b"floor").hexdigest(), mainnet=False).sign_l1({"type": "noop"}, 1, None, None)
    order = (
        '{"a":5,"b":false,"p":"197.01","s":"1.0","r":true,"t":{"limit":{"tif":"Ioc"}},'
        '"c":"0x00000000000000000000000000000001"}'
    )
    payload = (
        f'{{"action":{{"type":"order","orders":[{order}],"grouping":"na"}},"nonce":1790000000000,"signature":'
        f'{{"r":"{signature["r"]}","s":"{signature["s"]}","v":27}},"vaultAddress":null,"expiresAfter":1790000015000}}'
    )
    return f'{{"method":"post","id":1,"request":{{"type":"action","payload":{payload}}}}}'.encode()


def _silence(path: Path) -> None:
    """The bot's screen goes into a file, as cheaply as into a terminal."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)


def run(kind: str, conn: Connection, url: str, folder: str, seed: int, coins: Mapping[str, Coin]) -> None:
    """The process of one contestant, which trades these coins."""
    made: dict[str, Callable[[], Bot | SdkUser | Echo]] = {
        "bot": lambda: Bot(conn, url, folder, seed, coins),
        "sdk": lambda: SdkUser(conn, url, coins),
        "floor": lambda: Echo(conn, url, coins),
    }
    made[kind]().run()
