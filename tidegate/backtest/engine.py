"""A backtest: a strategy's wishes over whole histories, then the compiled account, then a result.

The strategy is asked once a coin for all its bars; row i may depend on bars up to i only, and acts at the open of
bar i + 1. Owns how wishes become numbers and tables frames again; the candles' arrays are `ground`'s, the rules the
kernel's.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from tidegate import __version__
from tidegate.backtest import kernel
from tidegate.backtest.ground import finer_of, ground_of, spread
from tidegate.backtest.kernel import compiling, shapes
from tidegate.backtest.results import Result, Run, trades_frame
from tidegate.backtest.rules import Rules
from tidegate.core.sizing import leverage_of
from tidegate.errors import ConfigError
from tidegate.history import History, told_of
from tidegate.history.times import in_ms
from tidegate.market import Market
from tidegate.model.instruments import DECIMALS_MAX
from tidegate.model.settings import Settings
from tidegate.model.signals import Want
from tidegate.regime import Regime, filtered
from tidegate.strategy import Strategy, asked
from tidegate.timeframes import STEP

CODES: Mapping[str, int] = {
    Want.HOLD.value: 0,
    Want.LONG.value: 1,
    Want.SHORT.value: -1,
    Want.FLAT.value: 2,
    Want.ADD.value: 0,  # only the bot adds, see `rules.not_played`
}
Progress = Callable[[str], None]


class Played:
    """A result with what a person should know beside it: `refused` entries by reason, `remarks`, `ambiguous` trades."""

    def __init__(self, result: Result, refused: Mapping[str, int], remarks: Sequence[str]) -> None:
        self.result = result
        self.refused = dict(refused)
        self.remarks = tuple(remarks)


def backtest(
    strategy: Strategy,
    histories: Sequence[History],
    rules: Rules,
    *,
    finer: Mapping[str, History] | None = None,
    begin_ms: int | None = None,
    name: str = "",
    code_version: str = "",
    seed: int = 1,
) -> Result:
    """Play `strategy` over the histories (one a coin, one time frame) on one account.

    `finer`: finer candles by coin, which decide what came first within a bar. `begin_ms`: no entry before it, so that
    the bars before only warm the indicators up. The result's equity begins there. Raises ConfigError.
    """
    return play(
        strategy, histories, rules, finer=finer, begin_ms=begin_ms, name=name, code_version=code_version, seed=seed
    ).result


def play(
    strategy: Strategy,
    histories: Sequence[History],
    rules: Rules,
    *,
    finer: Mapping[str, History] | None = None,
    begin_ms: int | None = None,
    name: str = "",
    code_version: str = "",
    seed: int = 1,
    progress: Progress | None = None,
) -> Played:
    """As `backtest`, with what was refused and what stands to be said."""
    _check(histories)
    say = progress or (lambda _what: None)
    say("asking the strategy")
    answers = wishes_of(strategy, histories, rules)
    say("playing the account")
    ground = ground_of(histories, rules.funding)
    axis, at_ms, candles = ground.axis, ground.at_ms, ground.candles
    begin = 0 if begin_ms is None else int(np.searchsorted(at_ms, begin_ms))
    if begin >= len(at_ms) - 1:
        raise ConfigError([f"no bars are left to trade in after {len(at_ms):,} bars of warm-up"])
    wishes = _wishes(answers, ground.rows, len(axis))
    fine = finer_of(histories, finer or {}, at_ms)
    account = _account(histories, rules, begin)
    with compiling.telling(say):
        table, equity, balance, notional, refusals, standing = kernel.run(candles, wishes, fine, account)
    exposure = np.divide(notional, equity, out=np.zeros_like(equity), where=equity > 0)
    trades = _trades(table, [each.coin for each in histories])
    lines = pd.DataFrame({"equity": equity, "balance": balance, "exposure": exposure}, index=axis, copy=False)
    benchmark = ground.held(begin, rules.equity_usd)
    run = _run(strategy, histories, rules, at_ms[begin], at_ms[-1], name, code_version, seed)
    result = Result(run, trades, lines.iloc[begin:], benchmark.iloc[begin:], ground.prices.iloc[begin:])
    refused = {words: int(count) for words, count in zip(shapes.REFUSALS, refusals, strict=True) if count}
    return Played(result, refused, _remarks(standing, rules))


def wishes_of(strategy: Strategy, histories: Sequence[History], rules: Rules) -> list[pd.DataFrame]:
    """What the strategy wishes for each coin, the others beside it, as the live bot asks and filters."""
    frames = {each.coin: _seen(each, rules) for each in histories}
    regime = Regime(rules.regime, rules.regime_bars, rules.regime_buckets)
    answers = []
    for history in histories:
        bars, market = frames[history.coin], Market(history.coin, frames)
        answer = asked(strategy, bars, market)
        if not isinstance(answer, pd.DataFrame) or "want" not in answer.columns or len(answer) != len(bars):
            raise ConfigError(["signals() must return what self.wishes(bars, ...) gives, one row a bar"])
        answers.append(filtered(answer, bars, market, regime) if rules.regime else answer)
    return answers


def _seen(history: History, rules: Rules) -> pd.DataFrame:
    """The bars as a strategy is given them: with the funding rate known at each close, where rates are given."""
    bars = history.bars.copy(deep=False)
    rate = None if isinstance(rules.funding, int | float) else rules.funding.get(history.coin)
    if isinstance(rate, pd.Series) and len(rate):
        known = np.searchsorted(in_ms(rate.index), in_ms(bars.index) + history.timeframe.ms, side="right") - 1
        values = np.where(known >= 0, rate.to_numpy(float)[np.maximum(known, 0)], np.nan)
        bars = bars.assign(funding=values)
    bars.attrs[STEP] = history.timeframe.ms
    return bars


def _check(histories: Sequence[History]) -> None:
    if not histories:
        raise ConfigError(["a backtest needs the candles of one coin at least"])
    problems = []
    coins = [each.coin for each in histories]
    if len(set(coins)) != len(coins):
        problems.append(f"a coin is there twice: {', '.join(coins)}")
    if len({each.timeframe for each in histories}) > 1:
        problems.append("all coins need candles of one time frame")
    if problems:
        raise ConfigError(problems)


def _wishes(answers: Sequence[pd.DataFrame], rows: Sequence[Any], bars: int) -> Any:
    stops = [_column(each, "stop", np.nan) for each in answers]
    fractions = [_column(each, "size_fraction", 1.0) for each in answers]
    wants = [_wants(each, stop, share) for each, stop, share in zip(answers, stops, fractions, strict=True)]
    return shapes.Wishes(
        spread(wants, rows, bars, 0),
        spread(stops, rows, bars, np.nan),
        spread([_column(each, "take_profit", np.nan) for each in answers], rows, bars, np.nan),
        spread([_column(each, "trail_by", np.nan) for each in answers], rows, bars, np.nan),
        spread(fractions, rows, bars, 1.0),
    )


def _column(answer: pd.DataFrame, name: str, missing: float) -> np.ndarray:
    if name not in answer.columns:
        return np.full(len(answer), missing)
    return answer[name].to_numpy(dtype=float, na_value=np.nan)


def _wants(answer: pd.DataFrame, stops: np.ndarray, fractions: np.ndarray) -> np.ndarray:
    """Wishes as numbers; what the bot's door refuses (`strategist.door`) is no entry here either."""
    column = answer["want"]
    if isinstance(column.dtype, pd.CategoricalDtype):
        codes = np.array([CODES.get(str(each), 99) for each in column.cat.categories], dtype=np.int8)
        want = codes[column.cat.codes.to_numpy()]
    else:
        want = np.full(len(column), 99, dtype=np.int8)
        for word, code in CODES.items():
            want[(column == word).to_numpy(dtype=bool)] = code
    if (want == 99).any():
        raise ConfigError([f"want must be one of {', '.join(CODES)}, not {column[want == 99].iloc[0]!r}"])
    entries = np.flatnonzero((want == 1) | (want == -1))
    stop, share = stops[entries], fractions[entries]
    unsound = ~(np.isnan(stop) | (np.isfinite(stop) & (stop > 0))) | ~((share > 0) & (share <= 1))
    if unsound.any():
        want = want.copy()
        want[entries[unsound]] = 0
    return want


def _account(histories: Sequence[History], rules: Rules, begin: int) -> Any:
    instruments = [rules.instrument(each.coin) for each in histories]
    bot = Settings(leverage=rules.leverage)
    decimals = [each.size_decimals for each in instruments]
    return shapes.Account(
        equity=float(rules.equity_usd),
        bar_ms=histories[0].timeframe.ms,
        begin=begin,
        risk=rules.risk_per_trade_pct / 100,
        stop_loss=rules.stop_loss_pct / 100,
        take_profit=rules.take_profit_pct / 100,
        trailing_stop=rules.trailing_stop_pct / 100,
        position_max=float(rules.max_position_usd),
        exposure_max=float(rules.max_exposure_usd),
        allocation_max=float(rules.max_allocation_usd),
        positions_max=int(rules.max_open_positions),
        daily_loss=rules.max_daily_loss_pct / 100,
        drawdown=rules.max_drawdown_pct / 100,
        cooldown_ms=int(rules.cooldown_minutes * shapes.MINUTE_MS),
        guard_stops=min(int(rules.stop_guard_stops), shapes.STOPS_REMEMBERED),
        guard_ms=int(rules.stop_guard_minutes * shapes.MINUTE_MS),
        slippage_max=rules.max_slippage_pct / 100,
        slippage=rules.slippage_pct / 100,
        taker=float(rules.taker_fee),
        maker=float(rules.maker_fee),
        limit_entry=rules.entry == "limit",
        time_limit=int(rules.time_limit_bars),
        notional_min=float(rules.min_notional_usd),
        trim_at=float(rules.trim_at_r),
        trim_share=rules.trim_pct / 100,
        decimals=np.array(decimals, np.int64),
        price_decimals=np.array([DECIMALS_MAX[each.book.value] - each.size_decimals for each in instruments], np.int64),
        leverage=np.array([leverage_of(bot, each) for each in instruments], float),
        leverage_max=np.array([each.leverage_max for each in instruments], float),
        isolated=np.array([rules.isolated or each.isolated_only for each in instruments], np.bool_),
    )


def _trades(table: np.ndarray, coins: Sequence[str]) -> pd.DataFrame:
    columns: dict[str, Any] = dict(zip(shapes.TRADE_FIELDS, table.T, strict=True))
    ambiguous = columns.pop("ambiguous") > 0
    columns["coin"] = np.array(coins, dtype=object)[columns["coin"].astype(int)]
    columns["reason"] = np.array(shapes.REASONS, dtype=object)[columns["reason"].astype(int)]
    for name in ("opened", "closed"):
        columns[name] = pd.to_datetime(columns[name].astype("int64"), unit="ms", utc=True)
    columns["net"] = columns["gross"] - columns["fees"] - columns["funding"] - columns["slippage"]
    return trades_frame(columns).assign(ambiguous=ambiguous)


def _run(
    strategy: Strategy, histories: Sequence[History], rules: Rules, begin_ms: int, last_ms: int, name: str,
    code_version: str, seed: int,
) -> Run:  # fmt: skip
    digest = hashlib.sha256("|".join(f"{each.coin}:{each.sha256}" for each in histories).encode()).hexdigest()
    return Run(
        id="",
        kind="backtest",
        strategy=name or type(strategy).__module__.removeprefix("tidegate_strategy_").split(".")[-1],
        parameters=dict(strategy.values()),
        coins=tuple(each.coin for each in histories),
        timeframe=histories[0].timeframe.value,
        begin_ms=int(begin_ms),
        end_ms=int(last_ms) + histories[0].timeframe.ms,
        settings=rules.told() | told_of(histories),
        data_sha256=histories[0].sha256 if len(histories) == 1 else digest,
        code_version=code_version or __version__,
        seed=seed,
        made_at=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
    ).named()


def _remarks(standing: np.ndarray, rules: Rules) -> list[str]:
    remarks = []
    if standing[shapes.TRIPPED_FOR_GOOD]:
        remarks.append(f"MAX_DRAWDOWN_PCT={rules.max_drawdown_pct:g} was reached: no entry after it, as live; 0 is off")
    if days := int(standing[shapes.TRIPS]):
        remarks.append(f"MAX_DAILY_LOSS_PCT={rules.max_daily_loss_pct:g} was reached on {days} days")
    return remarks
