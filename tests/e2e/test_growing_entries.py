"""kill -9 while an entry has filled in part: the next bot guards what there is, within seconds, and doubles nothing."""

import signal
import threading
from collections.abc import Iterator
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from running import Running as Bot
from running import running as bot_in

from tidegate.hyperliquid.signing import Signer
from tidegate.localnet.doors.localnet import Localnet, LocalnetOptions
from tidegate.localnet.doors.thread import Running
from tidegate.localnet.doors.thread import running as localnet
from tidegate.localnet.exchange import Exchange

pytestmark = pytest.mark.e2e

COIN = "BTC"
ACCOUNT = Signer("0x" + sha256(b"tidegate localnet 1").hexdigest(), mainnet=False).address
SPEED = 10.0
COVERED_WITHIN_S, GROWING_COVERED_WITHIN_S = 5.0, 2.0
PATIENCE_S = 60.0
D = Decimal
Row = dict[str, Any]
SETTINGS = {
    "COINS": COIN,
    "STRATEGY": "buy_and_hold",
    "TIMEFRAME": "1m",
    "CHECK_INTERVAL": "60",
    "MAX_SLIPPAGE_PCT": "5",
    "ENTRY_TIMEOUT": "600",
}


class Eye:
    """What the exchange sees of the account, at once: its size, and what stops that guard something would close."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self.size = self.cover = D(0)
        self.entry: Row | None = None
        self.slices: list[Row] = []
        self.changed = threading.Condition()

    def on_order_update(self, user: str, updates: list[Row]) -> None:
        self._look()

    def on_fills(self, user: str, fills: list[Row]) -> None:
        self._look()

    def on_user_event(self, user: str, event: Row) -> None:
        self.slices += event.get("twapSliceFills", ())
        self._look()

    def on_trades(self, coin: str, trades: list[Row]) -> None: ...

    def on_book(self, coin: str) -> None: ...

    def on_asset_ctx(self, coin: str) -> None: ...

    def _look(self) -> None:
        orders = self._ask("frontendOpenOrders")
        waiting = {child["oid"] for order in orders for child in order["children"]}
        held = [row["position"] for row in self._ask("clearinghouseState")["assetPositions"]]
        stops = (order for order in orders if order["orderType"] == "Stop Market" and order["oid"] not in waiting)
        with self.changed:
            self.size = sum((D(each["szi"]) for each in held if each["coin"] == COIN), D(0))
            self.cover = sum((D(order["sz"]) for order in stops), D(0))
            self.entry = next((order for order in orders if not order["reduceOnly"]), None)
            self.changed.notify_all()

    def _ask(self, kind: str) -> Any:
        return self._exchange.info({"type": kind, "user": ACCOUNT}).body

    @property
    def is_covered(self) -> bool:
        return self.size != 0 and self.cover >= abs(self.size)

    def wait(self, holds: Any, bot: Bot, patience_s: float = PATIENCE_S) -> None:
        with self.changed:
            assert self.changed.wait_for(holds, patience_s), f"{self.size} held, {self.cover} covered\n{bot.screen}"


@pytest.fixture
def net(request: pytest.FixtureRequest) -> Iterator[tuple[Running, Eye]]:
    options = LocalnetOptions(**request.param)
    with localnet(options) as made:

        def watched(inside: Localnet) -> Eye:
            eye = Eye(inside.exchange)
            inside.exchange.feed.append(eye)
            return eye

        yield made, made.call(watched)


def fill_a_part(inside: Localnet) -> None:
    """Somebody sells into the bids until half of the bot's resting one is filled."""
    exchange = inside.exchange
    order = next(
        each for each in exchange.info({"type": "frontendOpenOrders", "user": ACCOUNT}).body if not each["reduceOnly"]
    )
    price, ours = D(order["limitPx"]), D(order["sz"])
    bids = exchange.l2(COIN)["levels"][0]
    before = sum((D(level["sz"]) for level in bids if D(level["px"]) >= price), D(0)) - ours
    half = (ours / 2).quantize(D("0.00001"))
    exchange.trade(COIN, "A", price, before + half)


@pytest.mark.parametrize("net", [{"scenario": "first-run", "seed": 1}], indirect=True)
def test_a_maker_entry_filled_in_part_is_covered_at_once_and_after_a_kill(
    net: tuple[Running, Eye], tmp_path: Path
) -> None:
    made, eye = net
    environ = {**SETTINGS, "ENTRY": "maker", "LOCALNET_URL": made.url}
    with bot_in(tmp_path, "run", environ=environ) as first:
        eye.wait(lambda: eye.entry is not None, first)
        made.call(fill_a_part)
        assert eye.size
        assert eye.entry is not None, "the rest of it still rests"
        first.send(signal.SIGKILL)
        first.ends()
    assert not eye.is_covered, "it was to die before it could"
    held = eye.size
    with bot_in(tmp_path, "run", environ=environ) as second:
        second.wait_for(r"\[bot\] initialised")
        eye.wait(lambda: eye.is_covered, second, COVERED_WITHIN_S)
        eye.wait(lambda: eye.entry is None, second)
        second.wait_for(r"\[stream\] listening")
        assert held <= eye.size <= 2 * held + D("0.00001"), "not more than was wanted"
        second.send(signal.SIGTERM)
        assert second.ends() == 0
    assert "Traceback" not in first.screen + second.screen


@pytest.mark.parametrize("net", [{"scenario": "first-run", "seed": 1}], indirect=True)
def test_what_has_filled_of_a_maker_entry_has_its_stop_while_the_rest_rests(
    net: tuple[Running, Eye], tmp_path: Path
) -> None:
    made, eye = net
    with bot_in(tmp_path, "run", environ={**SETTINGS, "ENTRY": "maker", "LOCALNET_URL": made.url}) as bot:
        eye.wait(lambda: eye.entry is not None, bot)
        made.call(fill_a_part)
        assert eye.entry is not None
        eye.wait(lambda: eye.is_covered, bot, GROWING_COVERED_WITHIN_S)


@pytest.mark.parametrize("door", ["ws", "rest"])
@pytest.mark.parametrize("net", [{"scenario": "random", "seed": 1, "speed": SPEED}], indirect=True)
def test_a_twap_is_found_again_after_a_kill_and_taken_back_when_the_bot_leaves(
    net: tuple[Running, Eye], door: str, tmp_path: Path
) -> None:
    made, eye = net
    environ = {**SETTINGS, "ENTRY": "twap", "TWAP_MINUTES": "5", "ORDER_TRANSPORT": door, "LOCALNET_URL": made.url}
    with bot_in(tmp_path, "run", environ=environ) as first:
        eye.wait(lambda: eye.is_covered, first)
        grown = len(eye.slices)
        eye.wait(lambda: len(eye.slices) > grown, first)
        first.send(signal.SIGKILL)
        first.ends()
    with bot_in(tmp_path, "run", environ=environ) as second:
        second.wait_for(r"an entry by TWAP of an earlier session is found again: TWAP 1")
        eye.wait(lambda: eye.is_covered, second, COVERED_WITHIN_S)
        grown = len(eye.slices)
        eye.wait(lambda: len(eye.slices) > grown, second)
        eye.wait(lambda: eye.is_covered, second, GROWING_COVERED_WITHIN_S)
        second.send(signal.SIGTERM)
        assert second.ends() == 0
    assert made.call(lambda inside: inside.exchange.twap_states(ACCOUNT)) == []
    assert eye.is_covered
    assert sum((D(row["fill"]["sz"]) for row in eye.slices), D(0)) == abs(eye.size)
    assert "Traceback" not in first.screen + second.screen
