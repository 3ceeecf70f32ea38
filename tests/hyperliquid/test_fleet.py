"""Coins over several sockets: within the exchange's limits, held ones first, nobody disturbed by another's coming."""

import json
from collections.abc import Iterable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tidegate.hyperliquid.fleet import LINES_MAX, Fleet
from tidegate.hyperliquid.protocol import PERSONAL, PING, StreamProtocol
from tidegate.hyperliquid.subscriptions import Subscription
from tidegate.model.events import CoinsHeard, CoinsUnheard, Event, Mid, StreamDown, StreamFrozen, StreamUp
from tidegate.model.market import Timeframe

USER = "0x" + "ab" * 20
AT_MS = 1_790_232_216_000
S = 1_000_000_000


def coins(count: int) -> list[str]:
    """So many names."""
    return [f"C{number}" for number in range(count)]


class Exchange:
    """Grants everything that is asked for, except coins that do not exist: for these it drops the socket."""

    def __init__(self, fleet: Fleet, unknown: Iterable[str] = ()) -> None:
        self.fleet, self.unknown = fleet, set(unknown)
        self.granted: dict[StreamProtocol, set[str]] = {line: set() for line in fleet.lines}
        self.events: list[Event] = []
        self.dropped: list[StreamProtocol] = []
        self.now_ns = 0

    def open(self, *lines: StreamProtocol) -> None:
        """Open these sockets, all of them if none is named."""
        for line in lines or self.fleet.lines:
            self.granted[line] = set()
            self.take(line, line.opened(AT_MS, self.now_ns))

    def take(self, line: StreamProtocol, frames: Iterable[bytes]) -> None:
        """Answer requests, and those that the answers lead to."""
        waiting = list(frames)
        while waiting:
            message = json.loads(waiting.pop(0))
            if message["method"] == "ping":
                self.events += line.receive(b'{"channel":"pong"}', AT_MS, self.now_ns)
                continue
            wanted = message["subscription"]
            name = json.dumps(wanted)
            if message["method"] == "unsubscribe":
                self.granted[line].discard(name)
                continue
            if wanted.get("coin") in self.unknown:
                self.dropped.append(line)
                self.events += line.lost("code 1006", AT_MS)
                return
            self.granted[line].add(name)
            echo = {"method": "subscribe", "subscription": wanted}
            frame = {"channel": "subscriptionResponse", "data": echo}
            self.events += line.receive(json.dumps(frame).encode(), AT_MS, self.now_ns)
            waiting += line.outbox(self.now_ns)

    def say(self, out: dict[StreamProtocol, list[bytes]]) -> None:
        """Take what the fleet has to say."""
        for line, frames in out.items():
            if line.is_open:
                self.take(line, frames)

    def hear(self, coin: str) -> None:
        """A sign of life of a coin, where it is streamed."""
        frame = json.dumps({"channel": "activeAssetCtx", "data": {"coin": coin, "ctx": {"markPx": "1"}}}).encode()
        for line in self.fleet.lines:
            if line.is_open and line.has_coin(coin):
                self.events += line.receive(frame, AT_MS, self.now_ns)

    def pass_second(self) -> None:
        """What time brings, on every open socket."""
        self.now_ns += S
        for line in list(self.fleet.lines):
            if line not in self.granted:
                self.open(line)
            due = line.due(AT_MS, self.now_ns)
            self.events += due.events
            if due.give_up is not None:
                self.dropped.append(line)
                self.events += line.lost(due.give_up, AT_MS)
            else:
                self.take(line, due.frames)
            for coin in due.moves:
                self.say(self.fleet.move(coin, line, self.now_ns))
        self.say(self.fleet.settle(self.now_ns))

    def places(self, coin: str) -> list[int]:
        """The sockets over which the prints of a coin come."""
        name = json.dumps({"type": "trades", "coin": coin})
        return [line.line for line, granted in self.granted.items() if name in granted]

    def told(self, *kinds: type) -> list[Any]:
        """What was told, of these kinds, since the last time."""
        told, self.events = [event for event in self.events if isinstance(event, kinds)], []
        return told


def made(count: int, **more: Any) -> Fleet:
    """A fleet for so many coins."""
    return Fleet(StreamProtocol(coins(count), USER, Timeframe.M1), **more)


def up(count: int, **more: Any) -> Exchange:
    """A fleet that is up."""
    exchange = Exchange(made(count, **more))
    exchange.open()
    exchange.told()
    return exchange


def test_few_coins_need_one_socket_and_two_hundred_several_with_the_account_on_the_first() -> None:
    assert len(made(5).lines) == 1
    fleet = made(200)
    assert 4 <= len(fleet.lines) <= 5
    exchange = Exchange(fleet)
    exchange.open()
    assert len({name for granted in exchange.granted.values() for name in granted}) == 200 * 4 + len(PERSONAL)
    assert exchange.places("C0") == [0]
    assert all(len(exchange.places(coin)) == 1 for coin in coins(200))
    personal = [line.line for line, granted in exchange.granted.items() if any("user" in name for name in granted)]
    assert personal == [0]


def test_of_1001_coins_all_but_those_beyond_the_limit_are_streamed_and_these_are_told() -> None:
    exchange = Exchange(made(1_001))
    exchange.open()
    streamed = [coin for coin in coins(1_001) if exchange.places(coin)]
    assert sum(map(len, exchange.granted.values())) == 1_000
    assert len(streamed) == 1_000 - len(PERSONAL) - 1, "one place is that of the stream of all prices"
    assert len(exchange.fleet.lines) <= LINES_MAX
    told: set[str] = set()
    for event in exchange.told(CoinsUnheard, CoinsHeard):
        told = told | set(event.coins) if isinstance(event, CoinsUnheard) else told - set(event.coins)
    assert told == set(coins(1_001)) - set(streamed)


def test_asking_for_two_hundred_coins_is_paced_and_leaves_room_for_orders() -> None:
    fleet = made(200)
    asked = sum(len(line.opened(AT_MS, 0)) for line in fleet.lines)
    assert asked <= 50 * len(fleet.lines)
    allowance = fleet.home.shared.allowance
    exchange = Exchange(made(200))
    for _reconnect in range(3):
        exchange.open()
        for line in exchange.fleet.lines:
            line.lost("cut", AT_MS)
    assert exchange.fleet.home.shared.allowance.sent(0) <= 1_500
    assert exchange.fleet.home.can_post is False
    exchange.open(exchange.fleet.home)
    assert exchange.fleet.home.can_post
    assert allowance.sent(61 * S) == 0


def test_a_socket_that_fails_takes_only_its_own_coins_down_and_brings_them_back() -> None:
    exchange = up(100)
    lost = exchange.fleet.lines[1]
    exchange.events += lost.lost("cut", AT_MS)
    [event] = exchange.told(CoinsUnheard, StreamDown, StreamFrozen)
    assert isinstance(event, CoinsUnheard)
    assert set(event.coins) == set(lost.coins)
    assert "C0" not in event.coins
    exchange.open(lost)
    [back] = exchange.told(CoinsHeard, StreamUp)
    assert set(back.coins) == set(lost.coins)


def test_when_the_first_socket_is_back_the_coins_of_others_that_are_down_are_told_again() -> None:
    exchange = up(100)
    home, other = exchange.fleet.lines[:2]
    exchange.events += home.lost("cut", AT_MS)
    exchange.events += other.lost("cut too", AT_MS)
    assert [type(event) for event in exchange.told(StreamDown, CoinsUnheard)] == [StreamDown]
    exchange.open(home)
    told = exchange.told(StreamUp, CoinsUnheard)
    assert [type(event) for event in told] == [StreamUp, CoinsUnheard]
    assert set(told[1].coins) == set(other.coins)


def test_a_coin_that_gets_a_position_moves_to_the_first_socket_without_a_gap() -> None:
    exchange = up(100)
    assert exchange.places("C99") != [0]
    exchange.say(exchange.fleet.hold(["C99"], exchange.now_ns))
    assert len(exchange.places("C99")) == 2
    exchange.pass_second()
    assert exchange.places("C99") == [0]
    assert not exchange.told(CoinsUnheard, StreamDown)


def test_a_held_coin_beyond_the_limit_gets_room_from_the_last_in_rank() -> None:
    exchange = up(1_001)
    assert not exchange.places("C1000")
    exchange.say(exchange.fleet.hold(["C1000"], exchange.now_ns))
    assert exchange.places("C1000") == [0]
    assert sum(map(len, exchange.granted.values())) <= 1_000
    heard, unheard = set(), set()
    for event in exchange.told(CoinsHeard, CoinsUnheard):
        (heard if isinstance(event, CoinsHeard) else unheard).update(event.coins)
    exchange.pass_second()
    for event in exchange.told(CoinsHeard, CoinsUnheard):
        (heard if isinstance(event, CoinsHeard) else unheard).update(event.coins)
    assert heard == {"C1000"}
    assert unheard <= {f"C{number}" for number in range(985, 997)}


def test_a_coin_that_stays_silent_is_tried_on_another_socket_and_nobody_else_notices() -> None:
    exchange = up(3)
    others = ("C0", "C1")
    for _second in range(40):
        for coin in others:
            exchange.hear(coin)
        exchange.pass_second()
    assert exchange.places("C2") == [1]
    assert all(exchange.places(coin) == [0] for coin in others)
    assert exchange.dropped == []
    assert [event.coins for event in exchange.told(CoinsUnheard)] == [("C2",)]
    exchange.hear("C2")
    assert [event.coins for event in exchange.told(CoinsHeard)] == [("C2",)]


def test_a_coin_that_is_silent_everywhere_is_frozen_in_the_end() -> None:
    exchange = up(3)
    for _second in range(60):
        for coin in ("C0", "C1"):
            exchange.hear(coin)
        exchange.pass_second()
    assert [event.coin for event in exchange.told(StreamFrozen)] == ["C2"]


def test_an_unknown_coin_is_found_by_halves_and_the_others_are_streamed() -> None:
    fleet = Fleet(StreamProtocol([*coins(7), "WRONG", *coins(20)[7:]], USER, Timeframe.M1))
    exchange = Exchange(fleet, unknown=["WRONG"])
    connects = 0
    for _second in range(30):
        if not fleet.home.is_open:
            connects += 1
            exchange.open(fleet.home)
        exchange.pass_second()
        for coin in coins(20):
            exchange.hear(coin)
    assert connects <= 8
    assert all(exchange.places(coin) == [0] for coin in coins(20))
    assert "WRONG" in {event.coin for event in exchange.told(StreamFrozen)}
    assert fleet.home.is_up


def test_a_line_that_is_cut_again_and_again_before_anything_is_granted_accuses_no_coin() -> None:
    exchange = Exchange(made(1))
    for _cut in range(10):
        exchange.fleet.home.opened(AT_MS, exchange.now_ns)
        exchange.events += exchange.fleet.home.lost("cut", AT_MS)
    exchange.open()
    assert exchange.places("C0") == [0]
    assert not exchange.told(StreamFrozen)


def test_adding_a_coin_asks_for_its_streams_only_and_asking_twice_asks_once() -> None:
    exchange = up(3)
    before = exchange.fleet.home.shared.allowance.sent(0)
    exchange.say(exchange.fleet.add(["NEW"], exchange.now_ns))
    exchange.say(exchange.fleet.add(["NEW", "C1"], exchange.now_ns))
    assert exchange.fleet.home.shared.allowance.sent(0) - before == 4
    assert exchange.places("NEW") == [0]


def test_a_single_stream_of_all_coins_or_of_one_is_asked_for_once_and_leaves_with_its_coin() -> None:
    exchange = up(3)
    for wanted in (Subscription("allMids"), Subscription("l2Book", "NEW"), Subscription("l2Book", "NEW")):
        exchange.say(exchange.fleet.add_single(wanted, exchange.now_ns))
    granted = exchange.granted[exchange.fleet.home]
    assert json.dumps({"type": "allMids"}) in granted
    assert json.dumps({"type": "l2Book", "coin": "NEW"}) in granted
    assert len(granted) == 3 * 4 + len(PERSONAL) + 2
    exchange.say(exchange.fleet.remove(["NEW"], exchange.now_ns))
    assert len(granted) == 3 * 4 + len(PERSONAL) + 1


def test_mid_prices_of_coins_without_a_stream_are_told_and_of_others_not() -> None:
    exchange = up(1_001)
    frame = {"channel": "allMids", "data": {"mids": {"C0": "1.5", "C1000": "2.5", "OTHER": "3", "C999": "NaN"}}}
    events = exchange.fleet.home.receive(json.dumps(frame).encode(), AT_MS, exchange.now_ns)
    assert [(event.coin, str(event.price)) for event in events if isinstance(event, Mid)] == [("C1000", "2.5")]


def test_two_hundred_coins_that_come_and_go_leave_nothing_behind() -> None:
    exchange = up(3)

    def sizes() -> list[int]:
        home, shared = exchange.fleet.home, exchange.fleet.home.shared
        inner = (home._subscriptions._by_echo, home._subscriptions._by_coin, home._ears, home._market._from_of)
        outer = (shared.roster._why, shared.roster._told, exchange.fleet._ranked, home._coins._suspects._proven)
        return [home.subscription_count, len(exchange.fleet.lines), *map(len, inner), *map(len, outer)]

    before = sizes()
    for cycle in range(200):
        exchange.now_ns += 60 * S
        exchange.say(exchange.fleet.add([f"N{cycle}"], exchange.now_ns))
        exchange.hear(f"N{cycle}")
        exchange.say(exchange.fleet.remove([f"N{cycle}"], exchange.now_ns))
    assert sizes() == before
    assert exchange.dropped == []


def test_room_that_comes_free_goes_to_the_first_that_had_none_and_then_to_those_with_prints_only() -> None:
    exchange = up(1_000)
    assert not exchange.places("C999")
    exchange.say(exchange.fleet.remove(coins(len(PERSONAL)), exchange.now_ns))
    assert exchange.places("C999")
    exchange.say(exchange.fleet.remove(coins(20), exchange.now_ns))
    assert sum(not line.is_lean(coin) for line in exchange.fleet.lines for coin in line.coins) >= 4


def test_frames_of_one_coin_that_cannot_be_read_suspend_that_coin_alone() -> None:
    exchange = up(50)
    home = exchange.fleet.home
    poison = b'{"channel":"trades","data":[{"coin":"C7","px":"x","time":1,"tid":1}]}'
    for _frame in range(500):
        exchange.events += home.receive(poison, AT_MS, exchange.now_ns)
    assert [event.coin for event in exchange.told(StreamFrozen)] == ["C7"]
    exchange.take(home, home.outbox(exchange.now_ns))
    assert not exchange.places("C7")
    for _second in range(3):
        exchange.pass_second()
        for coin in coins(50):
            exchange.hear(coin)
    assert exchange.dropped == []
    assert sum(bool(exchange.places(coin)) for coin in coins(50)) == 49
    for _second in range(301):
        for coin in coins(50):
            exchange.hear(coin)
        exchange.pass_second()
    assert exchange.places("C7") == [0]


steps = st.lists(
    st.tuples(st.sampled_from(["add", "remove", "hold", "cut", "open", "second"]), st.integers(0, 30)), max_size=40
)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10), steps)
def test_whatever_comes_and_goes_the_limits_hold_and_every_wanted_coin_is_streamed_or_told(
    count: int, story: list[tuple[str, int]]
) -> None:
    fleet = Fleet(
        StreamProtocol(coins(count), USER, Timeframe.M1), lines_max=3, line_subscriptions=16, room=len(PERSONAL) + 40
    )
    exchange, wanted, held = Exchange(fleet), set(coins(count)), set()
    exchange.open()
    for what, number in story:
        coin = f"C{number}"
        match what:
            case "add":
                wanted.add(coin)
                exchange.say(fleet.add([coin], exchange.now_ns))
            case "remove":
                wanted.discard(coin)
                held.discard(coin)
                exchange.say(fleet.remove([coin], exchange.now_ns))
            case "hold":
                held = {coin} & wanted
                exchange.say(fleet.hold([coin], exchange.now_ns))
            case "cut":
                line = fleet.lines[number % len(fleet.lines)]
                exchange.events += line.lost("cut", AT_MS)
            case "open":
                exchange.open(*(line for line in fleet.lines if not line.is_open))
            case "second":
                exchange.pass_second()
        for each in wanted:
            exchange.hear(each)
        assert sum(line.subscription_count for line in fleet.lines) <= len(PERSONAL) + 40
        assert len(fleet.lines) <= 3
    exchange.open(*(line for line in fleet.lines if not line.is_open))
    for _second in range(3):
        exchange.pass_second()
    frames = {line: line.outbox(exchange.now_ns) for line in fleet.lines}
    assert not any(frame != PING for out in frames.values() for frame in out)
    roster = fleet.home.shared.roster
    for coin in wanted:
        assert len(exchange.places(coin)) == (coin not in roster.by("limit")), coin
    for coin in held:
        assert exchange.places(coin) == [0]
        assert not fleet.home.is_lean(coin)


def test_two_hundred_comings_and_goings_of_coins_leave_nothing_behind() -> None:
    home = StreamProtocol(coins(45), USER, Timeframe.M1)
    fleet = Fleet(home, line_subscriptions=100)
    exchange = Exchange(fleet)
    exchange.open()

    def held() -> list[int]:
        shared = home.shared
        parts = [len(fleet.lines), len(fleet._ranked), len(fleet._leaving), len(shared.roster), len(shared.dropped)]
        for line in fleet.lines:
            of_coins, market, wanted = line._coins, line._market, line._subscriptions
            parts += [len(of_coins.by_rank), len(of_coins.watch.ears), len(of_coins._refused), len(of_coins._suspended)]
            parts += [len(market._from_of), len(market._book_ms), len(exchange.granted[line])]
            parts += [len(each) for each in (wanted._asked, wanted._by_echo, wanted._by_coin, wanted._queue)]
            parts.append(len(wanted._unanswered))
        return parts

    before, told = held(), len(exchange.events)
    for number in range(200):
        name = f"NEW{number}"
        exchange.say(fleet.add([name], exchange.now_ns))
        exchange.hear(name)
        exchange.say(fleet.remove([name], exchange.now_ns))
        for _second in range(2):
            exchange.now_ns += S
    assert held() == before
    down = [event for event in exchange.events[told:] if isinstance(event, (StreamDown, CoinsUnheard, StreamFrozen))]
    assert not down
