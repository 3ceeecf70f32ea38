"""A trading floor for tests: a kernel with a quoted book, and traders who sign as the official SDK does."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from eth_account import Account as Wallet
from hyperliquid.utils.signing import sign_l1_action

from tidegate.localnet.exchange import Exchange
from tidegate.localnet.kernel.universe import default_universe

D = Decimal

START_MS = 1_790_000_000_000
GTC, IOC, ALO = ({"limit": {"tif": tif}} for tif in ("Gtc", "Ioc", "Alo"))
MARKET = {"limit": {"tif": "FrontendMarket"}}


class Tape:
    """A feed that remembers."""

    def __init__(self) -> None:
        self.trades: list[dict[str, Any]] = []
        self.books: list[str] = []
        self.updates: list[tuple[str, dict[str, Any]]] = []
        self.fills: list[tuple[str, dict[str, Any]]] = []
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.contexts: list[str] = []

    def on_trades(self, coin: str, trades: list[dict[str, Any]]) -> None:
        self.trades += trades

    def on_book(self, coin: str) -> None:
        self.books.append(coin)

    def on_order_update(self, user: str, updates: list[dict[str, Any]]) -> None:
        self.updates += [(user, row) for row in updates]

    def on_fills(self, user: str, fills: list[dict[str, Any]]) -> None:
        self.fills += [(user, row) for row in fills]

    def on_user_event(self, user: str, event: dict[str, Any]) -> None:
        self.events.append((user, event))

    def on_asset_ctx(self, coin: str) -> None:
        self.contexts.append(coin)

    def statuses(self, user: str) -> list[tuple[int, str]]:
        """(oid, status) of one account's order updates, in order."""
        return [(row["order"]["oid"], row["status"]) for who, row in self.updates if who == user]


class Trader:
    """One wallet that acts on a kernel."""

    def __init__(self, exchange: Exchange, number: int, usdc: str = "100000") -> None:
        self.exchange = exchange
        self.wallet = Wallet.from_key(f"0x{number:064x}")
        self.user = self.wallet.address.lower()
        self.nonce = exchange.now_ms
        exchange.fund(self.user, D(usdc))

    def post(self, action: dict[str, Any], **envelope: Any) -> Any:
        """The whole answer to a signed action."""
        self.nonce += 1
        nonce = envelope.pop("nonce", self.nonce)
        expires = envelope.get("expiresAfter")
        signature = sign_l1_action(self.wallet, action, envelope.get("vaultAddress"), nonce, expires, False)
        body = {"action": action, "nonce": nonce, "signature": signature, **envelope}
        return self.exchange.act(body).body

    def orders(self, orders: Sequence[dict[str, Any]], grouping: str = "na") -> list[Any]:
        """The statuses of a batch."""
        answer = self.post({"type": "order", "orders": list(orders), "grouping": grouping})
        assert answer["status"] == "ok", answer
        return answer["response"]["data"]["statuses"]

    def order(self, *args: Any, **kwargs: Any) -> Any:
        """The status of one order."""
        return self.orders([order(*args, **kwargs)])[0]

    def cancel(self, oid: int, asset: int = 0) -> Any:
        """The status of one cancel."""
        answer = self.post({"type": "cancel", "cancels": [{"a": asset, "o": oid}]})
        return answer["response"]["data"]["statuses"][0]

    def ask(self, kind: str, **fields: Any) -> Any:
        """An /info answer about this trader."""
        return self.exchange.info({"type": kind, "user": self.user, **fields}).body

    def position(self, coin: str = "BTC") -> D:
        """Signed size of the position."""
        for row in self.ask("clearinghouseState")["assetPositions"]:
            if row["position"]["coin"] == coin:
                return D(row["position"]["szi"])
        return D(0)


def order(
    side: str,
    px: str,
    sz: str,
    kind: dict[str, Any] = GTC,
    *,
    asset: int = 0,
    reduce_only: bool = False,
    cloid: str = "",
) -> dict[str, Any]:
    """An order in wire shape; `side` is "B" or "A"."""
    wire = {"a": asset, "b": side == "B", "p": px, "s": sz, "r": reduce_only, "t": kind}
    return {**wire, "c": cloid} if cloid else wire


def trigger(tpsl: str, px: str, *, is_market: bool = True) -> dict[str, Any]:
    """The kind of a trigger order."""
    return {"trigger": {"isMarket": is_market, "triggerPx": px, "tpsl": tpsl}}


def quotes(*levels: tuple[str, str]) -> list[tuple[D, D, int]]:
    """House quotes of one order each."""
    return [(D(px), D(sz), 1) for px, sz in levels]


def quiet_floor(mid: int = 80_000, sz: str = "10") -> Exchange:
    """A kernel with ten BTC levels a side around `mid`, mark and oracle at mid."""
    exchange = Exchange(default_universe(), start_ms=START_MS)
    quote_around(exchange, mid, sz)
    exchange.set_oracle("BTC", D(mid))
    return exchange


def quote_around(exchange: Exchange, mid: int, sz: str = "10") -> None:
    """Ten BTC levels a side around a mid that nobody quotes."""
    bids = quotes(*((str(mid - step), sz) for step in range(1, 11)))
    asks = quotes(*((str(mid + step), sz) for step in range(1, 11)))
    exchange.quote("BTC", bids, asks)


def move_to(exchange: Exchange, mid: int, sz: str = "10") -> None:
    """Walk the BTC market to a new mid: book, a print on each side, oracle; the mark follows."""
    exchange.advance(exchange.now_ms + 3_000)
    quote_around(exchange, mid, sz)
    exchange.trade("BTC", "B", D(mid + 1), D("0.001"))
    exchange.set_oracle("BTC", D(mid))
