"""margin.py against every recorded clearinghouseState: each figure to its last digit, float noise included."""

import gzip
import json
from decimal import Decimal
from pathlib import Path

import pytest

from tidegate.localnet.kernel import margin
from tidegate.localnet.kernel.accounts import Account, Leverage, Position
from tidegate.localnet.kernel.orders import Order, Stage
from tidegate.localnet.kernel.universe import TABLE_51, TABLE_52, PerpRule, Universe, flat_table
from tidegate.localnet.kernel.venue import Venue

D = Decimal

SHARED = Path(__file__).resolve().parents[2].parent / "shared"
REST = SHARED / "exchange-samples" / "rest"
ACCOUNTS = SHARED / "data" / "accounts"
pytestmark = pytest.mark.skipif(not (REST.is_dir() and ACCOUNTS.is_dir()), reason="the recorded answers are not here")

MICRO = D("0.000001")
TIERED = {"OP": TABLE_51, "SEI": TABLE_51, "ONDO": TABLE_51, "TIA": TABLE_52, "WLD": TABLE_52}


def exact(text):
    """A recorded amount without the noise that a float brings beyond the sixth decimal."""
    return D(text).quantize(MICRO)


def noisy(text):
    """Our text as the exchange's floats write it: ten decimals, trailing zeros cut."""
    digits = format(float(text), ".10f").rstrip("0")
    return digits + "0" if digits.endswith(".") else digits


def single(name):
    return json.loads((REST / f"{name}.json").read_text())["response"]


def many(name):
    path = ACCOUNTS / "info_l2Book_nSigFigs_and_clearinghouse_202607.json.gz"
    return json.loads(gzip.decompress(path.read_bytes()))[name]


def captured(name):
    with gzip.open(ACCOUNTS / "testnet_exchange_and_info_captures.jsonl.gz", "rt") as lines:
        return next(row["response"] for row in map(json.loads, lines) if row["capture"] == name)


STATES = {
    "testnet": lambda: single("clearinghouseState"),
    "testnet later": lambda: single("clearinghouseState.later"),
    "testnet last": lambda: captured("24_clearinghouse_subacct_format"),
    "empty": lambda: single("clearinghouseState.empty"),
    "mainnet": lambda: single("clearinghouseState.mainnet_cross"),
    "three shorts": lambda: many("clearinghouse_small"),
    "thirty-four positions": lambda: many("clearinghouse_whale"),
}
WITHOUT_ORDERS = ("empty", "mainnet")
WITH_SPOT_COLLATERAL = ("testnet", "testnet later", "testnet last", "mainnet", "three shorts")


def rebuilt(state):
    """The account and market that a recording describes: sizes, marks, exact costs and funding."""
    account = Account("0x0", raw_usd=exact(state["crossMarginSummary"]["totalRawUsd"]))
    rules, marks = [], []
    for row in state["assetPositions"]:
        shown = row["position"]
        coin, szi, value = shown["coin"], exact(shown["szi"]), exact(shown["positionValue"])
        decimals = len(shown["entryPx"].partition(".")[2])
        table = TIERED.get(coin) or flat_table(shown["maxLeverage"])
        mark = (value / abs(szi)).quantize(MICRO)
        rules.append(PerpRule(coin, 6 - decimals, shown["maxLeverage"], table, mark))
        marks.append(mark)
        leverage = Leverage(shown["leverage"]["value"], shown["leverage"]["type"] == "cross")
        cost = szi * mark - exact(shown["unrealizedPnl"])
        funding = shown["cumFunding"]
        account.positions[coin] = Position(
            leverage, szi, cost, D(0), exact(funding["sinceOpen"]), exact(funding["sinceChange"])
        )
        account.funding_paid[coin] = exact(funding["allTime"])
    return account, Venue(Universe(tuple(rules)), state["time"]).market


def texts(value, path=()):
    """Every leaf with its path."""
    if isinstance(value, dict):
        return {leaf: text for key, inner in value.items() for leaf, text in texts(inner, (*path, key)).items()}
    if isinstance(value, list):
        return {leaf: text for place, inner in enumerate(value) for leaf, text in texts(inner, (*path, place)).items()}
    return {path: value}


@pytest.mark.parametrize("name", STATES)
def test_every_recorded_figure_comes_out_to_its_last_digit(name):
    """All but two: `withdrawable` needs orders that were not recorded, unified accounts' liquidationPx their spot."""
    theirs = STATES[name]()
    account, market = rebuilt(theirs)
    ours = margin.clearinghouse_state(account, market, theirs["time"])
    assert json.dumps(texts_of_keys(ours)) == json.dumps(texts_of_keys(theirs))
    unknown = ["liquidationPx"] if name in WITH_SPOT_COLLATERAL else []
    unknown += [] if name in WITHOUT_ORDERS else ["withdrawable"]
    mine = texts(ours)
    for path, text in texts(theirs).items():
        if path[-1] not in unknown:
            assert (noisy(mine[path]) if is_amount(path) else mine[path]) == text, path


NOT_AMOUNTS = ("returnOnEquity", "liquidationPx", "entryPx", "coin", "type", "value", "maxLeverage", "time")


def is_amount(path):
    """Amounts of the exchange are floats; ratios and derived prices are written in another way."""
    return path[-1] not in NOT_AMOUNTS


def texts_of_keys(state):
    return [[str(step) for step in path] for path in texts(state)]


@pytest.mark.parametrize("name", ["testnet", "testnet later", "testnet last"])
def test_recorded_withdrawable_follows_from_the_orders_that_rested(name):
    """The two BTC bids of frontendOpenOrders rested all the while."""
    theirs = STATES[name]()
    account, market = rebuilt(theirs)
    for row in single("frontendOpenOrders"):
        sz = D(row["sz"])
        order = Order(row["oid"], "0x0", "BTC", 3, True, D(row["limitPx"]), sz, sz, False, row["timestamp"])
        order.stage = Stage.RESTING
        account.live[order.oid] = order
    assert margin.clearinghouse_state(account, market, 0)["withdrawable"] == theirs["withdrawable"]


def test_the_liquidation_prices_of_a_unified_account_count_one_and_the_same_spot_collateral():
    """Whatever the spot side holds: with it as cash, all three recorded prices come out."""
    theirs = STATES["three shorts"]()
    account, market = rebuilt(theirs)
    shown = theirs["assetPositions"][0]["position"]
    account.raw_usd += spot_collateral(account, market, D(shown["liquidationPx"]))
    for row in theirs["assetPositions"]:
        ours = margin.liquidation_px(account, row["position"]["coin"], market)
        assert abs(ours - D(row["position"]["liquidationPx"])) < D("1e-9") * max(1, ours)


def spot_collateral(account, market, liquidation_px):
    """The cash that makes the first position's liquidation price the recorded one."""
    position = account.positions["BTC"]
    figures = margin.cross(account, market)
    own = position.szi * market["BTC"].mark
    others = figures.maintenance - (abs(own) / 80).quantize(MICRO, rounding="ROUND_DOWN")
    return abs(position.szi) * liquidation_px / 80 + others - (figures.value - own + position.szi * liquidation_px)


def test_the_available_margin_of_an_account_is_what_active_asset_data_records():
    """2.220075 USD at 20x are 0.00058 BTC at a mark of 75943."""
    theirs = single("activeAssetData")
    account = Account(theirs["user"], raw_usd=D("2.220075"), leverages={"BTC": Leverage(20)})
    market = Venue(Universe((PerpRule("BTC", 5, 40, flat_table(40), D("75943")),)), 0).market
    assert margin.active_asset_data(account, theirs["user"], "BTC", market) == theirs
