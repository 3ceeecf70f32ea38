"""Row 001-30: twenty coins traded at once by the bot as a user runs it; its counters and latencies are printed.

`TWENTY_S=60` plays the row's minute (see it with `-s`): the first candles of twenty coins take the REST budget of more
than one. In `make test` it is a dozen coins, of which a start may read all at once, for some seconds at ten times the
market's pace.
"""

import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import requests

from tests.e2e.running import BOT, ENVIRON, Running
from tidegate.localnet.doors.localnet import LocalnetOptions
from tidegate.localnet.doors.thread import running

WHOLE = "TWENTY_S" in os.environ
SECONDS = float(os.environ.get("TWENTY_S", "5"))
COUNT, SPEED = (20, 1.0) if WHOLE else (12, 10.0)
PATIENCE_S = 240 if WHOLE else 60
ASK_S = 20
LOOK_S = 0.25
NEVER = threading.Event()
SHOWN = re.compile(r"tidegate_(stream_(?!age)|rest_|positions|latency_seconds_(sum|count)|uptime)")

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(2 * PATIENCE_S + 2 * SECONDS + 60)]


def metrics(folder: Path) -> dict[str, float]:
    """What `python bot.py metrics` says."""
    done = subprocess.run(
        [sys.executable, str(BOT), "metrics"], cwd=folder, env=ENVIRON, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    rows = (line.rsplit(" ", 1) for line in done.stdout.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, value in rows}


def test_many_coins_are_traded_at_once_without_a_refusal_and_what_it_took_is_printed(tmp_path: Path) -> None:
    with running(LocalnetOptions(scenario="random", speed=SPEED)) as net:
        universe = requests.post(f"{net.url}/info", json={"type": "meta"}, timeout=ASK_S).json()["universe"]
        coins = [row["name"] for row in universe if not row.get("isDelisted")][:COUNT]
        assert len(coins) == COUNT
        environ = {
            "LOCALNET_URL": net.url,
            "COINS": ",".join(coins),
            "STRATEGY": "buy_and_hold",
            "TIMEFRAME": "1m",
            "CHECK_INTERVAL": "60",
            "LEVERAGE": "1",
            "MAX_OPEN_POSITIONS": str(COUNT),
            "MAX_POSITION_USD": "300",
            "MAX_ORDERS_PER_MINUTE": "60",
            "STOP_LOSS_PCT": "0.5",
            "TAKE_PROFIT_PCT": "0.7",
            "MAX_DAILY_LOSS_PCT": "0",
            "MAX_DRAWDOWN_PCT": "0",
        }
        bot = Running(tmp_path, environ=environ)
        try:
            bot.wait_for(rf"all {COUNT} instruments have data", patience_s=PATIENCE_S)
            deadline_s = time.monotonic() + PATIENCE_S
            while len(entered(bot)) < COUNT and time.monotonic() < deadline_s:
                NEVER.wait(LOOK_S)
            NEVER.wait(SECONDS)
            found = metrics(tmp_path)
        finally:
            bot.stop()
        counters = requests.get(f"{net.url}/localnet/counters", timeout=ASK_S).json()
    assert entered(bot) == set(coins)
    assert counters["refused_by_limit"] == 0
    assert found["tidegate_stream_up"] == 1
    assert found["tidegate_stream_reconnects_total"] == 0
    for name in ("decision", "order"):
        assert found[f'tidegate_latency_seconds_count{{of="{name}"}}'] >= len(coins)
    sys.stdout.write(f"{len(coins)} coins, {counters['actions']} actions, {counters['requests']} requests\n")
    sys.stdout.writelines(f"{name} {value:g}\n" for name, value in found.items() if SHOWN.match(name))


def entered(bot: Running) -> set[str]:
    """The coins of which a stop was confirmed."""
    return set(re.findall(r"(\w+): the exchange confirms a resting stop", bot.screen))
