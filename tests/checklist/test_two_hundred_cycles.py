"""Rows 000-08, 000-24: fifty coins on one connection; two hundred coins that come and go leave nothing behind."""

import asyncio
import gc
import os
import re
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.hyperliquid.test_stream_on_localnet import Desk, desk_of
from tests.stream.test_many_coins import COINS, Listener, many_coins
from tidegate.localnet.doors.thread import running

__all__ = ["desk_of"]

CYCLES = 200
GROWTH_MAX_KB = 2_048


def files() -> int:
    return len(os.listdir("/proc/self/fd"))


def resident_kb() -> int:
    gc.collect()
    found = re.search(r"VmRSS:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found.group(1))


def tasks(desk: Desk) -> int:
    loop = desk.stream._loop
    counted: list[int] = []
    done = threading.Event()

    def count() -> None:
        counted.append(len(asyncio.all_tasks(loop)))
        done.set()

    loop.call_soon_threadsafe(count)
    assert done.wait(20)
    return counted[0]


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts descriptors where Linux shows them")
def test_two_hundred_comings_and_goings_leave_tasks_descriptors_threads_and_memory_as_they_were(
    desk_of: Callable[..., Desk],
) -> None:
    desk = desk_of("BTC")

    def cycle(number: int) -> None:
        coin = desk.listed[1 + number % 10]
        desk.stream.add_coins([coin])
        desk.facts.hear(coin)
        desk.stream.remove_coins([coin])

    for number in range(20):  # what is built once is built now
        cycle(number)
    held = (tasks(desk), files(), threading.active_count())
    before_kb = resident_kb()
    for number in range(CYCLES):
        desk.stream.add_coins([desk.listed[1 + number % 10]])
        desk.stream.remove_coins([desk.listed[1 + number % 10]])
    cycle(3)
    desk.facts.told.clear()
    assert (tasks(desk), files(), threading.active_count()) == held
    assert resident_kb() - before_kb < GROWTH_MAX_KB
    assert desk.stream.connects == 1
    assert set(desk.stream.gauges().ages_s) == {"BTC"}


def test_fifty_coins_are_streamed_over_one_connection_by_the_exchanges_own_count() -> None:
    coins = dict(tuple(COINS.items())[:50])
    with running(localnet=many_coins(coins)) as net:
        bot = Listener(net.url, coins)
        bot.stream.start()
        try:
            bot.until(lambda: bot.state.stream_up)
            connections = net.call(lambda localnet: len(localnet.streams.sessions))
            assert connections == bot.stream.connects == 1
            assert bot.stream.gauges().unheard == 0
        finally:
            bot.stream.stop()
