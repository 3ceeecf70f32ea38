"""A venue's book as a mirror shows it."""

from decimal import Decimal

from tests.localnet.floor import quotes
from tidegate.localnet.mirror.shown import ShownBook, ShownSide

D = Decimal


def bids(*levels: tuple[str, str], is_whole: bool = True) -> ShownSide:
    side = ShownSide(is_bid=True)
    side.show(quotes(*levels), is_whole=is_whole)
    return side


def test_a_touch_moves_the_top_and_leaves_what_is_deeper():
    side = bids(("100", "1"), ("99", "2"), ("98", "3"))
    side.show(quotes(("99", "5")), is_whole=False)
    assert side.offered() == quotes(("99", "5"), ("98", "3"))
    side.show(quotes(("101", "1")), is_whole=False)
    assert side.offered() == quotes(("101", "1"), ("99", "5"), ("98", "3"))


def test_a_fast_book_replaces_as_deep_as_it_reaches():
    side = bids(("100", "1"), ("99", "2"), ("98", "3"), ("97", "4"))
    side.show(quotes(("100", "2"), ("98", "1")), is_whole=False)
    assert side.offered() == quotes(("100", "2"), ("98", "1"), ("97", "4"))


def test_an_empty_touch_empties_the_side():
    side = bids(("100", "1"))
    side.show((), is_whole=False)
    assert side.offered() == []


def test_what_was_taken_stays_gone_until_the_venue_shows_another_size_there():
    side = bids(("100", "1"), ("99", "2"))
    side.note_taken({D(99): D(2)})
    assert side.offered() == quotes(("99", "2"))
    side.show(quotes(("100", "1"), ("99", "2")), is_whole=True)
    assert side.offered() == quotes(("99", "2"))
    side.show(quotes(("100", "1.5"), ("99", "2")), is_whole=True)
    assert side.offered() == quotes(("100", "1.5"), ("99", "2"))


def test_a_price_that_left_and_came_back_is_new():
    side = bids(("100", "1"), ("99", "2"))
    side.note_taken({D(99): D(2)})
    side.show(quotes(("99", "2")), is_whole=True)
    side.show(quotes(("100", "1"), ("99", "2")), is_whole=True)
    assert side.offered() == quotes(("100", "1"), ("99", "2"))


def test_a_size_in_view_is_known_and_a_deeper_one_is_not():
    side = bids(*((str(100 - step), "1") for step in range(20)))
    assert side.size_at(D(100)) == 1
    assert side.size_at(D("99.5")) == 0
    assert side.size_at(D(101)) == 0
    assert side.size_at(D(80)) is None
    assert bids(("100", "1")).size_at(D(80)) == 0


def test_an_older_or_crossed_book_is_not_shown():
    book = ShownBook()
    assert book.show(10, quotes(("100", "1")), quotes(("101", "1")), is_whole=True)
    assert not book.show(9, quotes(("90", "1")), quotes(("91", "1")), is_whole=True)
    assert not book.show(11, quotes(("101", "1")), quotes(("101", "1")), is_whole=True)
    assert book.bids.offered() == quotes(("100", "1"))
