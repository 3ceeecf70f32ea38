"""The coins of one socket: what is subscribed to for each, and what is done about one in trouble.

Owns wanting, mending and suspending, coin by coin, so that one coin's trouble never touches another's streams. Nothing
is sent from here: requests are queued in `subscriptions`.
"""

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from tidegate.hyperliquid.shared import Shared
from tidegate.hyperliquid.subscriptions import Subscription, Subscriptions
from tidegate.hyperliquid.suspects import Suspects
from tidegate.hyperliquid.watch import FROZEN_STEP, MOVE_STEP, MUTE_STEP, RETRY_AFTER_NS, CoinWatch, Ear, Repair
from tidegate.model.market import Timeframe

SECOND_NS = 1_000_000_000
# A connection lost so soon after coins were asked for may have been dropped because of one of them.
DROPPED_WITHIN_NS = 3 * SECOND_NS
SURVIVED_AFTER_NS = 3 * SECOND_NS // 2
GUILTY_RETRY_NS = 3_600 * SECOND_NS


class Coins:
    """What is wanted about coins on one socket, `by_rank` the most important first (True: only their prints)."""

    def __init__(self, subscriptions: Subscriptions, shared: Shared, line: int, kinds: Sequence[Subscription]) -> None:
        self.by_rank: dict[str, bool] = {}
        self.watch = CoinWatch({each.type for each in kinds})
        self.is_open = self.can_move = False
        self._subscriptions, self._roster, self._dropped = subscriptions, shared.roster, shared.dropped
        self._kinds, self._line = tuple(kinds), f"line {line}"
        self._suspects = Suspects()
        self._suspended: dict[str, int] = {}
        self._refused: dict[Subscription, int] = {}

    # what is wanted

    @property
    def types(self) -> int:
        """How many subscriptions a coin takes when nothing is left out."""
        return len(self._kinds)

    def add(self, coins: Iterable[str], now_ns: int, *, lean: bool, step: int) -> None:
        """Want these too; a lean one becomes a full one if asked for so."""
        for coin in coins:
            if coin not in self.by_rank or (self.by_rank[coin] and not lean):
                self.by_rank[coin] = lean
                self._start(coin, now_ns, step)

    def add_single(self, wanted: Iterable[Subscription], now_ns: int) -> None:
        """Want single subscriptions too."""
        new = self._subscriptions.add(wanted)
        for each in new:
            if each.coin is not None:
                self.by_rank.setdefault(each.coin, True)
                self.watch.listen(each.coin, now_ns, lean=True)
        if self.is_open:
            self._subscriptions.ask(new)

    def remove_single(self, unwanted: Iterable[Subscription]) -> None:
        """Want single subscriptions no more."""
        self._end(tuple(unwanted))

    def make_lean(self, coin: str, now_ns: int) -> None:
        """Want only the prints of a coin from now on."""
        if coin in self.by_rank:
            self.by_rank[coin] = True
            self._end([each for each in self._subscriptions.of_coin(coin) if each.type != "trades"])
            self.watch.forget(coin)
            self.watch.listen(coin, now_ns, lean=True)

    def hold(self, coins: Iterable[str]) -> None:
        """These have a position."""
        self.watch.held = frozenset(coins)

    def remove(self, coin: str) -> None:
        """Want nothing of it any more."""
        self._stop(coin)
        self.by_rank.pop(coin, None)
        self._suspects.forget(coin)
        self._suspended.pop(coin, None)
        for by in ("silence", "refused", "suspect", "bad", self._line):
            self._roster.unmute(coin, by)

    # the connection

    def opened(self, now_ns: int) -> None:
        """A new connection: what was refused on the last one may be granted on this one."""
        self.is_open = True
        self.watch.opened(now_ns)
        for each in tuple(self._refused):
            self._take_back(each)

    def lost(self, reason: str, quiet_ns: int, *, granted: bool) -> None:
        """The connection is gone, `quiet_ns` after the last request; `granted` if the exchange granted any on it."""
        self.is_open = False
        if granted and quiet_ns <= DROPPED_WITHIN_NS:
            self._look_for_the_guilty()
        if self._line != "line 0":
            for coin in self.by_rank:
                self._roster.mute(coin, self._line, reason)

    def up(self) -> None:
        """Everything was granted or given up."""
        for coin in self.by_rank:
            self._roster.unmute(coin, self._line)

    def granted(self, subscription: Subscription) -> None:
        """The exchange knows this coin."""
        self._take_back(subscription)
        if subscription.coin is not None:
            self._suspects.prove(subscription.coin)

    def refused(self, subscriptions: Iterable[Subscription], now_ns: int) -> None:
        """These were asked for in vain, often enough."""
        for each in subscriptions:
            if each.coin is not None:
                self._refused[each] = now_ns + RETRY_AFTER_NS
                self._roster.mute(each.coin, "refused", f"{each.type} was not acknowledged", final=True)

    # trouble

    def recovered(self, coin: str, ear: Ear) -> None:
        """It is heard again."""
        self.watch.recovered(ear)
        self._roster.unmute(coin, "silence")

    def unreadable(self, coin: str | None, now_ns: int) -> bool:
        """A frame could not be read; whether that is some coin's own trouble. Too many suspend it for a while."""
        if coin in self._suspended:
            return True
        if coin is None or coin not in self.watch.ears:
            return False
        if self.watch.bad_frame(coin, now_ns):
            self._roster.mute(coin, "bad", "its frames cannot be read", final=True)
            self._stop(coin)
            self._suspended[coin] = now_ns + RETRY_AFTER_NS
        return True

    def mend(self, now_ns: int) -> list[str]:
        """Do something about coins and streams that are silent; returns the coins for another socket to try."""
        repairs = self.watch.silent(now_ns) + self.watch.indebted(now_ns)
        return [each.coin for each in repairs if self._mend(each)]

    def go_on_asking(self, now_ns: int) -> None:
        """Ask for what was held back, once what was asked for has survived or its time has come."""
        for coin, until_ns in tuple(self._suspended.items()):
            if until_ns <= now_ns:
                del self._suspended[coin]
                for by in ("bad", "suspect"):
                    self._roster.unmute(coin, by)
                self._start(coin, now_ns)
        retried = [each for each, until_ns in self._refused.items() if until_ns <= now_ns]
        self._subscriptions.ask(retried)
        self._refused.update(dict.fromkeys(retried, now_ns + RETRY_AFTER_NS))
        survived = self._subscriptions.complete and now_ns - self._subscriptions.asked_ns >= SURVIVED_AFTER_NS
        if self._suspects.is_waiting and survived:
            for coin in self._suspects.next_group():
                self._roster.unmute(coin, "suspect")
                self._start(coin, now_ns)

    def _mend(self, repair: Repair) -> bool:
        """Subscribe again, or leave the coin to another socket (True); what stays silent is frozen."""
        coin, step = repair.coin, repair.step
        if repair.types is None and step >= MUTE_STEP:
            self.watch.ears[coin].is_muted = True
            self._roster.mute(coin, "silence", repair.why, final=step >= FROZEN_STEP)
            if step == MUTE_STEP:
                return False
        self._dropped[f"silence: {', '.join(repair.types) if repair.types else 'all of a coin'}"] += 1
        if step == MOVE_STEP and self.can_move:
            return True
        again = [each for each in self._subscriptions.of_coin(coin) if not repair.types or each.type in repair.types]
        self._subscriptions.end(again)
        self._subscriptions.ask(again)
        return False

    def _take_back(self, refused: Subscription) -> None:
        """What was refused is granted now, or may be asked for anew."""
        if self._refused.pop(refused, None) and not any(each.coin == refused.coin for each in self._refused):
            self._roster.unmute(refused.coin or "", "refused")

    def _look_for_the_guilty(self) -> None:
        """The connection was dropped right after coins were asked for: was it because of one of them?"""
        asked = self._subscriptions.unanswered_coins()
        doubtful = self._suspects.doubtful([coin for coin in self.by_rank if coin in asked])
        later, guilty = self._suspects.dropped(doubtful)
        for coin in later:
            self._stop(coin)
            self._roster.mute(coin, "suspect", "the exchange dropped the connection when it was asked for")
        if guilty is not None:
            self._stop(guilty)
            self._suspended[guilty] = self._subscriptions.asked_ns + GUILTY_RETRY_NS
            why = "the exchange drops the connection whenever it is asked for: is it listed?"
            self._roster.mute(guilty, "suspect", why, final=True)

    def _start(self, coin: str, now_ns: int, step: int = 0) -> None:
        lean = self.by_rank[coin]
        new = self._subscriptions.add(self._of_coin(coin, lean=lean))
        self.watch.listen(coin, now_ns, lean=lean, step=step).lean = lean
        if self.is_open:
            self._subscriptions.ask(new)

    def _stop(self, coin: str) -> None:
        self._end(self._subscriptions.of_coin(coin))
        self.watch.forget(coin)

    def _end(self, subscriptions: Sequence[Subscription]) -> None:
        for each in subscriptions:
            self._take_back(each)
        told = self._subscriptions.remove(subscriptions)
        if self.is_open:
            self._subscriptions.end(told)

    def _of_coin(self, coin: str, *, lean: bool) -> list[Subscription]:
        return [replace(each, target=coin) for each in (self._kinds[:1] if lean else self._kinds)]


def types_of(timeframe: Timeframe, order_books: bool, candles: bool) -> list[Subscription]:
    """What is streamed of a coin, prints first: they are what is left when there is no room for all."""
    kinds = [Subscription(kind) for kind in ("trades", "bbo", "activeAssetCtx")]
    if candles:
        kinds.append(Subscription("candle", interval=timeframe.value))
    if order_books:
        kinds.append(Subscription("l2Book", fast=True))
    return kinds
