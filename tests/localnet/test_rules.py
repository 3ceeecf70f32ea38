"""What a rule says, and all that is wrong with one, at once."""

import pytest

from tidegate.localnet.faults.catalogue import FAULTS
from tidegate.localnet.faults.rules import BadRule, Match, read_rule, read_rules

COINS = ("BTC", "ETH")


def test_a_rule_is_a_name_and_applies_once_to_everything() -> None:
    rule = read_rule({"do": "accept_then_timeout"}, COINS)
    assert rule.fault is FAULTS["accept_then_timeout"]
    assert (rule.match, rule.times, rule.after, rule.every, rule.at_s, rule.for_s) == (Match(), 1, 0, 1, 0.0, None)


@pytest.mark.parametrize(
    ("do", "args"),
    [
        ("status 502 accepted=true", {"status": 502, "accepted": True, "body": ""}),
        ("status 429", {"status": 429, "accepted": False, "body": ""}),
        ("status accepted=yes 500 'down for maintenance'", {"status": 500, "accepted": True}),
        ("fill.partial .37", {"share": 0.37}),
        ("delay_accept 12", {"seconds": 12.0}),
        ("delay 1.5s", {"seconds": 1.5}),
        ("refuse 'Trading is halted' whole=true", {"text": "Trading is halted", "whole": True}),
        ("refuse 'a=b asset={asset}'", {"text": "a=b asset={asset}", "whole": False}),
        ("ws.close code=1001", {"code": 1001}),
        ("trade.outlier BTC -0.05", {"coin": "BTC", "by": -0.05, "sz": 0.0}),
    ],
)
def test_parameters_come_in_their_order_or_by_name(do: str, args: dict[str, object]) -> None:
    found = read_rule({"do": do}, COINS).args
    assert {name: found[name] for name in args if name != "body"} == {k: v for k, v in args.items() if k != "body"}


def test_what_a_rule_is_about_how_often_and_when() -> None:
    rule = read_rule(
        {
            "do": "reset",
            "match": {"door": "http", "action": "order", "coin": "BTC", "user": "0xAB"},
            "times": 3,
            "after": 2,
            "every": 5,
            "at_s": 30,
            "for_s": 10.5,
        },
        COINS,
    )
    assert rule.match == Match(door="http", action="order", coin="BTC", user="0xab")
    assert (rule.times, rule.after, rule.every, rule.at_s, rule.for_s) == (3, 2, 5, 30.0, 10.5)


def test_for_a_while_means_always_for_that_while() -> None:
    assert read_rule({"do": "reset", "for_s": 10}, COINS).times is None
    assert read_rule({"do": "reset", "for_s": 10, "times": 2}, COINS).times == 2
    assert read_rule({"do": "reset", "times": None}, COINS).times is None


def test_every_problem_of_every_rule_is_told_at_once() -> None:
    raw = [
        {"do": "statsu 502", "time": 2},
        {"do": "status", "match": {"action": 7, "colour": "red", "door": "back"}},
        "reset",
        {"do": "delay fast", "times": 0, "after": -1, "every": 1.5, "at_s": "soon", "for_s": -1},
        {"do": "candle.bad upside_down 7"},
        {"match": {}},
        {"do": "fill.partial 1.5"},
        {"do": "refuse 'open"},
        {"do": "status 502 accepted=perhaps"},
        {"do": "delist btc", "match": {"coin": "XRP"}},
    ]
    with pytest.raises(BadRule) as told:
        read_rules(raw, COINS)
    assert told.value.problems == (
        "faults[1]: unknown key 'time'; expected do, match, times, after, every, at_s, for_s",
        "faults[1].do: no fault is named 'statsu'; did you mean status?",
        "faults[2].do status: status is missing; expected a whole number",
        "faults[2].match: unknown key 'colour'; expected door, request, action, channel, coin, user",
        "faults[2].match.action: expected text, found 7",
        "faults[2].match.door: must be one of http, ws, process, found 'back'",
        "faults[3]: expected an object with do, found text",
        "faults[4].do delay: seconds must be seconds, found 'fast'",
        "faults[4].times: expected a whole number from 1, found 0",
        "faults[4].after: expected a whole number from 0, found -1",
        "faults[4].every: expected a whole number from 1, found 1.5",
        "faults[4].at_s: expected seconds from 0, found 'soon'",
        "faults[4].for_s: expected seconds from 0, found -1",
        "faults[5].do candle.bad: '7' is too much; expected how",
        "faults[5].do candle.bad: how must be one of duplicate, unsorted, nan, zero, negative, crossed, volume, "
        "found 'upside_down'",
        "faults[6].do: expected the name of a fault, found nothing",
        "faults[7].do fill.partial: share must be from 0 to 1, found 1.5",
        'faults[8].do: No closing quotation; found "refuse \'open"',
        "faults[9].do status: accepted must be true or false, found 'perhaps'",
        "faults[10].match.coin 'XRP' does not exist here; names are as in meta and spotMeta",
        "faults[10].do: coin 'btc' does not exist here; names are as in meta and spotMeta",
    )


@pytest.mark.parametrize("raw", [None, 7, "reset", {}])
def test_rules_are_a_list(raw: object) -> None:
    with pytest.raises(BadRule, match="expected a list of rules"):
        read_rules(raw, COINS)


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_says_what_it_does_and_which_rows_it_serves(name: str) -> None:
    fault = FAULTS[name]
    assert fault.says
    assert fault.rows
    assert all(1 <= row <= 70 for row in fault.rows)
