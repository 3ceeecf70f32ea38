"""The exchange's REST budget: what a request weighs, how much is left, and who goes first when it is little.

Owns the account of the last minute; asks nothing and waits for nothing. A refused request is the caller's to repeat.
What a configuration needs of it is in `needs`.

Source: Hyperliquid docs, "Rate limits and user limits": 1200 weight a minute and IP address; section 7.1 of the
protocol notes. Whether the exchange's minute is fixed or slides is not known: this one slides, which fits both.
"""

import time
from collections.abc import Callable
from enum import IntEnum
from threading import Lock
from typing import Protocol

from pyrate_limiter import InMemoryBucket, Rate, RateItem

from tidegate.model.gauges import RestGauges

WEIGHT_PER_MINUTE = 1200
# Kept free for reads that protect a position, so that no candle can starve them.
RESERVED_WEIGHT = 240
MINUTE_MS = 60_000
# What data reads may have within a minute, whoever else used it: so that even without the stream, when prices and
# account are polled too, all together stays under half of what the exchange allows.
DATA_WEIGHT = 540
KEPT_FROM_THE_REST = 60
# Candles are spread: no more than this at once, then evenly.
BURST_WEIGHT = 120
# But not the first ones of a session: a bot that has just started knows nothing of its coins yet. This is a dozen coins
# of 500 candles. A start asks for more besides them, so they may go beyond DATA_WEIGHT, up to what leaves room for
# prices; what comes later waits until the minute is modest again.
SEED_WEIGHT = 360
SEED_ROOM = 120
BACK_OFF_FIRST_S = 10.0
BACK_OFF_MAX_S = 60.0
# A minute without a 429 and the next one is the first again.
FORGIVEN_AFTER_S = 120.0

_LIGHT = frozenset(
    {"l2Book", "allMids", "clearinghouseState", "orderStatus", "spotClearinghouseState", "exchangeStatus"}
)
_PER_20_ROWS = frozenset(
    {
        "recentTrades",
        "historicalOrders",
        "userFills",
        "userFillsByTime",
        "fundingHistory",
        "userFunding",
        "twapHistory",
        "userTwapSliceFills",
        "userTwapSliceFillsByTime",
    }
)
ACTION_BATCH = 40
ACCOUNT_READS = (
    "clearinghouseState",
    "spotClearinghouseState",
    "frontendOpenOrders",
    "userFillsByTime",
    "exchangeStatus",
)
ACCOUNT_EVERY_S = 30
FLOWS_EVERY_MINUTES = 15


class Lane(IntEnum):
    """Who asks, the most important first. A lane may not touch what is kept free for those before it."""

    PROTECTION = 0
    PRICES = 1
    CANDLES = 2
    REST = 3


_PROTECTION = frozenset(
    {
        "clearinghouseState",
        "spotClearinghouseState",
        "frontendOpenOrders",
        "userFillsByTime",
        "userNonFundingLedgerUpdates",
        "userAbstraction",
        "orderStatus",
        "exchangeStatus",
        "twapHistory",
        "userTwapSliceFillsByTime",
    }
)
_LANES = {"allMids": Lane.PRICES, "metaAndAssetCtxs": Lane.PRICES, "candleSnapshot": Lane.CANDLES}


def lane_of(request: str) -> Lane:
    """In which lane an /info request of this type goes."""
    return Lane.PROTECTION if request in _PROTECTION else _LANES.get(request, Lane.REST)


def weight_of(request: str, rows: int = 0) -> int:
    """What an /info request of this type weighs when it returns `rows` rows."""
    if request in _LIGHT:
        return 2
    if request == "userRole":
        return 60
    if request == "candleSnapshot":
        return 20 + rows // 60
    return 20 + (rows // 20 if request in _PER_20_ROWS else 0)


def action_weight(batch: int) -> int:
    """What a request to /exchange with `batch` orders or cancels weighs."""
    return 1 + batch // ACTION_BATCH


def weight_per_minute(coins: int, check_interval_s: float, fallback_interval_s: float, stream: str = "all") -> float:
    """What a configuration asks of the budget in a bad minute: no prices come by stream, a position is open.

    60 / check interval x coins x 20 (candleSnapshot); where candles come by stream, what is left under DATA_WEIGHT
    + 60 / fallback interval x 2 (allMids)
    + 60 / 30 x 46 (account: state 2, open orders 20, fills 20, the spot balances 2, the time 2)
    + 20 / 15 (deposits, every quarter of an hour).
    """
    prices = 60 / float(fallback_interval_s) * weight_of("allMids")
    account = sum(map(weight_of, ACCOUNT_READS))
    steady = prices + 60 / ACCOUNT_EVERY_S * account + 20 / FLOWS_EVERY_MINUTES
    candles = 60 / float(check_interval_s) * coins * weight_of("candleSnapshot")
    if "candles" in stream or stream == "all":
        candles = min(candles, max(0.0, DATA_WEIGHT - steady))
    return steady + candles


class Minute(Protocol):
    """Where the weight of the last minute is written down; `now_ms` is a clock that never runs backwards."""

    def used(self, now_ms: int) -> int:
        """The weight of the last minute."""

    def take(self, weight: int, most: int, now_ms: int, *, urgent: bool) -> bool:
        """Write down `weight` unless the minute would hold more than `most` then.

        `urgent`: whoever asks must not wait for the book, and may go on without it.
        """


class OwnMinute:
    """The last minute of this process alone."""

    def __init__(self, weight_per_minute: int) -> None:
        self._spent = InMemoryBucket([Rate(weight_per_minute, MINUTE_MS)])

    def used(self, now_ms: int) -> int:
        """The weight of the last minute."""
        self._spent.leak(now_ms)
        return self._spent.count()

    def take(self, weight: int, most: int, now_ms: int, *, urgent: bool) -> bool:  # noqa: ARG002 (never waits)
        """Write down `weight` unless the minute would hold more than `most` then."""
        if self.used(now_ms) + weight > most:
            return False
        return not weight or bool(self._spent.put(RateItem("rest", now_ms, weight)))


class Budget:
    """The weight spent in the last minute from this address, shared by every thread that asks or sends.

    Reads for protection may use all of it, prices all but `reserved`, candles and the rest only so much that the
    bot stays modest (`data_weight`); those two wait while the exchange says 429, and candles are spread evenly but for
    the first ones (`SEED_WEIGHT`).
    """

    def __init__(
        self,
        weight_per_minute: int = WEIGHT_PER_MINUTE,
        reserved: int = RESERVED_WEIGHT,
        monotonic: Callable[[], float] = time.monotonic,
        minute: Minute | None = None,
        data_weight: int = DATA_WEIGHT,
    ) -> None:
        self.most = weight_per_minute
        self._monotonic = monotonic
        self._lock = Lock()
        self._minute = minute or OwnMinute(weight_per_minute)
        data = data_weight + weight_per_minute - WEIGHT_PER_MINUTE
        self._allowed = {
            Lane.PROTECTION: weight_per_minute,
            Lane.PRICES: weight_per_minute - reserved,
            Lane.CANDLES: data,
            Lane.REST: data - KEPT_FROM_THE_REST,
        }
        self._lanes = {lane: OwnMinute(weight_per_minute) for lane in Lane}
        self._even_from_s = 0.0
        self._seeds_left = SEED_WEIGHT
        self._refused = self._in_a_row = 0
        self._refused_s = self._closed_until_s = -FORGIVEN_AFTER_S

    def take(self, weight: int, lane: Lane = Lane.REST) -> bool:
        """Spend `weight` if this lane may have it now."""
        with self._lock:
            now_s = self._monotonic()
            if lane >= Lane.CANDLES and now_s < self._closed_until_s:
                return False
            seeds = lane is Lane.CANDLES and weight <= self._seeds_left
            if lane is Lane.CANDLES and not seeds and not self._is_even(weight, now_s):
                return False
            most = max(self._allowed[lane], self._allowed[Lane.PRICES] - SEED_ROOM) if seeds else self._allowed[lane]
            now_ms = int(now_s * 1000)
            if not self._minute.take(weight, most, now_ms, urgent=lane is Lane.PROTECTION):
                return False
            if seeds:
                self._seeds_left -= weight
            elif lane is Lane.CANDLES:
                self._even_from_s = max(self._even_from_s, now_s) + weight / self._even_rate
            self._lanes[lane].take(weight, self.most, now_ms, urgent=False)
            return True

    def spend(self, weight: int, lane: Lane = Lane.PROTECTION) -> None:
        """Note weight that was spent in any case: an order, or rows that an answer turned out to have."""
        with self._lock:
            now_ms = int(self._monotonic() * 1000)
            left = self.most - self._minute.used(now_ms)
            if min(weight, left) > 0:
                self._minute.take(min(weight, left), self.most, now_ms, urgent=True)
                self._lanes[lane].take(min(weight, left), self.most, now_ms, urgent=True)

    def refused(self, lane: Lane) -> None:
        """The exchange said 429: others spend from this address too. Data waits; protection goes on at its own pace."""
        with self._lock:
            now_s = self._monotonic()
            self._refused += 1
            if lane is not Lane.PROTECTION and now_s < self._closed_until_s:
                return  # an answer to what had left before
            self._in_a_row = self._in_a_row + 1 if now_s - self._refused_s < FORGIVEN_AFTER_S else 1
            self._refused_s = now_s
            pause_s = min(BACK_OFF_MAX_S, BACK_OFF_FIRST_S * 2.0 ** (self._in_a_row - 1))
            self._closed_until_s = max(self._closed_until_s, now_s + pause_s)

    def used(self) -> int:
        """The weight spent in the last minute."""
        with self._lock:
            return self._minute.used(int(self._monotonic() * 1000))

    def gauges(self) -> RestGauges:
        """The budget as it stands."""
        with self._lock:
            now_s = self._monotonic()
            now_ms = int(now_s * 1000)
            return RestGauges(
                used=self._minute.used(now_ms),
                most=self.most,
                by_lane={lane.name.lower(): minute.used(now_ms) for lane, minute in self._lanes.items()},
                refused=self._refused,
                backing_off_s=max(0.0, self._closed_until_s - now_s),
            )

    @property
    def _even_rate(self) -> float:
        return self._allowed[Lane.CANDLES] / 60

    def _is_even(self, weight: int, now_s: float) -> bool:
        """Whether a read fits into the even flow (one that is heavier than a burst goes when nothing else did)."""
        ahead = max(0.0, self._even_from_s - now_s) * self._even_rate
        return ahead + min(weight, BURST_WEIGHT) <= BURST_WEIGHT
