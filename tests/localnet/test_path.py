"""The path inside a candle: honest prints, exact sums, and no price that the candle did not trade."""

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.localnet.kernel.numbers import legal_price
from tidegate.localnet.markets.house import DEPTH, Grid
from tidegate.localnet.markets.path import PRINTS_A_MINUTE, PRINTS_MAX, TOUCH_USD, Bar, Shelf, strokes

D = Decimal
GRID = Grid("BTC", 5, 1, 80000.0, 1000.0)
MINUTE_MS = 60_000
OPEN_MS = 1_621_425_600_000


@st.composite
def candles(draw: st.DrawFn) -> Bar:
    unit = draw(st.sampled_from([D("0.01"), D("0.1"), D(1)]))
    base = draw(st.integers(500, 9_000_000))
    moves = draw(st.lists(st.integers(0, draw(st.sampled_from([0, 1, 3, 50, 20_000]))), min_size=4, max_size=4))
    prices = [(base + move) * unit for move in moves]
    volume = draw(st.decimals("0.00001", "100000", places=draw(st.sampled_from([0, 3, 5, 8, 11]))).filter(bool))
    return Bar(OPEN_MS, prices[0], max(prices), min(prices), prices[3], volume)


@given(candles(), st.sampled_from([1, 5, 60, 1440]))
@settings(max_examples=300, deadline=None)
def test_the_prints_of_a_candle_rebuild_it_exactly(bar, minutes):
    path = strokes(bar, minutes * MINUTE_MS, GRID)
    prices = [stroke.px for stroke in path]
    assert (prices[0], max(prices), min(prices), prices[-1]) == (bar.open, bar.high, bar.low, bar.close)
    assert sum(stroke.sz for stroke in path) == bar.volume
    assert all(stroke.sz > 0 for stroke in path)
    times = [stroke.time_ms for stroke in path]
    assert times == sorted(times)
    assert times[0] > OPEN_MS
    assert times[-1] < OPEN_MS + minutes * MINUTE_MS


@given(candles())
@settings(max_examples=300, deadline=None)
def test_no_level_of_the_house_lies_outside_what_the_candle_traded(bar):
    shelf = Shelf(bar, GRID)
    for stroke in strokes(bar, MINUTE_MS, GRID):
        bids, asks = shelf.around(stroke.px, stroke.side, stroke.sz)
        resting = bids if stroke.side == "A" else asks
        assert resting[0][0] == stroke.px
        assert resting[0][1] >= stroke.sz + TOUCH_USD / stroke.px * D("0.999")
        assert all(bar.low <= px <= bar.high for px, _, _ in [*bids, *asks])
        assert len(bids) <= DEPTH
        assert len(asks) <= DEPTH
        prices = [px for px, _, _ in reversed(bids)] + [px for px, _, _ in asks]
        assert prices == sorted(set(prices)), "crossed, repeated or out of order"
        assert all(px * sz >= D("0.999") * TOUCH_USD * bar.low / bar.high for px, sz, _ in [*bids[:1], *asks[:1]])


@given(candles())
@settings(deadline=None)
def test_levels_away_from_the_print_are_prices_that_a_client_may_use_or_the_recorded_extremes(bar):
    shelf = Shelf(bar, GRID)
    stroke = strokes(bar, MINUTE_MS, GRID)[0]
    bids, asks = shelf.around(stroke.px, stroke.side, stroke.sz)
    recorded = {stroke.px, bar.low, bar.high}
    assert all(px in recorded or legal_price(px, GRID.sz_decimals) for px, _, _ in [*bids, *asks])


@given(candles().filter(lambda bar: bar.low < bar.high))
@settings(deadline=None)
def test_while_a_candle_with_a_range_is_played_both_sides_of_the_book_are_there(bar):
    shelf = Shelf(bar, GRID)
    for stroke in strokes(bar, MINUTE_MS, GRID):
        bids, asks = shelf.around(stroke.px, stroke.side, stroke.sz)
        assert bids
        assert asks


def test_the_nearer_extreme_comes_first():
    fell = strokes(Bar(OPEN_MS, D(100), D(101), D(90), D(95), D(10)), MINUTE_MS, GRID)
    prices = [stroke.px for stroke in fell]
    assert prices.index(D(101)) < prices.index(D(90))
    rose = strokes(Bar(OPEN_MS, D(100), D(110), D(99), D(105), D(10)), MINUTE_MS, GRID)
    prices = [stroke.px for stroke in rose]
    assert prices.index(D(99)) < prices.index(D(110))


def test_sellers_print_on_the_way_down_and_buyers_on_the_way_up():
    path = strokes(Bar(OPEN_MS, D(100), D(101), D(90), D(95), D(10)), MINUTE_MS, GRID)
    sides = {stroke.px: stroke.side for stroke in path}
    assert sides[D(101)] == "B"
    assert sides[D(90)] == "A"
    lowest = next(index for index, stroke in enumerate(path) if stroke.px == 90)
    assert all(stroke.side == "B" for stroke in path[lowest + 1 :])


def test_a_longer_candle_has_more_prints_up_to_a_limit():
    bar = Bar(OPEN_MS, D(100), D(110), D(99), D(105), D(1000))
    assert len(strokes(bar, MINUTE_MS, GRID)) == PRINTS_A_MINUTE
    assert len(strokes(bar, 5 * MINUTE_MS, GRID)) == 5 * PRINTS_A_MINUTE
    assert len(strokes(bar, 1440 * MINUTE_MS, GRID)) == PRINTS_MAX


def test_a_candle_of_one_price_lets_buyers_and_sellers_take_turns():
    path = strokes(Bar(OPEN_MS, D(100), D(100), D(100), D(100), D(10)), MINUTE_MS, GRID)
    assert {stroke.px for stroke in path} == {D(100)}
    assert {stroke.side for stroke in path} == {"A", "B"}


def test_a_candle_with_less_volume_than_prints_still_touches_its_prices():
    path = strokes(Bar(OPEN_MS, D(100), D(110), D(99), D(105), D("0.00001")), MINUTE_MS, GRID)
    assert [stroke.px for stroke in path] == [D(100), D(99), D(110), D(105)]
