"""book.py: priority, house liquidity, displayed levels."""

from dataclasses import dataclass
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.localnet.floor import quotes
from tidegate.localnet.kernel.book import Book, HouseLot, check_quotes, worst_first
from tidegate.localnet.kernel.orders import plain

D = Decimal


@dataclass(eq=False)
class Resting:
    is_buy: bool
    limit_px: D
    sz: D


def book_with(bids=(), asks=()):
    book = Book()
    for is_bid, side in ((True, bids), (False, asks)):
        for quote in quotes(*side):
            book.set_house(quote, is_bid=is_bid)
    return book


def drain(book, *, is_bid, sz):
    """Take `sz` from a side; returns who gave, in order."""
    gave = []
    left = D(sz)
    while left:
        level, entry = book.front(is_bid=is_bid)
        taken = min(left, entry.sz)
        book.take(level, taken, is_bid=is_bid)
        gave.append(("house" if isinstance(entry, HouseLot) else entry, level.px, taken))
        left -= taken
    return gave


def test_the_better_price_trades_first():
    book = book_with(asks=[("101", "1"), ("100", "1")], bids=[("98", "1"), ("99", "1")])
    assert book.touch() == (D(99), D(100))
    assert drain(book, is_bid=False, sz="1.5") == [("house", D(100), D(1)), ("house", D(101), D("0.5"))]


def test_at_one_price_whoever_stood_there_first_trades_first():
    book = book_with(asks=[("100", "1")])
    first, second = Resting(False, D(100), D(1)), Resting(False, D(100), D(1))
    book.rest(first)
    book.rest(second)
    givers = [giver for giver, _, _ in drain(book, is_bid=False, sz="3")]
    assert givers == ["house", first, second]
    assert book.asks.best() is None


def test_house_size_that_joins_later_stands_behind_a_client():
    book = book_with(asks=[("100", "1")])
    client = Resting(False, D(100), D(1))
    book.rest(client)
    book.set_house((D(100), D(3), 2), is_bid=False)
    assert drain(book, is_bid=False, sz="4") == [
        ("house", D(100), D(1)),
        (client, D(100), D(1)),
        ("house", D(100), D(2)),
    ]


def test_house_size_that_leaves_leaves_from_the_end_of_the_queue():
    book = book_with(asks=[("100", "1")])
    client = Resting(False, D(100), D(1))
    book.rest(client)
    book.set_house((D(100), D(3), 1), is_bid=False)
    book.set_house((D(100), D("0.5"), 1), is_bid=False)
    assert drain(book, is_bid=False, sz="1.5") == [("house", D(100), D("0.5")), (client, D(100), D(1))]


def test_a_withdrawn_house_leaves_clients_where_they_are():
    book = book_with(bids=[("99", "1"), ("98", "1")])
    client = Resting(True, D(99), D("0.4"))
    book.rest(client)
    book.withdraw_house({D(98)}, is_bid=True)
    assert book.rows(20)[0] == [(D(99), D("0.4"), 1), (D(98), D(1), 1)]


def test_a_level_counts_house_orders_and_clients():
    book = Book()
    book.set_house((D(100), D(5), 7), is_bid=True)
    book.rest(Resting(True, D(100), D(1)))
    assert book.rows(20)[0] == [(D(100), D(6), 8)]


def test_unchanged_house_size_does_not_change_the_book():
    book = book_with(asks=[("100", "1")])
    version = book.version
    book.set_house((D(100), D(1), 1), is_bid=False)
    assert book.version == version


def test_a_removed_order_leaves_its_queue():
    book = Book()
    order = Resting(True, D(99), D(1))
    book.rest(order)
    book.remove(order)
    assert book.bids.best() is None
    assert book.bids.clients == 0


@pytest.mark.parametrize(
    ("figures", "mantissa", "bids", "asks"),
    [
        (3, None, ["64900", "64800"], ["65000", "65100"]),
        (4, None, ["64900", "64890"], ["64910", "65010"]),
        (5, 5, ["64900", "64895"], ["64905", "65005"]),
        (5, 2, ["64900", "64898"], ["64902", "65002"]),
    ],
)
def test_pooled_levels_move_away_from_the_touch(figures, mantissa, bids, asks):
    """As recorded: bids fall to their step, asks rise to theirs."""
    book = book_with(bids=[("64900", "1"), ("64899", "2")], asks=[("64901", "1"), ("65001", "2")])
    rows = book.rows(2, figures, mantissa)
    assert [plain(row.px) for row in rows[0]] == bids
    assert [plain(row.px) for row in rows[1]] == asks


def test_pooling_keeps_size_and_count():
    book = book_with(bids=[("64899", "1"), ("64898", "2"), ("64891", "3")])
    (bids, _) = book.rows(20, 4)
    assert [tuple(row) for row in bids] == [(D(64890), D(6), 3)]


def test_the_impact_price_is_the_average_of_taking_so_many_dollars():
    book = book_with(asks=[("100", "1"), ("110", "10")])
    assert book.impact_px(D(100), is_bid=False) == 100
    assert book.impact_px(D(210), is_bid=False) == 105
    assert book.impact_px(D(10_000), is_bid=False) is None


def test_a_house_that_quotes_through_itself_is_a_mistake():
    with pytest.raises(AssertionError, match="crosses"):
        check_quotes(quotes(("100", "1")), quotes(("100", "1")))


house_sizes = st.lists(st.integers(0, 5), min_size=1, max_size=12)


@given(house_sizes, st.lists(st.tuples(st.integers(0, 11), st.integers(1, 3)), max_size=6))
def test_the_displayed_size_is_the_sum_of_the_queue_whatever_the_house_does(sizes, clients):
    book = Book()
    at: dict[int, list[int]] = {}
    for place, size in clients:
        at.setdefault(place % len(sizes), []).append(size)
    resting = 0
    for step, size in enumerate(sizes):
        for client in at.get(step, []):
            book.rest(Resting(False, D(100), D(client)))
            resting += client
        book.set_house((D(100), D(size), 1), is_bid=False)
        rows = book.rows(20)[1]
        assert sum(row.sz for row in rows) == size + resting
        level = book.asks.best()
        assert level is None or level.house_sz == sum(e.sz for e in level.queue if isinstance(e, HouseLot))


@given(st.lists(st.tuples(st.integers(95, 105), st.integers(1, 5)), min_size=1, max_size=20), st.integers(1, 40))
def test_whatever_rests_trades_in_price_then_time_order(resting, wanted):
    book = Book()
    for px, sz in resting:
        book.rest(Resting(False, D(px), D(sz)))
    expected = sorted(range(len(resting)), key=lambda place: (resting[place][0], place))
    available = sum(sz for _, sz in resting)
    gave = drain(book, is_bid=False, sz=min(wanted, available))
    assert [px for _, px, _ in gave] == [resting[place][0] for place in expected[: len(gave)]]
    assert all(taken == resting[place][1] for (_, _, taken), place in zip(gave[:-1], expected, strict=False))


house_sides = st.dictionaries(st.integers(90, 99), st.tuples(st.integers(1, 5), st.integers(1, 3)), max_size=6)


@given(st.lists(house_sides, min_size=1, max_size=6), st.lists(st.integers(0, 6), min_size=6, max_size=6))
def test_a_house_alone_stands_as_it_last_quoted_less_what_was_taken(sides, takes):
    """Quotes that wait to be laid out and quotes set one by one show the same book and trade alike."""
    waiting, laid_out = Book(), Book()
    for side, taken in zip(sides, takes, strict=False):
        quoted = [(D(px), D(sz), n) for px, (sz, n) in side.items()]
        waiting.replace_house(*worst_first(quoted, []))
        laid_out.withdraw_house({quote[0] for quote in quoted}, is_bid=True)
        for quote in quoted:
            laid_out.set_house(quote, is_bid=True)
        assert waiting.touch() == laid_out.touch()
        there = sum(sz for sz, _ in side.values())
        given_by = [drain(book, is_bid=True, sz=min(taken, there)) for book in (waiting, laid_out)]
        assert given_by[0] == given_by[1]
        assert waiting.rows(taken) == laid_out.rows(taken)


def test_a_house_that_quotes_the_same_again_does_not_change_the_book():
    book, quoted = Book(), quotes(("99", "1"), ("98", "2"))
    book.replace_house(*worst_first(quoted, []))
    drain(book, is_bid=True, sz="0.5")
    version = book.version
    book.replace_house(quotes(("98", "2"), ("99", "0.5")), [])
    assert book.version == version
    book.replace_house(*worst_first(quoted, []))
    assert book.version == version + 1
    assert book.rows(20)[0] == quoted


def test_a_client_that_joins_stands_behind_a_house_that_was_waiting():
    book = Book()
    book.replace_house(quotes(("98", "1"), ("99", "1")), [])
    client = Resting(True, D(98), D(1))
    book.rest(client)
    book.show_house(quotes(("98", "1")), is_bid=True)
    assert drain(book, is_bid=True, sz="3") == [("house", D(99), D(1)), ("house", D(98), D(1)), (client, D(98), D(1))]


@pytest.mark.parametrize(
    ("limit", "sz", "given"), [("99", "0.4", D(99)), ("98", "0.9", D(99)), ("100", "0.4", None), ("99", "1", None)]
)
def test_a_house_alone_gives_from_its_best_quote_within_the_limit_as_long_as_it_has_more(limit, sz, given):
    book = Book()
    book.replace_house(quotes(("98", "2"), ("99", "1")), [])
    version = book.version
    assert book.give(D(limit), D(sz), is_bid=True) == given
    assert book.version == version + (given is not None)
    assert book.rows(1)[0] == [(D(99), D(1) - (D(sz) if given else 0), 1)]


def test_among_clients_nobody_is_given_anything_without_matching():
    book = Book()
    book.replace_house(quotes(("99", "1")), [])
    book.rest(Resting(True, D(98), D(1)))
    assert book.give(D(99), D("0.5"), is_bid=True) is None
