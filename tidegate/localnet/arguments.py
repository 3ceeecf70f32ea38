"""Which market a localnet plays, as a person chooses it on the command line. Light: it opens no recording."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tidegate.errors import ConfigError
from tidegate.localnet.markets.names import MARKETS, MarketName

if TYPE_CHECKING:
    from tidegate.localnet.kernel.universe import Universe
    from tidegate.localnet.listing import Listing
    from tidegate.localnet.scenario import Scenario

SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True)
class MarketChoice:
    """`start` is a recorded moment (`2021-05-19T12:00`, UTC), `speed` how much faster exchange time runs.

    `scenario` is a name or a file; `mirror` the venue to follow instead of any market of our own; `universe` recorded
    metadata to list instead of our own; `coins` what a mirror follows, nothing for its busiest.
    """

    replay: tuple[Path, ...] = ()
    start: str = ""
    speed: float = 1.0
    seed: int = 1
    scenario: str = "first-run"
    align_ms: int = 0
    mirror: str = ""
    universe: tuple[Path, ...] = ()
    volume_gates: bool = True
    coins: tuple[str, ...] = ()

    def checked(self) -> "MarketChoice":
        """The choice with absolute paths; ConfigError with every problem."""
        problems = [f"--replay {path}: no such file" for path in self.replay if not path.is_file()]
        if not self.is_from_file and self.scenario not in MARKETS:
            problems.append(f"--scenario {self.scenario}: allowed are {', '.join(MARKETS)}, or a .yaml file")
        if self.mirror:
            problems += self._against_mirror()
        elif self.coins:
            problems.append("--coins: it says what a mirror follows, so it needs --mirror")
        if self.start and not self.replay:
            problems.append("--from: it says where a recording starts, so it needs --replay FILE")
        if self.start and _moment(self.start) is None:
            problems.append(f"--from {self.start}: not a moment; example: 2021-05-19T12:00 (UTC)")
        problems += self._in_files()
        if problems:
            raise ConfigError(problems)
        return replace(
            self,
            replay=tuple(path.resolve() for path in self.replay),
            universe=tuple(path.resolve() for path in self.universe),
            scenario=str(Path(self.scenario).resolve()) if self.is_from_file else self.scenario,
        )

    @property
    def from_ms(self) -> int | None:
        """The recorded moment to start from, in milliseconds UTC; None for the recording's own beginning."""
        return _moment(self.start) if self.start else None

    @property
    def is_set(self) -> bool:
        """Whether anything was chosen that only a localnet can play."""
        is_other_place = self.mirror or self.universe or self.is_from_file or not self.volume_gates
        return bool(self.replay or self.start or self.speed != 1.0 or is_other_place)

    @property
    def is_from_file(self) -> bool:
        """Whether the scenario is a file, of a market and faults."""
        return self.scenario.lower().endswith(SUFFIXES)

    @property
    def scenario_name(self) -> MarketName:
        """The market of the scenario, as the server's options type it."""
        return self.script().market

    def script(self) -> "Scenario":
        """The scenario with its rules; ConfigError with every problem of its file."""
        from tidegate.localnet.scenario import Scenario, read_scenario  # needs all faults, which a name does not

        if not self.is_from_file:
            return Scenario(next((name for name in MARKETS if name == self.scenario), "first-run"))
        return read_scenario(Path(self.scenario), Everything() if self.mirror else _names(self.listing().universe))

    def listing(self) -> "Listing":
        """What is listed: recorded metadata, or our own; ConfigError with every problem of the files."""
        from tidegate.localnet.listing import read_listing  # only where coins are asked for before the start

        return read_listing(self.universe)

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
        if self.mirror:
            words += ["--mirror", self.mirror]
            words += ["--coins", ",".join(self.coins)] if self.coins else []
        for path in self.universe:
            words += ["--universe", str(path)]
        if not self.volume_gates:
            words.append("--no-volume-gates")
        return [*words, "--align", str(align_ms)] if self.replay else words

    def _in_files(self) -> list[str]:
        """What is wrong in the files of metadata and in the scenario's."""
        try:
            if self.universe:
                self.listing()
            if self.is_from_file:
                self.script()
        except ConfigError as error:
            return list(error.problems)
        return []

    def _against_mirror(self) -> list[str]:
        """What cannot be had together with a mirror, whose market and time are the venue's."""
        together = (
            ("--replay", bool(self.replay)),
            ("--speed", self.speed != 1.0),
            ("--universe", bool(self.universe)),
        )
        return [
            f"{option}: a mirror lists and plays what its venue does, at its speed; leave it out"
            for option, is_set in together
            if is_set
        ]


class Everything:
    """Contains whatever is asked for: a venue that is not asked yet may list any coin."""

    def __contains__(self, _name: object) -> bool:
        return True


def _names(universe: "Universe") -> frozenset[str]:
    """The coins of a universe, as market data names them."""
    return frozenset((*universe.by_name, *universe.spot_by_name))


def _moment(text: str) -> int | None:
    try:
        moment = datetime.fromisoformat(text.strip().replace(" ", "T", 1).removesuffix("Z"))
    except ValueError:
        return None
    return int(moment.replace(tzinfo=UTC).timestamp() * 1000) if moment.tzinfo is None else None
