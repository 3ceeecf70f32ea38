"""The strategist without a process: the same evaluation in the caller's thread, for simulations and tests."""

from collections.abc import Callable, Iterable
from pathlib import Path

from tidegate.discovery import read_source
from tidegate.model.events import Faulted, Signalled
from tidegate.model.intents import Evaluate, Note
from tidegate.model.settings import Settings
from tidegate.ports import Clock, Facts
from tidegate.strategist.messages import Answered, Failed, Ready


class InlineStrategist:
    """Answers each `submit` before it returns. Raises ConfigError when the strategy cannot be used."""

    def __init__(self, settings: Settings, facts: Facts, clock: Clock, note: Callable[[Note], None]) -> None:
        # Here and not above: the bot's main process imports this module and must not import pandas.
        from tidegate.regime import Regime
        from tidegate.strategist.evaluator import evaluator_of

        source = read_source(Path(settings.strategy_dir), settings.strategy)
        self._evaluator, self._ready = evaluator_of(
            source,
            settings.strategy_params,
            settings.candle_history,
            timeframe_ms=settings.timeframe.ms,
            regime=Regime(settings.regime, settings.regime_bars, settings.regime_buckets),
        )
        self._facts = facts
        self._clock = clock
        self._note = note

    def start(self) -> None:
        """Nothing to start."""

    def ready(self, timeout_s: float = 0.0) -> Ready:  # noqa: ARG002 - the same interface as Strategist
        """What was loaded."""
        return self._ready

    def use_clock(self, clock: Clock) -> None:
        """Take the time of facts from this clock from now on."""
        self._clock = clock

    def submit(self, wish: Evaluate) -> None:
        """Evaluate now and put the fact."""
        answer = self._evaluator.evaluate(wish)
        self._facts.put(fact_of(answer, self._clock.now_ms()))
        for note in notes_of(answer):
            self._note(note)

    def forget(self, coins: Iterable[str]) -> None:
        """Keep no bars of these coins any more."""
        for coin in coins:
            self._evaluator.forget(coin)

    def stop(self, timeout_s: float = 0.0) -> None:
        """Nothing to stop."""


def fact_of(answer: Answered | Failed, at_ms: int) -> Signalled | Faulted:
    """An answer as the fact that the core knows."""
    if isinstance(answer, Failed):
        return Faulted(at_ms=at_ms, where="strategist", coin=answer.coin, reason=answer.reason)
    return Signalled(
        at_ms=at_ms,
        coin=answer.coin,
        candle_open_ms=answer.candle_open_ms,
        signal=answer.signal,
        bars=answer.bars,
    )


def notes_of(answer: Answered | Failed) -> list[Note]:
    """What a person should read of an answer beyond the fact itself."""
    if isinstance(answer, Failed):
        return []
    return [
        Note(topic="strategist", text=f"{answer.coin}: {complaint}", level="WARNING") for complaint in answer.complaints
    ]
