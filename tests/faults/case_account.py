"""What happens to the account behind the bot's back, and what the exchange tells of it (59 to 70)."""

from tests.faults.cases import case
from tests.faults.scene import ACCOUNT, COIN, PLAY_MONEY_USD, Scene

ORDER = {"action": "order"}
RECOVERED = r"\[risk\] BTC: the exchange confirms a resting stop"


@case(
    59,
    "account state stale or empty",
    done="the account shows no position and no money for 50 s, without a fill",
    expected="not believed, no brake trips; position and stop are kept",
)
def empty_state(scene: Scene) -> None:
    scene.start_covered()
    scene.fault("state.empty", for_s=50, times=None, at_once=True)
    scene.hear(r"\[account\] BTC: the exchange shows no position but its resting stop.*not believed")
    scene.until(scene.is_calm, "the fault is over")
    assert scene.sees.is_covered(COIN)
    scene.recovered()
    scene.touch_the_stop()
    scene.flat()
    assert not scene.status()["brakes"]


@case(
    59,
    "account state stale or empty",
    done="REST tells the account as it was before the exit, for a while",
    expected="older than the fills: not believed; flat, nothing opened or closed again",
)
def stale_state(scene: Scene) -> None:
    scene.start_covered()
    number = scene.fault("state.stale", for_s=100, times=None)
    scene.until(lambda: scene.has_hit(number), "the account was read", patience_s=90)
    scene.touch_the_stop()
    scene.strike()
    scene.flat()
    scene.hear(r"\[exit\] BTC closed by stop_loss")
    scene.until(scene.is_calm, "the fault is over", patience_s=120)
    scene.until(lambda: not scene.status()["positions"], "flat by the bot's own word")
    scene.recovered()
    assert len(scene.sees.exits) == 1
    assert len(scene.sees.entries) == 1


@case(
    60,
    "unified account",
    done="the account keeps its money in the spot state from the start",
    expected="equity read there; a usual entry, covered",
)
def unified_account(scene: Scene) -> None:
    scene.net.call(lambda localnet: localnet.exchange.fund(ACCOUNT, PLAY_MONEY_USD))
    scene.fault("account.unified", at_once=True)
    scene.start()
    scene.hear(r"\[bot\] initialised: .* equity 10,000.00 USD")
    scene.hear(RECOVERED)
    scene.recovered()


@case(
    61,
    "metadata changed",
    done="the bot is told a finer lot than the exchange takes",
    expected="entry refused; alert, coin suspended, not repeated",
)
def another_lot(scene: Scene) -> None:
    scene.fault(f"meta.changed {COIN} sz_decimals=8", times=None)
    scene.start()
    scene.strike()
    scene.hear(r"\[order\] BTC entry .* rejected")
    scene.hear(r"BTC is suspended")
    scene.recovered()
    assert not scene.sees.sizes


@case(
    61, "metadata changed", done="a new coin is listed last while the bot runs", expected="nothing changes for the bot"
)
def new_coin(scene: Scene) -> None:
    scene.fault("meta.shift", times=None)
    scene.start_covered()
    scene.strike()
    scene.touch_the_stop()
    scene.flat()
    scene.recovered()


@case(
    62,
    "reads slow or refused",
    done="every read answered 429 for 12 s; the stop is touched meanwhile",
    expected="the exit needs no read: flat at once; fills by stream",
)
def reads_refused(scene: Scene) -> None:
    scene.start_covered()
    scene.fault("status 429", match={"request": "clearinghouseState"}, for_s=12)
    scene.fault("status 429", match={"request": "userFillsByTime"}, for_s=12, at_once=True)
    scene.touch_the_stop()
    scene.flat()
    scene.hear(r"\[exit\] BTC closed by stop_loss")
    scene.recovered()


@case(
    62,
    "reads slow or refused",
    done="the cover check is answered after 8 s",
    expected="covered by the entry's own stop",
)
def slow_reads(scene: Scene) -> None:
    scene.fault("info.slow 8", match={"request": "frontendOpenOrders"}, times=2, after=1)
    scene.start()
    scene.strike()
    scene.hear(RECOVERED)
    scene.recovered()
    assert len(scene.sees.stops) == 1


HAND = "the owner trades by hand"


@case(63, HAND, done="closes the position", expected="booked as closed elsewhere, orders swept, not opened again")
def closed_by_hand(scene: Scene) -> None:
    scene.start_covered()
    scene.fault("user.trade close", at_once=True)
    scene.hear(r"\[exit\] BTC closed by closed_elsewhere")
    scene.flat()
    scene.recovered()
    assert len(scene.sees.entries) == 1


@case(63, HAND, done="halves the position", expected="numbers taken over; covered")
def halved_by_hand(scene: Scene) -> None:
    scene.start_covered()
    scene.fault("user.trade halve", at_once=True)
    scene.hear(r"\[fill\] BTC sell .* now position")
    scene.covered()
    scene.recovered()


@case(63, HAND, done="doubles the position", expected="numbers taken over; the stop covers all of it")
def doubled_by_hand(scene: Scene) -> None:
    scene.start_covered()
    scene.fault("user.trade enlarge", at_once=True)
    scene.hear(r"\[fill\] BTC buy")
    scene.covered()
    scene.recovered()
    scene.hear(RECOVERED)


@case(63, HAND, done="turns the position round", expected="ours is booked as closed; theirs is left alone")
def flipped_by_hand(scene: Scene) -> None:
    scene.start_covered()
    scene.fault("user.trade flip", at_once=True)
    scene.hear(r"\[(fill|exit|account)\] BTC.*(left alone|closed by closed_elsewhere)")
    scene.hear(r"left alone")
    scene.recovered()
    assert scene.sees.sizes[COIN] < 0
    assert not scene.sees.exits


@case(64, "the owner cancels our stop", done="canceled by hand", expected="placed again")
def stop_canceled_by_hand(scene: Scene) -> None:
    scene.start_covered()
    scene.fault("user.cancel", at_once=True)
    scene.until(lambda: len(scene.sees.stops) > 1, "another stop")
    scene.covered()
    scene.recovered()


@case(64, "the owner adds orders", done="a far bid by hand while our position is closed", expected="never touched")
def foreign_order(scene: Scene) -> None:
    scene.start_covered()
    scene.fault(f"user.order {COIN} buy sz=0.001 away=0.2", at_once=True)
    scene.touch_the_stop()
    scene.hear(r"\[exit\] BTC closed by stop_loss")
    scene.until(lambda: len(scene.sees.resting) == 1, "only the owner's order rests")
    scene.recovered()
    assert scene.sees.resting[0]["cloid"] is None


@case(
    65,
    "leverage changed elsewhere",
    done="set to 50x, and money withdrawn until the liquidation price lies before the stop",
    expected="alert with both prices",
    STOP_LOSS_PCT="10",
    TAKE_PROFIT_PCT="20",
)
def leverage_changed(scene: Scene) -> None:
    scene.start_covered()
    scene.fault(f"user.leverage {COIN} 50")
    scene.fault("ledger -9890", at_once=True)
    scene.hear(r"lies beyond the liquidation price")
    scene.recovered()
    assert scene.sees.is_covered(COIN)


@case(
    66,
    "liquidation",
    done="money is taken: liquidated on the book",
    expected="booked as liquidation, orders swept; alert",
)
def liquidated(scene: Scene) -> None:
    scene.start_covered()
    scene.fault("liquidate 0.9", at_once=True)
    scene.hear(r"\[exit\] BTC closed by liquidation")
    scene.flat()
    scene.recovered()


@case(66, "liquidation", done="far below maintenance: backstop", expected="booked as liquidation; nothing opened again")
def backstopped(scene: Scene) -> None:
    scene.start_covered()
    scene.fault("liquidate 0.3", at_once=True)
    scene.hear(r"\[exit\] BTC closed by liquidation")
    scene.flat()
    scene.recovered()


@case(
    67, "delisting", done="the coin is delisted: orders canceled, position settled", expected="booked; no entries here"
)
def delisted(scene: Scene) -> None:
    scene.start_covered()
    scene.fault(f"delist {COIN}", at_once=True)
    scene.hear(r"\[exit\] BTC closed by delisted")
    scene.flat()
    scene.recovered()


@case(
    68,
    "funding at the cap",
    done="4 % paid at once",
    expected="told, and part of the day's loss: the brake is on, the stop stands",
    MAX_DAILY_LOSS_PCT="1",
)
def funding_at_the_cap(scene: Scene) -> None:
    scene.start_covered()
    scene.fault(f"funding {COIN} 0.04", at_once=True)
    scene.hear(r"\[account\] BTC funding paid")
    scene.hear(r"\[risk\] daily loss: ")
    scene.recovered()
    assert scene.sees.is_covered(COIN)


@case(
    69,
    "deposit and withdrawal",
    done="40 % of the money is withdrawn",
    expected="no loss: no brake, no exit",
)
def withdrawn(scene: Scene) -> None:
    scene.start_covered()
    scene.fault("ledger -4000", at_once=True)
    scene.until(lambda: float(scene.status()["equity"]) < 7_000, "the bot knows that the money is gone")
    scene.recovered()
    assert not scene.status()["brakes"]
    assert scene.sees.is_covered(COIN)


@case(
    70,
    "agent gone",
    done="exit refused: user or API wallet does not exist",
    expected="alert; no entries; tried with growing pauses; the resting stop stands",
)
def agent_gone(scene: Scene) -> None:
    scene.start_covered()
    number = scene.fault("auth_lost", match=ORDER, for_s=10)
    scene.touch_the_stop()
    scene.struck(number)
    scene.hear(r"no entries")
    assert scene.sees.is_covered(COIN)
    scene.flat()
    scene.recovered()
    assert len(scene.sees.exits) == 1
