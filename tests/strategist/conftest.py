"""What the strategist's tests share: authors' files, candles, and an inbox that can be waited on."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from queue import Empty, SimpleQueue

import pytest

from tidegate.model.events import Event
from tidegate.model.intents import Evaluate, Note
from tidegate.model.market import Candle
from tidegate.model.settings import Settings

MINUTE_MS = 60_000
WAIT_S = 30.0

FRAME = '''from dataclasses import dataclass
from pathlib import Path
import os, signal, sys, time
import numpy as np
import pandas as pd
from tidegate.strategy import Strategy, param

@dataclass(frozen=True)
class Author(Strategy):
    """A strategy of a test."""

    number: int = param(1, low=0, high=9)

    def signals(self, bars):
        last = bars["close"].iloc[-1]
BODY
'''


class Inbox:
    """Facts and notes in the order they came."""

    def __init__(self) -> None:
        self._facts: SimpleQueue[Event] = SimpleQueue()
        self.notes: list[Note] = []

    def put(self, event: Event) -> None:
        self._facts.put(event)

    def next(self, timeout_s: float = WAIT_S) -> Event:
        try:
            return self._facts.get(timeout=timeout_s)
        except Empty:
            raise AssertionError(f"no fact came; notes: {self.notes}") from None

    @property
    def empty(self) -> bool:
        return self._facts.empty()


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def author(tmp_path: Path) -> Callable[[str], Settings]:
    """Write a strategy whose `signals` has this body (it sees `bars` and `last`, the last close); its settings."""

    def write(body: str, **settings: object) -> Settings:
        indented = "\n".join(f"        {line}" for line in body.splitlines())
        (tmp_path / "author.py").write_text(FRAME.replace("BODY", indented), encoding="utf-8")
        return Settings(strategy="author", strategy_dir=str(tmp_path), **settings)  # type: ignore[arg-type]

    return write


@pytest.fixture
def candles() -> Callable[..., tuple[Candle, ...]]:
    """So many candles from a row number on; the close of row n is 100 + n."""

    def make(count: int, first: int = 0) -> tuple[Candle, ...]:
        return tuple(
            Candle(
                open_ms=row * MINUTE_MS,
                close_ms=(row + 1) * MINUTE_MS - 1,
                open=Decimal(100 + row),
                high=Decimal(101 + row),
                low=Decimal(99 + row),
                close=Decimal(100 + row),
                volume=Decimal(1),
            )
            for row in range(first, first + count)
        )

    return make


@pytest.fixture
def look(candles: Callable[..., tuple[Candle, ...]]) -> Callable[..., Evaluate]:
    """A wish to look at so many candles of a coin."""

    def make(coin: str = "BTC", count: int = 10, first: int = 0, reset: bool = True) -> Evaluate:
        return Evaluate(coin=coin, candles=candles(count, first), reset=reset)

    return make
