"""The same strategy, candles and settings played three ways, and what came of it side by side."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from tidegate.backtest.engine import play, wishes_of
from tidegate.backtest.rules import Rules
from tidegate.errors import ConfigError
from tidegate.history import History, load
from tidegate.history.times import in_ms
from tidegate.hyperliquid.instruments import instruments_of
from tidegate.localnet.arguments import MarketChoice
from tidegate.localnet.kernel.universe import default_universe
from tidegate.localnet.markets.house import grids
from tidegate.localnet.markets.tape import read_candles
from tidegate.model.market import Timeframe
from tidegate.model.settings import EntryStyle, Settings
from tidegate.parity import replayed
from tidegate.parity.accounts import Given
from tidegate.parity.comparing import Difference, Pair, listed
from tidegate.parity.following import followed
from tidegate.parity.signals import Heard, compared
from tidegate.parity.tape import Tape
from tidegate.parity.trades import Way, of_backtest
from tidegate.research.simulation import LATENCY_MS, simulate
from tidegate.strategy import Strategy

QUIET_BARS = 5
"""So many bars without a wish to enter are looked for before the beginning: a bot that starts acts at once."""
LOOKED_BACK_BARS = 500


class Asked(NamedTuple):
    """What to play: `files` by coin, recorded moments in milliseconds UTC, the bot's speed (0: no bot is started)."""

    settings: Settings
    files: dict[str, Path]
    begin_ms: int
    end_ms: int
    speed: float = 60.0
    latency_ms: int = LATENCY_MS
    slippage_pct: float = 0.01


@dataclass(frozen=True)
class Report:
    """The three ways, what differs between backtest and simulation, and between simulation and bot."""

    given: Given
    begin_ms: int
    ways: tuple[Way, ...]
    against_backtest: tuple[Difference, ...]
    against_bot: tuple[Difference, ...]
    heard: Mapping[str, Heard]
    identical: bool | None = None

    @property
    def unexplained(self) -> list[str]:
        """What no rule could prove, a line each; nothing when all is well."""
        lines = [
            f"{each.key[0]} signal of {moment(each.key[1])}, {each.what}: {each.text}"
            for each in (*self.against_backtest, *self.against_bot)
            if not each.explained
        ]
        for name, heard in self.heard.items():
            lines += [
                f"{coin} bar of {moment(at_ms)}: the strategy told {name} something else than the backtest"
                for coin, at_ms in heard.unexplained
            ]
        return lines


def compare(
    asked: Asked,
    strategy: Strategy,
    bot: "replayed.Bot | None" = None,
    say: Callable[[str], None] = lambda _what: None,
) -> Report:
    """Play and compare; `bot` starts the real one where it is wanted. Raises ConfigError."""
    settings = _playable(asked.settings)
    say("reading candles")
    histories, fine = _histories(asked, strategy)
    instruments, _ = instruments_of(default_universe().meta())
    rules = Rules.of(
        settings, slippage_pct=asked.slippage_pct, funding=0.0, instruments={c: instruments[c] for c in settings.coins}
    )
    wishes = dict(zip(settings.coins, wishes_of(strategy, histories, rules), strict=True))
    begin_ms = _quiet_start(histories, wishes, asked.begin_ms)
    given = Given(
        settings=settings,
        rules=rules,
        bars={each.coin: each for each in histories},
        fine=fine,
        tapes=_tapes(asked),
        wishes=wishes,
        until_ms=asked.end_ms,
    )
    finer = {coin: each for coin, each in fine.items() if each.timeframe is not settings.timeframe}
    say("the backtest")
    played = play(strategy, histories, rules, finer=finer, begin_ms=begin_ms)
    ways = [of_backtest(played.result, histories)]
    say("the simulation")
    choice = MarketChoice(replay=tuple(asked.files[coin] for coin in settings.coins), start=_text(begin_ms))
    run = simulate(settings, choice, duration_ms=asked.end_ms - begin_ms, latency_ms=asked.latency_ms)
    ways.append(followed("simulation", run.journal, shift_ms=0, until_ms=asked.end_ms))
    if bot is not None:
        minutes = (asked.end_ms - begin_ms) / asked.speed / 60_000
        say(f"the bot over real sockets, {asked.speed:g} times as fast: about {minutes:.0f} min")
        ways.append(bot.play(choice, asked.speed, begin_ms, asked.end_ms))
    return _report(given, strategy, begin_ms, tuple(ways))


def _report(given: Given, strategy: Strategy, begin_ms: int, ways: tuple[Way, ...]) -> Report:
    backtest, simulation, *others = ways
    heard = {way.name: compared(way, given.wishes, strategy, given.settings) for way in ways[1:]}
    against_bot = tuple(Pair(given, simulation, others[0], heard).differences()) if others else ()
    return Report(
        given=given,
        begin_ms=begin_ms,
        ways=ways,
        against_backtest=tuple(Pair(given, backtest, simulation, heard).differences()),
        against_bot=against_bot,
        heard=heard,
        identical=listed(given, simulation) == listed(given, others[0]) if others else None,
    )


def _playable(settings: Settings) -> Settings:
    problems = []
    if settings.entry is not EntryStyle.MARKET or settings.uses_twaps:
        problems.append("ENTRY: parity is shown for entries at the market; a resting entry depends on its queue")
    if settings.trim_at_r:
        problems.append("TRIM_AT_R: a position that is closed in parts is not compared")
    if settings.check_interval_ms > settings.timeframe.ms:
        problems.append(f"CHECK_INTERVAL={settings.check_interval_s}: the bot must look at every bar of the time frame")
    if problems:
        raise ConfigError(problems)
    return settings


def _histories(asked: Asked, strategy: Strategy) -> tuple[list[History], dict[str, History]]:
    """The strategy's bars of every coin with all that warms it up, and the recording's own from the beginning on."""
    step = asked.settings.timeframe
    problems: list[str] = []
    before = max(strategy.bars_needed(step.ms), asked.settings.candle_history) + LOOKED_BACK_BARS
    histories: list[History] = []
    fine: dict[str, History] = {}
    for coin in asked.settings.coins:
        try:
            histories.append(load(asked.files[coin], coin, step, asked.begin_ms - before * step.ms, asked.end_ms))
            own = _own_timeframe(asked.files[coin], step)
            fine[coin] = load(asked.files[coin], coin, own, asked.begin_ms - LOOKED_BACK_BARS * step.ms, asked.end_ms)
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)
    return histories, fine


def _own_timeframe(file: Path, wanted: Timeframe) -> Timeframe:
    bars, problems = read_candles(file)
    if bars is None:
        raise ConfigError(problems)
    found = next((each for each in Timeframe if each.ms == bars.interval_ms), wanted)
    if wanted.ms % found.ms:
        raise ConfigError([f"{file.name}: candles of {found.value} do not make bars of {wanted.value}"])
    return found


def _tapes(asked: Asked) -> dict[str, Tape]:
    known = grids(default_universe())
    found = {}
    for coin in asked.settings.coins:
        bars, _problems = read_candles(asked.files[coin])
        assert bars is not None
        found[coin] = Tape(bars, known[coin])
    return found


def _quiet_start(histories: Sequence[History], wishes: Mapping[str, pd.DataFrame], begin_ms: int) -> int:
    """The last bar up to `begin_ms` after which nobody wishes to enter for some bars.

    A bot acts on the last closed bar as soon as it is up, which takes a real one some bars of a fast replay.
    """
    axis = in_ms(histories[0].bars.index)
    row = int(np.searchsorted(axis, begin_ms))
    for start in range(row, max(row - LOOKED_BACK_BARS, 1), -1):
        span = slice(start - 1, start - 1 + QUIET_BARS)
        wanted = [str(each) for wish in wishes.values() for each in wish["want"].iloc[span]]
        if not {"long", "short"} & set(wanted):
            return int(axis[start])
    raise ConfigError(
        [f"no {QUIET_BARS} bars without a wish to enter in the {LOOKED_BACK_BARS} before it: begin elsewhere"]
    )


def _text(at_ms: int) -> str:
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%dT%H:%M:%S}"


def moment(at_ms: int) -> str:
    """A minute in UTC."""
    return f"{datetime.fromtimestamp(at_ms / 1000, UTC):%Y-%m-%d %H:%M}"
