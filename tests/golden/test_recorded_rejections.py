"""The rejections a market maker met on mainnet in November 2025, word for word (assets, prices and all)."""

import gzip
import json
import re
from decimal import Decimal
from pathlib import Path

import pytest

from tests.localnet.floor import ALO, START_MS, Trader, order, quotes
from tidegate.localnet.exchange import Exchange
from tidegate.localnet.kernel.universe import PerpRule, Universe, flat_table

D = Decimal

SHARED = Path(__file__).resolve().parents[2].parent / "shared"
RECORDING = SHARED / "data" / "accounts" / "real_order_rejections_mainnet_20251103-04.jsonl.gz"
pytestmark = pytest.mark.skipif(not RECORDING.is_file(), reason="the recorded rejections are not here")

PREFIX = "Order 0: "  # the bot's own, before what the exchange said
POST_ONLY = re.compile(r"Post only order would have immediately matched, bbo was ([\d.]+)@([\d.]+)\. asset=(\d+)")
ASSETS = 220


def recorded():
    """The distinct texts of the recording."""
    rows = map(json.loads, gzip.decompress(RECORDING.read_bytes()).splitlines())
    return sorted({row["error"].removeprefix(PREFIX) for row in rows})


@pytest.fixture
def exchange():
    """As many coins as the recording's asset ids need, all at a price of about four tenths of a cent."""
    rules = tuple(PerpRule(f"COIN{asset}", 0, 3, flat_table(3), D("0.0038")) for asset in range(ASSETS))
    return Exchange(Universe(perps=rules), start_ms=START_MS)


def provoke(trader, exchange, text):
    """The order that a text was the answer to."""
    match = POST_ONLY.fullmatch(text)
    if match is not None:
        bid, ask, asset = match[1], match[2], int(match[3])
        coin = f"COIN{asset}"
        exchange.quote(coin, quotes((bid, "100000")), quotes((ask, "100000")))
        exchange.set_oracle(coin, D(bid))
        return order("B", ask, "10000", ALO, asset=asset)
    if text == "Order has invalid size.":
        return order("B", "0.0038", "10000.5", asset=5)
    asset = int(text.rpartition("=")[2])
    exchange.set_oracle(f"COIN{asset}", D("0.0038"))
    if text.startswith("Insufficient margin"):
        return order("B", "0.0037", "200000000", ALO, asset=asset)
    assert text.startswith("Price must be divisible"), f"a rejection nobody has seen before: {text}"
    return order("B", "0.00370001", "10000", ALO, asset=asset)


def test_every_recorded_rejection_is_given_in_the_same_words(exchange):
    trader = Trader(exchange, 1)
    texts = recorded()
    assert len(texts) > 50
    for text in texts:
        assert trader.orders([provoke(trader, exchange, text)]) == [{"error": text}]


def test_recorded_rejections_have_the_statuses_of_the_catalogue(exchange):
    trader = Trader(exchange, 2)
    expected = {
        "Post only": "badAloPxRejected",
        "Insufficient margin": "perpMarginRejected",
        "Price must be": "tickRejected",
    }
    for text in recorded():
        start = next((start for start in expected if text.startswith(start)), None)
        if start is not None:
            trader.orders([provoke(trader, exchange, text)])
            assert trader.ask("historicalOrders")[0]["status"] == expected[start]
