"""The conformance matrix: every case through both doors by the official SDK.

Each case has a localnet of its own. A server takes a fifth of a second to end: it ends in the background while the
next case is played.
"""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager

import pytest

from tests.conformance.cases import Case
from tests.conformance.catalogue import catalogue
from tests.conformance.desk import Desk, in_process, over_http
from tests.conformance.ears import PATIENCE_S

Door = Callable[..., AbstractContextManager[Desk]]


@pytest.fixture(scope="module")
def farewells() -> Iterator[ThreadPoolExecutor]:
    """Where servers end while others begin."""
    with ThreadPoolExecutor(max_workers=8) as pool:
        yield pool


@contextmanager
def opened(door: Door, case: Case, farewells: ThreadPoolExecutor) -> Iterator[Desk]:
    """The desk that `case` is played at; it is closed behind our back."""
    stack = ExitStack()
    desk = stack.enter_context(door(case.limits, **case.settings))
    try:
        yield desk
    finally:
        farewells.submit(stack.close)


def name(case: Case) -> str:
    """The number of a case and what it is about."""
    return f"{case.number}-{case.play.__name__}"


def parameters() -> list[pytest.param]:
    """All cases; those with a gap must fail, so that nobody forgets to say that it is closed."""
    marked = []
    for case in catalogue():
        marks = [pytest.mark.xfail(reason=case.gap, strict=True)] if case.gap else []
        marked.append(pytest.param(case, id=name(case), marks=marks))
    return marked


@pytest.mark.parametrize("door", [in_process, over_http])
@pytest.mark.parametrize("case", parameters())
def test_the_official_sdk_meets_the_exchange(case, door, farewells):
    with opened(door, case, farewells) as desk:
        case.play(desk)


@pytest.mark.parametrize("case", [pytest.param(case, id=name(case)) for case in catalogue() if case.by_ccxt])
def test_ccxt_meets_the_exchange(case, farewells):
    with opened(over_http, case, farewells) as desk:
        case.by_ccxt(desk)


@pytest.mark.parametrize("case", [pytest.param(case, id=name(case)) for case in catalogue() if case.by_ccxt_pro])
def test_ccxt_pro_meets_the_exchange(case, farewells):
    with opened(over_http, case, farewells) as desk:
        asyncio.run(asyncio.wait_for(case.by_ccxt_pro(desk), PATIENCE_S))
