"""premiums.py: the formulas of funding, on documented and recorded figures."""

import gzip
import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.localnet.kernel.premiums import (
    HOURLY_CAP,
    RATES_KEPT,
    FundingHour,
    builder_premium_of,
    hourly_rate,
    premium_of,
)

D = Decimal

SHARED = Path(__file__).resolve().parents[2].parent / "shared"
CONTEXTS = SHARED / "data" / "meta" / "metaAndAssetCtxs_20260310.json.gz"


@pytest.mark.skipif(not CONTEXTS.exists(), reason="the recorded contexts are not here")
def test_every_recorded_premium_follows_from_its_impact_prices_and_oracle():
    _, contexts = json.loads(gzip.decompress(CONTEXTS.read_bytes()))
    recorded = [row for row in contexts if row["premium"] is not None]
    assert len(recorded) > 100
    for row in recorded:
        bid, ask = map(D, row["impactPxs"])
        assert premium_of(bid, ask, D(row["oraclePx"])).quantize(D("1e-10")) == D(row["premium"])


@pytest.mark.parametrize(
    ("premium", "rate"),
    [
        ("0", "0.0000125"),  # 0.0001 / 8, the usual rate
        ("-0.0001348801", "0.0000125"),  # recorded beside it in section 2.2
        ("0.0006", "0.0000125"),
        ("0.0014", "0.0001125"),  # beyond the clamp the premium shows
        ("-0.0004", "0.0000125"),
        ("-0.0010", "-0.0000625"),
        ("1", "0.04"),
        ("-1", "-0.04"),
    ],
)
def test_the_hourly_rate_is_an_eighth_of_premium_and_clamped_interest(premium, rate):
    assert hourly_rate(D(premium)) == D(rate)


@given(st.decimals("-2", "2", places=10))
def test_a_rate_never_exceeds_its_cap_and_never_falls_with_the_premium(premium):
    assert abs(hourly_rate(premium)) <= HOURLY_CAP
    assert hourly_rate(premium) <= hourly_rate(premium + D("0.001"))


def test_inside_the_book_there_is_no_premium():
    assert premium_of(D(99), D(101), D(100)) == 0
    assert premium_of(D(101), D(102), D(100)) == D("0.01")
    assert premium_of(D(97), D(98), D(100)) == D("-0.02")


def test_a_builders_dex_measures_the_middle_of_the_book():
    assert builder_premium_of(D(99), D(103), D(100)) == D("0.01")


def test_an_hour_averages_its_samples_and_starts_anew():
    hour = FundingHour(D("0.0000125"))
    hour.note(D("0.001"), 3)
    hour.note(D("0.005"), 1)
    assert hour.current_rate() == hourly_rate(D("0.002"))
    assert hour.close("BTC", 3_600_030) == hourly_rate(D("0.002"))
    (row,) = hour.history
    assert row == {"coin": "BTC", "fundingRate": "0.0001875", "premium": "0.002", "time": 3_600_030}
    assert not hour.samples


def test_an_hour_without_samples_keeps_the_rate_before_it():
    hour = FundingHour(D("0.0000125"))
    hour.note(D("0.01"), 1)
    hour.close("BTC", 1)
    assert hour.close("BTC", 2) == hourly_rate(D("0.01"))


def test_the_oldest_rates_are_forgotten():
    hour = FundingHour(D("0.0000125"))
    for number in range(RATES_KEPT + 2):
        hour.close("BTC", number)
    assert len(hour.history) == RATES_KEPT
    assert hour.history[0]["time"] == 2
