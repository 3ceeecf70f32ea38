"""Backtest and simulation side by side: what differs is derived, and what cannot be derived is never explained."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from pairs import CANDLES, PAIRS, Pair, made, played

from tidegate.parity.comparing import Difference, listed
from tidegate.parity.comparing import Pair as Compared
from tidegate.parity.playing import Report
from tidegate.parity.trades import Trade, Way

D = Decimal
MINUTE_MS = 60_000
needs_recordings = pytest.mark.skipif(not CANDLES.is_dir(), reason="the shared recordings are not on this machine")


def without_sizes(report: Report, way: Way) -> list[tuple[object, ...]]:
    return [(*row[:2], *row[3:]) for row in listed(report.given, way)]


def compared(report: Report, first: Way, second: Way) -> list[Difference]:
    return Compared(report.given, first, second, report.heard).differences()


def changed(way: Way, place: int, **values: object) -> Way:
    trades = list(way.trades)
    trades[place] = replace(trades[place], **values)
    return replace(way, trades=tuple(trades))


def first_that(way: Way, reason: str = "") -> tuple[int, Trade]:
    """A finished trade of a way, one that ended for this reason."""
    return next(
        (place, trade)
        for place, trade in enumerate(way.trades)
        if trade.closed_ms is not None and (not reason or trade.reason == reason)
    )


# what is the same, and what is explained


def test_on_a_lively_market_sides_bars_and_reasons_are_the_same_and_every_number_is_derived(lively: Report) -> None:
    backtest, simulation = lively.ways
    assert len(backtest.trades) >= 8
    assert without_sizes(lively, backtest) == without_sizes(lively, simulation)
    assert lively.unexplained == []
    assert lively.against_backtest, "a book is no list of opens: some prices must differ"
    assert lively.heard["simulation"].compared >= 100
    assert not lively.heard["simulation"].otherwise


def test_a_way_does_not_differ_from_itself(lively: Report) -> None:
    for way in lively.ways:
        assert not compared(lively, way, way)


def test_trailing_stops_two_coins_and_finer_candles_are_explained(market: Path, tmp_path: Path) -> None:
    pair = Pair(
        "ema_cross", "5m", {"BTC": "", "ETH": ""}, "2024-03-04T15:30", "2024-03-04T17:30",
        {"fast": "4", "slow": "9", "shorts": "true"}, {"trailing_stop_pct": D("0.3")},
    )  # fmt: skip
    report = played(pair, {"BTC": market, "ETH": made(tmp_path, "ETH", seed=8)})
    backtest, simulation = report.ways
    assert {trade.coin for trade in simulation.trades} == {"BTC", "ETH"}
    assert {trade.reason for trade in backtest.trades} >= {"trailing_stop"}
    assert report.unexplained == []


def test_where_a_bar_reaches_both_levels_the_other_end_is_the_path_and_nothing_else(tmp_path: Path) -> None:
    wild = made(tmp_path, seed=5, range_=0.006)
    pair = Pair(
        "ema_cross", "1m", {"BTC": ""}, "2024-03-04T14:00", "2024-03-04T16:00",
        {"fast": "3", "slow": "7", "shorts": "true", "stop_atr": "0.4"},
        {"take_profit_pct": D("0.5"), "max_daily_loss_pct": D(0), "max_drawdown_pct": D(0)},
    )  # fmt: skip
    report = played(pair, {"BTC": wild})
    kinds = {each.kind for each in report.against_backtest if each.what == "end"}
    assert "intrabar path" in kinds
    assert report.unexplained == []
    backtest = report.ways[0].by_key()
    assert all(backtest[each.key].ambiguous for each in report.against_backtest if each.kind == "intrabar path")


@needs_recordings
def test_on_a_recorded_crash_sides_bars_and_reasons_are_the_same_and_every_number_is_derived() -> None:
    pair = replace(PAIRS["2021-05-19 ema_cross"], end="2021-05-19T13:50")
    report = played(pair, pair.paths)
    backtest, simulation = report.ways
    assert simulation.trades
    assert without_sizes(report, backtest) == without_sizes(report, simulation)
    assert report.unexplained == []


# what is not explained


def unexplained(found: list[Difference]) -> set[str]:
    return {each.what for each in found if not each.explained}


def test_an_entry_at_a_price_that_nobody_offered_is_not_explained(lively: Report) -> None:
    backtest, simulation = lively.ways
    place, trade = first_that(simulation)
    fills = tuple(replace(fill, price=fill.price + 3) for fill in trade.entries)
    wrong = changed(simulation, place, entry_price=trade.entry_price + 3, entries=fills)
    assert "entry price" in unexplained(compared(lively, backtest, wrong))


def test_an_entry_of_the_backtest_that_is_not_the_open_and_the_slippage_is_not_explained(lively: Report) -> None:
    backtest, simulation = lively.ways
    wrong = changed(backtest, 0, entry_price=backtest.trades[0].entry_price + 70)
    assert "entry price" in unexplained(compared(lively, wrong, simulation))


@pytest.mark.parametrize("which", [0, 1])
def test_a_size_that_the_sizing_does_not_give_is_not_explained(lively: Report, which: int) -> None:
    ways = list(lively.ways)
    ways[which] = changed(ways[which], 2, size=ways[which].trades[2].size * 2)
    assert "size" in unexplained(compared(lively, *ways))


@pytest.mark.parametrize("which", [0, 1])
def test_a_stop_that_was_not_counted_from_the_price_is_not_explained(lively: Report, which: int) -> None:
    ways = list(lively.ways)
    ways[which] = changed(ways[which], 1, stop=ways[which].trades[1].stop - 11)
    assert "stop" in unexplained(compared(lively, *ways))


@pytest.mark.parametrize("which", [0, 1])
def test_an_end_in_another_bar_than_its_levels_give_is_not_explained(lively: Report, which: int) -> None:
    ways = list(lively.ways)
    place, trade = first_that(ways[which])
    assert trade.closed_ms is not None
    ways[which] = changed(ways[which], place, closed_ms=trade.closed_ms + 3 * MINUTE_MS)
    assert "end" in unexplained(compared(lively, *ways))


@pytest.mark.parametrize("which", [0, 1])
def test_an_end_for_another_reason_is_not_explained(lively: Report, which: int) -> None:
    ways = list(lively.ways)
    place, _ = first_that(ways[which], "signal")
    ways[which] = changed(ways[which], place, reason="take_profit")
    assert "end" in unexplained(compared(lively, *ways))


def test_an_exit_at_a_price_that_nobody_bid_is_not_explained(lively: Report) -> None:
    backtest, simulation = lively.ways
    place, trade = first_that(simulation)
    assert trade.exit_price is not None
    fills = tuple(replace(fill, price=fill.price - 9) for fill in trade.exits)
    wrong = changed(simulation, place, exit_price=trade.exit_price - 9, exits=fills)
    assert unexplained(compared(lively, backtest, wrong)) & {"exit price", "fees"}


def test_fees_that_are_not_the_rate_of_what_was_traded_are_not_explained(lively: Report) -> None:
    backtest, simulation = lively.ways
    wrong = changed(simulation, 0, fees=simulation.trades[0].fees * 2)
    assert "fees" in unexplained(compared(lively, backtest, wrong))


@pytest.mark.parametrize("which", [0, 1])
def test_a_trade_that_only_one_way_has_is_not_explained_without_a_cause(lively: Report, which: int) -> None:
    ways = list(lively.ways)
    ways[which] = replace(ways[which], trades=ways[which].trades[:3] + ways[which].trades[4:])
    name = ways[1 - which].name
    assert f"only in {name}" in unexplained(compared(lively, *ways))
