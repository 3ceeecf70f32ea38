"""Every strategy of the folder, with its defaults and with parameters drawn by chance, is blind to the future."""

from pathlib import Path

import numpy as np
import pytest

from tidegate.discovery import load, read_source, strategy_names
from tidegate.optimise.causality import of_bars

FOLDER = Path(__file__).resolve().parents[2] / "strategies"
DRAWS = 4


def drawn(cls, chance):
    """Parameters from anywhere in their ranges that the strategy does not refuse; short enough to speak at all."""
    values = {}
    for parameter in cls.parameters():
        if parameter.choices:
            values[parameter.name] = str(chance.choice(parameter.choices))
        elif parameter.type is bool:
            values[parameter.name] = bool(chance.integers(2))
        elif parameter.low is not None and parameter.high is not None and parameter.type is not str:
            high = min(parameter.high, max(parameter.default * 2, parameter.low))
            value = chance.uniform(parameter.low, high)
            values[parameter.name] = round(value) if parameter.type is int else float(value)
    return values


@pytest.mark.parametrize("name", strategy_names(FOLDER))
def test_it_says_of_a_part_of_the_bars_what_it_says_of_them_given_all(name, market):
    cls = load(read_source(FOLDER, name))
    chance = np.random.default_rng(17)
    tried = [cls()]
    for _ in range(200):
        if len(tried) > DRAWS:
            break
        strategy = cls(**drawn(cls, chance))
        if not strategy.problems():
            tried.append(strategy)
    for strategy in tried:
        assert of_bars(strategy, market(900)) == "", strategy
