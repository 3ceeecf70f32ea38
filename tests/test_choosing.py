"""Which coins a session has, and whether one more may join."""

from decimal import Decimal

from tidegate.choosing import coins_of, find, left_over
from tidegate.errors import Unreachable
from tidegate.hyperliquid.reads import Leverage
from tidegate.model.events import Account, CoinFound, CoinNotFound
from tidegate.model.instruments import Instrument
from tidegate.model.intents import FindCoin
from tidegate.model.orders import OpenOrder, instance_tag
from tidegate.model.positions import Position, Side
from tidegate.model.records import Remembered
from tidegate.model.settings import Settings, Stream
from tidegate.model.watchlist import Choice, Origin

D = Decimal
LISTED = {
    "BTC": Instrument(coin="BTC", asset=0, size_decimals=5, leverage_max=40),
    "ETH": Instrument(coin="ETH", asset=1, size_decimals=4, leverage_max=25),
    "SOL": Instrument(coin="SOL", asset=2, size_decimals=2, leverage_max=20),
    "OLD": Instrument(coin="OLD", asset=3, size_decimals=2, leverage_max=20, delisted=True),
    "ONE": Instrument(coin="ONE", asset=4, size_decimals=2, leverage_max=1),
}
SETTINGS = Settings(coins=("BTC", "ETH"))


class Client:
    """A client that lists all of these."""

    def instruments(self) -> tuple[dict[str, Instrument], list[str]]:
        return LISTED, []

    def leverage(self, _user: str, coin: str) -> Leverage:
        if coin == "ETH":
            raise Unreachable("HTTP 502")
        return Leverage(20, is_cross=True)


def added(name: str, **settings: object) -> CoinFound | CoinNotFound:
    wish = FindCoin(name=name, coins=("BTC",), id="1", who="ada")
    return find(Client(), "0x0", wish, Settings(coins=("BTC",), **settings), 7)  # type: ignore[arg-type]


def test_a_coin_is_found_by_what_people_call_it_with_its_leverage_and_the_arithmetic() -> None:
    found = added("solusdt")
    assert isinstance(found, CoinFound)
    assert (found.instrument.coin, found.leverage, found.cross, found.who, found.id) == ("SOL", 20, True, "ada", "1")
    assert found.budget.startswith("2 coins every 300 s by REST (STREAM=all) and prices every 2 s use at most ")


def test_a_leverage_that_cannot_be_read_is_set_anew() -> None:
    found = added("ETH")
    assert isinstance(found, CoinFound)
    assert found.leverage is None


def test_what_cannot_be_traded_is_refused_with_the_reason() -> None:
    refused = {name: added(name) for name in ("SLO", "OLD", "ONE", "SOL/USDC")}
    reasons = {name: each.reason for name, each in refused.items() if isinstance(each, CoinNotFound)}
    assert reasons["SLO"] == "SLO is not listed on localnet, did you mean SOL?"
    assert reasons["OLD"].startswith("OLD is delisted")
    assert "too large for ONE" in reasons["ONE"]


def test_a_coin_for_which_there_is_no_budget_is_refused_with_the_arithmetic() -> None:
    wish = FindCoin(name="SOL", coins=tuple(f"C{number}" for number in range(10)))
    settings = Settings(coins=("BTC",), stream=Stream.OFF, check_interval_s=D(10))
    refused = find(Client(), "0x0", wish, settings, 7)
    assert isinstance(refused, CoinNotFound)
    assert refused.reason.startswith("11 coins every 10 s by REST (STREAM=off)")
    assert "of 1200 REST weight a minute; a longer CHECK_INTERVAL" in refused.reason


def test_choices_of_earlier_runs_count_and_are_told() -> None:
    choices = [
        Choice(coin="SOL", wanted=True, chosen_ms=1, who="ada"),
        Choice(coin="ETH", wanted=False, chosen_ms=2, who="ada"),
        Choice(coin="OLD", wanted=True, chosen_ms=3, who="ada"),
    ]
    coins, remarks = coins_of(SETTINGS, choices, LISTED)
    assert coins == {"BTC": Origin.COINS, "SOL": Origin.ADDED}
    assert remarks[0].startswith("ETH is in COINS and was removed by ada: left out; python bot.py coins add ETH")
    assert remarks[1].startswith("OLD was added by an operator and is left out: OLD is delisted")


def test_a_position_in_a_coin_that_nobody_wants_any_more_is_looked_after() -> None:
    coins, remarks = coins_of(SETTINGS, (), LISTED, ("SOL", "GONE"))
    assert coins == {"BTC": Origin.COINS, "ETH": Origin.COINS, "SOL": Origin.POSITION}
    assert remarks == ["SOL is no coin of this bot any more; what may be open of it is looked after"]


def test_there_is_always_a_coin() -> None:
    removed = [Choice(coin=coin, wanted=False, chosen_ms=1) for coin in SETTINGS.coins]
    coins, remarks = coins_of(SETTINGS, removed, LISTED)
    assert coins == {"BTC": Origin.COINS, "ETH": Origin.COINS}
    assert remarks[-1] == "every coin was removed: back to those of COINS"


def test_what_is_left_over_is_known_by_memory_and_by_the_names_of_resting_orders() -> None:
    tag = instance_tag("a bot")
    cloid = f"0x{tag}"
    order = OpenOrder(
        coin="ETH", oid=1, side=Side.SELL, size=D(1), limit_price=D(90), time_ms=0, cloid=cloid, reduce_only=True
    )
    account = Account(equity=D(1), free=D(1), orders=(order,))
    held = Remembered(coin="SOL", position=Position(coin="SOL", size=D(1), entry_price=D(100)))
    assert left_over(account, [held, Remembered(coin="BTC")], tag) == ("SOL", "ETH")
