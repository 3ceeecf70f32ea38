"""The faults of one exchange at work: its rules, how often each has hit, and when their time comes and goes.

Owns the counting and the clockwork of rules, in exchange time. What a fault does is its own affair, and carrying out
what concerns connections is the doors'. While `idle` is true no rule stands, and nobody needs to ask.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tidegate.localnet.faults.acts import Act, Bias
from tidegate.localnet.faults.asked import Asked
from tidegate.localnet.faults.course import Course
from tidegate.localnet.faults.fault import Place
from tidegate.localnet.faults.frames import Sent
from tidegate.localnet.faults.lines import Line, Opening, Rejection
from tidegate.localnet.faults.rules import BadRule, Match, Rule
from tidegate.localnet.faults.wire import Tamper, Tampered, Way
from tidegate.localnet.kernel.venue import Venue

if TYPE_CHECKING:
    from tidegate.localnet.exchange import Exchange

SPENT_KEPT = 1_000
NEVER_MS = 1 << 62
MILLISECONDS = 1_000


@dataclass
class Standing:
    """A rule that stands. `seen` counts what matched, `hits` what it was done to."""

    number: int
    rule: Rule
    effect: Any
    from_ms: int
    until_ms: int
    seen: int = 0
    hits: int = 0
    done: int = 0  # how often an act has been carried out
    due_ms: int | None = None  # when an act is next carried out

    def is_due(self, now_ms: int) -> bool:
        """Whether its time has come and its hits are not used up."""
        return self.from_ms <= now_ms < self.until_ms and not self.is_spent

    @property
    def is_spent(self) -> bool:
        """Whether it has done all it was asked for."""
        return self.rule.times is not None and self.hits >= self.rule.times

    def hit(self) -> bool:
        """Count one more that matched; True when it is this one's turn."""
        self.seen += 1
        late = self.seen - self.rule.after
        if late < 1 or (late - 1) % self.rule.every:
            return False
        self.hits += 1
        return True

    def page(self) -> dict[str, Any]:
        """How it stands, for the page."""
        match = {key: value for key, value in vars(self.rule.match).items() if value}
        return {
            "id": self.number,
            "do": self.rule.do,
            "match": match,
            "times": self.rule.times,
            "after": self.rule.after,
            "seen": self.seen,
            "hits": self.hits,
        }


class Faults:
    """Rules and their effects on one exchange. `lines` are the open connections that the door has told of."""

    def __init__(self, exchange: "Exchange") -> None:
        self.idle = True
        self.lines: set[Line] = set()
        self._exchange = exchange
        self._venue: Venue = exchange.perform(lambda venue: venue)
        self._standing: list[Standing] = []
        self._spent: list[Standing] = []
        self._made = 0

    @property
    def coins(self) -> frozenset[str]:
        """The coins that rules may name."""
        return frozenset(self._venue.books)

    # Rules

    def add(self, rule: Rule) -> int:
        """Let a rule stand from now on; returns its number. What happens at once has happened on return.

        Raises BadRule for a coin that is not listed here.
        """
        if not {"", *self.coins} >= {rule.match.coin, rule.args.get("coin", "")}:
            raise BadRule([f"{rule.do}: a coin that does not exist here; names are as in meta and spotMeta"])
        self._made += 1
        now_ms = self._exchange.now_ms
        from_ms = now_ms + int(rule.at_s * MILLISECONDS)
        until_ms = NEVER_MS if rule.for_s is None else from_ms + int(rule.for_s * MILLISECONDS)
        standing = Standing(self._made, rule, rule.fault.make(rule.args), from_ms, until_ms)
        if _by_the_clock(rule):
            standing.due_ms = from_ms
        self._standing.append(standing)
        self.idle = False
        self.step()
        return standing.number

    def remove(self, number: int | None = None) -> int:
        """Take back one rule, or all of them; returns how many stood."""
        found = [each for each in self._standing if number in (None, each.number)]
        for each in found:
            self._end(each)
        return len(found)

    def pages(self) -> list[dict[str, Any]]:
        """Rules that stand and rules that are spent, in the order in which they were made."""
        rows = [each.page() | {"standing": False} for each in self._spent]
        rows += [each.page() | {"standing": True} for each in self._standing]
        return sorted(rows, key=lambda row: int(row["id"]))

    # What the doors ask

    def asked(self, door: str, body: Any, *, is_action: bool) -> Asked:
        """A request as rules see it."""
        return Asked(door, is_action, body, self._venue)

    def course(self, asked: Asked) -> Course | None:
        """The course of a request: that of the first rule whose turn it is."""
        for standing in self._due(Place.REQUEST):
            if _is_about(standing.rule.match, asked):
                course: Course | None = standing.effect(asked)
                if course is not None and standing.hit():
                    self._end_if_spent(standing)
                    return course
        return None

    def answered(self, asked: Asked) -> None:
        """A request was answered: acts and connections that waited for it have their turn."""
        for standing in self._due(Place.ACT, Place.LINE):
            if _names_requests(standing.rule.match) and _is_about(standing.rule.match, asked) and standing.hit():
                if standing.rule.fault.place is Place.LINE:
                    self._to_lines(standing)
                else:
                    self._start(standing)
                self._end_if_spent(standing)

    def turn(self, raw: bytes, users: frozenset[str], line: Line) -> list[bytes]:
        """The frames that are sent in place of one; none when the connection's end took its place."""
        frames = [raw]
        for standing in self._due(Place.FRAME, Place.LINE):
            if standing.rule.fault.place is Place.LINE and not _names_frames(standing.rule.match):
                continue
            changed: list[bytes] = []
            for each in frames:
                sent = Sent(each, users)
                meant = _is_sent(standing.rule.match, sent) and not standing.is_spent
                if not meant or not standing.hit():
                    changed.append(each)
                elif standing.rule.fault.place is Place.LINE:
                    standing.effect(line)
                else:
                    changed += standing.effect(sent)
            frames = changed
            self._end_if_spent(standing)
        return frames

    def opening(self) -> Opening | None:
        """How the next handshake ends, None as usual."""
        for standing in self._due(Place.HANDSHAKE):
            if standing.hit():
                self._end_if_spent(standing)
                opening: Opening = standing.effect
                return opening
        return None

    def rejection(self, subscription: dict[str, Any]) -> Rejection | None:
        """What becomes of a subscribe, None as usual."""
        for standing in self._due(Place.MESSAGE):
            if _is_subscription(standing.rule.match, subscription) and standing.hit():
                self._end_if_spent(standing)
                rejection: Rejection = standing.effect
                return rejection
        return None

    def tampered(self, chunk: bytes, door: str, way: Way) -> Tampered:
        """What the proxy passes on instead of a chunk."""
        for standing in self._due(Place.WIRE):
            tamper: Tamper = standing.effect
            if standing.rule.match.door in ("", door) and tamper.way is way and standing.hit():
                self._end_if_spent(standing)
                return tamper.do(chunk)
        return Tampered((chunk,))

    def refuses_call(self) -> bool:
        """Whether the proxy refuses the connection that comes in."""
        for standing in self._due(Place.CALL):
            if standing.hit():
                self._end_if_spent(standing)
                return True
        return False

    # The clockwork

    def next_ms(self) -> int | None:
        """When a rule's time comes or ends next; None without one."""
        return min(
            (
                at_ms
                for each in self._standing
                for at_ms in (each.due_ms, each.until_ms)
                if at_ms not in (None, NEVER_MS)
            ),
            default=None,
        )

    def step(self) -> None:
        """Do what is due by exchange time."""
        now_ms = self._exchange.now_ms
        for standing in tuple(self._standing):
            if standing.until_ms <= now_ms:
                self._end(standing)
            elif standing.due_ms is not None and standing.due_ms <= now_ms:
                if standing.rule.fault.place is Place.LINE:
                    self._to_lines(standing)
                    self._end(standing)
                else:
                    self._go_on(standing)

    def biases(self) -> Iterator[Bias]:
        """What stands against the house at the moment."""
        for standing in self._due(Place.MARKET):
            bias: Bias = standing.effect
            yield bias

    def _due(self, *places: Place) -> list[Standing]:
        now_ms = self._exchange.now_ms
        return [each for each in self._standing if each.rule.fault.place in places and each.is_due(now_ms)]

    def _start(self, standing: Standing) -> None:
        standing.done = 0
        self._go_on(standing)

    def _go_on(self, standing: Standing) -> None:
        """Carry out one step of an act; the last one ends a rule that runs by the clock."""
        act: Act = standing.effect
        act.do(self._exchange)
        standing.done += 1
        if standing.done < act.repeats:
            standing.due_ms = self._exchange.now_ms + act.every_ms
            return
        standing.due_ms = None
        if _by_the_clock(standing.rule):
            standing.seen, standing.hits = 1, 1
            if standing.until_ms == NEVER_MS:
                self._end(standing, undo=False)

    def _to_lines(self, standing: Standing) -> None:
        standing.seen += 1
        standing.hits += 1
        for line in tuple(self.lines):
            standing.effect(line)

    def _end_if_spent(self, standing: Standing) -> None:
        if standing.is_spent and standing.due_ms is None and standing.rule.fault.place is not Place.MARKET:
            self._end(standing)

    def _end(self, standing: Standing, *, undo: bool = True) -> None:
        if standing not in self._standing:
            return
        self._standing.remove(standing)
        self._spent = [*self._spent, standing][-SPENT_KEPT:]
        self.idle = not self._standing
        effect = standing.effect
        if undo and isinstance(effect, Act) and effect.undo is not None:
            effect.undo(self._exchange)


def _by_the_clock(rule: Rule) -> bool:
    """Acts and faults of all connections happen at a moment, unless they wait for a request or a frame."""
    if rule.fault.place is Place.LINE:
        return not _names_frames(rule.match) and not _names_requests(rule.match)
    return rule.fault.place is Place.ACT and not _names_requests(rule.match)


def _names_requests(match: Match) -> bool:
    return bool(match.request or match.action or match.door)


def _names_frames(match: Match) -> bool:
    return bool(match.channel or ((match.coin or match.user) and not _names_requests(match)))


def _is_about(match: Match, asked: Asked) -> bool:
    if match.channel or match.door not in ("", asked.door):
        return False
    if match.request and (asked.is_action or match.request != asked.type):
        return False
    if match.action and not (asked.is_action and match.action in (asked.type, "*")):
        return False
    if match.coin and match.coin not in asked.coins:
        return False
    return not match.user or match.user == asked.user


def _is_sent(match: Match, sent: Sent) -> bool:
    if _names_requests(match) or (match.channel and match.channel != sent.channel):
        return False
    if match.coin and match.coin not in sent.coins:
        return False
    return not match.user or match.user in sent.about


def _is_subscription(match: Match, subscription: dict[str, Any]) -> bool:
    user = str(subscription.get("user", "")).lower()
    asked = (subscription.get("type"), subscription.get("coin"), user)
    return all(
        wanted in ("", found) for wanted, found in zip((match.channel, match.coin, match.user), asked, strict=True)
    )
