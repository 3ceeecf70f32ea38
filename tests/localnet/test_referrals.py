"""referrals.py: codes, who made them and who uses them; requests that are bought."""

import pytest

from tests.localnet.floor import Trader, quiet_floor

DEFAULT = {"status": "ok", "response": {"type": "default"}}


def err(text):
    return {"status": "err", "response": text}


@pytest.fixture
def referrer():
    trader = Trader(quiet_floor(), 1)
    trader.exchange.volume_gates = False
    assert trader.post({"type": "registerReferrer", "code": "TIDE"}) == DEFAULT
    return trader


def test_a_code_is_used_once(referrer):
    other = Trader(referrer.exchange, 2)
    assert other.post({"type": "setReferrer", "code": "NONE"}) == err("Referral code not registered")
    assert other.post({"type": "setReferrer", "code": "TIDE"}) == DEFAULT
    assert other.post({"type": "setReferrer", "code": "TIDE"}) == err("Referrer already set")
    assert other.ask("referral")["referredBy"] == {"referrer": referrer.user, "code": "TIDE"}
    state = referrer.ask("referral")["referrerState"]
    assert (state["stage"], state["data"]["nReferrals"]) == ("ready", 1)
    assert state["data"]["referralStates"][0]["user"] == other.user


def test_nobody_refers_himself(referrer):
    assert referrer.post({"type": "setReferrer", "code": "TIDE"})["status"] == "err"


@pytest.mark.parametrize("code", ["", "with space", "x" * 21, "TIDE"])
def test_a_code_is_short_plain_and_new(referrer, code):
    other = Trader(referrer.exchange, 2)
    assert other.post({"type": "registerReferrer", "code": code})["status"] == "err"


def test_making_a_code_asks_for_a_traded_volume(referrer):
    referrer.exchange.volume_gates = True
    other = Trader(referrer.exchange, 2)
    text = "Cannot generate referral code until enough volume traded. Required: $10000. Traded: $0.0."
    assert other.post({"type": "registerReferrer", "code": "MINE"}) == err(text)


def test_an_unknown_address_was_referred_by_nobody(referrer):
    body = referrer.exchange.info({"type": "referral", "user": "0x" + "12" * 20}).body
    assert body["referredBy"] is None
    assert body["referrerState"] == {"stage": "needToCreateCode"}
    assert body["cumVlm"] == "0.0"


def test_reserved_requests_are_paid_for(referrer):
    before = float(referrer.ask("clearinghouseState")["withdrawable"])
    assert referrer.post({"type": "reserveRequestWeight", "weight": 1_000}) == DEFAULT
    assert float(referrer.ask("clearinghouseState")["withdrawable"]) == before - 0.5
    assert referrer.ask("userRateLimit")["nRequestsSurplus"] == 1_000
    assert referrer.post({"type": "reserveRequestWeight", "weight": 10**12})["status"] == "err"
