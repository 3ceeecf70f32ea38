"""Row 002-36: each limit breached on the exchange: entries end, exits go on, and a killed bot comes back no bolder."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.research.runs import D, settings
from tidegate.core.state import State
from tidegate.localnet.arguments import MarketChoice
from tidegate.model.brackets import ExitReason
from tidegate.model.brakes import Brake
from tidegate.model.market import MINUTE_MS, Timeframe
from tidegate.model.orders import Role
from tidegate.research.simulation import Simulation, simulate

T0 = 1_600_000_020_000
PRICES = {"BTC": (100.0, 12), "ETH": (50.0, 22)}
"""Where each coin stands, and the minute in which it falls through its stop and comes back."""


def tapes(folder: Path) -> tuple[Path, ...]:
    paths = []
    for coin, (price, minute_of_fall) in PRICES.items():
        rows = ["ts,open,high,low,close,volume"]
        for minute in range(30):
            low = price * (0.95 if minute == minute_of_fall else 0.998)
            rows.append(f"{T0 + minute * MINUTE_MS},{price},{price * 1.002},{low},{price},900")
        paths.append(folder / f"{coin}_1m_limits.csv")
        paths[-1].write_text("\n".join(rows))
    return tuple(paths)


def played(folder: Path, dies: Callable[[State], bool] = lambda _state: False, **limits: Any) -> Simulation:
    plan = settings(
        coins=tuple(PRICES),
        timeframe=Timeframe.M1,
        check_interval_s=D(60),
        strategy="buy_and_hold",
        **{"max_daily_loss_pct": D(0), "max_drawdown_pct": D(0), **limits},
    )
    url = f"sqlite:///{folder}/limits.db"
    return simulate(plan, MarketChoice(replay=tapes(folder)), dies=dies, ledger_url=url)


def entries(run: Simulation, after_ms: int) -> list[str]:
    return [order.request.coin for order in run.orders if order.request.role is Role.ENTRY and order.at_ms > after_ms]


def test_without_limits_a_coin_is_entered_again_after_its_stop(tmp_path: Path) -> None:
    run = played(tmp_path)
    assert [closed.coin for closed in run.closed] == ["BTC", "ETH"]
    assert set(entries(run, run.closed[0].closed_ms)) == {"BTC", "ETH"}


@pytest.mark.parametrize(
    ("brake", "limits"),
    [
        (Brake.DAILY_LOSS, {"max_daily_loss_pct": D("0.5")}),
        (Brake.DRAWDOWN, {"max_drawdown_pct": D("0.5")}),
    ],
    ids=["daily loss", "drawdown"],
)
def test_a_loss_ends_the_entries_also_after_a_kill_while_the_other_position_leaves_by_its_stop(
    tmp_path: Path, brake: Brake, limits: dict[str, Any]
) -> None:
    killed: list[int] = []

    def dies(state: State) -> bool:
        if killed or not state.brakes.on(brake):
            return False
        killed.append(state.now_ms)
        return True

    run = played(tmp_path, dies, **limits)
    assert run.deaths == 1
    assert run.state.brakes.on(brake), "the next life has it on as well"
    assert [(closed.coin, closed.reason) for closed in run.closed] == [
        ("BTC", ExitReason.STOP),
        ("ETH", ExitReason.STOP),
    ]
    assert killed[0] < run.closed[1].closed_ms, "the second exit came while it was on"
    assert entries(run, killed[0]) == []


def test_no_position_on_the_exchange_is_larger_than_the_largest_position(tmp_path: Path) -> None:
    run = played(tmp_path, max_position_usd=D(600))
    worth = [fill.size * fill.price for fill in run.fills if fill.side.value == "buy"]
    assert worth
    assert 300 < max(worth) <= 600
    assert len(run.closed) == 2, "and it leaves as ever"


def test_both_positions_together_stay_within_the_exposure_and_leave_as_ever(tmp_path: Path) -> None:
    run = played(tmp_path, max_exposure_usd=D(900), max_position_usd=D(700))
    held: dict[str, Any] = {}
    for fill in run.fills:
        sign = 1 if fill.side.value == "buy" else -1
        held[fill.coin] = held.get(fill.coin, D(0)) + sign * fill.size
        assert sum(size * D(PRICES[coin][0]) for coin, size in held.items()) <= 900
    assert {closed.reason for closed in run.closed} == {ExitReason.STOP}
    assert len(run.closed) == 2


def test_of_two_positions_only_as_many_are_opened_as_may_be(tmp_path: Path) -> None:
    run = played(tmp_path, max_open_positions=1)
    begun = run.closed[0].opened_ms
    assert [order.coin for order in (each.request for each in run.orders) if order.role is Role.ENTRY][:1] == ["BTC"]
    assert "ETH" not in [each.request.coin for each in run.orders if begun <= each.at_ms < run.closed[0].closed_ms]
    assert run.said("ETH", "MAX_OPEN_POSITIONS")
