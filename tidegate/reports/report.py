"""A run's report: figures, doubts, charts and pictures put together and written beside the run."""

import os
import tempfile
from pathlib import Path

from tidegate.backtest.results import Result
from tidegate.reports.charts import charts
from tidegate.reports.drawn import drawn
from tidegate.reports.honesty import doubts
from tidegate.reports.metrics import figures
from tidegate.reports.page import report_page
from tidegate.reports.pictures import pictures
from tidegate.reports.search import Search

PAGE, PICTURES = "report.html", "pictures"


def write_report(
    result: Result, folder: Path, search: Search | None = None, *, tried: int | None = None, seed: int = 1
) -> Path:
    """Write `report.html` and the PNGs in `pictures/` into `folder`; give the page. What was there is replaced.

    `tried`: how many sets of parameters were tried, where the search's trials do not tell. Raises OSError.
    """
    search = search or Search()
    found = doubts(result, search, trials=tried, seed=seed)
    shown = drawn(result, found, search)
    folder.mkdir(parents=True, exist_ok=True)
    images = pictures(shown, folder / PICTURES)
    return whole(folder / PAGE, report_page(result, figures(result), found, search, shown, charts(shown), images))


def whole(path: Path, text: str) -> Path:
    """Write a page so that who opens it meanwhile sees the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(beside, 0o644)
    os.replace(beside, path)
    return path
