"""Where the recordings lie and what it means that two answers look alike.

The recordings lie outside the project; every test that needs them skips where they are absent.
"""

import gzip
import json
import re
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2].parent / "shared"
REST = SHARED / "exchange-samples" / "rest"
WS = SHARED / "exchange-samples" / "ws"
ACCOUNTS = SHARED / "data" / "accounts"

needs_samples = pytest.mark.skipif(not REST.is_dir(), reason="the recorded answers are not here")
needs_accounts = pytest.mark.skipif(not ACCOUNTS.is_dir(), reason="the recorded accounts are not here")

DECIMAL = re.compile(r"-?\d+\.\d+")
HASH = re.compile(r"0x[0-9a-f]{64}")
ADDRESS = re.compile(r"0x[0-9a-f]{40}")


def recorded(name):
    """`{"request", "response"}` of one recorded request."""
    return json.loads((REST / f"{name}.json").read_text())


def rows_of(name):
    """The rows of one file of recorded accounts."""
    with gzip.open(ACCOUNTS / name, "rt") as lines:
        return [json.loads(line) for line in lines]


def shape(value):
    """What must be alike: types, keys in order, what strings hold; of a list its first element."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    if isinstance(value, str):
        kinds = {"decimal": DECIMAL, "hash": HASH, "address": ADDRESS}
        return next((kind for kind, pattern in kinds.items() if pattern.fullmatch(value)), "text")
    return type(value).__name__


def same_shape(ours, theirs, *, in_order=True):
    """Alike in shape; `in_order` is False for recordings that were saved with sorted keys."""
    assert shape(ours) == shape(theirs)
    if in_order:
        assert json.dumps(shape(ours)) == json.dumps(shape(theirs)), "the keys are the same, their order is not"


def by_type(rows):
    """One row of each delta type."""
    return {row["delta"]["type"]: row for row in rows}
