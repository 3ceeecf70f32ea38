"""Reading a subscription and writing its normalised echo."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.localnet.doors.subscriptions import FIELDS, Subscription, Unparsable, read_subscription

USER = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"


@pytest.mark.parametrize(
    ("asked", "echoed"),
    [
        ({"type": "trades", "coin": "BTC"}, '{"type":"trades","coin":"BTC"}'),
        (
            {"type": "l2Book", "coin": "BTC"},
            '{"type":"l2Book","coin":"BTC","nSigFigs":null,"mantissa":null,"fast":false}',
        ),
        (
            {"type": "l2Book", "coin": "BTC", "fast": True},
            '{"type":"l2Book","coin":"BTC","nSigFigs":null,"mantissa":null,"fast":true}',
        ),
        (
            {"coin": "BTC", "nSigFigs": 5, "type": "l2Book", "mantissa": 2, "note": "ignored"},
            '{"type":"l2Book","coin":"BTC","nSigFigs":5,"mantissa":2,"fast":false}',
        ),
        (
            {"type": "candle", "interval": "1m", "coin": "BTC"},
            '{"type":"candle","coin":"BTC","interval":"1m"}',
        ),
        ({"type": "allMids"}, '{"type":"allMids"}'),
        ({"type": "allMids", "dex": ""}, '{"type":"allMids"}'),
        ({"type": "allMids", "dex": None}, '{"type":"allMids"}'),
        ({"type": "orderUpdates", "user": USER}, f'{{"type":"orderUpdates","user":"{USER.lower()}"}}'),
        (
            {"type": "userFills", "user": USER},
            f'{{"type":"userFills","user":"{USER.lower()}","aggregateByTime":false}}',
        ),
    ],
)
def test_the_echo_is_normalised(asked, echoed):
    assert json.dumps(read_subscription(asked).echo(), separators=(",", ":")) == echoed


@pytest.mark.parametrize(
    "asked",
    [
        None,
        [],
        {},
        {"type": "noSuchType", "coin": "BTC"},
        {"type": "webData2", "user": USER},
        {"type": ["trades"], "coin": "BTC"},
        {"type": "trades"},
        {"type": "bbo", "coin": ["BTC", "ETH"]},
        {"type": "candle", "coin": "BTC", "interval": "7m"},
        {"type": "l2Book", "coin": "BTC", "nSigFigs": "5"},
        {"type": "l2Book", "coin": "BTC", "nSigFigs": True},
        {"type": "l2Book", "coin": "BTC", "fast": 1},
        {"type": "userFills", "user": "0x12"},
        {"type": "userFills", "user": USER + "\n"},
    ],
)
def test_what_is_no_subscription_cannot_be_parsed(asked):
    with pytest.raises(Unparsable):
        read_subscription(asked)


@pytest.mark.parametrize(
    ("figures", "mantissa", "legal"),
    [
        *((None, None, True), (2, None, True), (5, 1, True), (5, 5, True)),
        *((1, None, False), (6, None, False), (5, 3, False), (4, 2, False), (None, 2, False)),
    ],
)
def test_a_mantissa_needs_five_significant_figures(figures, mantissa, legal):
    asked = {"type": "l2Book", "coin": "BTC", "nSigFigs": figures, "mantissa": mantissa}
    assert read_subscription(asked).aggregation_is_legal is legal


@given(st.sampled_from(sorted(FIELDS)), st.booleans())
def test_an_echo_read_again_is_the_same_subscription(kind, flag):
    values = {"coin": "BTC", "interval": "1m", "user": USER.lower()}
    asked = Subscription(
        kind,
        **{field: values[field] for field in FIELDS[kind]},
        fast=flag and kind == "l2Book",
        aggregate=flag and kind == "userFills",
    )
    assert read_subscription(asked.echo()) == asked


def test_only_streams_on_a_clock_have_a_period():
    assert read_subscription({"type": "l2Book", "coin": "BTC"}).period_ms == 5000
    assert read_subscription({"type": "l2Book", "coin": "BTC", "fast": True}).period_ms == 500
    assert read_subscription({"type": "activeAssetCtx", "coin": "BTC"}).period_ms == 1000
    assert read_subscription({"type": "trades", "coin": "BTC"}).period_ms is None
