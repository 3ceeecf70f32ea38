"""Which market a localnet plays, as a person chooses it on the command line. Light: it opens no recording."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from tidegate.errors import ConfigError

SCENARIOS = ("first-run", "random")


@dataclass(frozen=True)
class MarketChoice:
    """`start` is a recorded moment (`2021-05-19T12:00`, UTC), `speed` how much faster exchange time runs."""

    replay: tuple[Path, ...] = ()
    start: str = ""
    speed: float = 1.0
    seed: int = 1
    scenario: str = "first-run"
    align_ms: int = 0

    def checked(self) -> "MarketChoice":
        """The choice with absolute paths; ConfigError with every problem."""
        problems = [f"--replay {path}: no such file" for path in self.replay if not path.is_file()]
        if self.scenario not in SCENARIOS:
            problems.append(f"--scenario {self.scenario}: allowed are {', '.join(SCENARIOS)}")
        if self.start and not self.replay:
            problems.append("--from: it says where a recording starts, so it needs --replay FILE")
        if self.start and _moment(self.start) is None:
            problems.append(f"--from {self.start}: not a moment; example: 2021-05-19T12:00 (UTC)")
        if problems:
            raise ConfigError(problems)
        return replace(self, replay=tuple(path.resolve() for path in self.replay))

    @property
    def from_ms(self) -> int | None:
        """The recorded moment to start from, in milliseconds UTC; None for the recording's own beginning."""
        return _moment(self.start) if self.start else None

    @property
    def is_set(self) -> bool:
        """Whether anything was chosen that only a localnet can play."""
        return bool(self.replay or self.start or self.speed != 1.0)

    @property
    def scenario_name(self) -> Literal["first-run", "random"]:
        """The scenario, as the server's options type it."""
        return "random" if self.scenario == "random" else "first-run"

    def implied(self, cli: Mapping[str, str]) -> dict[str, str]:
        """Settings that follow from the choice where the command line leaves them open: a replay's coins."""
        coins = [found.group(1) for path in self.replay if (found := re.match(r"([A-Za-z0-9]+)_\w+", path.name))]
        tape_coins = [coin for coin in coins if not coin.isdigit()]
        if not tape_coins or "COINS" in cli:
            return dict(cli)
        return {"COINS": ",".join(dict.fromkeys(tape_coins)), **cli}

    def arguments(self, align_ms: int) -> list[str]:
        """The same choice for the command line of a localnet of its own."""
        words = ["--seed", str(self.seed), "--scenario", self.scenario, "--speed", repr(self.speed)]
        for path in self.replay:
            words += ["--replay", str(path)]
        if self.start:
            words += ["--from", self.start]
        return [*words, "--align", str(align_ms)] if self.replay else words


def _moment(text: str) -> int | None:
    try:
        moment = datetime.fromisoformat(text.strip().replace(" ", "T", 1).removesuffix("Z"))
    except ValueError:
        return None
    return int(moment.replace(tzinfo=UTC).timestamp() * 1000) if moment.tzinfo is None else None
