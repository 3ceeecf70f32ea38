"""actions.py: envelopes, admission, answers to whole actions."""

from decimal import Decimal

import pytest
from eth_account import Account as Wallet
from hyperliquid.utils import signing as sdk

from tests.localnet.floor import START_MS, Trader, order, quiet_floor, trigger
from tidegate.localnet.actions.trading import CANCELS_MAX
from tidegate.localnet.exchange import Exchange
from tidegate.localnet.kernel.universe import default_universe

D = Decimal
DEFAULT = {"status": "ok", "response": {"type": "default"}}
NOOP = {"type": "noop"}
SIGNATURE = {"r": "0x1", "s": "0x1", "v": 27}


@pytest.fixture
def trader():
    return Trader(quiet_floor(), 1)


def err(text):
    return {"status": "err", "response": text}


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        "text",
        {},
        {"action": NOOP, "nonce": START_MS},
        {"action": NOOP, "nonce": "1", "signature": SIGNATURE},
        {"action": "noop", "nonce": 1, "signature": SIGNATURE},
        {"action": {"type": 5}, "nonce": 1, "signature": SIGNATURE},
        {"action": {"type": "noSuchAction"}, "nonce": 1, "signature": SIGNATURE},
        {"action": {"type": "order", "orders": "x", "grouping": "na"}, "nonce": 1, "signature": SIGNATURE},
        {"action": {"type": "order", "orders": [], "grouping": "none"}, "nonce": 1, "signature": SIGNATURE},
        {"action": {"type": "cancel", "cancels": [{"a": 0}]}, "nonce": 1, "signature": SIGNATURE},
        {
            "action": {
                "type": "order",
                "orders": [order("B", "1", "1", {"limit": {"tif": "Day"}})],
                "grouping": "na",
            },
            "nonce": 1,
            "signature": SIGNATURE,
        },
        {
            "action": {"type": "order", "orders": [order("B", "1", "1", {})], "grouping": "na"},
            "nonce": 1,
            "signature": SIGNATURE,
        },
        {
            "action": {"type": "order", "orders": [order("B", "1", "1", cloid="0x12")], "grouping": "na"},
            "nonce": 1,
            "signature": SIGNATURE,
        },
    ],
)
def test_a_body_without_meaning_is_unprocessable(body):
    reply = quiet_floor().act(body)
    assert (reply.status, reply.text) == (422, True)
    assert reply.body == "Failed to deserialize the JSON body into the target type"


@pytest.mark.parametrize("signature", [{"r": "0x0", "s": "0x0", "v": 27}, {"r": "zz", "s": "0x1", "v": 27}])
def test_a_malformed_signature_has_no_signer(signature):
    body = {"action": NOOP, "nonce": START_MS, "signature": signature}
    assert quiet_floor().act(body).body == err("Unable to recover signer.")


def test_leading_zeros_of_a_signature_may_be_missing(trader):
    """The SDK writes r and s as numbers in hex: about one in 128 requests is shorter."""
    for nonce in range(START_MS + 1, START_MS + 2000):
        signature = sdk.sign_l1_action(trader.wallet, NOOP, None, nonce, None, False)
        if min(len(signature["r"]), len(signature["s"])) < 66:
            break
    body = {"action": NOOP, "nonce": nonce, "signature": signature}
    assert trader.exchange.act(body).body == DEFAULT


def test_a_new_signer_is_welcomed_with_money():
    exchange = quiet_floor()
    wallet = Wallet.from_key(f"0x{5:064x}")
    signature = sdk.sign_l1_action(wallet, NOOP, None, START_MS, None, False)
    assert exchange.act({"action": NOOP, "nonce": START_MS, "signature": signature}).body == DEFAULT
    state = exchange.info({"type": "clearinghouseState", "user": wallet.address}).body
    assert state["withdrawable"] == "10000.0"


def test_without_a_welcome_an_unknown_signer_does_not_exist():
    exchange = Exchange(default_universe(), start_ms=START_MS, fund_on_first_action=False)
    wallet = Wallet.from_key(f"0x{5:064x}")
    signature = sdk.sign_l1_action(wallet, NOOP, None, START_MS, None, False)
    answer = exchange.act({"action": NOOP, "nonce": START_MS, "signature": signature}).body
    assert answer == err(f"User or API Wallet {wallet.address.lower()} does not exist.")
    exchange.fund(wallet.address, D(1))
    assert exchange.act({"action": NOOP, "nonce": START_MS, "signature": signature}).body == DEFAULT


def test_a_nonce_is_used_once_and_a_refused_one_is_not_used_up(trader):
    assert trader.post(NOOP, nonce=START_MS, expiresAfter=START_MS - 1) == err("Action already expired")
    assert trader.post(NOOP, nonce=START_MS) == DEFAULT
    assert trader.post(NOOP, nonce=START_MS) == err(f"Invalid nonce: duplicate nonce {START_MS}")


def test_nonces_around_the_wall_clock_are_accepted_too():
    wall = START_MS + 10**10
    exchange = Exchange(default_universe(), start_ms=START_MS, wall_ms=lambda: wall)
    assert Trader(exchange, 1).post(NOOP, nonce=wall) == DEFAULT
    assert Trader(quiet_floor(), 1).post(NOOP, nonce=wall)["status"] == "err"


def test_an_action_is_carried_out_until_it_expires(trader):
    trader.exchange.advance(START_MS + 1_000)
    assert trader.post(NOOP, expiresAfter=START_MS + 1_000) == DEFAULT
    assert trader.post(NOOP, expiresAfter=START_MS + 999) == err("Action already expired")


@pytest.mark.parametrize("kind", ["cancel", "cancelByCloid"])
def test_more_than_two_hundred_cancels_are_refused(trader, kind):
    one = {"a": 0, "o": 1} if kind == "cancel" else {"asset": 0, "cloid": f"0x{1:032x}"}
    answer = trader.post({"type": kind, "cancels": [one] * CANCELS_MAX})
    assert len(answer["response"]["data"]["statuses"]) == CANCELS_MAX
    answer = trader.post({"type": kind, "cancels": [one] * (CANCELS_MAX + 1)})
    assert answer == err("Signed action over weight limit of 200.")


def test_what_localnet_does_not_carry_out_it_says_so(trader):
    assert trader.post({"type": "multiSig"}) == err("Action multiSig is not available on localnet.")


def test_a_single_modify_answers_without_the_new_id(trader):
    oid = trader.order("B", "79000", "0.01")["resting"]["oid"]
    assert trader.post({"type": "modify", "oid": oid, "order": order("B", "78000", "0.01")}) == DEFAULT
    gone = trader.post({"type": "modify", "oid": oid, "order": order("B", "78000", "0.01")})
    assert gone == err("Cannot modify canceled or filled order")
    other_coin = order("B", "2000", "0.01", asset=1)
    live = trader.ask("openOrders")[0]["oid"]
    assert trader.post({"type": "modify", "oid": live, "order": other_coin})["status"] == "err"


def test_requests_are_counted_one_by_one(trader):
    trader.orders([order("B", "79000", "0.01"), order("B", "78000", "0.01")])
    trader.post(NOOP)
    assert trader.ask("userRateLimit")["nRequestsUsed"] == 3


def test_a_stop_entry_is_a_plain_trigger_order(trader):
    answer = trader.order("B", "90000", "0.01", trigger("sl", "81000"))
    assert "resting" in answer
    assert trader.ask("frontendOpenOrders")[0]["triggerCondition"] == "Price above 81000"
