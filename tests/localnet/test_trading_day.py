"""The last day of a coin: a window of 24 hours, with a past before the exchange's start."""

from decimal import Decimal

from tidegate.localnet.kernel.trading_day import HOUR_MS, TradingDay
from tidegate.localnet.kernel.universe import default_universe

D = Decimal
START_MS = 500_000 * HOUR_MS
PURR = default_universe().spot_by_name["PURR/USDC"]


def test_a_fresh_day_has_traded_what_the_day_before_did():
    assert TradingDay(PURR, START_MS).volume(START_MS) == (PURR.day_volume, PURR.day_volume * PURR.reference_px)


def test_the_past_fades_hour_by_hour_and_prints_leave_after_a_day():
    day = TradingDay(PURR, START_MS)
    day.add(START_MS, D("0.07"), D(100))
    day.add(START_MS + 1, D("0.08"), D(50))
    assert day.volume(START_MS + 12 * HOUR_MS).base == PURR.day_volume / 2 + 150
    assert day.volume(START_MS + 23 * HOUR_MS).quote - PURR.day_volume // 24 * PURR.reference_px < 12
    assert day.volume(START_MS + 24 * HOUR_MS) == (0, 0)


def test_without_candles_the_price_a_day_ago_is_the_reference():
    assert TradingDay(PURR, START_MS).previous_px(START_MS, None) == PURR.reference_px


def test_the_price_a_day_ago_is_an_old_candle_s_open():
    class Old:
        def snapshot(self, _interval, start_ms, _end_ms):
            return [{"o": "0.05"}] if start_ms == START_MS - 24 * HOUR_MS else []

    assert TradingDay(PURR, START_MS).previous_px(START_MS, Old()) == D("0.05")
