"""Which coin is streamed over which socket, within the exchange's limits. Sans-I/O.

Owns the sockets' protocols and the coins' places. The first socket carries the account, the orders and the coins with
a position; a coin stays where it is unless it gets a position or falls silent there, so that nobody else has a gap.

Source: Hyperliquid docs, "Rate limits": 10 connections and 1 000 subscriptions an address.
"""

from collections.abc import Iterable

from tidegate.hyperliquid.protocol import StreamProtocol
from tidegate.hyperliquid.sharding import rooms
from tidegate.hyperliquid.subscriptions import Subscription
from tidegate.hyperliquid.watch import MOVE_STEP

LINES_MAX = 8
"""Sockets at most; the exchange allows ten, and another program may live on the same address."""
LINE_SUBSCRIPTIONS = 200
"""A socket with so many is full, as long as there may be another one."""

ALL_PRICES = Subscription("allMids")
"""One subscription that brings the mid prices of every coin, every five seconds."""

Frames = dict[StreamProtocol, list[bytes]]


class Fleet:
    """The sockets of one stream; `home` is the first, with all coins that are wanted at the beginning.

    What has to be said to the exchange is returned by socket; a socket that is not open needs nothing: it asks for
    everything when it opens.
    """

    def __init__(
        self,
        home: StreamProtocol,
        *,
        lines_max: int = LINES_MAX,
        line_subscriptions: int = LINE_SUBSCRIPTIONS,
        room: int | None = None,
    ) -> None:
        self.home = home
        self.lines = [home]
        self._lines_max, self._line_subscriptions = lines_max, line_subscriptions
        self._room = home.room if room is None else room
        self._types = home.types_of_a_coin
        self._held: frozenset[str] = frozenset()
        self._leaving: dict[str, StreamProtocol] = {}
        self._ranked: dict[str, None] = dict.fromkeys([*home.coins, *home.shared.roster.by("limit")])
        self._hears_all = self._was_asked_for_all = False
        home.may_move_coins()
        self._spread(home.coins)
        self._choose({}, 0)

    @property
    def room_left(self) -> int:
        """Subscriptions that may still be added."""
        return self._room - sum(line.subscription_count for line in self.lines)

    def add(self, coins: Iterable[str], now_ns: int) -> Frames:
        """Stream these coins too, as far as there is room; the others are told as unheard."""
        out: Frames = {}
        for coin in coins:
            self._ranked.setdefault(coin, None)
            line = self._line_of(coin)
            if line is None:
                self._place(coin, now_ns, out)
            elif line.is_lean(coin) and self.room_left >= self._types:
                _say(out, line, line.add_coins([coin], now_ns))
        self._choose(out, now_ns)
        return out

    def remove(self, coins: Iterable[str], now_ns: int) -> Frames:
        """Stream these coins no more; those that had no room may move up."""
        out: Frames = {}
        for coin in coins:
            self._ranked.pop(coin, None)
            self._leaving.pop(coin, None)
            for line in self.lines:
                if line.has_coin(coin):
                    _say(out, line, line.remove_coins([coin], now_ns))
            self.home.shared.roster.forget(coin)
        self._fill_up(now_ns, out)
        self._choose(out, now_ns)
        return out

    def add_single(self, wanted: Subscription, now_ns: int) -> Frames:
        """Want one subscription more, on the socket where its coin is."""
        line = self._line_of(wanted.coin or "") or self.home
        if self.room_left < 1:
            return {}
        if wanted.coin is not None:
            self._ranked.setdefault(wanted.coin, None)
        if wanted == ALL_PRICES:
            self._hears_all = self._was_asked_for_all = True
        return {line: line.add([wanted], now_ns)}

    def hold(self, coins: Iterable[str], now_ns: int) -> Frames:
        """These coins have a position: everything of them, on the first socket, whatever others have to give up."""
        out: Frames = {}
        self._held = frozenset(coins) & self._ranked.keys()
        for each in self.lines:
            each.hold(self._held)
        for coin in self._held:
            line = self._line_of(coin)
            if line is self.home and not line.is_lean(coin):
                continue
            self._make_room(self._types, now_ns, out)
            self.home.shared.roster.unmute(coin, "limit")
            _say(out, self.home, self.home.add_coins([coin], now_ns))
            if line is not None and line is not self.home:
                self._leaving[coin] = line
        self._choose(out, now_ns)
        return out

    def move(self, coin: str, away_from: StreamProtocol, now_ns: int) -> Frames:
        """This coin stays silent here: try it on another socket."""
        out: Frames = {}
        others = [line for line in self.lines if line is not away_from]
        target = min(others, key=lambda line: line.subscription_count) if others else self._new_line()
        lean = away_from.is_lean(coin)
        _say(out, away_from, away_from.remove_coins([coin], now_ns))
        self.home.shared.roster.mute(coin, "silence", "it stays silent: another socket is tried")
        _say(out, target, target.add_coins([coin], now_ns, lean=lean, step=MOVE_STEP))
        return out

    def settle(self, now_ns: int) -> Frames:
        """What was moved and is granted in its new place leaves the old one."""
        out: Frames = {}
        for coin, old in tuple(self._leaving.items()):
            if self.home.has_heard(coin):
                del self._leaving[coin]
                _say(out, old, old.remove_coins([coin], now_ns))
        return out

    def _spread(self, coins: Iterable[str]) -> None:
        """At the beginning: what does not fit onto the first socket goes to others."""
        total = self.home.subscription_count
        share = max(self._line_subscriptions, -(-total // self._lines_max))
        kept = self.home.subscription_count - sum(self._size(coin) for coin in self.home.coins)
        line = self.home
        used = kept
        for coin in tuple(coins):
            size = self._size(coin)
            if used + size > share and len(self.lines) < self._lines_max:
                line, used = self._new_line(), 0
            used += size
            if line is not self.home:
                lean = self.home.is_lean(coin)
                self.home.remove_coins([coin])
                line.add_coins([coin], 0, lean=lean)
                self._mute_until_open(coin, line)

    def _size(self, coin: str) -> int:
        return 1 if self.home.is_lean(coin) else self._types

    def _place(self, coin: str, now_ns: int, out: Frames) -> None:
        room = self.room_left
        if room < 1:
            self.home.shared.roster.mute(coin, "limit", f"the exchange allows {self._room} subscriptions")
            return
        self.home.shared.roster.unmute(coin, "limit")
        lean = room < self._types
        line = self._roomy(1 if lean else self._types)
        if not line.is_up:
            self._mute_until_open(coin, line)
        _say(out, line, line.add_coins([coin], now_ns, lean=lean))

    def _roomy(self, size: int) -> StreamProtocol:
        for line in self.lines:
            if line.subscription_count + size <= self._line_subscriptions:
                return line
        if len(self.lines) < self._lines_max:
            return self._new_line()
        return min(self.lines, key=lambda line: line.subscription_count)

    def _new_line(self) -> StreamProtocol:
        if len(self.lines) >= self._lines_max:
            return min(self.lines, key=lambda line: line.subscription_count)
        line = self.home.sibling(len(self.lines))
        self.lines.append(line)
        line.may_move_coins()
        return line

    def _mute_until_open(self, coin: str, line: StreamProtocol) -> None:
        if line is not self.home:
            self.home.shared.roster.mute(coin, f"line {line.line}", "their socket is being opened")

    def _line_of(self, coin: str) -> StreamProtocol | None:
        return next((line for line in self.lines if line.has_coin(coin)), None)

    def _make_room(self, room: int, now_ns: int, out: Frames) -> None:
        """Those of the lowest rank without a position give up all but their prints, then these too."""
        by_rank = [coin for coin in reversed(self._ranked) if coin not in self._held]
        for lean in (False, True):
            for coin in by_rank:
                if self.room_left >= room:
                    return
                line = self._line_of(coin)
                if line is None or line.is_lean(coin) is not lean:
                    continue
                if lean:
                    _say(out, line, line.remove_coins([coin], now_ns))
                    self.home.shared.roster.mute(coin, "limit", "coins with a position need the room")
                else:
                    _say(out, line, line.make_lean(coin, now_ns))

    def _choose(self, out: Frames, now_ns: int) -> None:
        """Several coins without room are heard by the stream of all prices, in one's place. A single one is left to
        REST: that place would cost another coin its prints."""
        left_out = self.home.shared.roster.by("limit")
        if len(left_out) > 1 and not self._hears_all:
            self._make_room(1, now_ns, out)
            if self.room_left:
                self._hears_all = True
                _say(out, self.home, self.home.add([ALL_PRICES], now_ns))
                self._fill_up(now_ns, out)
                left_out = self.home.shared.roster.by("limit")
        if len(left_out) <= 1 and self._hears_all and not self._was_asked_for_all:
            self._hears_all = False
            _say(out, self.home, self.home.remove([ALL_PRICES], now_ns))
            self._fill_up(now_ns, out)

    def _fill_up(self, now_ns: int, out: Frames) -> None:
        """Room has come free: first for coins that have none, then for all of those with prints only."""
        left_out = [coin for coin in self._ranked if self._line_of(coin) is None]
        for coin in left_out[: max(0, self.room_left)]:
            self.home.shared.roster.unmute(coin, "limit")
            line = self._roomy(1)
            self._mute_until_open(coin, line)
            _say(out, line, line.add_coins([coin], now_ns, lean=True))
        lean = [coin for coin in self._ranked if (at := self._line_of(coin)) and at.is_lean(coin)]
        whole, _, _ = rooms(lean, len(lean) + max(0, self.room_left), self._types)
        for coin in whole:
            place = self._line_of(coin)
            if place is not None:
                _say(out, place, place.add_coins([coin], now_ns))


def _say(out: Frames, line: StreamProtocol, frames: list[bytes]) -> None:
    if frames:
        out.setdefault(line, []).extend(frames)
