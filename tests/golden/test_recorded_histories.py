"""What the real exchange told people about their past, beside what localnet tells an account that has done the same.

Compared are keys, their order where the recording kept it, types and how numbers are written; rows of ledgers are
compared with the recorded row of the same kind.
"""

import gzip
import json
from decimal import Decimal
from pathlib import Path

import pytest
from hyperliquid.utils.signing import (
    sign_agent,
    sign_spot_transfer_action,
    sign_usd_class_transfer_action,
    sign_withdraw_from_bridge_action,
)

from tests.golden.recordings import (
    ACCOUNTS,
    DECIMAL,
    REST,
    by_type,
    needs_accounts,
    needs_samples,
    recorded,
    rows_of,
    same_shape,
    shape,
)
from tests.localnet.floor import IOC, Trader, quiet_floor
from tidegate.localnet.markets.candles import CandleStore

pytestmark = needs_samples

D = Decimal
HOUR_MS = 3_600_000
AGENT = "0x" + "a" * 40
# Told differently then; a client should survive them, an exchange should not imitate them.
OLD_SHAPES = {
    "allMids": "2023: fewer coins, the same shape as today's",
    "clearinghouseState.2023_old_shape": "2023: no cumFunding, no time",
    "l2Book.2023": "2023: keys in another order",
    "openOrders.2023_old_shape": "2023: no origSz",
    "userFillsByTime.2023_old_shape": "2023: liquidationMarkPx, no feeToken",
    "candleSnapshot": "2023: keys in another order; the one of 2025 is compared",
}


class Veteran(Trader):
    """A trader who has done everything that leaves a trace."""

    def sign(self, action, sign):
        """Post a user-signed action."""
        self.nonce += 1
        action |= {"time" if action["type"] in ("spotSend", "withdraw3") else "nonce": self.nonce}
        signature = sign(self.wallet, action, False)
        answer = self.exchange.act({"action": action, "nonce": self.nonce, "signature": signature}).body
        assert answer["status"] == "ok", answer

    def pass_hours(self, hours):
        """Let funding be paid."""
        for _ in range(hours):
            self.exchange.advance(self.exchange.now_ms + HOUR_MS)
        self.nonce = self.exchange.now_ms


@pytest.fixture(scope="module")
def veteran():
    exchange = quiet_floor()
    exchange.load_candles("BTC", CandleStore("BTC"))
    trader, other = Veteran(exchange, 1, "1000000"), Trader(exchange, 2)
    trader.sign({"type": "usdClassTransfer", "amount": "5000", "toPerp": False}, sign_usd_class_transfer_action)
    token = exchange.info({"type": "spotMeta"}).body["tokens"][0]
    wire_token = f"{token['name']}:{token['tokenId']}"
    action = {"type": "spotSend", "destination": other.user, "token": wire_token, "amount": "10"}
    trader.sign(action, sign_spot_transfer_action)
    trader.sign({"type": "withdraw3", "destination": other.user, "amount": "50"}, sign_withdraw_from_bridge_action)
    trader.sign({"type": "approveAgent", "agentAddress": AGENT, "agentName": "ok"}, sign_agent)
    trader.order("B", "80010", "1", IOC)
    trader.order("A", "79990", "0.5", IOC)
    trader.post({"type": "twapOrder", "twap": {"a": 0, "b": True, "s": "1", "r": False, "m": 5, "t": False}})
    vault = {"type": "createVault", "name": "Tidal", "description": "", "initialUsd": 1_000_000_000}
    trader.post(vault)
    trader.post({"type": "createSubAccount", "name": "Test"})
    exchange.advance(exchange.now_ms + 120_000)
    trader.pass_hours(3)
    return trader


def answer(trader, request):
    """Localnet's answer to a recorded request; about a person it is asked of the trader."""
    request = {key: value for key, value in request.items() if key not in ("startTime", "endTime")}
    if "user" in request:
        request["user"] = trader.user
    return trader.exchange.info({**request, "startTime": 0}).body


LISTS = ["extraAgents", "userVaultEquities", "userTwapSliceFills", "fundingHistory", "userFillsByTime", "userFills"]


@pytest.mark.parametrize("name", LISTS)
def test_rows_look_like_the_recorded_ones(veteran, name):
    theirs = recorded(name)
    ours = answer(veteran, theirs["request"])
    assert len(ours) > 0
    same_shape(ours, theirs["response"])


def test_every_recorded_fill_is_of_one_shape_with_ours(veteran):
    ours = shape(answer(veteran, {"type": "userFills", "user": ""})[0])
    for name in ("userFills", "userFillsByTime", "userFills.dust_conversion"):
        for row in recorded(name)["response"]:
            assert {key: kind for key, kind in shape(row).items() if key in ours} == ours, row
            assert set(row) - set(ours) <= {"cloid", "builderFee", "liquidation"}


def test_funding_payments_look_like_the_recorded_ones(veteran):
    theirs = recorded("userFunding")
    ours = answer(veteran, theirs["request"])
    recent = next(row for row in theirs["response"] if row["delta"]["nSamples"])
    same_shape({**ours[0], "delta": {**ours[0]["delta"], "nSamples": 1}}, recent)
    paid = sum(D(row["delta"]["usdc"]) for row in ours)
    state = answer(veteran, {"type": "clearinghouseState", "user": ""})
    assert -paid == D(state["assetPositions"][0]["position"]["cumFunding"]["allTime"])


def test_ledger_rows_look_like_the_recorded_rows_of_their_kind(veteran):
    theirs = by_type(recorded("userNonFundingLedgerUpdates")["response"])
    ours = by_type(answer(veteran, recorded("userNonFundingLedgerUpdates")["request"]))
    alike = set(ours) & set(theirs)
    assert {"deposit", "spotTransfer"} <= alike
    for kind in alike:
        mine = {**ours[kind], "delta": {**ours[kind]["delta"]}}
        if kind == "spotTransfer":
            assert set(mine["delta"]) == set(theirs[kind]["delta"])
            mine["delta"]["feeToken"] = theirs[kind]["delta"]["feeToken"]
        same_shape(mine, theirs[kind])


def test_sub_accounts_look_like_the_recorded_one(veteran):
    theirs = recorded("subAccounts")
    ours = answer(veteran, theirs["request"])
    ours[0]["spotState"] = theirs["response"][0]["spotState"]
    same_shape(ours, theirs["response"])


def test_a_portfolio_looks_like_the_recorded_one(veteran):
    theirs = recorded("portfolio")
    ours = answer(veteran, theirs["request"])
    assert [name for name, _ in ours] == [name for name, _ in theirs["response"]]
    for (_, mine), (_, recorded_period) in zip(ours, theirs["response"], strict=True):
        same_shape(mine, recorded_period)


def test_spot_balances_look_like_the_recorded_ones(veteran):
    theirs = recorded("spotClearinghouseState")["response"]
    ours = answer(veteran, {"type": "spotClearinghouseState", "user": ""})
    assert next(iter(ours)) == next(iter(theirs)) == "balances"
    same_shape(ours["balances"], theirs["balances"])


def test_a_builders_dex_is_described_as_the_recorded_ones(veteran):
    theirs = recorded("perpDexs")["response"]
    ours = answer(veteran, {"type": "perpDexs"})
    assert ours[0] is theirs[0] is None
    known = list(theirs[1])
    assert [key for key in ours[1] if key in known] == known
    assert {key: type(ours[1][key]) for key in known if isinstance(theirs[1][key], str)} == {
        key: str for key in known if isinstance(theirs[1][key], str)
    }


def test_old_mids_are_decimals_by_coin_like_ours(veteran):
    theirs = recorded("allMids")
    for mids in (theirs["response"], answer(veteran, theirs["request"])):
        assert all(DECIMAL.fullmatch(px) for px in mids.values())


def test_every_recorded_reply_is_compared_somewhere():
    sources = "".join(path.read_text() for path in Path(__file__).parent.glob("test_recorded_*.py"))
    missing = [path.stem for path in sorted(REST.glob("*.json")) if f'"{path.stem}"' not in sources]
    assert missing == []


@needs_accounts
def test_the_captures_of_the_testnet_answer_like_localnet(veteran):
    """Those of /exchange are among the samples and are sent again elsewhere; here are the questions."""
    asked = [row for row in rows_of("testnet_exchange_and_info_captures.jsonl.gz") if "type" in row["request"]]
    assert len(asked) >= 15
    for row in asked:
        compare_loosely(answer(veteran, row["request"]), row["response"], row["capture"])


@needs_accounts
def test_the_captured_actions_are_the_sent_ones():
    captures = [row for row in rows_of("testnet_exchange_and_info_captures.jsonl.gz") if "action" in row["request"]]
    samples = [json.loads(path.read_text()) for path in REST.glob("exchange.*.json")]
    sent = [(s["request"]["action"], s["response"]) for s in samples if s["request"] is not None]
    assert all((row["request"]["action"], row["response"]) in sent for row in captures)


@needs_accounts
def test_the_cassettes_of_the_sdk_answer_like_localnet(veteran):
    """Recorded from March 2023 to August 2025 and partly saved with sorted keys: types of the keys that both have."""
    for row in rows_of("sdk_cassettes_mainnet.jsonl.gz"):
        request = dict(row["request"])
        if request["type"] == "candleSnapshot":
            continue
        if "coin" in request:
            request["coin"] = "BTC"
        compare_loosely(answer(veteran, request), row["response"], row["cassette"])


@needs_accounts
def test_orders_and_fills_of_a_node_are_those_of_the_api(veteran):
    rows = rows_of("node_stream_samples_mainnet.jsonl.gz")
    fill = answer(veteran, {"type": "userFills", "user": ""})[0]
    placed = answer(veteran, {"type": "historicalOrders", "user": ""})[0]["order"]
    for row in rows:
        if row["stream"] == "node_fills":
            compare_loosely(fill, row["raw"][1], "node_fills")
        elif row["stream"] == "node_order_statuses":
            assert list(row["raw"]["order"]) == list(placed)
            compare_loosely(placed, row["raw"]["order"], "node_order_statuses")


@needs_accounts
def test_pooled_books_are_the_pooled_levels_of_the_fine_one():
    """The recorded book at five figures, quoted here, is asked for at four and in steps of five."""
    books = json.loads(
        gzip.decompress((ACCOUNTS / "info_l2Book_nSigFigs_and_clearinghouse_202607.json.gz").read_bytes())
    )
    exchange = quiet_floor(64_950)
    sides = [[(D(row["px"]), D(row["sz"]), row["n"]) for row in side] for side in books["l2book_btc_nsf5"]["levels"]]
    exchange.quote("BTC", *sides)
    wanted = {"l2book_btc_nsf4": (4, None), "l2book_btc_nsf5_m5": (5, 5), "l2book_btc_nsf3": (3, None)}
    for name, (figures, mantissa) in wanted.items():
        ours = exchange.info({"type": "l2Book", "coin": "BTC", "nSigFigs": figures, "mantissa": mantissa}).body
        same_shape(ours, books[name])
        for mine, theirs in zip(ours["levels"], books[name]["levels"], strict=True):
            # The last of our levels is pooled from fewer than the exchange had beyond its twenty.
            assert mine[:-1] == theirs[: len(mine) - 1]
            assert mine[-1]["px"] == theirs[len(mine) - 1]["px"]


def compare_loosely(ours, theirs, where):
    """Keys that both have hold the same kind of value; where both have rows, the first ones are compared."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in set(ours) & set(theirs):
            compare_loosely(ours[key], theirs[key], f"{where}.{key}")
    elif isinstance(ours, list) and isinstance(theirs, list):
        if ours and theirs:
            compare_loosely(ours[0], theirs[0], f"{where}[0]")
    elif ours is not None and theirs is not None:
        assert shape(ours) == shape(theirs), (where, ours, theirs)
