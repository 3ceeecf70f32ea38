"""Time to protection over many entries, a tenth of them with faults (promise 7).

`make protection` plays a thousand entries and writes what it measured into docs/reliability.md; `make test` a few.
"""

import os
from pathlib import Path

import pytest

from tests.faults.protection import protect
from tests.faults.table import write_protection

pytestmark = pytest.mark.e2e
ENTRIES = int(os.environ.get("ENTRIES", "0"))
SEED = int(os.environ.get("SEED", "1"))
ENTRIES_SHORT, FAULTY_SHORT = 30, 0.4
WRITTEN_FROM = 1_000
P50_MAX_MS, P99_MAX_MS = 300, 5_000
COVERED_WITHIN_MS = 30_000


@pytest.mark.skipif(ENTRIES > 0, reason="the long run is played")
def test_every_entry_is_covered_whatever_goes_wrong_with_it(tmp_path: Path) -> None:
    found = protect(tmp_path, entries=ENTRIES_SHORT, seed=SEED, faulty=FAULTY_SHORT)
    assert not found.broken
    assert not found.never
    assert len(found.took_ms) > 3, "faults were among them"
    assert found.all_ms[-1] < COVERED_WITHIN_MS


@pytest.mark.skipif(not ENTRIES, reason="make protection plays it")
@pytest.mark.timeout(3_600)
def test_an_entry_is_covered_within_moments_and_seconds_where_faults_strike(tmp_path: Path) -> None:
    found = protect(tmp_path, entries=ENTRIES, seed=SEED)
    if ENTRIES >= WRITTEN_FROM:
        write_protection(found)
    took_ms = found.all_ms
    assert not found.broken
    assert not found.never
    assert took_ms[len(took_ms) // 2] < P50_MAX_MS
    assert took_ms[len(took_ms) * 99 // 100] < P99_MAX_MS
