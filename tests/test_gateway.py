"""The gateway and its courier: first the journal, then the wire. Ledger, stream and exchange are fakes that say so."""

import threading
from collections.abc import Iterator, Sequence
from decimal import Decimal
from queue import Empty, SimpleQueue

import msgspec
import pytest
from msgspec.structs import replace

from tidegate.clock import SettableClock
from tidegate.errors import Refused, StorageError, Unintelligible, Unreachable
from tidegate.gateway import COURIERS, ERRANDS_MAX, Courier, Gateway, Sent
from tidegate.hard_limits import HardLimits
from tidegate.hyperliquid.signing import Signer
from tidegate.model.brackets import ExitReason
from tidegate.model.events import (
    Event,
    Faulted,
    LeverageRefused,
    LeverageSet,
    OrderAccepted,
    OrderInDoubt,
    OrderRejected,
    OrdersSent,
)
from tidegate.model.instruments import Instrument
from tidegate.model.intents import (
    CancelOrders,
    PlaceOrders,
    ResendOrders,
    SetLeverage,
    SkipNonces,
    SpendNonce,
    Urgency,
)
from tidegate.model.orders import Limit, OrderRequest, Role, TimeInForce
from tidegate.model.positions import Side
from tidegate.model.settings import Settings

D = Decimal
T0 = 1_767_225_600_000
PATIENCE_S = 20.0
SIGNER = Signer("0x" + "11" * 32, mainnet=False)
INSTRUMENTS = {"BTC": Instrument(coin="BTC", asset=3, size_decimals=5, leverage_max=40)}
FILLED = {"filled": {"totalSz": "1", "avgPx": "100", "oid": 9}}
ORDER_OK = {"status": "ok", "response": {"type": "order", "data": {"statuses": [FILLED]}}}
CLOID = "0x" + "1" * 32


def place(urgency: Urgency = Urgency.ENTRY, *, cloid: str = CLOID, price: int = 100) -> PlaceOrders:
    request = OrderRequest(
        coin="BTC",
        asset=3,
        cloid=cloid,
        side=Side.BUY,
        size=D(1),
        kind=Limit(price=D(price), time_in_force=TimeInForce.IOC),
        role=Role.EXIT if urgency is Urgency.EXIT else Role.ENTRY,
        reduce_only=urgency is Urgency.EXIT,
    )
    return PlaceOrders(
        coin="BTC", orders=(request,), expires_ms=T0 + 15_000, signal_id="1", reason="a test", urgency=urgency
    )


CANCEL = CancelOrders(coin="BTC", asset=3, cloids=(CLOID,), expires_ms=T0 + 15_000, reason="a test")
LEVERAGE = SetLeverage(coin="BTC", asset=3, leverage=2, expires_ms=T0 + 15_000)
RESEND = ResendOrders(cloid=CLOID)
SPEND = SpendNonce(coin="BTC", cloid=CLOID, cloids=(CLOID,), expires_ms=T0 + 15_000, reason="a test")


class Outside:
    """Ledger, stream and courier in one. `story` is the order of calls, `sent` the bytes by transport."""

    def __init__(self) -> None:
        self.story: list[str] = []
        self.sent: list[tuple[str, bytes]] = []
        self.rows: dict[str, bytes] = {}
        self.expiries: list[int] = []
        self.stream_is_up = True
        self.broken = False
        self._nonce = 0

    # the ledger

    def next_nonce(self, now_ms: int) -> int:
        self._nonce = max(self._nonce + 1, now_ms)
        return self._nonce

    def skip_nonces(self, by: int, now_ms: int) -> None:
        self._nonce = max(self._nonce, now_ms) + by

    def commit_before_send(
        self, cloids: Sequence[str], nonce: int, payload: bytes, expires_ms: int, *, at_once: bool = False
    ) -> None:
        self.story.append("commit at once" if at_once else "commit")
        if self.broken:
            raise StorageError("the disk is full")
        self.expiries.append(expires_ms)
        self.rows |= dict.fromkeys(cloids, payload)

    def exit_leaves(self, _coin: str, _exit_id: str, _reason: object) -> None:
        self.story.append("note of an exit")

    def payload_of(self, cloid: str) -> bytes | None:
        if self.broken:
            raise StorageError("the disk is full")
        return self.rows.get(cloid)

    # the ways to the exchange

    def post(self, wish: Sent, body: bytes) -> bool:
        self.story.append("post" if self.stream_is_up else "post refused")
        if self.stream_is_up:
            self.sent.append(("ws", body))
        return self.stream_is_up

    def carry(self, wish: Sent, body: bytes) -> None:
        self.story.append("carry")
        self.sent.append(("rest", body))


@pytest.fixture
def outside() -> Outside:
    return Outside()


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock(T0)


@pytest.fixture
def gateway(outside: Outside, clock: SettableClock) -> Gateway:
    return opened(outside, clock)


def limits() -> HardLimits:
    """The defaults, with nothing held and a mark price that fits."""
    settings = Settings(coins=tuple(INSTRUMENTS), max_position_usd=D(10**9), max_orders_per_minute=600)
    return HardLimits(settings, INSTRUMENTS, lambda _coin: D(100), lambda _coin: D(0))


def opened(outside: Outside, clock: SettableClock, *, by_rest: bool = False, vault: str | None = None) -> Gateway:
    return Gateway(
        signer=SIGNER,
        ledger=outside,  # type: ignore[arg-type]
        clock=clock,
        courier=outside,
        stream=None if by_rest else outside,
        instruments=INSTRUMENTS,
        limits=limits(),
        vault_address=vault,
        monotonic_ns=lambda: 77,
    )


WRITES = {
    "an entry": place(),
    "protection": place(Urgency.PROTECTION),
    "an exit": place(Urgency.EXIT),
    "a cancel": CANCEL,
    "leverage": LEVERAGE,
}


@pytest.mark.parametrize("name", WRITES)
def test_the_signed_bytes_are_committed_before_anything_is_sent(gateway: Gateway, outside: Outside, name: str) -> None:
    gateway.perform(WRITES[name])
    hurry = " at once" if name == "an exit" else ""
    assert outside.story == [f"commit{hurry}", "post"]


def test_what_is_committed_is_what_is_sent(gateway: Gateway, outside: Outside) -> None:
    gateway.perform(place())
    assert outside.sent == [("ws", outside.rows[CLOID])]
    assert outside.expiries == [T0 + 15_000]


@pytest.mark.parametrize("name", WRITES)
def test_the_same_bytes_go_by_rest_when_the_stream_refuses(
    outside: Outside, clock: SettableClock, gateway: Gateway, name: str
) -> None:
    outside.stream_is_up = False
    gateway.perform(WRITES[name])
    by_stream = Outside()
    opened(by_stream, clock).perform(WRITES[name])
    assert outside.story[1:] == ["post refused", "carry"]
    assert [way for way, _ in (*outside.sent, *by_stream.sent)] == ["rest", "ws"]
    assert outside.sent[0][1] == by_stream.sent[0][1]


def test_where_orders_always_go_by_rest_the_stream_is_not_asked(outside: Outside, clock: SettableClock) -> None:
    events = opened(outside, clock, by_rest=True).perform(place())
    assert outside.story == ["commit", "carry"]
    assert events == [OrdersSent(at_ms=T0, cloids=(CLOID,), nonce=T0, transport="rest", sent_ns=77)]


def test_the_fact_of_sending_says_how_with_which_nonce_and_when(gateway: Gateway) -> None:
    assert gateway.perform(place()) == [
        OrdersSent(at_ms=T0, cloids=(CLOID,), nonce=T0, transport="ws", sent_ns=77),
    ]


def test_the_letter_names_the_coins_number_of_today_the_nonce_the_vault_and_the_expiry(
    outside: Outside, clock: SettableClock
) -> None:
    vault = "0x" + "CD" * 20
    opened(outside, clock, vault=vault).perform(CANCEL)
    letter = msgspec.json.decode(outside.sent[0][1])
    assert letter["action"] == {"type": "cancelByCloid", "cancels": [{"asset": 3, "cloid": CLOID}]}
    assert (letter["nonce"], letter["vaultAddress"], letter["expiresAfter"]) == (T0, vault.lower(), T0 + 15_000)
    assert letter["signature"] == SIGNER.sign_l1(letter["action"], T0, vault.lower(), T0 + 15_000)


def test_nonces_increase_even_while_the_clock_stands(gateway: Gateway, outside: Outside, clock: SettableClock) -> None:
    for moved_ms in (0, 0, 5_000, 0):
        clock.advance_to(clock.now_ms() + moved_ms)
        for wish in WRITES.values():
            gateway.perform(wish)
    nonces = [msgspec.json.decode(body)["nonce"] for _, body in outside.sent]
    assert nonces == sorted(set(nonces))
    assert len(nonces) == 4 * len(WRITES)


def test_a_resend_sends_identical_bytes_and_commits_nothing_anew(
    gateway: Gateway, outside: Outside, clock: SettableClock
) -> None:
    gateway.perform(place())
    clock.advance_to(T0 + 9_000)
    for up in (True, False):
        outside.stream_is_up = up
        assert gateway.perform(RESEND) == []
    first, *again = [body for _, body in outside.sent]
    assert again == [first, first]
    assert [way for way, _ in outside.sent] == ["ws", "ws", "rest"]
    assert outside.story.count("commit") == 1


def test_bytes_that_the_journal_does_not_have_are_not_made_up(gateway: Gateway, outside: Outside) -> None:
    reason = f"the signed bytes of {CLOID} are not in the journal"
    assert gateway.perform(RESEND) == [Faulted(at_ms=T0, where="journal", reason=reason)]
    assert outside.sent == []


@pytest.mark.parametrize("vault", [None, "0x" + "cd" * 20])
def test_a_nonce_is_used_up_by_an_action_that_does_nothing_signed_with_that_very_nonce(
    outside: Outside, clock: SettableClock, vault: str | None
) -> None:
    gateway = opened(outside, clock, vault=vault)
    gateway.perform(place())
    clock.advance_to(T0 + 2_000)
    assert gateway.perform(SPEND) == [OrdersSent(at_ms=T0 + 2_000, cloids=(), nonce=T0, transport="ws", sent_ns=77)]
    assert outside.story == ["commit", "post", "commit", "post"], "journaled like any action"
    letter = msgspec.json.decode(outside.sent[1][1])
    assert letter["action"] == {"type": "noop"}
    assert (letter["nonce"], letter["vaultAddress"], letter["expiresAfter"]) == (T0, vault, T0 + 15_000)
    assert letter["signature"] == SIGNER.sign_l1({"type": "noop"}, T0, vault, T0 + 15_000)
    assert outside.rows[CLOID] == outside.sent[0][1], "the order's own bytes are kept"


def test_a_nonce_that_the_journal_does_not_have_is_not_made_up(gateway: Gateway, outside: Outside) -> None:
    assert [type(fact) for fact in gateway.perform(SPEND)] == [Faulted]
    assert outside.sent == []


@pytest.mark.parametrize("wish", [RESEND, SPEND], ids=["resend", "spend"])
def test_a_journal_that_cannot_be_read_is_a_fact_and_not_the_end(
    gateway: Gateway, outside: Outside, wish: Sent
) -> None:
    gateway.perform(place())
    outside.broken = True
    (fault,) = gateway.perform(wish)
    assert isinstance(fault, Faulted)
    assert "cannot be read" in fault.reason


def test_skipped_nonces_are_never_used(gateway: Gateway, outside: Outside) -> None:
    assert gateway.perform(SkipNonces(by=1_000, reason="a test")) == []
    gateway.perform(place())
    assert msgspec.json.decode(outside.sent[0][1])["nonce"] > T0 + 1_000


NOT_WRITTEN = Faulted(at_ms=T0, where="journal", reason="not written: the disk is full")
NO_ENTRIES = "the journal cannot be written: no new positions until it can"


def test_a_journal_that_cannot_be_written_refuses_entries(gateway: Gateway, outside: Outside) -> None:
    outside.broken = True
    assert gateway.perform(place()) == [NOT_WRITTEN, OrderRejected(at_ms=T0, cloid=CLOID, reason=NO_ENTRIES)]
    assert gateway.perform(LEVERAGE) == [NOT_WRITTEN, LeverageRefused(at_ms=T0, coin="BTC", reason=NO_ENTRIES)]
    assert outside.sent == []


@pytest.mark.parametrize("name", ["an exit", "protection", "a cancel"])
def test_a_journal_that_cannot_be_written_lets_exits_and_protection_go(
    gateway: Gateway, outside: Outside, name: str
) -> None:
    outside.broken = True
    fault, sent = gateway.perform(WRITES[name])
    assert fault == NOT_WRITTEN
    assert isinstance(sent, OrdersSent)
    assert len(outside.sent) == 1


def test_entries_go_again_once_the_journal_can_be_written(gateway: Gateway, outside: Outside) -> None:
    outside.broken = True
    gateway.perform(place())
    outside.broken = False
    assert isinstance(gateway.perform(place(cloid="0x2"))[0], OrdersSent)


# exits that are foreseen


def test_a_foreseen_exit_is_committed_in_advance_and_leaves_with_nothing_left_to_do(
    gateway: Gateway, outside: Outside
) -> None:
    exit_ = place(Urgency.EXIT)
    gateway.prepare([exit_])
    assert outside.story == ["commit at once"]
    assert outside.sent == []
    assert gateway.perform(exit_)[0].at_ms == T0
    assert outside.story == ["commit at once", "post"]
    assert outside.sent == [("ws", outside.rows[CLOID])]


def test_that_an_exit_leaves_is_noted_before_it_does(gateway: Gateway, outside: Outside) -> None:
    exit_ = place(Urgency.EXIT)
    gateway.prepare([exit_])
    gateway.perform(replace(exit_, exit_reason=ExitReason.STOP))
    assert outside.story == ["commit at once", "note of an exit", "post"]


def test_an_exit_other_than_foreseen_is_signed_anew(gateway: Gateway, outside: Outside) -> None:
    gateway.prepare([place(Urgency.EXIT)])
    gateway.perform(place(Urgency.EXIT, price=99))
    assert outside.story == ["commit at once", "commit at once", "post"]
    sent = msgspec.json.decode(outside.sent[0][1])
    assert sent["action"]["orders"][0]["p"] == "99"


def test_what_was_made_ready_is_used_once(gateway: Gateway, outside: Outside) -> None:
    exit_ = place(Urgency.EXIT)
    gateway.prepare([exit_])
    gateway.perform(exit_)
    gateway.perform(exit_)
    assert outside.sent[0][1] != outside.sent[1][1]


def test_what_was_made_ready_is_not_used_when_its_time_is_nearly_over(
    gateway: Gateway, outside: Outside, clock: SettableClock
) -> None:
    exit_ = place(Urgency.EXIT)
    gateway.prepare([exit_])
    clock.advance_to(T0 + 10_000)
    gateway.perform(exit_)
    assert outside.story == ["commit at once", "commit at once", "post"]


def test_what_is_ready_is_kept_for_half_its_time_then_made_anew(
    gateway: Gateway, outside: Outside, clock: SettableClock
) -> None:
    gateway.prepare([place(Urgency.EXIT)])
    clock.advance_to(T0 + 4_999)
    gateway.prepare([place(Urgency.EXIT)])
    assert len(outside.story) == 1
    clock.advance_to(T0 + 5_000)
    gateway.prepare([place(Urgency.EXIT)])
    assert len(outside.story) == 2


def test_an_exit_that_is_no_longer_foreseen_is_not_ready(gateway: Gateway, outside: Outside) -> None:
    gateway.prepare([place(Urgency.EXIT)])
    gateway.prepare([])
    gateway.perform(place(Urgency.EXIT))
    assert outside.story == ["commit at once", "commit at once", "post"]


def test_an_exit_that_could_not_be_committed_in_advance_still_leaves(gateway: Gateway, outside: Outside) -> None:
    outside.broken = True
    gateway.prepare([place(Urgency.EXIT)])
    events = gateway.perform(place(Urgency.EXIT))
    assert [type(event) for event in events] == [Faulted, OrdersSent]


# the courier


class Exchange:
    """A client whose `send` gives `answers` in turn: a reply, or what it raises."""

    def __init__(self) -> None:
        self.answers: SimpleQueue[object] = SimpleQueue()
        self.bodies: SimpleQueue[bytes] = SimpleQueue()
        self.go_on = threading.Event()
        self.go_on.set()
        self.closed: SimpleQueue[str] = SimpleQueue()

    def send(self, body: bytes) -> object:
        self.bodies.put(body)
        assert self.go_on.wait(PATIENCE_S)
        answer = self.answers.get(timeout=PATIENCE_S)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self) -> None:
        self.closed.put(threading.current_thread().name)


class Facts:
    """Where the couriers put what came of it."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[Event] = SimpleQueue()

    def put(self, event: Event) -> None:
        self._queue.put(event)

    def next(self) -> Event:
        try:
            return self._queue.get(timeout=PATIENCE_S)
        except Empty:
            raise AssertionError("no fact came") from None


@pytest.fixture
def exchange() -> Exchange:
    return Exchange()


@pytest.fixture
def facts() -> Facts:
    return Facts()


@pytest.fixture
def courier(exchange: Exchange, facts: Facts, clock: SettableClock) -> Iterator[Courier]:
    courier = Courier(lambda: exchange, facts, clock)  # type: ignore[arg-type, return-value]
    courier.start()
    yield courier
    exchange.go_on.set()
    courier.stop(PATIENCE_S)


def doubt(reason: str) -> OrderInDoubt:
    return OrderInDoubt(at_ms=T0, cloid=CLOID, reason=reason)


def leverage_doubt(reason: str) -> Faulted:
    what = f"whether the leverage was set is unknown: {reason}"
    return Faulted(at_ms=T0, where="order", reason=what, coin="BTC")


OUTCOMES: dict[str, tuple[Sent, object, Event]] = {
    "accepted": (
        place(),
        ORDER_OK,
        OrderAccepted(at_ms=T0, cloid=CLOID, oid=9, resting=False, filled=D(1), average_price=D(100)),
    ),
    "refused": (place(), Refused("no"), OrderRejected(at_ms=T0, cloid=CLOID, reason="no")),
    "unreachable": (place(), Unreachable("no answer in time"), doubt("no answer in time")),
    "unintelligible": (place(), Unintelligible("not JSON: 'x'"), doubt("not JSON: 'x'")),
    "not foreseen": (place(), ZeroDivisionError("oh"), doubt("not foreseen: ZeroDivisionError('oh')")),
    "leverage set": (
        LEVERAGE,
        {"status": "ok", "response": {"type": "default"}},
        LeverageSet(at_ms=T0, coin="BTC", leverage=2),
    ),
    "leverage refused": (LEVERAGE, Refused("no"), LeverageRefused(at_ms=T0, coin="BTC", reason="no")),
    "leverage unreachable": (LEVERAGE, Unreachable("down"), leverage_doubt("down")),
    "a refused cancel": (CANCEL, Refused("no"), doubt("the cancel was refused: no")),
    "a resend unreachable": (RESEND, Unreachable("down"), doubt("down")),
}


@pytest.mark.parametrize("name", OUTCOMES)
def test_every_outcome_of_an_errand_is_one_fact(courier: Courier, exchange: Exchange, facts: Facts, name: str) -> None:
    wish, answer, told = OUTCOMES[name]
    exchange.answers.put(answer)
    courier.carry(wish, b"signed")
    assert facts.next() == told
    assert exchange.bodies.get(timeout=PATIENCE_S) == b"signed"
    assert exchange.bodies.empty(), "a write is sent once"


def test_a_courier_survives_what_nobody_foresaw(courier: Courier, exchange: Exchange, facts: Facts) -> None:
    for _ in range(2 * COURIERS):
        exchange.answers.put(ZeroDivisionError("oh"))
        courier.carry(place(), b"signed")
        facts.next()
    exchange.answers.put(ORDER_OK)
    courier.carry(place(), b"signed")
    assert isinstance(facts.next(), OrderAccepted)


def test_one_slow_answer_does_not_hold_up_the_next_exit(courier: Courier, exchange: Exchange, facts: Facts) -> None:
    exchange.go_on.clear()
    for _ in range(COURIERS):
        courier.carry(place(Urgency.EXIT), b"signed")
    for _ in range(COURIERS):
        exchange.bodies.get(timeout=PATIENCE_S)
        exchange.answers.put(ORDER_OK)
    exchange.go_on.set()
    for _ in range(COURIERS):
        assert isinstance(facts.next(), OrderAccepted)


def test_with_too_many_errands_one_was_surely_not_sent_and_is_told_so(
    facts: Facts, exchange: Exchange, clock: SettableClock
) -> None:
    courier = Courier(lambda: exchange, facts, clock)  # type: ignore[arg-type, return-value]
    for _ in range(ERRANDS_MAX):
        courier.carry(place(), b"signed")
    courier.carry(place(), b"signed")
    reason = "too many orders wait to be sent by REST"
    assert facts.next() == OrderRejected(at_ms=T0, cloid=CLOID, reason=reason)


def test_stopping_lets_waiting_errands_go_out_and_closes_every_client(
    exchange: Exchange, facts: Facts, clock: SettableClock
) -> None:
    courier = Courier(lambda: exchange, facts, clock)  # type: ignore[arg-type, return-value]
    for _ in range(5):
        exchange.answers.put(ORDER_OK)
        courier.carry(place(), b"signed")
    courier.start()
    courier.stop(PATIENCE_S)
    assert all(isinstance(facts.next(), OrderAccepted) for _ in range(5))
    assert {exchange.closed.get(timeout=PATIENCE_S) for _ in range(COURIERS)} == {f"courier-{n}" for n in range(3)}


def test_a_full_courier_can_still_be_stopped(exchange: Exchange, facts: Facts, clock: SettableClock) -> None:
    exchange.go_on.clear()
    courier = Courier(lambda: exchange, facts, clock)  # type: ignore[arg-type, return-value]
    courier.start()
    for _ in range(COURIERS):
        courier.carry(place(), b"signed")
    for _ in range(COURIERS):
        exchange.bodies.get(timeout=PATIENCE_S)
    for _ in range(ERRANDS_MAX):
        courier.carry(place(), b"signed")
    stopping = threading.Thread(target=courier.stop, args=(0.2,), daemon=True)
    stopping.start()
    stopping.join(PATIENCE_S / 4)
    gave_up = not stopping.is_alive()
    for _ in range(ERRANDS_MAX + COURIERS):
        exchange.answers.put(ORDER_OK)
    exchange.go_on.set()
    stopping.join(PATIENCE_S)
    assert gave_up, "it waited for a courier that hangs"
