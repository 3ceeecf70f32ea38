"""The scripted first run: a history that makes the default strategy enter, and a flush that makes its stop fire.

Owns the plot of BTC until the flush is over; every other coin, and BTC afterwards, belongs to the random market. The
plot listens to one thing a client does: its first fill in BTC starts the countdown. Everything else depends on the
seed, and `says` tells the user that it is a script.
"""

from collections.abc import Iterator, Mapping
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple

from tidegate.localnet.kernel.universe import Universe
from tidegate.localnet.markets.candles import Bars
from tidegate.localnet.markets.crossing import history_with_cross, history_without_cross
from tidegate.localnet.markets.house import Grid, Side, grids
from tidegate.localnet.markets.market import RandomMarket, histories_of
from tidegate.localnet.markets.regimes import HISTORY_MINUTES, standing, weather

if TYPE_CHECKING:
    from tidegate.localnet.exchange import Exchange

COIN = "BTC"
CANDLE_MS = 300_000
NEAR_BOUNDARY_MS = 20_000  # nearer to the end of a candle than this, that candle becomes the crossing one
AFTER_ENTRY_MS = 12_000
AFTER_CUE_MS = 24_000
CALM_PRINT_MS = (200, 480)

FALL = 0.045
FALL_MS, FALL_PRINTS = 5_000, 60
REBOUND_EVERY, REBOUND = 7, 0.35  # every so many prints the price springs back by that share of a step
FALL_SCALE = 12.0  # the size of a print in the flush against a calm one
RECOVERED = 2 / 3
RECOVERY_MS, RECOVERY_PRINTS = 55_000, 220
RECOVERY_NOISE = 0.0003
ORACLE_MS = 3_000


class Cue(NamedTuple):
    """One print of the flush: when (from its start), the price as a share of the price before it, side, size."""

    after_ms: int
    share: float
    side: Side
    scale: float


def flush(seed: int) -> list[Cue]:
    """The fall and the recovery, print by print."""
    return [*_fall(seed), *_recovery(seed)]


def _fall(seed: int) -> Iterator[Cue]:
    rng = Random(f"{seed}/fall")
    steps = [rng.uniform(0.4, 1.6) for _ in range(FALL_PRINTS)]
    for index in range(REBOUND_EVERY - 1, FALL_PRINTS - 1, REBOUND_EVERY):
        steps[index] *= -REBOUND
    whole, fallen = sum(steps), 0.0
    for index, step in enumerate(steps):
        fallen += step
        after_ms = FALL_MS * index // FALL_PRINTS + rng.randint(1, FALL_MS // FALL_PRINTS)
        yield Cue(after_ms, 1 - FALL * fallen / whole, "A" if step > 0 else "B", FALL_SCALE * abs(step))


def _recovery(seed: int) -> Iterator[Cue]:
    rng = Random(f"{seed}/recovery")
    before = 1 - FALL
    for index in range(1, RECOVERY_PRINTS + 1):
        way = index / RECOVERY_PRINTS
        share = 1 - FALL * (1 - RECOVERED * (1 - (1 - way) ** 2))
        if index < RECOVERY_PRINTS:
            share += RECOVERY_NOISE * rng.gauss()
        yield Cue(FALL_MS + RECOVERY_MS * index // RECOVERY_PRINTS, share, "B" if share > before else "A", 2.0)
        before = share


class FirstRunMarket:
    """The default market of a first run; see `says` for the plot."""

    def __init__(
        self, universe: Universe, seed: int, start_ms: int, *, grid_of: Mapping[str, Grid] | None = None
    ) -> None:
        """`grid_of` are the coins to play, all perps of the first dex where nothing is said."""
        grid_of = grids(universe) if grid_of is None else grid_of
        self.start_ms = start_ms
        self.says = (
            f"scripted, seed {seed}: {COIN} has just crossed EMA 12 over 26 on 5m; {AFTER_ENTRY_MS // 1000} s after the"
            f" first {COIN} position (or {AFTER_CUE_MS // 1000} s without one) it falls {FALL:.1%} in"
            f" {FALL_MS // 1000} s, recovers two thirds in a minute, then moves at random"
        )
        anchor_ms = start_ms - start_ms % CANDLE_MS
        if anchor_ms + CANDLE_MS - start_ms < NEAR_BOUNDARY_MS:
            anchor_ms += CANDLE_MS
        self.cue_ms = max(start_ms, anchor_ms)
        factor = weather(seed, HISTORY_MINUTES)

        def made(grid: Grid) -> Bars:
            make = history_with_cross if grid.coin == COIN else history_without_cross
            return standing(make(grid, factor, anchor_ms, seed), start_ms)

        histories = histories_of(grid_of, made)
        self._others = RandomMarket(universe, seed, start_ms, grid_of=grid_of, histories=histories)
        self._others.hold(COIN)
        self.coins = self._others.coins
        self._house = self._others.houses[COIN]
        self._px = float(histories[COIN].close[-1])
        self._calm = Random(f"{seed}/calm")
        self._calm_print_ms = start_ms + CALM_PRINT_MS[0]
        self._flush = flush(seed)
        self._flush_ms: int | None = None  # when it began
        self._oracle_ms = start_ms
        self.entered_ms: int | None = None  # a client's first fill in the coin

    def prepare(self, exchange: "Exchange") -> None:
        """Load the histories, show the first books, start to listen for the first position."""
        exchange.feed.append(_FirstFill(self))
        self._others.prepare(exchange)

    def next_ms(self) -> int:
        """The next step of the plot or of the other coins."""
        plot_ms = self._plot_ms()
        return self._others.next_ms() if plot_ms is None else min(plot_ms, self._others.next_ms())

    def step(self, exchange: "Exchange") -> None:
        """Play what is due, the other coins first."""
        due_ms = self.next_ms()
        if self._others.next_ms() <= due_ms:
            self._others.step(exchange)
        if self._plot_ms() == due_ms:
            self._play(exchange, due_ms)

    def _plot_ms(self) -> int | None:
        """When the plot goes on; None when it is over."""
        if self._flush_ms is not None:
            return self._flush_ms + self._flush[0].after_ms if self._flush else None
        return min(self._calm_print_ms, self._flush_at_ms())

    def _flush_at_ms(self) -> int:
        deadline_ms = self.cue_ms + AFTER_CUE_MS
        return deadline_ms if self.entered_ms is None else min(deadline_ms, self.entered_ms + AFTER_ENTRY_MS)

    def _play(self, exchange: "Exchange", now_ms: int) -> None:
        if self._flush_ms is None:
            if now_ms >= self._flush_at_ms():
                self._flush_ms = now_ms
            else:
                self._calm_print(exchange, now_ms)
            return
        cue = self._flush.pop(0)
        px = self._px * cue.share
        self._others.lead(COIN, px)
        self._house.make(exchange, px)
        self._house.take(exchange, cue.side, cue.scale)
        if now_ms >= self._oracle_ms + ORACLE_MS:
            self._oracle_ms = now_ms
            exchange.set_oracle(COIN, self._others.oracle(COIN, px))
        if not self._flush:
            self._others.release(COIN, px)

    def _calm_print(self, exchange: "Exchange", now_ms: int) -> None:
        """One print at an unmoved book; sold into the bid until the cue, so that the crossing candle closes there."""
        side: Side = "B" if self._calm.random() < 0.5 and now_ms >= self.cue_ms else "A"
        self._others.lead(COIN, self._px)
        self._house.make(exchange, self._px)
        self._house.take(exchange, side)
        self._calm_print_ms = now_ms + self._calm.randint(*CALM_PRINT_MS)


class _FirstFill:
    """Listens to the exchange for the first fill of a client in the scripted coin; ignores all else."""

    def __init__(self, market: FirstRunMarket) -> None:
        self._market = market

    def on_fills(self, user: str, fills: list[dict[str, Any]]) -> None:  # noqa: ARG002
        if self._market.entered_ms is None:
            self._market.entered_ms = next((fill["time"] for fill in fills if fill["coin"] == COIN), None)

    def on_trades(self, coin: str, trades: list[dict[str, Any]]) -> None: ...

    def on_book(self, coin: str) -> None: ...

    def on_order_update(self, user: str, updates: list[dict[str, Any]]) -> None: ...

    def on_user_event(self, user: str, event: dict[str, Any]) -> None: ...

    def on_asset_ctx(self, coin: str) -> None: ...
