"""What goes to a worker and what comes back: a point to judge, the row that it makes. All of it is JSON."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from tidegate.parameters import Value


@dataclass(frozen=True)
class Point:
    """One set of parameters, `index` in the order in which the search planned it; `attrs` are the sampler's notes."""

    index: int
    parameters: Mapping[str, Value]
    attrs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """What judging a point gave, told so that it can be judged again.

    `values`: the goals in their order, or empty with the `problem` why there are none. `metrics`: every figure by its
    common name. Holds no time and no name of a worker: the same point makes the same row wherever it is judged.
    """

    index: int
    parameters: Mapping[str, Value]
    values: tuple[float, ...]
    metrics: Mapping[str, float | None]
    data_sha256: str
    code_version: str
    seed: int
    problem: str = ""
    attrs: Mapping[str, Any] = field(default_factory=dict)

    def text(self) -> str:
        """As one line of JSON; numbers to their last digit."""
        return json.dumps(asdict(self), allow_nan=False)

    @classmethod
    def of_text(cls, text: str) -> "Row":
        """The row that `text` says. Raises ValueError."""
        try:
            told = json.loads(text)
            return cls(**{**told, "values": tuple(told["values"])})
        except (TypeError, KeyError) as error:
            raise ValueError(f"not a row: {error}") from error
