"""The laws of RELIABILITY that a run must keep, judged by what the exchange saw and by nothing that the bot says.

A referee is a feed of the kernel: it looks after every order, fill and change of a book. Promises: P1 one entry a
signal, P5 limits, P7 cover within seconds, P9 one exit a crossing, P10 exits only reduce.
"""

from collections import defaultdict
from decimal import Decimal
from typing import Any

from tidegate.localnet.exchange import Exchange
from tidegate.model.settings import Settings

COVER_WITHIN_MS = 5_000
SWEPT_WITHIN_MS = 5_000
# Refusals for which nobody is to blame: the market, or the resting stop, was faster than the order.
OVERTAKEN = ("reduceOnlyRejected", "iocCancelRejected", "badTriggerPxRejected")
Row = dict[str, Any]


class Referee:
    """Watches one account; `settings` are the limits it must keep. `exempt` says when no cover is owed."""

    overtaken: tuple[str, ...] = OVERTAKEN

    def __init__(self, exchange: Exchange, user: str, settings: Settings, exempt: tuple[int, int] = (0, 0)) -> None:
        self._exchange, self._user, self._settings, self._exempt = exchange, user, settings, exempt
        self.entries: list[Row] = []
        self.exits: list[Row] = []
        self.fills: list[Row] = []
        self.naked_ms_max = 0
        self._sizes: dict[str, Decimal] = {}
        self._exits_of_position: defaultdict[str, int] = defaultdict(int)
        self._naked_since_ms: dict[str, int] = {}
        self._leftover_since_ms: dict[str, int] = {}

    # what the exchange tells

    def on_order_update(self, user: str, updates: list[Row]) -> None:
        assert user == self._user
        for update in updates:
            if update["status"] == "open":
                self._on_placed(update["order"]["oid"])
            elif "ejected" in update["status"]:
                assert update["status"] in self.overtaken, update
        self._account()

    def on_fills(self, user: str, fills: list[Row]) -> None:
        assert user == self._user
        for fill in fills:
            self._on_fill(fill)
        self.fills += fills
        self._account()

    def on_trades(self, coin: str, trades: list[Row]) -> None:
        self._look()

    def on_book(self, coin: str) -> None:
        self._look()

    def on_asset_ctx(self, coin: str) -> None:
        self._look()

    def on_user_event(self, user: str, event: Row) -> None:
        assert "liquidation" not in event, event

    # the laws

    def _on_placed(self, oid: int) -> None:
        order = self._ask("orderStatus", oid=oid)["order"]["order"]
        if order["isTrigger"]:
            assert order["reduceOnly"], f"P10: a trigger that could open a position: {order}"
        elif order["reduceOnly"]:
            self.exits.append(order)
            self._exits_of_position[order["coin"]] += 1
            assert self._exits_of_position[order["coin"]] == 1, f"P9: a second exit of one position: {order}"
            assert order["side"] == ("A" if self._sizes[order["coin"]] > 0 else "B"), f"P10: {order}"
        else:
            self._on_entry(order)

    def _on_entry(self, order: Row) -> None:
        coin, bar = order["coin"], self._bar(order["timestamp"])
        bars = [self._bar(other["timestamp"]) for other in self.entries if other["coin"] == coin]
        assert bar not in bars, f"P1: two entries in one bar: {order}"
        assert not self._sizes.get(coin), f"P1: an entry on top of a position: {order}"
        worth = Decimal(order["origSz"]) * Decimal(order["limitPx"])
        assert worth <= self._settings.max_position_usd, f"P5: {worth} USD: {order}"
        self.entries.append(order)
        self._exits_of_position[coin] = 0

    def _on_fill(self, fill: Row) -> None:
        before = Decimal(fill["startPosition"])
        signed = Decimal(fill["sz"]) * (1 if fill["side"] == "B" else -1)
        after = before + signed
        assert before * after >= 0, f"P10: the position flipped: {fill}"
        ours = any(fill["oid"] == order["oid"] for order in self.entries)
        assert ours is (abs(after) > abs(before)), f"P10: only entries open, only exits close: {fill}"
        assert abs(after) * Decimal(fill["px"]) <= self._settings.max_position_usd * Decimal("1.001"), f"P5: {fill}"

    def _account(self) -> None:
        """Positions and orders have changed: who is covered now?"""
        now_ms, state = self._exchange.now_ms, self._ask("clearinghouseState")
        positions = {row["position"]["coin"]: row["position"] for row in state["assetPositions"]}
        self._sizes = {coin: Decimal(position["szi"]) for coin, position in positions.items()}
        orders = self._ask("frontendOpenOrders")
        for position in positions.values():
            leverage = position["leverage"]["value"]
            assert leverage == self._settings.leverage, f"P5: leverage {leverage}: {position}"
        covers: defaultdict[str, Decimal] = defaultdict(Decimal)
        waiting = {child["oid"] for order in orders for child in order["children"]}
        for order in orders:
            if order["oid"] in waiting:
                continue  # until its entry is filled entirely it guards nothing
            size = self._sizes.get(order["coin"], Decimal(0))
            if order["orderType"] == "Stop Market" and order["side"] == ("A" if size > 0 else "B"):
                covers[order["coin"]] += Decimal(order["sz"])
        naked = {coin for coin, size in self._sizes.items() if covers[coin] < abs(size)}
        self._naked_since_ms = {coin: self._naked_since_ms.get(coin, now_ms) for coin in naked}
        entering = {order["coin"] for order in orders if not order["reduceOnly"]}
        leftover = {order["coin"] for order in orders} - set(self._sizes) - entering
        self._leftover_since_ms = {coin: self._leftover_since_ms.get(coin, now_ms) for coin in leftover}

    def _look(self) -> None:
        """Time has passed."""
        now_ms = self._exchange.now_ms
        for coin, since_ms in self._naked_since_ms.items():
            self.naked_ms_max = max(self.naked_ms_max, now_ms - since_ms)
            late = now_ms - since_ms > COVER_WITHIN_MS and not self._exempt[0] <= now_ms < self._exempt[1]
            assert not late, f"P7: {coin} has had no full stop for {now_ms - since_ms} ms at {now_ms}"
        for coin, since_ms in self._leftover_since_ms.items():
            assert now_ms - since_ms <= SWEPT_WITHIN_MS, f"{coin}: orders outlive their position at {now_ms}"

    def _bar(self, time_ms: int) -> int:
        return time_ms // self._settings.timeframe.ms

    def _ask(self, kind: str, **fields: Any) -> Any:
        return self._exchange.info({"type": kind, "user": self._user, **fields}).body
