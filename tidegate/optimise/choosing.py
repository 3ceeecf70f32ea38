"""Which of the rows is the best, and the rows as a table."""

from collections.abc import Sequence

import pandas as pd

from tidegate.optimise.points import Row


def best_of(rows: Sequence[Row], maximise: Sequence[bool]) -> Row | None:
    """The row with the best first goal; among equals the better other goals, then the earlier one."""
    scored = [row for row in rows if row.values]

    def rank(row: Row) -> tuple[float, ...]:
        return (*(_upward(row, maximise)), -row.index)

    return max(scored, key=rank, default=None)


def front_of(rows: Sequence[Row], maximise: Sequence[bool]) -> list[Row]:
    """The rows that no other one beats in every goal (Pareto), the best by the first goal first."""
    scored = [(tuple(_upward(row, maximise)), row) for row in rows if row.values]
    front = [
        (values, row)
        for values, row in scored
        if not any(all(map(float.__ge__, other, values)) and other != values for other, _ in scored)
    ]
    return [row for _, row in sorted(front, key=lambda each: (*(-value for value in each[0]), each[1].index))]


def table_of(rows: Sequence[Row], goals: Sequence[str]) -> pd.DataFrame:
    """One row a trial in the order of the plan: trial, the parameters by name, value (and value_<goal> of each goal),
    every figure by name, problem, data_sha256, code_version, seed. A parameter goes before a figure of the same name.
    """
    figures = list(dict.fromkeys(name for row in rows for name in row.metrics))
    told = []
    for row in rows:
        values = row.values or (float("nan"),) * len(goals)
        line: dict[str, object] = {"trial": row.index}
        line |= row.parameters
        line["value"] = values[0]
        if len(goals) > 1:
            line |= {f"value_{goal}": value for goal, value in zip(goals, values, strict=True)}
        line |= {name: row.metrics.get(name) for name in figures if name not in line}
        line |= {
            "problem": row.problem,
            "data_sha256": row.data_sha256,
            "code_version": row.code_version,
            "seed": row.seed,
        }
        told.append(line)
    table = pd.DataFrame(told)
    parameters = rows[0].parameters if rows else ()
    return table.astype({name: "float64" for name in figures if name not in parameters})


def _upward(row: Row, maximise: Sequence[bool]) -> list[float]:
    return [value if up else -value for value, up in zip(row.values, maximise, strict=True)]
