"""Settings against what the exchange lists."""

from tidegate.config import check_against_market
from tidegate.hyperliquid.instruments import resolve
from tidegate.model.instruments import Book, Instrument
from tidegate.model.settings import Settings

LISTED = {
    coin: Instrument(coin=coin, asset=number, size_decimals=3, leverage_max=most, delisted=coin == "GONE")
    for number, (coin, most) in enumerate({"BTC": 40, "ETH": 25, "kPEPE": 10, "GONE": 3}.items())
}


def test_coins_that_are_listed_and_allow_the_leverage_are_no_problem() -> None:
    assert check_against_market(Settings(coins=("BTC", "kPEPE"), leverage=10), LISTED) == []


def test_every_coin_that_is_not_listed_is_named_with_the_nearest() -> None:
    assert check_against_market(Settings(coins=("BTX", "PEPE", "ZZZ")), LISTED) == [
        "COINS: BTX is not listed on localnet, did you mean BTC?",
        "COINS: PEPE is not listed on localnet, did you mean kPEPE?",
        "COINS: ZZZ is not listed on localnet",
    ]


def test_a_delisted_coin_is_refused() -> None:
    assert check_against_market(Settings(coins=("GONE",)), LISTED) == [
        "COINS: GONE is delisted on localnet; leave it out"
    ]


def test_leverage_above_a_coins_maximum_is_refused_for_that_coin() -> None:
    assert check_against_market(Settings(coins=("BTC", "ETH"), leverage=30), LISTED) == [
        "LEVERAGE=30: too large for ETH; allowed: 1 to 25, or leave ETH out of COINS"
    ]


def test_other_names_of_a_coin_are_understood_when_something_resolves_them() -> None:
    assert check_against_market(Settings(coins=("BTCUSDT", "eth")), LISTED, resolve) == []


def test_two_names_of_one_coin_are_refused() -> None:
    assert check_against_market(Settings(coins=("BTC", "BTC-PERP")), LISTED, resolve) == [
        "COINS: BTC and BTC-PERP are the same coin; leave one out"
    ]


def test_spot_pairs_are_refused_with_the_perpetual_of_the_same_coin() -> None:
    pair = Instrument(coin="@107", asset=10_107, size_decimals=2, leverage_max=1, book=Book.SPOT)
    settings = Settings(coins=("BTC/USDC", "PURR/USDC", "@107"))
    assert check_against_market(settings, LISTED | {"@107": pair}, resolve) == [
        "COINS: BTC/USDC is a spot pair; the bot trades perpetuals, did you mean BTC?",
        "COINS: PURR/USDC is a spot pair; the bot trades perpetuals",
        "COINS: @107 is a spot pair; the bot trades perpetuals",
    ]
