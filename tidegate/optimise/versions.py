"""Which code makes a row: the version of the program, a digest of what of it a row depends on, the strategy's file."""

import hashlib
from functools import lru_cache
from pathlib import Path

from tidegate import __version__
from tidegate.discovery import StrategySource

PACKAGE = Path(__file__).resolve().parents[1]
CODE = (
    "backtest",
    "core/sizing.py",
    "indicators.py",
    "model/instruments.py",
    "model/settings.py",
    "optimise/judging.py",
    "optimise/planning.py",
    "optimise/space.py",
    "optimise/walking.py",
    "parameters.py",
    "regime.py",
    "reports/curve.py",
    "reports/metrics.py",
    "strategy.py",
    "timeframes.py",
)
"""Files and folders; a change anywhere else leaves the rows as they are, and a search that was begun goes on."""


@lru_cache(maxsize=1)
def program_version() -> str:
    """The version of the program that runs here, with eight digits of the code."""
    digest = hashlib.sha256()
    for name in CODE:
        place = PACKAGE / name
        for path in sorted(place.rglob("*.py")) if place.is_dir() else (place,):
            digest.update(path.read_bytes())
    return f"{__version__}+{digest.hexdigest()[:8]}"


def code_version_of(source: StrategySource) -> str:
    """The program's version and the strategy's file."""
    return f"{program_version()} {source.name} {source.sha256[:12]}"
