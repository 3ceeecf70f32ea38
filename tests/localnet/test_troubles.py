"""The calendar of a rough market."""

from itertools import islice, pairwise

from tidegate.localnet.markets.troubles import FIGURES, Kind, Trouble, calendar

START_MS = 1_795_169_400_000


def first(count: int, coin: str = "ARB", seed: int = 1) -> list[Trouble]:
    return list(islice(calendar(coin, seed, START_MS), count))


def test_troubles_follow_one_another_and_never_overlap():
    troubles = first(200)
    assert troubles[0].from_ms > START_MS
    assert all(one.until_ms < other.from_ms for one, other in pairwise(troubles))


def test_every_kind_comes_with_lengths_and_sizes_of_its_own():
    for trouble in first(300):
        _, shortest_s, longest_s, smallest, largest = FIGURES[trouble.kind]
        assert shortest_s * 1000 <= trouble.until_ms - trouble.from_ms <= longest_s * 1000
        assert smallest <= abs(trouble.size) <= largest
    assert {trouble.kind for trouble in first(300)} == set(Kind)


def test_the_same_seed_gives_the_same_calendar_and_every_coin_its_own():
    assert first(20) == first(20)
    assert first(20) != first(20, seed=2)
    assert first(20) != first(20, coin="LINK")


def test_a_wick_goes_out_to_its_size_and_comes_back():
    wick = Trouble(Kind.WICK, 1_000, 3_000, -0.04)
    assert wick.displacement(999) == 0
    assert wick.displacement(1_500) == -0.02
    assert wick.displacement(2_000) == -0.04
    assert wick.displacement(2_500) == -0.02
    assert wick.displacement(3_000) == 0


def test_only_wicks_displace_the_price():
    assert Trouble(Kind.GAP, 1_000, 3_000, 0.04).displacement(2_000) == 0
