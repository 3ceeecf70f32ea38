"""Premiums and rates: how funding follows from the book and the oracle (section 8.4).

Owns the formulas and the samples of one coin's running hour. It knows no account and never looks at a clock.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tidegate.localnet.kernel.numbers import ONE, TEN_DIGITS, ZERO, wire, wire_ratio

INTEREST = Decimal("0.0001")  # for eight hours
CLAMP = Decimal("0.0005")
HOURS_OF_RATE = 8
HOURLY_CAP = Decimal("0.04")
RATES_KEPT = 10_000  # a year and a bit
PAST_HOURS = 720
HOUR_MS = 3_600_000
SETTLES_AFTER_MS = 30  # recorded: 0 to 100 ms past the hour

Row = dict[str, Any]


def premium_of(bid_impact: Decimal, ask_impact: Decimal, oracle: Decimal) -> Decimal:
    """How far the book stands beyond the oracle, as a share of it; zero while the oracle is inside."""
    return (max(bid_impact - oracle, ZERO) - max(oracle - ask_impact, ZERO)) / oracle


def builder_premium_of(bid_impact: Decimal, ask_impact: Decimal, oracle: Decimal) -> Decimal:
    """The premium on a builder's dex: the middle of the impact prices against the oracle."""
    return (bid_impact + ask_impact) / 2 / oracle - ONE


def hourly_rate(premium: Decimal) -> Decimal:
    """The rate of one hour for an average premium, to the ten digits that the exchange shows.

    F = P + clamp(0.0001 - P, -0.0005, 0.0005) is a rate of eight hours.
    """
    of_eight = premium + min(max(INTEREST - premium, -CLAMP), CLAMP)
    return min(max(of_eight / HOURS_OF_RATE, -HOURLY_CAP), HOURLY_CAP).quantize(TEN_DIGITS)


@dataclass(slots=True)
class FundingHour:
    """A coin's premium samples since the full hour, and the rates of the hours before."""

    rate: Decimal  # of the last hour
    start_ms: int = 0
    total: Decimal = ZERO
    samples: int = 0
    history: list[Row] = field(default_factory=list)  # rows of fundingHistory since the start, oldest first

    def note(self, premium: Decimal, times: int) -> None:
        """Take in a premium that stood at this many samples."""
        self.total += premium * times
        self.samples += times

    def current_rate(self) -> Decimal:
        """What the running hour would pay if it ended now; without a sample the last hour's rate."""
        return hourly_rate(self.total / self.samples) if self.samples else self.rate

    def close(self, coin: str, now_ms: int) -> Decimal:
        """End the hour: write its rate down, begin the next; returns the rate."""
        premium = self.total / self.samples if self.samples else ZERO
        self.rate = self.current_rate()
        self.history.append(_row(coin, self.rate, premium, now_ms))
        if len(self.history) > RATES_KEPT:
            del self.history[0]
        self.total, self.samples = ZERO, 0
        return self.rate


def past_rates(coin: str, rate: Decimal, start_ms: int) -> list[Row]:
    """The hours before an exchange started: assumed, at a steady rate, so that a client finds a past as of candles."""
    last_ms = start_ms // HOUR_MS * HOUR_MS
    times = (last_ms - hours * HOUR_MS + SETTLES_AFTER_MS for hours in reversed(range(PAST_HOURS)))
    return [_row(coin, rate, ZERO, time_ms) for time_ms in times if time_ms <= start_ms]


def _row(coin: str, rate: Decimal, premium: Decimal, time_ms: int) -> Row:
    return {"coin": coin, "fundingRate": wire(rate), "premium": wire_ratio(premium), "time": time_ms}
