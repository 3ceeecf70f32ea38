"""Instruments from metadata, and names: whatever people call a coin, the exchange's own name comes out or none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.errors import Unintelligible
from tidegate.hyperliquid.instruments import instruments_of, nearest, resolve
from tidegate.model.instruments import Book

META = {
    "universe": [
        {"name": "BTC", "szDecimals": 5, "maxLeverage": 40},
        {"name": "MATIC", "szDecimals": 1, "maxLeverage": 20, "isDelisted": True},
        {"name": "broken"},
        {"name": "kPEPE", "szDecimals": 0, "maxLeverage": 10},
        {"name": "xyz:TSLA", "szDecimals": 3, "maxLeverage": 10},
        {"name": "HYPE", "szDecimals": 2, "maxLeverage": 10},
        {"name": "absurd", "szDecimals": -3, "maxLeverage": 10},
        {"name": "kFLOKI", "szDecimals": 0, "maxLeverage": 10},
    ]
}
SPOT = {
    "tokens": [
        {"name": "USDC", "szDecimals": 8, "index": 0},
        {"name": "HYPE", "szDecimals": 2, "index": 150},
        {"name": "PURR", "szDecimals": 0, "index": 1},
        {"index": "x"},
    ],
    "universe": [
        {"name": "PURR/USDC", "index": 0, "tokens": [1, 0]},
        {"name": "@107", "index": 107, "tokens": [150, 0]},
        {"name": "@367", "index": 367, "tokens": [479, 0]},
        {"name": "@9"},
    ],
}


@pytest.fixture
def found():
    return instruments_of(META, SPOT)


def test_a_perps_number_is_its_place_unreadable_and_delisted_rows_included(found):
    instruments, _ = found
    assert {coin: each.asset for coin, each in instruments.items() if each.book is Book.PERPS} == {
        "BTC": 0,
        "MATIC": 1,
        "kPEPE": 3,
        "xyz:TSLA": 4,
        "HYPE": 5,
        "kFLOKI": 7,
    }
    assert instruments["MATIC"].delisted
    assert not instruments["BTC"].delisted


def test_a_spot_pair_joins_its_token_by_index(found):
    instruments, _ = found
    hype = instruments["@107"]
    assert (hype.asset, hype.size_decimals, hype.book) == (10107, 2, Book.SPOT)


def test_each_bad_row_costs_its_own_coin_and_is_named(found):
    _, warnings = found
    for word in ("perp 2", "absurd", "token 3", "@367", "spot pair 3"):
        assert sum(word in line for line in warnings) == 1
    assert len(warnings) == 5


def test_the_recorded_metadata_is_read_whole(sample):
    body = sample("rest/meta.testnet_full.json")["response"]
    instruments, warnings = instruments_of(body, sample("rest/spotMeta.json")["response"])
    assert warnings == []
    for place, row in enumerate(body["universe"]):
        assert instruments[row["name"]].asset == place
    assert (instruments["SOL"].asset, instruments["BTC"].asset) == (0, 3)


@pytest.mark.parametrize("body", [None, [], "x", 5])
def test_an_answer_that_is_no_metadata_is_unintelligible(body):
    with pytest.raises(Unintelligible):
        instruments_of(body)


@pytest.mark.parametrize(
    ("name", "coin"),
    [
        ("BTC", "BTC"),
        ("btc", "BTC"),
        (" BTC ", "BTC"),
        ("BTCUSDT", "BTC"),
        ("btcusdc", "BTC"),
        ("BTC-PERP", "BTC"),
        ("BTC/USDC:USDC", "BTC"),
        ("BTC-USD-PERP", "BTC"),
        ("kPEPE", "kPEPE"),
        ("KPEPE", "kPEPE"),
        ("kpepe-perp", "kPEPE"),
        ("@107", "@107"),
        ("xyz:TSLA", "xyz:TSLA"),
        ("XYZ:tsla", "xyz:TSLA"),
        ("PURR/USDC", "PURR/USDC"),
        ("HYPE", "HYPE"),
        ("PEPE", None),
        ("", None),
        ("USDT", None),
        ("BTCUSDTUSDT", None),
        ("@1", None),
        ("TSLA", None),
    ],
)
def test_names_are_resolved_by_what_exists(found, name, coin):
    assert resolve(name, found[0]) == coin


def test_a_coins_own_name_beats_what_others_call_theirs():
    rows = [{"name": name, "szDecimals": 1, "maxLeverage": 3} for name in ("A", "AUSD")]
    instruments, _ = instruments_of({"universe": rows})
    assert resolve("ausd", instruments) == "AUSD"
    assert resolve("AUSDUSD", instruments) == "AUSD"


def test_names_that_differ_only_in_case_are_never_guessed():
    rows = [{"name": name, "szDecimals": 1, "maxLeverage": 3} for name in ("kX", "KX")]
    instruments, _ = instruments_of({"universe": rows})
    assert resolve("kX", instruments) == "kX"
    assert resolve("kx", instruments) is None


@given(st.text(max_size=20))
def test_resolving_gives_an_existing_coin_or_none_for_every_text(name):
    instruments, _ = instruments_of(META, SPOT)
    coin = resolve(name, instruments)
    assert coin is None or coin in instruments


@pytest.mark.parametrize(("name", "coin"), [("BTCC", "BTC"), ("PEPE", "kPEPE"), ("hipe", "HYPE")])
def test_the_nearest_name_is_offered(found, name, coin):
    assert nearest(name, found[0]) == coin


def test_nothing_is_near_to_nonsense(found):
    assert nearest("§§§§§§§§§", found[0]) is None


@pytest.mark.parametrize(
    ("told", "isolated_only"),
    [
        ({}, False),
        ({"onlyIsolated": True}, True),
        ({"marginMode": "strictIsolated"}, True),
        ({"marginMode": "noCross"}, True),
        ({"marginMode": "something new"}, False),
    ],
)
def test_a_coin_says_whether_it_takes_isolated_margin_only(told, isolated_only):
    row = {"name": "X", "szDecimals": 1, "maxLeverage": 3, **told}
    instruments, _ = instruments_of({"universe": [row]})
    assert instruments["X"].isolated_only is isolated_only
