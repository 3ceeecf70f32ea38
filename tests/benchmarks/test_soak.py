"""The soak measures what it says, in short; no time is judged here, for a time belongs to a machine."""

from benchmarks import soak
from benchmarks.counterparty import Coin
from benchmarks.processes import Look
from benchmarks.pump import TIME, VARIANTS, Pump
from benchmarks.soak import SoakPlan
from benchmarks.soak_bot import Vitals
from benchmarks.soak_exchange import BURST, COINS, HELD, Pumped
from benchmarks.soak_figures import (
    BURST_MAX_MB,
    Burst,
    Fast,
    Soaked,
    growth,
    lag_growth,
    load,
    percentile,
    table,
    verdicts,
)

SHORT = SoakPlan(minutes=0.05, cuts=1, warm_up_s=1.0, exit_every_s=0.05, fast_s=1.0, sleep_s=3.0)


def test_positions_come_and_go_under_thousands_of_frames_with_a_cut_and_a_burst_that_the_bot_sleeps_through():
    soaked = soak.measure(SHORT, lambda _: None)

    assert len(soaked.exits_ms) >= len(HELD)
    assert len(soaked.back_s) == 1
    assert soaked.pumped.written > 1_000
    assert soaked.fast.per_s > 1_000
    burst = soaked.burst
    assert burst.written >= BURST
    assert burst.conflated > 0.9 * BURST / 3 * 2, "prints are kept by their extremes, whatever their number"
    assert burst.waiting < BURST / 50
    assert max(look.rss_mb for look in burst.seen) - burst.seen[0].rss_mb < BURST_MAX_MB
    assert 0 < burst.acted_ms < SHORT.sleep_s * 1000
    assert soaked.vitals.reconnects >= 1
    assert "resident memory" in table(soaked)


class Wire:
    """A line that keeps what is written."""

    def __init__(self, *names: str) -> None:
        self.names, self.written, self.waits = frozenset(names), [], 0

    def coins(self) -> frozenset[str]:
        return self.names

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def unsent(self) -> int:
        return self.waits


def test_each_line_is_told_of_its_own_coins_at_the_present_time_and_no_print_twice():
    coins: list[Coin] = list(COINS.values())[:4]
    pump = Pump(coins, {coins[0].name}, lambda: 1_790_000_000_123)
    one, other, full = Wire("S00", "S01"), Wire("S02"), Wire("S03")
    full.waits = 1 << 30

    pump.write((one, other, full), VARIANTS)

    assert len(one.written) == len(other.written) == VARIANTS
    assert len(set(other.written)) == VARIANTS
    assert not full.written, "who does not read is not buried"
    assert pump.written == 3 * VARIANTS
    said = b"".join(one.written + other.written)
    assert TIME not in said
    assert b"1790000000123" in said
    assert b'"S02"' not in b"".join(one.written)
    assert b"bbo" in b"".join(one.written)
    assert b"bbo" not in b"".join(other.written)


def soaked(late_ms: float, exit_ms: float, after_mb: float) -> Soaked:
    """A run on a machine that late, with exits that long and that much memory at the end."""
    vitals = Vitals({0: [0.1], 1: [], 2: []}, 1, 0, 0, 0, is_up=True)
    seen = looks(*[100] * 10, *[after_mb] * 10)
    fast = Fast(20_000.0, (1,) * 8, 0, seen, vitals)
    burst = Burst(BURST, 300, BURST, looks(100, 101), acted_ms=5.0, calm_s=0.1, after_ms=exit_ms, usual_ms=exit_ms)
    return Soaked(1.0, seen, (exit_ms,) * 9, (), Pumped(9, [late_ms] * 9, 0), vitals, fast=fast, burst=burst)


def words(late_ms: float, exit_ms: float, after_mb: float) -> set[str]:
    return {each.word for each in verdicts(soaked(late_ms, exit_ms, after_mb))}


def test_a_goal_about_time_is_missed_on_a_quiet_machine_only_and_one_about_memory_on_any():
    assert words(late_ms=0.1, exit_ms=0.4, after_mb=104) == {"met"}
    assert words(late_ms=0.1, exit_ms=9.0, after_mb=104) == {"met", "MISSED"}
    assert words(late_ms=9.0, exit_ms=9.0, after_mb=104) == {"met", "not judged"}
    assert words(late_ms=9.0, exit_ms=0.4, after_mb=106) == {"met", "MISSED"}


def looks(*rss_mb: float) -> list[Look]:
    return [Look(float(at), mb, 15, 40, at * 0.1) for at, mb in enumerate(rss_mb)]


def test_growth_is_from_the_first_tenth_to_the_last():
    assert growth(looks(*[100] * 10, *[500] * 80, *[103] * 10), lambda each: each.rss_mb) == 3
    assert load(looks(1, 2, 3)) == 0.1
    assert lag_growth([1, 1, 9, 9, 9, 9, 3, 3]) == 2
    assert percentile([], 0.99) == 0
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0


def test_an_hour_has_twenty_cuts_and_a_few_minutes_as_many_as_the_stream_comes_back_from_soon():
    assert SoakPlan.of(60).cuts == 20
    assert SoakPlan.of(5).cuts == 4
    assert SoakPlan.of(0.1).cuts == 1
