"""A kernel with its streams, and clients that talk to it without a socket."""

import json
from decimal import Decimal

from eth_account import Account
from hyperliquid.utils.signing import sign_l1_action

from tidegate.localnet.doors.gate import Gate
from tidegate.localnet.doors.limits import Limits
from tidegate.localnet.doors.streams import Streams
from tidegate.localnet.exchange import Exchange
from tidegate.localnet.kernel.universe import default_universe
from tidegate.localnet.markets.candles import CandleStore

START_MS = 1_790_000_000_000
WALLET = Account.from_key("0x" + "42" * 32)
USER = WALLET.address.lower()


class Net:
    """A kernel with its streams; wall time stands still until a test moves it."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.wall_s = 1000.0
        self.exchange = Exchange(default_universe(), start_ms=START_MS)
        self.exchange.load_candles("BTC", CandleStore("BTC"))
        limits = limits or Limits()
        self.gate = Gate(self.exchange, limits)
        self.streams = Streams(self.exchange, self.gate, limits, lambda: self.wall_s)
        self._nonce = START_MS
        self.quote("BTC", "60000")
        self.quote("ETH", "3000")

    def quote(self, coin: str, bid: str, tick: str = "1", sz: str = "5") -> None:
        low, step = Decimal(bid), Decimal(tick)
        bids = [(low - i * step, Decimal(sz), 2) for i in range(20)]
        asks = [(low + (i + 1) * step, Decimal(sz), 3) for i in range(20)]
        self.exchange.quote(coin, bids, asks)

    def pass_time(self, ms: int) -> None:
        """Let exchange time pass as the driver does: from mark to mark."""
        until_ms = self.exchange.now_ms + ms
        while self.exchange.now_ms < until_ms:
            step_ms = min(until_ms, self.streams.next_due_ms())
            self.exchange.advance(step_ms)
            self.streams.advance(step_ms)

    def signed(self, action: dict) -> dict:
        self._nonce += 1
        signature = sign_l1_action(WALLET, action, None, self._nonce, None, False)
        return {"action": action, "nonce": self._nonce, "signature": signature, "vaultAddress": None}

    def order(self, *, buy: bool = True, px: str = "60001", sz: str = "0.01", tif: str = "Ioc") -> dict:
        order = {"a": 0, "b": buy, "p": px, "s": sz, "r": False, "t": {"limit": {"tif": tif}}}
        return self.signed({"type": "order", "orders": [order], "grouping": "na"})


class Line:
    """One client: what it said, what it heard, and whether it was cut off."""

    def __init__(self, net: Net) -> None:
        self.raw: list[bytes] = []
        self.cut_after_s: float | None = None
        self.session = net.streams.connect(self.raw.append, self._cut)

    def _cut(self, after_s: float) -> None:
        self.cut_after_s = after_s

    def say(self, text: str | bytes) -> list[dict]:
        """Send one frame and return what came back."""
        self.raw.clear()
        self.session.receive(text.encode() if isinstance(text, str) else text)
        return self.heard()

    def subscribe(self, **subscription: object) -> list[dict]:
        return self.say(json.dumps({"method": "subscribe", "subscription": subscription}))

    def unsubscribe(self, **subscription: object) -> list[dict]:
        return self.say(json.dumps({"method": "unsubscribe", "subscription": subscription}))

    def heard(self) -> list[dict]:
        frames = [json.loads(raw) for raw in self.raw]
        self.raw.clear()
        return frames

    def data(self, channel: str) -> list:
        return [frame["data"] for frame in self.heard() if frame["channel"] == channel]
