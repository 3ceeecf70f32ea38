"""The `localnet` command: run the built-in exchange alone, saying where it is and what its market is like."""

import json
import sys
from dataclasses import asdict

from tidegate.errors import TidegateError
from tidegate.localnet.arguments import MarketChoice
from tidegate.localnet.doors.localnet import LocalnetOptions
from tidegate.localnet.doors.server import serve
from tidegate.localnet.ready import Ready


def run(choice: MarketChoice, *, port: int, linger_s: float | None, announce: bool) -> int:
    """Serve until stopped; give the exit code. With `announce` one JSON line for the parent instead of words."""

    def on_ready(ready: Ready) -> None:
        if announce:
            print(json.dumps(asdict(ready)), flush=True)  # noqa: T201 - the parent reads it
            return
        lines = (
            f"localnet is ready at {ready.url} (REST and WebSocket), play money, loopback only",
            f"market: {ready.says}",
            f"point any Hyperliquid client here; a bot of ours: LOCALNET_URL={ready.url} python bot.py",
            "stop with Ctrl-C",
        )
        print("\n".join(lines), flush=True)  # noqa: T201 - the person reads it

    options = LocalnetOptions(
        port=port,
        seed=choice.seed,
        scenario=choice.scenario_name,
        replay=choice.replay,
        from_ms=choice.from_ms,
        speed=choice.speed,
        align_ms=choice.align_ms or None,
        linger_s=linger_s,
    )
    try:
        serve(options, on_ready)
    except TidegateError as error:
        if not announce:
            raise
        print(json.dumps({"problem": str(error)}), flush=True)  # noqa: T201 - the parent reads it
        print(error, file=sys.stderr)  # noqa: T201
        return 2
    return 0
