"""The laws of RELIABILITY that a run must keep, judged by what the exchange saw and by nothing that the bot says.

A referee is a feed of the kernel: it looks after every order, fill and change of a book. Promises: P1 one entry a
signal, P5 limits, P7 cover within seconds, P9 one exit a crossing, P10 exits only reduce. All that it hears goes into
one hash, by which two runs are compared.
"""

from collections import defaultdict
from decimal import Decimal
from hashlib import blake2b
from typing import Any

from tidegate.localnet.exchange import Exchange
from tidegate.model.settings import Settings

COVER_WITHIN_MS = 5_000
SWEPT_WITHIN_MS = 5_000
MINUTE_MS = 60_000
COLLAR_PCT = Decimal(5)
"""An entry is at most so far from the mark when it is decided, and no further beyond that than MAX_SLIPPAGE_PCT."""
EXIT_COLLAR_PCT = Decimal(10)
"""The widest collar of an exit is 8 % from the worst price known; the mark may be a little elsewhere."""
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
        self.heard = blake2b(digest_size=16)
        self._opened: defaultdict[str, Decimal] = defaultdict(Decimal)
        self._closed: defaultdict[str, Decimal] = defaultdict(Decimal)
        self._entered_ms: dict[str, int] = {}
        self._sizes: dict[str, Decimal] = {}
        self._exits_of_position: defaultdict[str, int] = defaultdict(int)
        self._naked_since_ms: dict[str, int] = {}
        self._leftover_since_ms: dict[str, int] = {}

    # what the exchange tells

    def on_order_update(self, user: str, updates: list[Row]) -> None:
        assert user == self._user
        self.heard.update(repr(updates).encode())
        for update in updates:
            if update["status"] == "open":
                self._on_placed(update["order"]["oid"])
            elif "ejected" in update["status"]:
                assert update["status"] in self.overtaken, update
        self._account()

    def on_fills(self, user: str, fills: list[Row]) -> None:
        assert user == self._user
        self.heard.update(repr(fills).encode())
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
        assert order["coin"] in self._settings.coins, f"P5: not a coin of the settings: {order}"
        if order["isTrigger"]:
            assert order["reduceOnly"], f"P10: a trigger that could open a position: {order}"
        elif order["reduceOnly"]:
            self.exits.append(order)
            self._exits_of_position[order["coin"]] += 1
            assert self._exits_of_position[order["coin"]] == 1, f"P9: a second exit of one position: {order}"
            assert order["side"] == ("A" if self._sizes[order["coin"]] > 0 else "B"), f"P10: {order}"
            self._near_the_mark(order, EXIT_COLLAR_PCT)
        else:
            self._on_entry(order)

    def _on_entry(self, order: Row) -> None:
        coin, bar = order["coin"], self._bar(order["timestamp"])
        bars = [self._bar(other["timestamp"]) for other in self.entries if other["coin"] == coin]
        assert bar not in bars, f"P1: two entries in one bar: {order}"
        assert not self._sizes.get(coin), f"P1: an entry on top of a position: {order}"
        worth = Decimal(order["origSz"]) * Decimal(order["limitPx"])
        assert worth <= self._settings.max_position_usd, f"P5: {worth} USD: {order}"
        self._near_the_mark(order, COLLAR_PCT + self._settings.max_slippage_pct)
        minute = [other for other in self.entries if order["timestamp"] - other["timestamp"] < MINUTE_MS]
        assert len(minute) < self._settings.max_orders_per_minute, f"P5: too many entries within a minute: {order}"
        self._first_of_its_generation(order)
        self.entries.append(order)
        self._exits_of_position[coin] = 0

    def _first_of_its_generation(self, entry: Row) -> None:
        """Nothing of the last position may act any more when the next one is entered."""
        coin = entry["coin"]
        orders = self._ask("frontendOpenOrders")
        children = {child["oid"] for order in orders for child in order["children"]}
        alive = [
            order
            for order in orders
            if order["coin"] == coin and order["oid"] != entry["oid"] and order["oid"] not in children
            if order["timestamp"] < entry["timestamp"]
        ]
        assert not alive, f"an entry while orders of the last position are alive: {alive}"

    def _near_the_mark(self, order: Row, collar_pct: Decimal) -> None:
        mark = Decimal(self._ask("activeAssetData", coin=order["coin"])["markPx"])
        price = Decimal(order["limitPx"])
        assert abs(price - mark) <= mark * collar_pct / 100, f"P5: too far from the mark {mark}: {order}"

    def _on_fill(self, fill: Row) -> None:
        before = Decimal(fill["startPosition"])
        signed = Decimal(fill["sz"]) * (1 if fill["side"] == "B" else -1)
        after = before + signed
        assert before * after >= 0, f"P10: the position flipped: {fill}"
        ours = any(fill["oid"] == order["oid"] for order in self.entries)
        assert ours is (abs(after) > abs(before)), f"P10: only entries open, only exits close: {fill}"
        assert abs(after) * Decimal(fill["px"]) <= self._settings.max_position_usd * Decimal("1.001"), f"P5: {fill}"
        self._count(fill, before, after)

    def _count(self, fill: Row, before: Decimal, after: Decimal) -> None:
        """Each position is closed once, wholly, and by orders of its own."""
        coin, size = fill["coin"], Decimal(fill["sz"])
        placed_ms = self._ask("orderStatus", oid=fill["oid"])["order"]["order"]["timestamp"]
        if abs(after) > abs(before):
            self._opened[coin] += size
            self._entered_ms[coin] = self._entered_ms.get(coin, placed_ms) if before else placed_ms
            return
        self._closed[coin] += size
        assert placed_ms >= self._entered_ms[coin], f"an order of an earlier position closes this one: {fill}"
        assert self._closed[coin] <= self._opened[coin], f"closed twice: {fill}"
        if not after:
            assert self._closed.pop(coin) == self._opened.pop(coin), f"not closed wholly: {fill}"

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
