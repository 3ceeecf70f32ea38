"""The rough market: troubles on the books, the random market in between."""

from decimal import Decimal

import pytest

from tests.localnet.floor import Tape
from tidegate.localnet.exchange import Exchange
from tidegate.localnet.kernel.universe import Universe, default_universe
from tidegate.localnet.markets.market import play
from tidegate.localnet.markets.rough import DELISTED_AFTER_MS, RoughMarket
from tidegate.localnet.markets.troubles import Kind, Trouble

D = Decimal
START_MS = 1_795_169_400_000
FOREVER_MS = 10**14


class Floor(Tape):
    """One small coin whose only trouble the test chooses; notes the shape of each book it sees."""

    def __init__(self, kind: Kind, size: float = 0.05, coin: str = "ARB") -> None:
        super().__init__()
        self.coin = coin
        whole = default_universe()
        self.universe = Universe(perps=tuple(rule for rule in whole.perps if rule.name in (coin, "LINK")))
        self.market = RoughMarket(self.universe, 1, START_MS)
        self.exchange = Exchange(self.universe, start_ms=START_MS)
        for each in self.market.coins:
            self.trouble(each, Trouble(Kind.THIN, FOREVER_MS, FOREVER_MS + 1, 0.0))
        self.trouble(coin, Trouble(kind, START_MS + 10_000, START_MS + 20_000, size))
        self.market.prepare(self.exchange)
        self.exchange.feed.append(self)

    def trouble(self, coin: str, trouble: Trouble) -> None:
        self.market._troubles[coin] = trouble
        self.market._calendars[coin] = iter([Trouble(Kind.THIN, FOREVER_MS, FOREVER_MS + 1, 0.0)])

    def play(self, after_ms: int) -> "Floor":
        play(self.exchange, self.market, START_MS + after_ms)
        return self

    def levels(self) -> tuple[list[dict], list[dict]]:
        return tuple(self.exchange.l2(self.coin)["levels"])

    def printed(self, from_ms: int, until_ms: int) -> list[D]:
        wanted = range(START_MS + from_ms, START_MS + until_ms)
        return [D(row["px"]) for row in self.trades if row["coin"] == self.coin and row["time"] in wanted]


def test_a_wick_prints_far_away_and_comes_back_while_the_oracle_stays():
    floor = Floor(Kind.WICK, size=-0.05).play(15_000)
    oracle = D(floor.exchange.asset_ctx("ARB")["oraclePx"])
    floor.play(22_000)
    calm, wick, after = floor.printed(0, 10_000), floor.printed(10_000, 20_000), floor.printed(20_000, 22_000)
    assert min(wick) / calm[-1] == pytest.approx(D("0.953"), abs=D("0.01"))
    assert min(after) > calm[-1] * D("0.99")
    assert len(wick) > 60
    assert oracle > calm[-1] * D("0.99")


def test_in_a_gap_nothing_is_quoted_or_printed_and_the_price_is_elsewhere_afterwards():
    floor = Floor(Kind.GAP, size=0.03).play(19_000)
    assert floor.levels() == ([], [])
    floor.play(25_000)
    assert floor.printed(10_000, 20_000) == []
    before, after = floor.printed(0, 10_000)[-1], floor.printed(20_000, 25_000)[0]
    assert after / before == pytest.approx(D("1.03"), abs=D("0.01"))


def test_a_thin_book_has_few_small_levels_with_holes_between_them():
    floor = Floor(Kind.THIN).play(9_000)
    usual = floor.levels()
    floor.play(19_000)
    thin = floor.levels()
    for before, now in zip(usual, thin, strict=True):
        assert len(before) == 20
        assert len(now) == 4
        assert sum(D(level["sz"]) for level in now) < sum(D(level["sz"]) for level in before) / 20
    tick = abs(D(usual[0][0]["px"]) - D(usual[0][1]["px"]))
    assert D(thin[0][0]["px"]) - D(thin[0][1]["px"]) == 3 * tick
    assert floor.play(25_000).levels()[0][19]


@pytest.mark.parametrize(("kind", "empty"), [(Kind.NO_BIDS, 0), (Kind.NO_ASKS, 1)])
def test_a_one_sided_book_prints_on_the_other_side_only(kind, empty):
    floor = Floor(kind).play(19_000)
    assert floor.levels()[empty] == []
    assert len(floor.levels()[1 - empty]) == 20
    floor.play(20_000)
    sides = {row["side"] for row in floor.trades if row["coin"] == "ARB" and row["time"] >= START_MS + 10_000}
    assert sides == {"B" if empty == 0 else "A"}


def test_a_coin_is_delisted_while_it_is_traded():
    floor = Floor(Kind.THIN)
    coin = floor.market.delists
    assert coin == "ARB"
    floor.play(DELISTED_AFTER_MS + 5_000)
    assert floor.exchange.info({"type": "meta"}).body["universe"][1]["isDelisted"] is True
    assert floor.levels() == ([], [])
    last = max(row["time"] for row in floor.trades if row["coin"] == coin)
    assert last <= START_MS + DELISTED_AFTER_MS
    assert f"{coin} is delisted" in floor.market.says


def test_between_troubles_it_is_the_random_market_and_the_same_seed_gives_the_same_tape():
    tapes = []
    for _ in range(2):
        exchange = Exchange(default_universe(), start_ms=START_MS)
        tape = Tape()
        exchange.feed.append(tape)
        market = RoughMarket(default_universe(), 1, START_MS)
        market.prepare(exchange)
        play(exchange, market, START_MS + 30_000)
        tapes.append((tape.trades, tape.books))
    assert tapes[0] == tapes[1]
    assert {"@107", "xyz:GOLD", "BTC"} <= {row["coin"] for row in tapes[0][0]}
