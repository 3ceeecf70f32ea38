"""The conformance table of the docs, written from the list of cases: `python -m tests.conformance.table`.

A test holds the page against the list, and the matrix plays every mark in it: what fails there cannot be a "yes" here.
"""

from collections import Counter
from pathlib import Path

from tests.conformance.cases import SUBJECTS, Case
from tests.conformance.catalogue import catalogue

PAGE = Path(__file__).resolve().parents[2] / "docs" / "conformance.md"

HEAD = """\
# Conformance of localnet

Written by `python -m tests.conformance.table` from the cases in `tests/conformance`, which `make test` plays: each \
one on a fresh localnet, through the in-process door and over HTTP and WebSocket, by the official Python SDK 0.24 \
(REST, signing, WebsocketManager), unmodified. The trading half is played again by ccxt (`hyperliquid`, REST and pro), \
unmodified, its URLs pointed at localnet. Localnet does not know which client it talks to. \
In process nothing is on a wire: the SDK's `requests.Session` gets an adapter and the `WebSocketApp` inside its \
WebsocketManager a stand-in; all else is theirs.

- **yes**: the case passes. **bare**: it passes, said by plain `requests` or `websockets`, because it is about what \
the SDK neither sends nor shows. **no**: localnet does not do this yet; the reason stands beside it, and the case \
is expected to fail, so that nobody forgets to change this page.
- **REST**, **pro**: ccxt plays the case over HTTP, over its WebSocket.
"""


def page() -> str:
    """The whole page."""
    cases = catalogue()
    by_ccxt = sum(case.by_ccxt is not None or case.by_ccxt_pro is not None for case in cases)
    gaps = Counter(bool(case.gap) for case in cases)[True]
    sum_up = f"{len(cases)} cases, {len(cases) - gaps} pass through both doors, {by_ccxt} again by ccxt.\n"
    sections = [section(name, [case for case in cases if case.subject == name]) for name in SUBJECTS]
    return "\n".join([HEAD, sum_up, *sections])


def section(name: str, cases: list[Case]) -> str:
    """One subject's table."""
    rows = "".join(row(case) for case in cases)
    head = "| # | case | SDK in process | SDK over HTTP | ccxt |\n|---|---|---|---|---|\n"
    return f"## {name[0].upper()}{name[1:]}\n\n{head}{rows}"


def row(case: Case) -> str:
    """One case's line."""
    sdk = f"no: {case.gap}" if case.gap else "bare" if case.bare else "yes"
    clients = [name for name, play in (("REST", case.by_ccxt), ("pro", case.by_ccxt_pro)) if play]
    title = case.title.replace("|", "\\|")
    return f"| {case.number} | {title} | {sdk} | {sdk} | {', '.join(clients) or '–'} |\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
