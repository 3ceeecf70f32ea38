"""The status as numbers for a monitoring system."""

import re

import pytest
from msgspec.structs import replace

from tests.core.worlds import D, started
from tests.test_listening import GAUGES
from tidegate.core.status import snapshot
from tidegate.latencies import Histogram
from tidegate.metrics import HELP, exposition
from tidegate.model.events import FeesSeen
from tidegate.model.fees import Fees
from tidegate.model.gauges import LATENCY_BOUNDS_MS
from tidegate.model.status import Status


@pytest.fixture
def status() -> Status:
    """A bot with a long position, its stream, its fees and its latencies."""
    world = started()
    world.tell(FeesSeen(at_ms=world.now_ms, fees=Fees(taker=D("0.00045"), maker=D("0.00015"))))
    world.hold()
    world.book("99.5", "100.5")
    orders = Histogram("order")
    for milliseconds in (0.4, 3, 30, 90_000):
        orders.add(milliseconds)
    shown = snapshot(world.state)
    return replace(shown, stream=GAUGES, latencies=(orders.gauges(),), requests_max=10_000, requests_used=12)


def values(text: str) -> dict[str, float]:
    return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line[0] != "#"}


def test_every_stream_has_its_age_and_the_connection_its_reconnects_and_drops(status: Status) -> None:
    later = replace(status, at_ms=status.at_ms + 2_500)
    found = values(exposition(later, alive=True, age_s=1.0))
    coin = later.coins[0]
    for kind, heard_ms in (("print", coin.print_ms), ("book", coin.book_ms), ("mark", coin.mark_ms)):
        if heard_ms:
            name = f'tidegate_stream_age_seconds{{coin="BTC",kind="{kind}"}}'
            assert found[name] == (later.at_ms - heard_ms) / 1000
    assert found['tidegate_stream_age_seconds{coin="BTC",kind="book"}'] == 2.5
    assert found["tidegate_stream_reconnects_total"] == 2
    assert found['tidegate_stream_dropped_total{why="print: seen before"}'] == 5


def test_health_latency_fees_risk_and_balances_are_all_there(status: Status) -> None:
    found = values(exposition(status, alive=True, age_s=1.0))
    position = status.positions[0]
    assert found["tidegate_stream_up"] == 1
    assert found['tidegate_latency_seconds_count{of="order"}'] == 4
    assert found['tidegate_fee_rate{side="taker"}'] == 0.00045
    assert found["tidegate_exposure_usd"] == float(abs(position.size) * 100)
    assert found["tidegate_at_risk_usd"] == float(position.size * 3), "the stop is three dollars away"
    assert found["tidegate_equity_usd"] == float(status.equity)
    assert found["tidegate_free_usd"] == float(status.free)


def test_a_histogram_counts_upwards_and_ends_with_all(status: Status) -> None:
    text = exposition(status, alive=True, age_s=1.0)
    classes = [float(line.split()[-1]) for line in text.splitlines() if "_bucket{" in line]
    assert len(classes) == len(LATENCY_BOUNDS_MS) + 1
    assert classes == sorted(classes)
    assert (classes[0], classes[-2], classes[-1]) == (1, 3, 4)
    assert 'le="+Inf"} 4' in text


def test_each_line_is_one_that_prometheus_reads_and_each_family_is_told_once(status: Status) -> None:
    odd = replace(status, stream=replace(GAUGES, dropped={'a "frame"\nof \\ nonsense': 1}))
    lines = exposition(odd, alive=False, age_s=31.5).splitlines()
    sample = re.compile(r'tidegate_[a-z_]+(\{[a-z]+="([^"\\\n]|\\.)*"(,[a-z]+="([^"\\\n]|\\.)*")*\})? [-+0-9.e]+')
    assert all(line.startswith("# ") or sample.fullmatch(line) for line in lines), lines
    told = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert len(told) == len(set(told))
    assert {name.removeprefix("tidegate_") for name in told} <= set(HELP)
    assert lines[2].endswith(" 0"), "not up"
