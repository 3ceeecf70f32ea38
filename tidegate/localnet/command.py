"""The `localnet` command: run the built-in exchange alone, saying where it is and what its market is like."""

import json
import sys
from dataclasses import asdict
from pathlib import Path

from rich.console import Console

from tidegate.errors import TidegateError
from tidegate.localnet.arguments import MarketChoice
from tidegate.localnet.doors.localnet import LocalnetOptions
from tidegate.localnet.doors.server import serve
from tidegate.localnet.ready import Ready


def run(choice: MarketChoice, *, port: int, linger_s: float | None, announce: bool, record: Path | None = None) -> int:
    """Serve until stopped; give the exit code. With `announce` one JSON line for the parent instead of words.

    On a terminal a live table follows the words.
    """

    def on_ready(ready: Ready) -> None:
        if announce:
            print(json.dumps(asdict(ready)), flush=True)  # noqa: T201 - the parent reads it
            return
        lines = (
            f"localnet is ready at {ready.url} (REST and WebSocket), play money, loopback only",
            f"market: {ready.says}",
            f"point any Hyperliquid client here; a bot of ours: LOCALNET_URL={ready.url} python bot.py",
            *_further(script.says, options),
            *(f"not listed: {each}" for each in listing.left_out),
            "stop with Ctrl-C",
        )
        print("\n".join(lines), flush=True)  # noqa: T201 - the person reads it

    script, listing = choice.script(), choice.listing()
    options = LocalnetOptions(
        port=port,
        seed=choice.seed,
        scenario=script.market,
        faults=script.rules,
        mirror=choice.mirror,
        coins=choice.coins or None,
        universe=listing.universe if choice.universe else None,
        volume_gates=choice.volume_gates,
        record=record,
        replay=choice.replay,
        from_ms=choice.from_ms,
        speed=choice.speed,
        align_ms=choice.align_ms or None,
        linger_s=linger_s,
    )
    try:
        if not announce and sys.stdout.isatty():
            from tidegate.localnet.live import beside  # a terminal only

            serve(options, on_ready, beside(Console()))
        else:
            serve(options, on_ready)
    except TidegateError as error:
        if not announce:
            raise
        print(json.dumps({"problem": str(error)}), flush=True)  # noqa: T201 - the parent reads it
        print(error, file=sys.stderr)  # noqa: T201
        return 2
    return 0


def _further(says: str, options: LocalnetOptions) -> list[str]:
    """What a person should know beyond the usual; `says` is the scenario's own word."""
    lines = [f"scenario: {says}"] if says else []
    if options.faults:
        lines.append(f"faults: {len(options.faults)} from the scenario; GET /localnet/fault shows how they stand")
    if options.record is not None:
        lines.append(f"recording everything into {options.record}")
    return lines
