"""The official SDK as a case uses it: one account that trades, one client that listens. The SDK is not changed."""

import time
from collections.abc import Callable
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount
from hyperliquid.exchange import Exchange
from hyperliquid.utils.signing import get_timestamp_ms, sign_l1_action
from hyperliquid.utils.types import Cloid

from tests.conformance.desk import Desk
from tests.conformance.ears import PATIENCE_S

Row = dict[str, Any]


class Trader:
    """An account and the SDK's `Exchange` that acts for it.

    `usdc` is deposited to its perp account; None leaves it unknown. `wallet` signs for `account` when it is an
    agent, `vault` is the sub-account or vault that is traded.
    """

    def __init__(
        self,
        desk: Desk,
        usdc: str | None = "100000",
        *,
        wallet: LocalAccount | None = None,
        account: str | None = None,
        vault: str | None = None,
    ) -> None:
        self.desk = desk
        self.wallet = wallet or Account.create()
        self.address = (vault or account or self.wallet.address).lower()
        metas = {"meta": desk.meta, "spot_meta": desk.spot_meta}
        self.exchange = desk.door.build(
            lambda: Exchange(
                self.wallet, desk.door.url, vault_address=vault, account_address=account, timeout=PATIENCE_S, **metas
            )
        )
        if usdc is not None:
            desk.fund(self.address, usdc)

    def do(self, method: str, *args: Any, **settings: Any) -> Any:
        """Call the SDK; nonces are milliseconds, so two calls do not share one."""
        next_millisecond()
        return getattr(self.exchange, method)(*args, **settings)

    def act(self, action: Row, *, nonce: int | None = None, vault: str | None = None) -> Any:
        """Sign and send an L1 action that the SDK has no method for."""
        next_millisecond()
        nonce = get_timestamp_ms() if nonce is None else nonce
        signature = sign_l1_action(self.wallet, action, vault, nonce, self.exchange.expires_after, False)
        return self.exchange._post_action(action, signature, nonce)

    def statuses(self, method: str, *args: Any, **settings: Any) -> list[Any]:
        """The statuses of an answer that carries them."""
        return statuses_of(self.do(method, *args, **settings))

    def limit(self, coin: str, side: str, px: float, sz: float, tif: str = "Gtc", **settings: Any) -> Any:
        """The status of one limit order; `side` is "B" or "A"."""
        return self.statuses("order", coin, side == "B", sz, px, {"limit": {"tif": tif}}, **settings)[0]

    def rest(self, coin: str, side: str, px: float, sz: float, tif: str = "Gtc", **settings: Any) -> int:
        """The oid of a limit order that must rest."""
        return self.limit(coin, side, px, sz, tif, **settings)["resting"]["oid"]

    def take(self, coin: str, side: str, sz: float, **settings: Any) -> Row:
        """The fill of an order that takes what it needs at once."""
        mid = float(self.desk.info.all_mids()[self.desk.info.name_to_coin[coin]])
        px = float(f"{mid * (1.03 if side == 'B' else 0.97):.4g}")
        return self.limit(coin, side, px, sz, "Ioc", **settings)["filled"]

    def ask(self, kind: str, **fields: Any) -> Any:
        """An /info answer about this account."""
        return self.desk.ask(kind, user=self.address, **fields)

    def state(self) -> Row:
        """The account's clearinghouseState."""
        return self.desk.info.user_state(self.address)

    def position(self, coin: str) -> Row | None:
        """The position in a coin, None when flat."""
        rows = [row["position"] for row in self.state()["assetPositions"]]
        return next((row for row in rows if row["coin"] == coin), None)

    def open_orders(self) -> list[Row]:
        """The account's orders in frontend shape."""
        return self.desk.info.frontend_open_orders(self.address)

    def order_status(self, oid: int) -> str:
        """What became of an order."""
        return self.desk.info.query_order_by_oid(self.address, oid)["order"]["status"]

    def history(self) -> list[tuple[int, str]]:
        """(oid, status) of the account's historical orders, newest first."""
        return [(row["order"]["oid"], row["status"]) for row in self.desk.info.historical_orders(self.address)]


class Listener:
    """The SDK's WebsocketManager: what it passes to callbacks is heard by `ear`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._manager, self.ear = desk.manager()

    def subscribe(self, kind: str, **fields: Any) -> int:
        """Subscribe and wait until the exchange knows, of which the SDK tells nothing; returns the SDK's number."""
        known = self._known() + 1
        number = self._manager.subscribe({"type": kind, **fields}, self.ear.hear)
        give_up_s = time.monotonic() + PATIENCE_S
        while self._known() < known:
            assert time.monotonic() < give_up_s, f"the exchange has not heard of {kind}"
        return number

    def unsubscribe(self, number: int, kind: str, **fields: Any) -> bool:
        """Unsubscribe; whether there was anything to end."""
        return self._manager.unsubscribe({"type": kind, **fields}, number)

    def take(self, channel: str, where: Callable[[Any], object] = lambda _data: True) -> Any:
        """The data of the next fitting frame."""
        return self.ear.take(channel, where)

    def _known(self) -> int:
        return self._desk.door.visit(lambda net: net.streams.subscription_count)


def next_millisecond() -> None:
    """Wait for the clock from which the SDK takes its nonces."""
    began_ms = get_timestamp_ms()
    while get_timestamp_ms() == began_ms:
        pass


def statuses_of(answer: Row) -> list[Any]:
    """The statuses of an answer; a refusal of the whole action fails the case."""
    assert answer["status"] == "ok", answer
    return answer["response"]["data"]["statuses"]


def cloid(number: int) -> Cloid:
    """A client order id."""
    return Cloid.from_int(number)


def trigger(tpsl: str, px: float, *, is_market: bool = True) -> Row:
    """The order type of a trigger order."""
    return {"trigger": {"isMarket": is_market, "triggerPx": px, "tpsl": tpsl}}


DEFAULT = {"status": "ok", "response": {"type": "default"}}
GTC, IOC, ALO = ({"limit": {"tif": tif}} for tif in ("Gtc", "Ioc", "Alo"))


def wish(coin: str, side: str, px: float, sz: float, kind: Row = GTC, *, reduce_only: bool = False) -> Row:
    """An order for `bulk_orders`."""
    order = {"coin": coin, "is_buy": side == "B", "sz": sz, "limit_px": px, "order_type": kind}
    return order | {"reduce_only": reduce_only}
