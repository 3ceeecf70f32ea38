"""What the exchange refuses in its own words: limits, nonces, prices, margin, halts (28 to 34, 39 to 46, 54)."""

from decimal import Decimal

from tests.faults.cases import case
from tests.faults.scene import ACCOUNT, COIN, PLAY_MONEY_USD, Scene
from tidegate.localnet.exchange import Exchange
from tidegate.localnet.kernel import placing
from tidegate.localnet.kernel.checks import Wish
from tidegate.localnet.kernel.numbers import round_price
from tidegate.localnet.kernel.venue import Venue

ORDER = {"action": "order"}
ABANDONED = "entry abandoned, not repeated on the same signal; no position"
RETRIED = "refused, asked for the account, tried again with a new nonce until flat; one close"


def entry_refused(scene: Scene, do: str, words: str, **rule: object) -> None:
    """The entry is refused for good: it is abandoned, and not tried again on the same signal."""
    number = scene.fault(do, match=ORDER, **rule)
    scene.start()
    scene.struck(number)
    scene.hear(rf"\[order\] BTC entry .* rejected: .*{words}")
    scene.recovered()
    assert not scene.sees.entries
    assert not scene.sees.sizes
    assert sum("[decision] BTC long: always long; buy" in line for line in scene.bot.lines) == 1


def exit_refused(scene: Scene, do: str, **rule: object) -> None:
    """The first tries to get out are refused: the position is closed all the same, and once."""
    scene.start_covered()
    number = scene.fault(do, match=ORDER, **rule)
    scene.touch_the_stop()
    scene.struck(number)
    scene.flat()
    scene.hear(r"\[exit\] BTC closed by stop_loss")
    scene.recovered()
    closing = {fill["oid"] for fill in scene.sees.fills if "Close" in fill["dir"]}
    assert len(closing) == 1


@case(28, "address limit", done="entry refused: too many cumulative requests", expected="alert; no entries for a while")
def address_limit_on_entry(scene: Scene) -> None:
    entry_refused(scene, "addr_limit", "Too many cumulative requests")
    scene.hear(r"the exchange limits this address.*no entries")


@case(28, "address limit", done="three tries of an exit refused", expected="tried again with growing pauses until flat")
def address_limit_on_exit(scene: Scene) -> None:
    exit_refused(scene, "addr_limit", times=3)


@case(
    29,
    "422, the request cannot be read",
    done="entry answered 422, by REST",
    expected="a definite no and a mistake of ours: alert, coin suspended, no repetition",
    ORDER_TRANSPORT="rest",
)
def unprocessable(scene: Scene) -> None:
    entry_refused(scene, "status 422", "HTTP 422")
    scene.hear(r"BTC is suspended")


@case(29, "422, the request cannot be read", done="exit answered 422 once", expected=RETRIED, ORDER_TRANSPORT="rest")
def unprocessable_exit(scene: Scene) -> None:
    exit_refused(scene, "status 422")


@case(
    32, "duplicate nonce", done="exit refused as a duplicate that it is not", expected="asked for, repeated; one close"
)
def duplicate_nonce_on_exit(scene: Scene) -> None:
    exit_refused(scene, "nonce.dup")


@case(33, "nonce too low", done="exit refused: nonce too low", expected=RETRIED)
def nonce_too_low(scene: Scene) -> None:
    exit_refused(scene, "nonce.low")


@case(34, "action already expired", done="exit refused as expired, twice", expected=RETRIED)
def expired_exit(scene: Scene) -> None:
    exit_refused(scene, "expired", times=2)


@case(39, "minimum notional", done="entry refused: below $10", expected=ABANDONED)
def below_the_minimum(scene: Scene) -> None:
    entry_refused(scene, "refuse.min_value", "minimum value")


@case(40, "tick or size refused", done="entry refused: not on the tick", expected="alert; coin suspended, not repeated")
def off_the_tick(scene: Scene) -> None:
    entry_refused(scene, "refuse.tick", "tick size")
    scene.hear(r"BTC is suspended")


@case(40, "tick or size refused", done="exit refused once: not on the tick", expected=RETRIED)
def exit_off_the_tick(scene: Scene) -> None:
    exit_refused(scene, "refuse.tick")


@case(41, "insufficient margin", done="entry refused", expected=ABANDONED, short=True)
def insufficient_margin(scene: Scene) -> None:
    entry_refused(scene, "refuse.margin", "Insufficient margin")


@case(42, "reduce-only would increase", done="exit refused while the position stands", expected=RETRIED)
def reduce_only_refused(scene: Scene) -> None:
    exit_refused(scene, "refuse.reduce_only")


@case(
    42,
    "reduce-only would increase",
    done="owner closes by hand in the moment in which the stop is touched",
    expected="position gone, nothing opened by the late exit",
)
def closed_under_our_hand(scene: Scene) -> None:
    scene.start_covered()
    scene.fault("user.trade close", at_once=True)
    scene.touch_the_stop()
    scene.flat()
    scene.hear(r"\[exit\] BTC closed by")
    scene.recovered()


PRICE = "price too far, open interest capped"


@case(44, PRICE, done="entry refused: too far from the oracle", expected=ABANDONED)
def far_from_the_oracle(scene: Scene) -> None:
    entry_refused(scene, "refuse.oracle", "too far from oracle")


@case(44, PRICE, done="entry refused: open interest capped", expected=ABANDONED)
def open_interest_capped(scene: Scene) -> None:
    entry_refused(scene, "refuse.oi_cap", "open interest")


@case(44, PRICE, done="entry refused: open interest grows too quickly", expected=ABANDONED)
def open_interest_grows(scene: Scene) -> None:
    entry_refused(scene, "refuse.oi_growth", "too quickly")


@case(44, PRICE, done="exit refused twice: too far from the oracle", expected=RETRIED)
def exit_far_from_the_oracle(scene: Scene) -> None:
    exit_refused(scene, "refuse.oracle", times=2)


@case(45, "post-only after an upgrade, halt", done="exit in 5 s of post-only", expected=RETRIED)
def post_only(scene: Scene) -> None:
    scene.start_covered()
    scene.fault("postonly 5", at_once=True)
    scene.touch_the_stop()
    scene.flat()
    scene.recovered()


@case(45, "post-only after an upgrade, halt", done="exit in 5 s of a halted coin", expected=RETRIED)
def halted(scene: Scene) -> None:
    scene.start_covered()
    scene.fault(f"halt {COIN}", for_s=5, at_once=True)
    scene.touch_the_stop()
    scene.flat()
    scene.recovered()


@case(
    46,
    "invalid stop price",
    done="stop lost, its replacement refused: the trigger has passed",
    expected="position closed at the market at once",
)
def trigger_has_passed(scene: Scene) -> None:
    scene.start_covered()
    number = scene.fault("refuse.trigger", match=ORDER)
    scene.fault("kill_stop")
    scene.struck(number)
    scene.hear(r"\[exit\] BTC .*refuses a stop")
    scene.flat()
    scene.recovered()


CROWD = "1000 open orders"


@case(
    54,
    CROWD,
    done="the owner has 905 orders of his own open",
    expected="no entry is sent: the exchange would take no stop with it",
)
def crowded(scene: Scene) -> None:
    scene.net.call(lambda localnet: localnet.exchange.fund(ACCOUNT, PLAY_MONEY_USD))
    scene.net.call(lambda localnet: place_many(localnet.exchange, 905))
    scene.start()
    scene.strike()
    scene.hear(r"\[risk\] BTC long refused: 905 orders are open")
    scene.recovered()
    assert not scene.sees.entries


def place_many(exchange: Exchange, count: int) -> None:
    """The owner's orders, far from the market."""

    def place(venue: Venue) -> None:
        account = venue.accounts[ACCOUNT]
        prices = venue.prices[COIN]
        px, asset = round_price(prices.mark / 2, prices.rule.sz_decimals), venue.universe.asset_ids[COIN]
        wishes = [Wish(asset, True, px, Decimal("0.0003"), reduce_only=False, tif="Gtc") for _ in range(count)]
        placing.place(venue, account, wishes, placing.NA)

    exchange.perform(place)


@case(54, CROWD, done="entry refused: too many open orders", expected=ABANDONED)
def too_many_open_orders(scene: Scene) -> None:
    entry_refused(scene, "refuse.too_many", "Too many open orders")
