"""Bars into signals: keeps the newest bars of every coin and asks the strategy about the last one.

The same code runs in the strategist's process and inline. It imports pandas, so the bot's main process never does.
It trusts nothing that an author's strategy returns, and never touches a pipe, a thread or a clock beyond measuring.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType

import numpy as np
import pandas as pd

from tidegate.discovery import StrategySource, in_words, load
from tidegate.errors import ConfigError
from tidegate.market import Market
from tidegate.model.intents import Evaluate
from tidegate.model.market import Candle
from tidegate.model.signals import Signal
from tidegate.regime import Regime, filtered
from tidegate.strategist.door import signal_of
from tidegate.strategist.messages import Answered, Failed, Ready
from tidegate.strategy import BAR_COLUMNS, WISH_COLUMNS, Strategy, asked, reason_at
from tidegate.timeframes import STEP

REHEARSAL_BARS = 60
NO_REGIME = Regime()


class CoinBars:
    """The newest closed bars of one coin: at most `limit`, oldest first, one a time.

    `funding` and `imbalance`: what was known of them by the open times of bars that are told anew.
    """

    def __init__(
        self,
        limit: int,
        funding: Mapping[int, float] = MappingProxyType({}),
        imbalance: Mapping[int, float] = MappingProxyType({}),
    ) -> None:
        self._limit = limit
        self.funding, self.imbalance = dict(funding), dict(imbalance)
        self._opens = np.empty(0, dtype=np.int64)
        self._values = np.empty((0, len(BAR_COLUMNS)))
        self.last: Candle | None = None

    def __len__(self) -> int:
        return len(self._opens)

    @property
    def step_ms(self) -> int:
        """How long a bar is; 0 before the first."""
        return self.last.close_ms - self.last.open_ms + 1 if self.last is not None else 0

    def append(
        self, candles: Sequence[Candle], funding: Decimal | None = None, imbalance: Decimal | None = None
    ) -> None:
        """Add candles; one whose open time is already there replaces it.

        `funding` and `imbalance`: as known after the newest.
        """
        if not candles:
            return
        newest = {candle.open_ms: candle for candle in candles}
        ascending = sorted(newest)
        # Candles follow each other as a rule: then nothing that is kept is touched.
        keep = int(np.searchsorted(self._opens, ascending[0]))
        replaced = {int(self._opens[row]): self._values[row] for row in range(keep, len(self._opens))}
        added = replaced | {open_ms: _floats(candle) for open_ms, candle in newest.items()}
        order = sorted(added)
        self._opens = np.concatenate([self._opens[:keep], np.array(order, dtype=np.int64)])[-self._limit :]
        self._values = np.concatenate([self._values[:keep], np.array([added[at] for at in order])])[-self._limit :]
        if self.last is None or ascending[-1] >= self.last.open_ms:
            self.last = newest[ascending[-1]]
        self.funding = self._with(self.funding, ascending[-1], funding)
        self.imbalance = self._with(self.imbalance, ascending[-1], imbalance)

    def _with(self, known: dict[int, float], open_ms: int, value: Decimal | None) -> dict[int, float]:
        """What is known by bars, with one more, as far as the bars are kept."""
        if value is None:
            return known
        oldest = int(self._opens[0])
        return {at_ms: told for at_ms, told in (known | {open_ms: float(value)}).items() if at_ms >= oldest}

    def frame(self) -> pd.DataFrame:
        """A new frame that its taker may change: index the open times (UTC), columns as in BAR_COLUMNS.

        And the columns funding and imbalance, once a rate or an imbalance was heard.
        """
        index = pd.DatetimeIndex(self._opens.astype("datetime64[ms]"), tz="UTC", name="open_time")
        frame = pd.DataFrame(self._values.copy(), index=index, columns=list(BAR_COLUMNS))
        for name, known in (("funding", self.funding), ("imbalance", self.imbalance)):
            if known:
                frame[name] = [known.get(open_ms, np.nan) for open_ms in self._opens.tolist()]
        frame.attrs[STEP] = self.step_ms
        return frame


class Frames(Mapping[str, pd.DataFrame]):
    """The bars of every coin, each made into a frame when it is asked for."""

    def __init__(self, coins: Mapping[str, CoinBars]) -> None:
        self._coins = coins
        self._made: dict[str, pd.DataFrame] = {}

    def __getitem__(self, coin: str) -> pd.DataFrame:
        if coin not in self._made:
            self._made[coin] = self._coins[coin].frame()
        return self._made[coin]

    def __iter__(self) -> Iterator[str]:
        return iter(self._coins)

    def __len__(self) -> int:
        return len(self._coins)


class Evaluator:
    """One strategy, of the file at `path`, over the bars of many coins, at most `candle_history` of each."""

    def __init__(self, strategy: Strategy, path: str, candle_history: int, regime: Regime) -> None:
        self._strategy = strategy
        self._regime = regime
        self._path = path
        self._candle_history = candle_history
        self._coins: dict[str, CoinBars] = {}

    def add(self, wish: Evaluate) -> None:
        """Take the candles of a wish without asking the strategy."""
        before = self._coins.get(wish.coin)
        if wish.reset or before is None:
            # Candles are told again, funding rates and imbalances are not.
            known = (before.funding, before.imbalance) if before is not None else ()
            self._coins[wish.coin] = CoinBars(self._candle_history, *known)
        self._coins[wish.coin].append(wish.candles, wish.funding, wish.imbalance)

    def evaluate(self, wish: Evaluate) -> Answered | Failed:
        """Take the candles of a wish and say what the strategy wishes after the last one; never raises."""
        self.add(wish)
        bars = self._coins[wish.coin]
        if bars.last is None:
            return Failed(coin=wish.coin, reason="no bars to look at")
        started = time.perf_counter()
        complaints: tuple[str, ...] = ()
        signal: Signal | None = None
        try:
            if len(bars) >= self._strategy.bars_needed(bars.step_ms):
                signal, complaints = self._ask(wish.coin, bars, bars.last)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - an author's strategy may raise anything
            return Failed(coin=wish.coin, reason=in_words(error, self._path))
        return Answered(
            coin=wish.coin,
            candle_open_ms=bars.last.open_ms,
            bars=len(bars),
            signal=signal,
            complaints=complaints,
            took_ms=round((time.perf_counter() - started) * 1000, 3),
        )

    def forget(self, coin: str) -> None:
        """Keep no bars of this coin any more."""
        self._coins.pop(coin, None)

    def rehearse(self) -> None:
        """Run the strategy once over made-up bars, so that the first real bar finds everything imported."""
        count = min(max(self._strategy.warm_up_bars, 1) + REHEARSAL_BARS, self._candle_history)
        closes = 100 + np.sin(np.arange(count) / 5)
        frame = pd.DataFrame(
            {"open": closes, "high": closes + 1, "low": closes - 1, "close": closes, "volume": 1.0},
            index=pd.date_range("2020-01-01", periods=count, freq="min", tz="UTC", name="open_time"),
        )
        try:
            asked(self._strategy, frame, Market())
        except (Exception, SystemExit):  # noqa: BLE001 - what fails here fails on real bars too, and is told then
            return

    def _ask(self, coin: str, bars: CoinBars, last: Candle) -> tuple[Signal, tuple[str, ...]]:
        frame = bars.frame()
        index = frame.index
        answer = asked(self._strategy, frame, Market(coin, Frames(self._coins)))
        if problem := _shape_problem(answer, index):
            raise ValueError(problem)
        if self._regime.drivers:
            # The strategy may have changed the frames that it was given.
            answer = filtered(answer, bars.frame(), Market(coin, Frames(self._coins)), self._regime)
        row: dict[str, object] = {name: answer[name].iloc[-1] for name in WISH_COLUMNS if name in answer.columns}
        row["reason"] = reason_at(answer, len(answer) - 1)
        return signal_of(row, last.close)


def evaluator_of(
    source: StrategySource,
    parameters: Mapping[str, str],
    candle_history: int,
    *,
    timeframe_ms: int = 0,
    regime: Regime = NO_REGIME,
) -> tuple[Evaluator, Ready]:
    """Load a strategy with its parameters; raise ConfigError with every problem.

    `timeframe_ms`: how long its bars will be, if that is known: bars of longer timeframes are counted in them.
    """
    strategy = _constructed(load(source), source, parameters)
    try:
        warm_up_bars = int(strategy.bars_needed(timeframe_ms) if timeframe_ms else strategy.warm_up_bars)
    except (Exception, SystemExit) as error:
        raise ConfigError([f"{source.name}: warm_up_bars: {in_words(error, source.path)}"]) from error
    if warm_up_bars > candle_history:
        needs = ", ".join(f"{name}={value}" for name, value in strategy.values().items())
        raise ConfigError(
            [f"CANDLE_HISTORY={candle_history}: {source.name} with {needs} needs at least {warm_up_bars} bars"]
        )
    ready = Ready(
        name=source.name,
        summary=strategy.summary(),
        sha256=source.sha256,
        values={name: str(value) for name, value in strategy.values().items()},
        warm_up_bars=warm_up_bars,
    )
    return Evaluator(strategy, source.path, candle_history, regime), ready


def _constructed(cls: type[Strategy], source: StrategySource, parameters: Mapping[str, str]) -> Strategy:
    try:
        return cls.from_text(parameters)
    except ConfigError:
        raise
    except (Exception, SystemExit) as error:
        raise ConfigError([f"STRATEGY_PARAMS: {source.name}: {in_words(error, source.path)}"]) from error


def _shape_problem(answer: object, index: pd.Index) -> str | None:
    expected = "signals() must return what self.wishes(bars, ...) gives"
    if not isinstance(answer, pd.DataFrame):
        return f"{expected}, not {type(answer).__name__}"
    if "want" not in answer.columns:
        return f"{expected}; the column 'want' is missing"
    if len(answer) != len(index) or not answer.index.equals(index):
        return f"{expected}, one row a bar: {len(index)} bars, {len(answer)} rows"
    return None


def _floats(candle: Candle) -> tuple[float, ...]:
    return (
        float(candle.open),
        float(candle.high),
        float(candle.low),
        float(candle.close),
        float(candle.volume),
    )
