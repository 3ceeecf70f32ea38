"""What the exchange saw of the bot's account, noted while it happens: orders, fills, positions, cover.

A witness is a feed of the kernel, called on the exchange's thread. The bot's word counts nothing here. A broken law is
noted and judged by the test: an exception here would end the exchange.
"""

import threading
from collections import defaultdict
from decimal import Decimal
from typing import Any

from tidegate.localnet.exchange import Exchange

Row = dict[str, Any]
WAIT_S = 0.05


class Witness:
    """Watches `user`. Times are exchange time in ms; `sizes` and `covers` are of this moment, by coin.

    `own_hand` orders (those without a cloid) are the owner's: they are in the fills, and no law of ours is about them.
    """

    def __init__(self, exchange: Exchange, user: str) -> None:
        self._exchange, self._user = exchange, user
        self.entries: list[Row] = []
        self.exits: list[Row] = []
        self.stops: list[Row] = []
        self.own_hand: list[Row] = []
        self.refused: list[Row] = []
        self.fills: list[Row] = []
        self.resting: list[Row] = []
        self.broken: list[str] = []
        self.sizes: dict[str, Decimal] = {}
        self.covers: dict[str, Decimal] = {}
        self.naked_ms_max = 0
        self._naked_since_ms: dict[str, int] = {}
        self.changed = threading.Condition()

    # the feed

    def on_order_update(self, user: str, updates: list[Row]) -> None:
        """Orders came, changed, went."""
        for update in updates if user == self._user else ():
            if update["status"] == "open":
                self._placed(update["order"]["oid"])
            elif "ejected" in update["status"]:
                self.refused.append(update)
        self._look(user)

    def on_fills(self, user: str, fills: list[Row]) -> None:
        """Executions."""
        if user == self._user:
            self.fills += fills
            for fill in fills:
                self._filled(fill)
        self._look(user)

    def on_trades(self, coin: str, trades: list[Row]) -> None: ...

    def on_book(self, coin: str) -> None: ...

    def on_asset_ctx(self, coin: str) -> None: ...

    def on_user_event(self, user: str, event: Row) -> None:
        """Liquidations and what the exchange canceled."""
        self._look(user)

    # laws

    def _placed(self, oid: int) -> None:
        order = self._ask("orderStatus", oid=oid)["order"]["order"]
        if order["cloid"] is None:
            self.own_hand.append(order)
        elif order["isTrigger"]:
            if not order["reduceOnly"]:
                self.broken.append(f"P10: a trigger that could open a position: {order}")
            if "Stop" in order["orderType"]:
                self.stops.append(order)
        elif order["reduceOnly"]:
            self.exits.append(order)
        else:
            if self.sizes.get(order["coin"]):
                self.broken.append(f"P1: an entry on top of a position: {order}")
            if order["cloid"] in [each["cloid"] for each in self.entries]:
                self.broken.append(f"P1: one entry placed twice: {order}")
            self.entries.append(order)

    def _filled(self, fill: Row) -> None:
        before = Decimal(fill["startPosition"])
        after = before + Decimal(fill["sz"]) * (1 if fill["side"] == "B" else -1)
        if before * after < 0 and fill["oid"] not in [order["oid"] for order in self.own_hand]:
            self.broken.append(f"P10: the position flipped: {fill}")

    def _look(self, user: str) -> None:
        """Positions and orders may have changed: who is covered now?"""
        if user != self._user:
            return
        now_ms, state = self._exchange.now_ms, self._ask("clearinghouseState")
        sizes = {row["position"]["coin"]: Decimal(row["position"]["szi"]) for row in state["assetPositions"]}
        resting = self._ask("frontendOpenOrders")
        covers: defaultdict[str, Decimal] = defaultdict(Decimal)
        waiting = {child["oid"] for order in resting for child in order["children"]}  # for all of an entry to fill
        for order in resting:
            size = sizes.get(order["coin"], Decimal(0))
            closes = order["reduceOnly"] and order["side"] == ("A" if size > 0 else "B")
            if "Stop" in order["orderType"] and closes and order["oid"] not in waiting:
                covers[order["coin"]] += Decimal(order["sz"])
        naked = {coin for coin, size in sizes.items() if covers[coin] < abs(size)}
        for since_ms in self._naked_since_ms.values():
            self.naked_ms_max = max(self.naked_ms_max, now_ms - since_ms)
        self._naked_since_ms = {coin: self._naked_since_ms.get(coin, now_ms) for coin in naked}
        self.resting, self.sizes, self.covers = resting, sizes, dict(covers)
        with self.changed:
            self.changed.notify_all()

    def _ask(self, kind: str, **fields: Any) -> Any:
        return self._exchange.info({"type": kind, "user": self._user, **fields}).body

    # questions of the test

    def is_covered(self, coin: str) -> bool:
        """Whether there is a position, and stops for all of it."""
        size = self.sizes.get(coin, Decimal(0))
        return size != 0 and self.covers.get(coin, Decimal(0)) >= abs(size)

    def is_flat(self, coin: str) -> bool:
        """Whether there is no position and nothing of this account rests."""
        return not self.sizes.get(coin) and not [order for order in self.resting if order["coin"] == coin]
