"""The conformance matrix: every case through both doors by the official SDK.

Each case has a localnet of its own. A server takes a fifth of a second to end: it ends in the background while the
next case is played.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager

import pytest

from tests.conformance.cases import Case
from tests.conformance.catalogue import catalogue
from tests.conformance.desk import Desk, in_process, over_http

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


def parameters() -> list[pytest.param]:
    """All cases; those with a gap must fail, so that nobody forgets to say that it is closed."""
    marked = []
    for case in catalogue():
        marks = [pytest.mark.xfail(reason=case.gap, strict=True)] if case.gap else []
        marked.append(pytest.param(case, id=f"{case.number}-{case.play.__name__}", marks=marks))
    return marked


@pytest.mark.parametrize("door", [in_process, over_http])
@pytest.mark.parametrize("case", parameters())
def test_the_official_sdk_meets_the_exchange(case, door, farewells):
    with opened(door, case, farewells) as desk:
        case.play(desk)
