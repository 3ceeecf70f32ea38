"""Exits that are signed and committed before their stop is touched: what is foreseen, and when it is used."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from tests.core.worlds import World, started
from tidegate.clock import SettableClock
from tidegate.core.exits import foreseen
from tidegate.core.state import EXPIRES_AFTER_MS
from tidegate.gateway import Gateway
from tidegate.hard_limits import limits_of
from tidegate.hyperliquid.signing import Signer
from tidegate.model.events import OrdersSent
from tidegate.model.intents import PlaceOrders
from tidegate.storage.ledger import Ledger

D = Decimal
SIGNER = Signer("0x" + "11" * 32, mainnet=False)


class Wire:
    """A stream that is up; `sent` are the bodies it took."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def post(self, _wish: object, body: bytes) -> bool:
        self.sent.append(body)
        return True

    def carry(self, _wish: object, _body: bytes) -> None:
        raise AssertionError("the stream is up")


class Scene:
    """A core that holds a long from 100 with its stop at 97, a gateway, a ledger in a file."""

    def __init__(self, folder: Path) -> None:
        self.world: World = started()
        self.world.hold()
        self.clock = SettableClock(self.world.now_ms)
        self.wire = Wire()
        self.ledger = Ledger(f"sqlite:///{folder}/ledger.db", venue="localnet:1", account="0xabc")
        self.ledger.open()
        self.gateway = Gateway(
            signer=SIGNER,
            ledger=self.ledger,
            clock=self.clock,
            courier=self.wire,
            stream=self.wire,
            instruments={"BTC": self.world.coin().instrument},
            limits=limits_of(self.world.state.settings, {"BTC": self.world.coin().instrument}, self.world.state),
        )

    def prepare(self) -> PlaceOrders:
        """Have the exit made ready; what was foreseen."""
        (wish,) = foreseen(self.world.state)
        self.gateway.prepare([wish])
        return wish

    def exit_at(self, price: str, after_ms: int = 1) -> tuple[PlaceOrders, OrdersSent]:
        """The stop is touched by a print at this price: what was asked for, and what is said to have left."""
        self.world.now_ms += after_ms - 1
        decision = self.world.trade(price)
        self.clock.advance_to(self.world.now_ms)
        (wish,) = (each for each in decision.intents if isinstance(each, PlaceOrders))
        (sent,) = self.gateway.perform(wish)
        assert isinstance(sent, OrdersSent)
        return wish, sent


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    scene = Scene(tmp_path)
    yield scene
    scene.ledger.close()


def nonce_of(body: bytes) -> int:
    return int(msgspec.json.decode(body)["nonce"])


def test_a_foreseen_exit_leaves_with_the_bytes_that_were_committed_before_its_stop_was_touched(scene: Scene) -> None:
    cloid = scene.prepare().orders[0].cloid
    committed = scene.ledger.payload_of(cloid)
    assert committed is not None
    nonce = scene.ledger.next_nonce(0)

    wish, sent = scene.exit_at("96.9", after_ms=2_000)

    assert scene.wire.sent == [committed]
    assert sent.nonce == nonce_of(committed) < nonce
    assert wish.orders[0].cloid == cloid
    assert scene.ledger.payload_of(cloid) == committed


def test_while_the_touch_is_near_the_stop_the_exit_is_the_one_that_was_foreseen(scene: Scene) -> None:
    expected = scene.prepare().orders

    wish, _ = scene.exit_at("96.6")

    assert wish.orders == expected
    assert wish.orders[0].price == D("96.03")


def test_a_touch_far_beyond_the_stop_is_sold_from_where_it_is_and_signed_then(scene: Scene) -> None:
    ready = scene.prepare()

    wish, sent = scene.exit_at("95")

    assert wish.orders[0].price == D("94.05")
    assert wish.orders != ready.orders
    assert [nonce_of(body) for body in scene.wire.sent] == [sent.nonce]
    assert scene.ledger.payload_of(wish.orders[0].cloid) == scene.wire.sent[0]


def test_an_exit_that_was_made_ready_too_long_ago_is_signed_anew(scene: Scene) -> None:
    scene.prepare()

    wish, _ = scene.exit_at("96.9", after_ms=EXPIRES_AFTER_MS * 2 // 3)

    assert msgspec.json.decode(scene.wire.sent[0])["expiresAfter"] == wish.expires_ms


def test_one_that_is_half_way_to_its_end_is_made_anew_and_one_that_is_not_is_kept(scene: Scene) -> None:
    cloid = scene.prepare().orders[0].cloid
    first = scene.ledger.payload_of(cloid)

    scene.clock.advance_to(scene.world.now_ms + 1_000)
    scene.prepare()
    assert scene.ledger.payload_of(cloid) == first

    scene.clock.advance_to(scene.world.now_ms + EXPIRES_AFTER_MS // 2)
    scene.prepare()
    assert scene.ledger.payload_of(cloid) != first


def test_a_ready_exit_is_used_once(scene: Scene) -> None:
    scene.prepare()
    wish, first = scene.exit_at("96.9")

    (second,) = scene.gateway.perform(wish)

    assert isinstance(second, OrdersSent)
    assert second.nonce > first.nonce


def test_what_is_no_longer_foreseen_is_no_longer_ready(scene: Scene) -> None:
    scene.prepare()
    scene.gateway.prepare([])

    wish, _ = scene.exit_at("96.9", after_ms=100)

    assert msgspec.json.decode(scene.wire.sent[0])["expiresAfter"] == wish.expires_ms


def test_while_an_exit_is_on_its_way_and_without_a_position_nothing_is_foreseen(scene: Scene) -> None:
    assert foreseen(started().state) == ()
    scene.exit_at("96.9")
    assert foreseen(scene.world.state) == ()


def test_the_nonce_of_a_ready_exit_is_never_given_again(scene: Scene, tmp_path: Path) -> None:
    cloid = scene.prepare().orders[0].cloid
    committed = scene.ledger.payload_of(cloid)
    assert committed is not None

    # As after a kill: nothing was flushed, only the row of the ready exit stands.
    again = Ledger(f"sqlite:///{tmp_path}/ledger.db", venue="localnet:1", account="0xabc")
    again.open()
    assert again.next_nonce(0) > nonce_of(committed)
    again.close()
