"""Row 000-30: what the exchange counts stays within its limits; `LIMIT_HOURS=24` for the whole day (minutes)."""

import os
import random
from pathlib import Path

import pytest

from tests.research.runs import D, settings
from tidegate.localnet.arguments import MarketChoice
from tidegate.model.market import MINUTE_MS, Timeframe
from tidegate.model.settings import Stream
from tidegate.research import simulation
from tidegate.research.counterparty import Counterparty
from tidegate.research.simulation import Outage, simulate

HOURS = float(os.environ.get("LIMIT_HOURS", "0.2"))
HOUR_MS = 60 * MINUTE_MS
T0 = 1_600_000_020_000
COINS = ("BTC", "ETH", "SOL")


def tapes(folder: Path, hours: float) -> tuple[Path, ...]:
    """Seeded candles of a minute that go up and down by a quarter of a per cent, so that stops are hit all day."""
    chance = random.Random(7)
    paths = []
    for coin, price in zip(COINS, (80_000.0, 2_700.0, 128.0), strict=True):
        rows = ["ts,open,high,low,close,volume"]
        for minute in range(int(hours * 60) + 1):
            close = price * (1 + chance.uniform(-0.0025, 0.0025))
            high, low = max(price, close) * 1.0005, min(price, close) * 0.9995
            rows.append(f"{T0 + minute * MINUTE_MS},{price:.4f},{high:.4f},{low:.4f},{close:.4f},50")
            price = close
        paths.append(folder / f"{coin}_1m_day.csv")
        paths[-1].write_text("\n".join(rows))
    return tuple(paths)


@pytest.mark.parametrize("stream", ["all", "off"])
def test_no_request_is_refused_for_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stream: str) -> None:
    exchanges: list[Counterparty] = []

    class Watched(Counterparty):
        def __init__(self, *args: object) -> None:
            super().__init__(*args)  # type: ignore[arg-type]
            exchanges.append(self)

    monkeypatch.setattr(simulation, "Counterparty", Watched)
    plan = settings(
        coins=COINS,
        timeframe=Timeframe.M1,
        check_interval_s=D(60),
        strategy="buy_and_hold",
        stop_loss_pct=D("0.5"),
        take_profit_pct=D("0.7"),
        max_daily_loss_pct=D(0),
        max_drawdown_pct=D(0),
        stream=Stream(stream),
    )
    spans = max(1, int(HOURS))
    span_ms = int(HOURS * HOUR_MS) // spans
    cuts = tuple(
        Outage("socket", at_ms + span_ms // 2, at_ms + span_ms * 3 // 5) for at_ms in range(0, spans * span_ms, span_ms)
    )
    run = simulate(
        plan, MarketChoice(replay=tapes(tmp_path, HOURS)), outages=cuts if stream == "all" else (), keep_journal=False
    )
    counters = exchanges[0].gate.counters
    asked = sum(counters.requests.values())
    assert counters.refused_by_limit == 0
    assert len(run.fills) > 4 * HOURS
    assert asked > 30 * HOURS
