"""Show 6 of the reports: opened in headless chromium."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from tests.reports.chromium import Tab, found, tab
from tests.reports.samples import by_chance
from tidegate.reports.comparison import write_comparison
from tidegate.reports.report import write_report
from tidegate.reports.search import Search

WIDTHS = (1280, 400)
TRIALS = pd.DataFrame(
    [{"fast": fast, "slow": slow, "sharpe": fast / slow} for fast in (8, 12, 16) for slow in (24, 48)]
)
FOLDS = pd.DataFrame({"in_sample": [1.0, 1.2], "out_of_sample": [0.2, 0.5]})
DRAWN = """[...document.querySelectorAll(".chart")].map(each => {
  const box = each.querySelector("svg.main-svg").getBoundingClientRect();
  return [each.id, box.width, box.height, each.querySelectorAll(".plot *, .cartesianlayer path, image").length];
})"""
CUT_OFF = """[...document.querySelectorAll("h1, h2, h3, p, li, .tiles div, .chart, .months td")].filter(each => {
  const box = each.getBoundingClientRect();
  return box.width > 0 && (box.left < -1 || box.right > innerWidth + 1);
}).map(each => each.outerHTML.slice(0, 80))"""
SMALLEST = """Math.min(...[...document.querySelectorAll("main *")]
  .filter(each => each.childElementCount === 0 && each.textContent.trim() && each.offsetParent
    && !each.closest("svg"))
  .map(each => parseFloat(getComputedStyle(each).fontSize)))"""

pytestmark = [
    pytest.mark.skipif(found() is None, reason="no chromium on this machine"),
    pytest.mark.xdist_group("chromium"),
]


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    with tab(found() or "", tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    nasty = by_chance(coins=("BTC", "<img src=http://127.0.0.1:9/x onerror=fetch('http://127.0.0.1:9/y')>"))
    return {
        "search": write_report(by_chance(days=200), folder / "one", Search(TRIALS, FOLDS, "sharpe")),
        "nasty": write_report(nasty, folder / "two"),
        "comparison": write_comparison([by_chance(seed=seed) for seed in (7, 8, 9)], folder / "compare.html"),
    }


def outside(tab: Tab) -> list[str]:
    return [each for each in tab.requests if not each.startswith(("data:", "blob:", "file:"))]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["search", "nasty", "comparison"])
def test_a_page_shows_its_charts_asks_nobody_and_fits_the_screen(
    browser: Tab, pages: dict[str, Path], name: str, width: int
) -> None:
    browser.open(pages[name], width)
    charts = browser.value(DRAWN)
    assert len(charts) >= 2
    for chart, across, up, marks in charts:
        assert 250 < across <= width, chart
        assert up > 100, chart
        assert marks > 0, chart
    assert outside(browser) == []
    assert [each for each in browser.requests if each.startswith("file:")] == [pages[name].as_uri()]
    assert browser.complaints == []
    assert browser.value("document.documentElement.scrollWidth") <= width
    assert browser.value(CUT_OFF) == []
    assert browser.value(SMALLEST) >= 11


def test_the_names_of_figures_stay_readable_beside_three_runs_on_a_phone(browser: Tab, pages: dict[str, Path]) -> None:
    browser.open(pages["comparison"], 400)
    widths = browser.value(
        "[...document.querySelectorAll('.compared td:first-child')].map(each => each.getBoundingClientRect().width)"
    )
    assert len(widths) > 40
    assert min(widths) > 90


def test_without_scripts_the_pictures_stand_in_for_the_charts(browser: Tab, pages: dict[str, Path]) -> None:
    browser.open(pages["search"], 400, scripts=False)
    found = browser.ask("DOM.getDocument", depth=-1)["root"]["nodeId"]
    images = browser.ask("DOM.querySelectorAll", nodeId=found, selector="noscript img")["nodeIds"]
    assert len(images) == 8
    for image in images:
        box = browser.ask("DOM.getBoxModel", nodeId=image)["model"]
        assert box["width"] > 250
        assert box["height"] > 50
    assert outside(browser) == []
