"""Coins come and go while the bot runs: what an operator adds or removes, and what is left of a coin that was removed.

A coin that comes has its streams, candles, leverage and levels of memory from the first moment, and no entries until a
look at the account has had time to come. One that goes while a position or an order of the bot is open stays without
new entries: its stop, its exits and its streams stay too, until it is flat. The others notice nothing of either.
"""

from difflib import get_close_matches

from tidegate.core import entries, leverages, upkeep
from tidegate.core.candles import CandleCache
from tidegate.core.state import EXPIRES_AFTER_MS, CoinState, Phase, State
from tidegate.model.events import CoinFound, CoinNotFound, Command
from tidegate.model.instruments import Instrument
from tidegate.model.intents import (
    NOTHING,
    Answer,
    Choose,
    Decision,
    FetchPositions,
    FindCoin,
    Intent,
    Level,
    Note,
    Remember,
    Subscribe,
    Unsubscribe,
)
from tidegate.model.positions import Position
from tidegate.model.watchlist import Choice, Origin

COMMANDS = ("add", "remove")
COINS_MAX = 1_500
"""As many as COINS may have."""
BUSY = (Phase.ENTERING, Phase.IN_DOUBT, Phase.EXITING)


def on_command(state: State, event: Command) -> Decision:
    """`add` or `remove`, of a coin as its operator calls it."""
    if not event.coin:
        return _refused(event.id, f"{event.name}: no coin was named")
    if state.stopping:
        return _refused(event.id, f"{event.coin}: the bot is stopping")
    coin = _called(state, event.coin)
    if event.name == "remove":
        return _remove(state, coin, event)
    if coin is not None:
        return _keep(state, coin, event.who, event.reason, event.id)
    if len(state.coins) >= COINS_MAX:
        return _refused(event.id, f"{event.coin} is not added: the bot has {COINS_MAX} coins, more it cannot have")
    wish = FindCoin(name=event.coin, coins=tuple(state.coins), who=event.who, why=event.reason, id=event.id)
    return Decision(intents=(wish,))


def on_not_found(_state: State, event: CoinNotFound) -> Decision:
    """What was wanted cannot be had."""
    return _refused(event.id, f"{event.name} is not added: {event.reason}")


def on_found(state: State, event: CoinFound) -> Decision:
    """What was wanted is listed: take it up."""
    name = event.instrument.coin
    if state.stopping:
        return _refused(event.id, f"{name} is not added: the bot is stopping")
    if name in state.coins:
        return _keep(state, state.coins[name], event.who, event.why, event.id)
    _begin(state, event.instrument)
    if event.leverage is not None and event.cross is not None:
        leverages.shown_by_exchange(state, state.coins[name], event.leverage, cross=event.cross)
    intents: list[Intent] = []
    if state.settings.streams_prices:
        intents.append(Subscribe(coins=(name,), more=True))
    else:
        state.next_prices_ms = state.now_ms
    intents += [upkeep.fetch(state, state.coins[name]), FetchPositions()]
    budget = f"; {event.budget}" if event.budget else ""
    text = f"{name} is added{_by(event.who, event.why)}: {len(state.coins)} coins now{budget}"
    decision = _chosen(state, name, wanted=True, who=event.who, why=event.why) + _said(event.id, text)
    return decision + Decision(intents=tuple(intents)) + leverages.isolated_ones(state, (name,))


def leave(state: State) -> Decision:
    """Coins that were here for their position alone, and are flat now, go."""
    decision = NOTHING
    for name, coin in tuple(state.coins.items()):
        if coin.origin is Origin.POSITION and not is_busy(coin):
            decision += _drop(state, name)
            note = Note(topic="bot", text=f"{name} is flat and no coin of this bot any more: it leaves")
            decision += Decision(notes=(note,))
    return decision


def is_busy(coin: CoinState) -> bool:
    """Whether there is a position of the bot in it, or an order of the bot that may still become or close one."""
    if coin.left_alone:
        return False
    return bool(coin.position.size or coin.orders or coin.grows) or coin.phase in BUSY


def _begin(state: State, instrument: Instrument) -> None:
    """A new coin, with what is remembered of it: no order's name is ever used twice."""
    name = instrument.coin
    record = state.memory.pop(name, None)
    cache = CandleCache.new(state.settings, state.now_ms)
    state.coins[name] = CoinState(
        instrument=instrument,
        candles=cache,
        position=Position(coin=name),
        origin=_origin(state, name),
        barred_until_ms=state.now_ms + state.wait_ms(EXPIRES_AFTER_MS),
    )
    if record is not None:
        state.recall(name, record)


def _keep(state: State, coin: CoinState, who: str, why: str, id_: str) -> Decision:
    """Wanted, and there already; one that was about to leave stays."""
    if coin.origin is not Origin.POSITION:
        return _said(id_, f"{coin.coin} is traded already ({coin.origin.value})")
    state.change(coin.coin, origin=_origin(state, coin.coin))
    text = f"{coin.coin} stays{_by(who, why)}: entries are made again"
    return _chosen(state, coin.coin, wanted=True, who=who, why=why) + _said(id_, text)


def _remove(state: State, coin: CoinState | None, event: Command) -> Decision:
    if coin is None:
        near = get_close_matches(event.coin.upper(), {name.upper(): name for name in state.coins}, n=1, cutoff=0.5)
        guess = f", did you mean {next(name for name in state.coins if name.upper() == near[0])}?" if near else ""
        return _refused(event.id, f"{event.coin} is none of the bot's coins{guess}")
    name = coin.coin
    others = [each for each in state.coins.values() if each.origin is not Origin.POSITION and each.coin != name]
    if not others:
        return _refused(event.id, f"{name} is the only coin that is traded: add another one first, or pause the bot")
    chosen = _chosen(state, name, wanted=False, who=event.who, why=event.reason)
    by = _by(event.who, event.reason)
    if not is_busy(coin):
        return chosen + _drop(state, name) + _said(event.id, f"{name} is removed{by}: {len(state.coins)} coins now")
    entries.withdraw(state, coin, "its coin was removed")
    coin = state.change(name, origin=Origin.POSITION, wanted=None)
    what = f"its position of {coin.position.size}" if coin.position.size else "an order of it"
    text = f"{name} gets no more entries{by}; {what} is watched and closed as ever, and it leaves when it is flat"
    return chosen + _said(event.id, text)


def _drop(state: State, name: str) -> Decision:
    """Forget a coin, but for what must be remembered if it ever comes back."""
    record = state.coins.pop(name).remembered()
    state.memory[name] = record
    state.frozen -= {name}
    state.warm_coins -= {name}
    state.upkeep.diverged -= {name}
    state.upkeep.apart_told -= {name}
    state.upkeep.doubts.pop(name, None)
    state.said.pop(name, None)
    state.faults_told = {key: told_ms for key, told_ms in state.faults_told.items() if key[1] != name}
    return Decision(intents=(Unsubscribe(coins=(name,)), Remember(record=record)))


def _chosen(state: State, name: str, *, wanted: bool, who: str, why: str) -> Decision:
    choice = Choice(coin=name, wanted=wanted, chosen_ms=state.now_ms, who=who, why=why)
    return Decision(intents=(Choose(choice=choice),))


def _origin(state: State, name: str) -> Origin:
    return Origin.COINS if name in state.settings.coins else Origin.ADDED


def _called(state: State, name: str) -> CoinState | None:
    """The coin of ours that is called so, in capitals or not."""
    if name in state.coins:
        return state.coins[name]
    alike = [coin for coin in state.coins.values() if coin.coin.upper() == name.strip().upper()]
    return alike[0] if len(alike) == 1 else None


def _by(who: str, why: str) -> str:
    return f" by {who}{f' ({why})' if why else ''}" if who else ""


def _refused(id_: str, text: str) -> Decision:
    return _said(id_, text, "WARNING")


def _said(id_: str, text: str, level: Level = "INFO") -> Decision:
    answer: tuple[Intent, ...] = (Answer(id=id_, text=text),) if id_ else ()
    return Decision(intents=answer, notes=(Note(topic="bot", text=text, level=level),))
