import json
import re
import struct
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.reports.samples import a_run, by_chance, of_equity, of_nets
from tidegate.backtest.results import Result
from tidegate.reports.charts import binned, charts, plain
from tidegate.reports.drawn import STRETCHES, drawn, thinned, years_of
from tidegate.reports.honesty import doubts
from tidegate.reports.report import write_report
from tidegate.reports.search import Search

GRID = pd.DataFrame([{"fast": fast, "slow": slow, "sharpe": fast / slow} for fast in (8, 12) for slow in (24, 48, 96)])
FOLDS = pd.DataFrame({"in_sample": [1.0, 1.2, 1.0], "out_of_sample": [0.2, 0.5, None]})
NASTY = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"
PICTURES = {"equity", "exposure", "trades", "months", "distribution", "costs", "parameters", "robustness"}


class Seen(HTMLParser):
    """The elements of a page, and the text that a person reads."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._silent += tag in ("script", "style")

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in ("script", "style")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.words.append(data)


def seen(page: Path) -> Seen:
    parser = Seen()
    parser.feed(page.read_text(encoding="utf-8"))
    return parser


def shown_of(result: Result, search: Search | None = None) -> object:
    return drawn(result, doubts(result, search or Search()), search or Search())


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(by_chance(), tmp_path_factory.mktemp("report"), Search(GRID, FOLDS, "sharpe"))


def test_a_report_has_every_part(page: Path) -> None:
    words = " ".join(seen(page).words)
    parts = "Equity,Drawdown,Trades,Months,Distribution,Exposure,Costs,Parameters,Robustness,Walk-forward,All figures"
    for part in parts.split(","):
        assert part in words, part
    charts = {attributes["id"] for _, attributes in seen(page).elements if attributes.get("class") == "chart"}
    assert charts == {
        "equity", "drawdown", "trades-0", "nets", "daily", "exposure", "costs", "parameters", "orders"
    }  # fmt: skip


def test_the_pictures_are_sound_png_files_of_some_size(page: Path) -> None:
    found = {path.stem: path.read_bytes() for path in (page.parent / "pictures").glob("*.png")}
    assert set(found) == PICTURES
    for name, content in found.items():
        assert content.startswith(b"\x89PNG\r\n"), name
        width, height = struct.unpack(">II", content[16:24])
        assert width > 600, name
        assert height > 100, name


def test_a_report_refers_to_nothing_outside_itself(page: Path) -> None:
    for tag, attributes in seen(page).elements:
        for name in ("src", "href", "action", "data", "poster", "srcset"):
            value = attributes.get(name)
            assert value is None or value.startswith("data:"), (tag, name, value)


def test_a_policy_in_the_page_forbids_the_browser_to_ask_for_anything(page: Path) -> None:
    (policy,) = [each["content"] for tag, each in seen(page).elements if tag == "meta" and "http-equiv" in each]
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    assert not re.search(r"https?:|\*", policy)


def test_what_a_run_says_is_shown_as_text_and_never_run(tmp_path: Path) -> None:
    run = a_run(
        strategy=NASTY,
        coins=(NASTY,),
        timeframe=NASTY,
        parameters={NASTY: NASTY},
        settings={NASTY: NASTY},
        made_at=NASTY,
    )
    trades = of_nets([1.0, -2.0, 3.0]).assign(coin=NASTY, reason=NASTY)
    result = of_equity([1000.0, 1001.0, 999.0, 1002.0], trades=trades, run=run)
    trials = pd.DataFrame({NASTY: [NASTY, "other"], "value": [1.0, 2.0]})
    page = write_report(result, tmp_path, Search(trials, goal=NASTY))
    html = page.read_text(encoding="utf-8")
    assert "<script>alert" not in html
    assert "<img src=x" not in html
    found = seen(page)
    assert not [attributes for _, attributes in found.elements if "onerror" in attributes]
    assert sum(NASTY in words for words in ("".join(found.words),)) == 1
    values = re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', html, flags=re.DOTALL)
    assert values
    assert not [each for each in values if "<" in each]
    assert not [each for each in values if "<img" in json.dumps(json.loads(each))]


HARD = {
    "no bars": of_equity([]),
    "one bar": of_equity([1000.0]),
    "no trades": of_equity([1000.0, 1001.0] * 24),
    "one trade": of_equity([1000.0, 1001.0] * 24, trades=of_nets([3.0])),
    "all lost": of_equity([1000.0, 0.0, 0.0] * 16, trades=of_nets([-1000.0, 0.0])),
    "no money": of_equity([0.0] * 48, run=a_run(settings={})),
    "no number": of_equity([float("nan")] * 48, trades=of_nets([1.0, 1.0])),
    "no parameters": of_equity([1000.0] * 48, run=a_run(parameters={}), trades=of_nets([1.0, 1.0, 1.0])),
}


@pytest.mark.parametrize("case", HARD)
def test_any_run_has_a_report(case: str, tmp_path: Path) -> None:
    page = write_report(HARD[case], tmp_path)
    assert "All figures" in " ".join(seen(page).words)
    for values in re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', page.read_text(), flags=re.DOTALL):
        json.loads(values, parse_constant=lambda name: pytest.fail(f"{name} in a chart"))


def test_a_report_is_the_same_each_time(tmp_path: Path) -> None:
    first = write_report(by_chance(days=5), tmp_path / "a").read_text()
    assert first == write_report(by_chance(days=5), tmp_path / "b").read_text()


def test_a_long_line_keeps_its_ends_its_lowest_and_its_highest_value() -> None:
    values = np.random.default_rng(1).normal(size=525_600)
    values[[1234, 400_001]] = 50.0, -50.0
    kept = thinned(values)
    assert len(kept) <= 2 * STRETCHES + 2
    assert {0, 1234, 400_001, len(values) - 1} <= set(kept)
    assert (np.diff(kept) > 0).all()


def test_a_short_line_is_drawn_whole() -> None:
    assert list(thinned(np.arange(10.0))) == list(range(10))


def test_the_price_of_every_coin_is_drawn_and_goes_through_its_trades() -> None:
    result = by_chance(days=200, coins=("BTC", "ETH"))
    coins = shown_of(result).coins  # type: ignore[attr-defined]
    assert {each.coin for each in coins} == {"BTC", "ETH"}
    for coin in coins:
        assert len(coin.price.values) < len(result.equity)
        for entry in coin.trades.itertuples():
            at = int(np.searchsorted(coin.price.moments, np.datetime64(entry.opened.tz_localize(None))))
            assert coin.price.values[at] == pytest.approx(entry.entry_price, rel=1e-12)


def test_without_prices_the_trades_stand_alone(tmp_path: Path) -> None:
    result = by_chance(days=5)._replace(prices=None)
    assert [each.price for each in shown_of(result).coins] == [None]  # type: ignore[attr-defined]
    assert "All figures" in " ".join(seen(write_report(result, tmp_path)).words)


def test_all_charts_over_time_begin_and_end_together() -> None:
    result = by_chance(days=20, coins=("BTC", "ETH"))
    found = charts(shown_of(result))  # type: ignore[arg-type]
    over_time = [name for name in found if name in ("equity", "drawdown", "exposure") or name.startswith("trades")]
    assert len(over_time) == 5
    assert len({str(plain(found[name]["layout"]["xaxis"]["range"])) for name in over_time}) == 1


@pytest.mark.parametrize(("goals", "middle"), [((-1.0, 3.0), True), ((1.0, 3.0), False), ((-3.0, -1.0), False)])
def test_where_some_parameters_lost_and_others_won_nothing_is_the_middle_of_the_colours(
    goals: tuple[float, float], middle: bool
) -> None:
    trials = pd.DataFrame({"fast": [8, 12], "value": goals})
    found = charts(shown_of(by_chance(days=5), Search(trials)))  # type: ignore[arg-type]
    assert ("zmid" in found["parameters"]["data"][0]) is middle


def test_coins_without_a_trade_are_named(tmp_path: Path) -> None:
    result = by_chance(days=5)
    run = a_run(coins=("BTC", "ETH", "SOL"))
    words = " ".join(seen(write_report(result._replace(run=run), tmp_path)).words)
    assert "No trade in ETH, SOL." in words


def test_of_many_trades_and_coins_the_page_says_what_is_not_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tidegate.reports.drawn.TRADES_MAX", 10)
    monkeypatch.setattr("tidegate.reports.drawn.COINS_MAX", 2)
    words = " ".join(seen(write_report(by_chance(days=20, coins=("BTC", "ETH", "SOL")), tmp_path)).words)
    assert "the last 10; 10 earlier ones are not drawn" in words
    assert "1 more coins are not drawn" in words


def test_days_without_a_return_are_counted_instead_of_drawn(tmp_path: Path) -> None:
    result = of_equity([1000.0] * 48 + [1010.0] * 24 + [1020.0] * 24, trades=of_nets([1.0, 2.0]))
    assert "2 days without a return are left out." in " ".join(seen(write_report(result, tmp_path)).words)


def test_a_year_is_the_product_of_its_months() -> None:
    assert years_of({(2024, 11): 0.1, (2024, 12): -0.1, (2025, 1): 0.2}) == pytest.approx({2024: -0.01, 2025: 0.2})


def test_a_histogram_parts_at_zero_and_counts_every_value() -> None:
    values = np.random.default_rng(1).normal(size=1000)
    counts, edges = binned(values)
    assert counts.sum() == 1000
    assert np.abs(edges).min() < 1e-12
    assert binned(np.zeros(3))[0].sum() == 3


def test_values_of_a_chart_become_what_json_knows() -> None:
    moments = np.array([0], dtype="datetime64[ms]")
    found = plain({"x": moments, "y": np.array([1 / 3, np.nan, np.inf]), "n": np.int64(3), "t": ("a", None, True)})
    assert found == {"x": ["1970-01-01T00:00:00.000"], "y": [0.3333333, None, None], "n": 3, "t": ["a", None, True]}
