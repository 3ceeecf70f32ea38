"""Real input: recorded crashes and recorded frames drive the bot from end to end."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from running import ROOT, Running, running

pytestmark = pytest.mark.e2e

SHARED = ROOT.parent / "shared" / "data"
CRASH = SHARED / "candles" / "binance_spot" / "BTC_1m_20210420_20210520.parquet"
FRAMES = SHARED / "ws" / "hyperliquid" / "20250904_1946_BTC-ETH-SOL_l2-bbo-trades.jsonl.gz"

needs_recordings = pytest.mark.skipif(not SHARED.is_dir(), reason="the shared recordings are not on this machine")


def low_and_high(path: Path, start: str, minutes: int) -> tuple[Decimal, Decimal]:
    """The lowest and highest price that the recording traded in that span."""
    import pyarrow.parquet as pq

    table = pq.read_table(path, columns=["ts", "low", "high"]).to_pydict()
    from_ms = int(datetime.fromisoformat(start).replace(tzinfo=UTC).timestamp() * 1000)
    until_ms = from_ms + minutes * 60_000
    rows = [
        (low, high)
        for ts, low, high in zip(table["ts"], table["low"], table["high"], strict=True)
        if from_ms <= ts < until_ms
    ]
    return Decimal(repr(min(low for low, _ in rows))), Decimal(repr(max(high for _, high in rows)))


def closing_price(bot: Running, side: str) -> Decimal:
    """Play until the first position has left by its stop; give the price of its last fill."""
    bot.wait_for(rf"\[decision\] BTC {side}: always {side}")
    bot.wait_for(r"\[exit\] BTC closed by stop_loss")
    fills = [line for line in bot.lines if "[fill]" in line and "now flat" in line]
    found = re.search(r" at ([\d.]+) \(", fills[0])
    assert found
    return Decimal(found.group(1))


@needs_recordings
@pytest.mark.parametrize(
    ("side", "start", "minutes"), [("long", "2021-05-19T12:00", 90), ("short", "2021-05-19T13:10", 60)]
)
def test_a_position_leaves_the_recorded_crash_by_its_stop_at_a_price_that_was_traded(
    tmp_path: Path, side: str, start: str, minutes: int
) -> None:
    words = ["--replay", str(CRASH), "--from", start, "--speed", "60", "--strategy", "buy_and_hold"]
    params = ["--set", f"STRATEGY_PARAMS=side={side}", "--set", "TAKE_PROFIT_PCT=0"]
    with running(tmp_path, *words, *params) as bot:
        price = closing_price(bot, side)
        bot.wait_for(rf"\[recap\] ---- BTC {side}")
    low, high = low_and_high(CRASH, start, minutes)
    assert low <= price <= high
    assert "Traceback" not in bot.screen


@needs_recordings
def test_recorded_frames_drive_the_bot_from_end_to_end(tmp_path: Path) -> None:
    words = ["--replay", str(FRAMES), "--coins", "BTC,ETH,SOL", "--timeframe", "1m", "--speed", "30"]
    settings = ["CHECK_INTERVAL=60", "STOP_LOSS_PCT=0.1", "TAKE_PROFIT_PCT=0.1"]
    options = [word for each in settings for word in ("--set", each)]
    with running(tmp_path, *words, "--strategy", "buy_and_hold", *options) as bot:
        bot.wait_for(r"\[decision\] \w+ long: always long")
        bot.wait_for(r"\[fill\] \w+ buy .*\(entry\)")
        bot.wait_for(r"\[exit\] \w+ closed by (stop_loss|take_profit)")
    assert "Traceback" not in bot.screen
