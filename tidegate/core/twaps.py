"""The life of an entry that the exchange trades in slices (TWAP): from sent to running to over, and what goes wrong.

It has no client order id on the exchange. When the answer is lost the same bytes are sent again, which can begin it
at most once, and the exchange's history tells whether it began. It is over only when the exchange says so and every
slice of it has been heard of: until then the coin takes no other entry, and what comes of it after its position was
closed is closed too. The position that grows with it is covered like any other (`protection`).
"""

from decimal import Decimal

from msgspec.structs import replace

from tidegate.core import credentials, doubt, entering, entries, refusals, schedule
from tidegate.core.state import ANSWER_PATIENCE_MS, CoinState, OrderState, Phase, State, Working
from tidegate.core.twap_orders import CANCEL_AGAIN_MS, LOOK_EVERY_MS, cancel, learned, take_back
from tidegate.model.events import Account, OrderInDoubt, OrderRejected, TwapsSeen, TwapStarted, TwapStopped
from tidegate.model.intents import NOTHING, Alert, Decision, Intent, Level, Note, Remember, ResendOrders, SpendNonce
from tidegate.model.orders import DRY_RUN, Role, Twap
from tidegate.model.twaps import Twapping, TwapRecord, TwapState

BEGAN_BEFORE_MS = 10_000
"""A TWAP that began so much before ours was sent is somebody else's."""
ASK_AFTER_MS = (1_000, 3_000, 6_000, 10_000, 15_000, 30_000)
"""The pauses before each look at the history: it is read with the account, and that weighs."""
ALERT_AFTER_MS = 30_000
OVERDUE_MS = 60_000
SETTLE_AGAIN_MS = 5_000
FILLS_PATIENCE_MS = 15_000
"""How long the last slices of a TWAP that is over may take to be told; then the position counts as it is shown."""
UNENDED_ALERT_MS = 30_000
STREAM_PATIENCE_MS = 5_000
"""A reconnection takes no TWAP back; a stream that stays away does, since its slices could not be covered in time."""
MINUTE_MS = 60_000


def of(state: State, cloid: str) -> CoinState | None:
    """The coin whose TWAP bears this name, if it is under way."""
    coin = state.coins.get(state.coin_of.get(cloid, ""))
    return coin if coin is not None and coin.twap is not None and coin.twap.request.cloid == cloid else None


# while it is under way


def look(state: State, name: str) -> Decision:
    """See to a TWAP: ask what became of it, end it, or leave it."""
    coin = state.coins[name]
    twap = coin.twap
    if twap is None or state.now_ms < twap.look_ms:
        return NOTHING
    if twap.state is TwapState.SENT:
        if state.now_ms < twap.sent_ms + state.wait_ms(ANSWER_PATIENCE_MS):
            return _later(state, coin, LOOK_EVERY_MS)
        return doubted(state, OrderInDoubt(at_ms=state.now_ms, cloid=twap.request.cloid, reason="no answer came"))
    if twap.state is TwapState.DOUBT:
        return _ask(state, coin, twap)
    if twap.state is TwapState.OVER:
        return _settle(state, coin, twap)
    why = twap.ending or _ends_it(state, coin, twap)
    if why and not twap.ending:
        return take_back(state, coin, why, closes=not coin.position.size)
    if why:
        _later(state, coin, CANCEL_AGAIN_MS)
        return cancel(state, coin, twap) + _long_unended(state, coin, twap)
    end_ms = twap.sent_ms + state.wait_ms(OVERDUE_MS) + minutes_of(twap) * MINUTE_MS
    _later(state, coin, LOOK_EVERY_MS if state.now_ms < end_ms else OVERDUE_MS)
    return NOTHING if state.now_ms < end_ms else _read(state, coin)


def minutes_of(twap: Twapping) -> int:
    """Over how many minutes it is traded."""
    assert isinstance(twap.request.kind, Twap)
    return twap.request.kind.minutes


def _later(state: State, coin: CoinState, ms: int) -> Decision:
    assert coin.twap is not None
    state.change(coin.coin, twap=replace(coin.twap, look_ms=state.now_ms + state.wait_ms(ms)))
    return NOTHING


def _read(state: State, coin: CoinState) -> Decision:
    return Decision(intents=(schedule.fetch_account(state, f"the TWAP of {coin.coin}"),))


def _ends_it(state: State, coin: CoinState, twap: Twapping) -> str:
    """Why no further slice may come; empty while it may go on."""
    if state.stopping:
        return "the bot is stopping"
    for trip in state.brakes.trips:
        return f"{trip.brake.value}: {trip.reason}"
    down_ms = state.now_ms - max(state.stream_changed_ms, state.started_ms)
    if coin.coin in state.frozen or (not state.stream_up and down_ms >= state.wait_ms(STREAM_PATIENCE_MS)):
        return "prices do not come by stream"
    if coin.phase not in (Phase.ENTERING, Phase.IN_DOUBT, Phase.HOLDING):
        return "its position is closed" if coin.phase is Phase.READY else f"the coin is {coin.phase.value}"
    direction, price = twap.request.side.sign, coin.reference_price()
    if coin.position.direction == -direction:
        return "a position on the other side is open"
    if price is None:
        return ""
    if (price - twap.request.price) * direction > 0:
        return f"the price {price} has gone beyond {twap.request.price}, the worst that was to be paid"
    bracket = coin.bracket
    if bracket is not None and not coin.position.size and bracket.hit(price):
        return f"the price {price} has reached an exit before anything was bought or sold"
    return ""


def _long_unended(state: State, coin: CoinState, twap: Twapping) -> Decision:
    waited_ms = state.now_ms - twap.ending_ms
    if waited_ms < state.wait_ms(UNENDED_ALERT_MS) or not state.tells_again("twap", coin.coin):
        return NOTHING
    text = f"{coin.coin}: the exchange has not confirmed for {waited_ms / state.speed / 1000:.0f} s that the TWAP ended"
    return Decision(intents=(Alert(text=f"{text}; it is asked again, what it still trades is closed", coin=coin.coin),))


def _ask(state: State, coin: CoinState, twap: Twapping) -> Decision:
    """In doubt: the history is read, and while it can still be accepted the very bytes are sent again."""
    pause_ms = ASK_AFTER_MS[min(twap.asks + 1, len(ASK_AFTER_MS) - 1)]
    look_ms = state.now_ms + state.wait_ms(pause_ms)
    why = twap.ending or _ends_it(state, coin, twap)
    may_send = state.now_ms < twap.expires_ms and twap.asks > 0 and twap.resends < doubt.RESENDS_MAX
    name, cloid = coin.coin, twap.request.cloid
    intents: list[Intent] = []
    if may_send:
        give_up = SpendNonce(coin=name, cloid=cloid, cloids=(cloid,), expires_ms=twap.expires_ms, reason=why)
        intents.append(give_up if why else ResendOrders(cloid=cloid, cloids=(cloid,)))
    asked = replace(twap, asks=twap.asks + 1, look_ms=look_ms, resends=twap.resends + may_send)
    if why and not twap.ending:
        asked = replace(asked, ending=why, ending_ms=state.now_ms, closes=not coin.position.size)
    state.change(name, twap=asked)
    if state.now_ms >= twap.sent_ms + state.wait_ms(ALERT_AFTER_MS) and state.tells_again("doubt", cloid):
        intents.append(Alert(text=f"{name}: the outcome of an order (entry by TWAP) is still unknown", coin=name))
    return Decision(intents=tuple(intents)) + _read(state, coin)


# what the exchange says


def started(state: State, event: TwapStarted) -> Decision:
    """The answer: it runs, under this number."""
    coin = of(state, event.cloid)
    return NOTHING if coin is None else _runs(state, coin, event.twap_id)


def _runs(state: State, coin: CoinState, twap_id: int) -> Decision:
    twap = coin.twap
    assert twap is not None
    if twap.state not in (TwapState.SENT, TwapState.DOUBT):
        return NOTHING
    learned(state, twap_id)
    twap = replace(twap, state=TwapState.RUNNING, twap_id=twap_id, look_ms=state.now_ms + state.wait_ms(LOOK_EVERY_MS))
    phase = Phase.ENTERING if coin.phase is Phase.IN_DOUBT else coin.phase
    coin = state.change(coin.coin, twap=twap, phase=phase)
    request = twap.request
    text = (
        f"{coin.coin} entry: {request.side.value} {request.size} over {minutes_of(twap)} minutes runs on the exchange "
        f"as TWAP {twap_id}"
    )
    note = Note(topic="order", text=text)
    remember = Remember(record=coin.remembered())
    return Decision(intents=(remember,), notes=(note,)) + (cancel(state, coin, twap) if twap.ending else NOTHING)


def refused(state: State, event: OrderRejected) -> Decision:
    """The exchange (or a rule of ours) said no. To a repetition that says nothing of the first sending."""
    coin = of(state, event.cloid)
    if coin is None or coin.twap is None:
        return NOTHING
    twap = coin.twap
    if twap.state is TwapState.DOUBT and twap.resends:
        return NOTHING
    return credentials.refused(state, event.reason) + _never_began(state, coin, twap, event.reason)


def spent(state: State, cloid: str) -> Decision:
    """Its nonce was used up on an action that does nothing: it can never begin."""
    coin = of(state, cloid)
    if coin is None or coin.twap is None or coin.twap.state is not TwapState.DOUBT:
        return NOTHING
    return _never_began(state, coin, coin.twap, "its nonce was used up before it arrived, it can never begin")


def _never_began(state: State, coin: CoinState, twap: Twapping, reason: str) -> Decision:
    request, dry = twap.request, reason.startswith(DRY_RUN)
    what = f"{coin.coin} entry by TWAP, {request.side.value} {request.size} over {minutes_of(twap)} minutes"
    hint = "; set TWAP_MINUTES to what the exchange takes" if "duration" in reason.lower() else ""
    level: Level = "INFO" if dry else "WARNING"
    note = Note(topic="order", text=f"{what}{', ' if dry else ' refused: '}{reason}{hint}", level=level)
    _forget(state, coin, twap)
    gone = entering.ended(state, coin.coin, twap.signal_id, request.side.sign, Decimal(0))
    return Decision(notes=(note,)) + gone + refusals.heard(state, _as_order(twap), reason)


def doubted(state: State, event: OrderInDoubt) -> Decision:
    """Nobody knows whether it began: the history will tell."""
    coin = of(state, event.cloid)
    if coin is None or coin.twap is None or coin.twap.state is not TwapState.SENT:
        return NOTHING
    look_ms = state.now_ms + state.wait_ms(ASK_AFTER_MS[0])
    phase = Phase.IN_DOUBT if coin.phase is Phase.ENTERING else coin.phase
    state.change(coin.coin, twap=replace(coin.twap, state=TwapState.DOUBT, look_ms=look_ms), phase=phase)
    text = f"{coin.coin} entry by TWAP is in doubt: {event.reason}"
    return Decision(notes=(Note(topic="order", text=text, level="WARNING"),))


def stopped(state: State, event: TwapStopped) -> Decision:
    """The answer to our cancel: no slice can come any more. How much it traded is read next."""
    coin = of(state, event.cloid)
    if coin is None or coin.twap is None or coin.twap.twap_id != event.twap_id:
        return NOTHING
    if coin.twap.state is not TwapState.RUNNING:
        return NOTHING
    return _is_over(state, coin, coin.twap, event.words, None)


def seen(state: State, event: TwapsSeen) -> Decision:
    """The stream told of TWAPs."""
    return rows(state, event.twaps)


def rows(state: State, told: tuple[TwapRecord, ...] | None, read_ms: int | None = None) -> Decision:
    """Hold our TWAPs against the exchange's history; `read_ms`: it was read then, and nothing else was there."""
    if told is None:
        return NOTHING
    decision = NOTHING
    for coin in tuple(state.coins.values()):
        twap = coin.twap
        if twap is not None:
            decision += _row(state, coin, twap, told, read_ms)
    return decision


def _row(state: State, coin: CoinState, twap: Twapping, told: tuple[TwapRecord, ...], read_ms: int | None) -> Decision:
    decision, mine = NOTHING, [row for row in told if _is_it(state, twap, row)]
    if twap.twap_id is None and mine:
        decision = _runs(state, coin, mine[0].twap_id)
        coin = state.coins[coin.coin]
        twap = coin.twap or twap
    if twap.twap_id is None:
        final_ms = twap.expires_ms + state.wait_ms(doubt.FINAL_AFTER_MS)
        if twap.state is TwapState.DOUBT and read_ms is not None and min(read_ms, state.now_ms) > final_ms:
            return _never_began(state, coin, twap, "it never arrived (the exchange does not know it)")
        return decision
    ends = [row for row in mine if row.over and row.twap_id == twap.twap_id]
    if not ends:
        return decision
    end = max(ends, key=lambda row: row.executed)
    if twap.state is TwapState.OVER:
        known = replace(twap, executed=max(end.executed, twap.executed or Decimal(0)))
        return decision + _settle(state, state.change(coin.coin, twap=known), known)
    words = f"{end.status}{': ' if end.words else ''}{end.words}"
    return decision + _is_over(state, coin, twap, words, end.executed)


def _is_it(state: State, twap: Twapping, row: TwapRecord) -> bool:
    if twap.twap_id is not None:
        return row.twap_id == twap.twap_id
    request = twap.request
    alike = (row.coin, row.side, row.size, row.minutes, row.reduce_only) == (
        request.coin,
        request.side,
        request.size,
        minutes_of(twap),
        False,
    )
    return alike and row.started_ms >= twap.sent_ms - BEGAN_BEFORE_MS and row.twap_id not in state.twap_ids


# how it ends


def _is_over(state: State, coin: CoinState, twap: Twapping, words: str, executed: Decimal | None) -> Decision:
    over = replace(
        twap,
        state=TwapState.OVER,
        executed=executed,
        over_ms=state.now_ms,
        ending=twap.ending or ("" if words == "finished" else f"{words}, not by this bot"),
    )
    coin = state.change(coin.coin, twap=over)
    return _settle(state, coin, over)


def _settle(state: State, coin: CoinState, twap: Twapping) -> Decision:
    """It is over: once all that it traded has been heard of, the coin goes on without it."""
    late = state.now_ms >= twap.over_ms + state.wait_ms(FILLS_PATIENCE_MS)
    if twap.executed is not None and (twap.filled >= twap.executed or late):
        return _finish(state, coin, twap)
    _later(state, coin, SETTLE_AGAIN_MS)
    return _read(state, coin)


def _finish(state: State, coin: CoinState, twap: Twapping) -> Decision:
    request = twap.request
    text = f"{coin.coin} entry: {twap.filled} of {request.size} filled by TWAP {twap.twap_id}"
    if twap.ending:
        text += f"; no more of it: {twap.ending}"
    level: Level = "INFO"
    traded = max(twap.filled, twap.executed or Decimal(0))
    if twap.filled < traded:
        text += f"; {traded} is said to have traded, the account's view counts"
        level = "WARNING"
    _forget(state, coin, twap)
    after = entering.ended(state, coin.coin, twap.signal_id, request.side.sign, traded)
    coin = state.coins[coin.coin]
    note = Note(topic="order", text=text, level=level)
    decision = Decision(intents=(Remember(record=coin.remembered()),), notes=(note,))
    return decision + after + entries.consider(state, coin)


def _forget(state: State, coin: CoinState, twap: Twapping) -> None:
    state.coin_of.pop(twap.request.cloid, None)
    state.change(coin.coin, twap=None)


def _as_order(twap: Twapping) -> Working:
    """As refusals know an order."""
    return Working(
        request=twap.request,
        signal_id=twap.signal_id,
        state=OrderState.SENT,
        sent_ms=twap.sent_ms,
        expires_ms=twap.expires_ms,
    )


# after a restart


def take_over(state: State, twap: Twapping, account: Account) -> Decision:
    """A TWAP of an earlier session: found again by its number or by what it is like.

    It goes on where a position has come of it already; where nothing has, it is taken back (`_ends_it`).
    """
    request = twap.request
    state.coin_of[request.cloid], state.roles[request.cloid] = request.coin, Role.ENTRY
    found = [row.twap_id for row in account.twaps or () if _is_it(state, twap, row)]
    twap_id = found[0] if found else twap.twap_id
    filled = Decimal(0)
    if twap_id is not None:
        learned(state, twap_id)
        slices = (each for each in account.fills if each.twap_id == twap_id and each.time_ms <= account.time_ms)
        filled = sum((each.size for each in slices), Decimal(0))
    known = TwapState.DOUBT if twap_id is None else TwapState.RUNNING
    restored = replace(
        twap,
        state=known if twap.state is not TwapState.OVER else twap.state,
        twap_id=twap_id,
        filled=filled,
        look_ms=state.now_ms,
        over_ms=state.now_ms,
        asks=0,
        resends=doubt.RESENDS_MAX,
    )
    state.change(request.coin, twap=restored)
    what = f"TWAP {twap_id}, {filled} of {request.size} filled" if twap_id is not None else "not known to have begun"
    text = f"{request.coin}: an entry by TWAP of an earlier session is found again: {what}"
    return Decision(notes=(Note(topic="account", text=text),))
