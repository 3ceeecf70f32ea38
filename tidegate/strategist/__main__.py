"""The child's half: `python -m tidegate.strategist`, started by `Strategist` and of no use to a person.

Reads messages on the pipe it was given as standard input and answers on the one given as standard output; both are
put away first, so that a strategy that prints or reads cannot speak to the bot. Ends when the bot is gone.
"""

import faulthandler
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from tidegate.discovery import StrategySource
from tidegate.errors import ConfigError
from tidegate.model.intents import Evaluate
from tidegate.priority import step_back
from tidegate.strategist.messages import (
    Bars,
    Broken,
    Forget,
    FromChild,
    Setup,
    ToChild,
    Unread,
    decode_to_child,
    encode,
)

NICENESS = 5
READ_BYTES = 1 << 16
# The kernel's wish list when memory is short: the strategy goes before the bot that guards positions.
OOM_SCORE = "1000"


class Pipes:
    """The private ends of the two pipes to the bot."""

    def __init__(self) -> None:
        self._from_bot = os.dup(0)
        self._to_bot: IO[bytes] = os.fdopen(os.dup(1), "wb", buffering=0)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        os.dup2(2, 1)
        self._unread = Unread()
        self._waiting: list[ToChild] = []

    def receive(self) -> ToChild | None:
        """The next message; None when the bot is gone."""
        while not self._waiting:
            chunk = os.read(self._from_bot, READ_BYTES)
            if not chunk:
                return None
            self._waiting = [decode_to_child(body) for body in self._unread.feed(chunk)]
        return self._waiting.pop(0)

    def send(self, message: FromChild) -> None:
        """Say something to the bot."""
        self._to_bot.write(encode(message))


def main() -> int:
    """Load what the bot names, then answer its bars until it is gone."""
    pipes = Pipes()
    _step_back()
    # Before anything is asked: importing pandas is most of what a start takes.
    from tidegate.regime import Regime
    from tidegate.strategist.evaluator import evaluator_of

    setup = pipes.receive()
    if not isinstance(setup, Setup):
        return 1
    source = StrategySource(setup.name, setup.path, setup.source, setup.sha256)
    try:
        with _time_limit(setup.load_limit_s):
            evaluator, ready = evaluator_of(
                source,
                setup.parameters,
                setup.candle_history,
                timeframe_ms=setup.timeframe_ms,
                regime=Regime(setup.regime, setup.regime_bars, setup.regime_buckets),
            )
    except ConfigError as error:
        pipes.send(Broken(problems=error.problems))
        return 0
    pipes.send(ready)
    with _time_limit(setup.evaluation_limit_s):
        evaluator.rehearse()
    while (bars := pipes.receive()) is not None:
        if isinstance(bars, Forget):
            evaluator.forget(bars.coin)
            continue
        if not isinstance(bars, Bars):
            return 1
        wish = Evaluate(
            coin=bars.coin,
            candles=bars.candles,
            reset=bars.reset,
            funding=bars.funding,
            imbalance=bars.imbalance,
        )
        if not bars.last:
            evaluator.add(wish)
            continue
        with _time_limit(setup.evaluation_limit_s):
            answer = evaluator.evaluate(wish)
        pipes.send(answer)
    return 0


def _step_back() -> None:
    """Let the bot go first: in the queue for the processor, and not in the queue of the memory killer."""
    faulthandler.enable()
    sys.stdout = sys.stderr
    step_back(NICENESS)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(OOM_SCORE, encoding="ascii")


@contextmanager
def _time_limit(limit_s: float) -> Iterator[None]:
    """End this process, telling where it was, if what follows takes too long.

    The bot ends it too; but a bot that was killed ends nothing, and a strategy in an endless loop would stay behind.
    """
    faulthandler.dump_traceback_later(limit_s, exit=True)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()


if __name__ == "__main__":
    try:
        code = main()
    except BrokenPipeError:
        code = 0
    sys.exit(code)
