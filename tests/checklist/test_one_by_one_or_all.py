"""Row 000-20: coins are subscribed to one by one while there is room, and those beyond it by one stream of all prices.

Asserted from what the exchange was asked for. A single coin beyond the limit is left to REST: the stream of all prices
would take the place of another coin's prints.
"""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.checklist.pair import D, Pair, coins_of, subscribed
from tidegate.hyperliquid.subscriptions import SUBSCRIPTIONS_MAX
from tidegate.model.events import CoinsHeard, CoinsUnheard, Mid, StreamDown

ROOM = 60
"""What this exchange grants; the real one's figure is asked of it once."""
LISTED = coins_of(ROOM + 5)
NAMES = tuple(LISTED)


def pair_of(count: int) -> Pair:
    """A stream of so many coins on an exchange that lists more."""
    pair = Pair(LISTED, wanted=NAMES[:count], room=ROOM, account=False, candles=False)
    pair.pass_s(6)
    return pair


def unheard(pair: Pair) -> set[str]:
    """Which coins the bot was told are not streamed."""
    coins: set[str] = set()
    for event in pair.told(CoinsUnheard, CoinsHeard):
        coins = coins | set(event.coins) if isinstance(event, CoinsUnheard) else coins - set(event.coins)
    return coins


def test_three_coins_are_subscribed_to_one_by_one() -> None:
    pair = pair_of(3)
    assert subscribed(pair.log, "trades") == list(NAMES[:3])
    assert subscribed(pair.log, "allMids") == []


def test_as_many_as_there_is_room_for_are_subscribed_to_one_by_one() -> None:
    pair = pair_of(ROOM)
    assert subscribed(pair.log, "trades") == list(NAMES[:ROOM])
    assert subscribed(pair.log, "allMids") == []


def test_one_coin_beyond_the_limit_is_left_to_rest_and_no_other_loses_its_prints_for_it() -> None:
    pair = pair_of(ROOM + 1)
    assert subscribed(pair.log, "trades") == list(NAMES[:ROOM])
    assert subscribed(pair.log, "allMids") == []
    assert unheard(pair) == {NAMES[ROOM]}


def test_of_a_thousand_and_four_coins_five_are_heard_by_the_stream_of_all_prices_and_the_limit_is_used_up() -> None:
    names = tuple(coins_of(SUBSCRIPTIONS_MAX + 4))
    pair = Pair(coins_of(len(names)), account=False, candles=False)
    assert pair.streams.subscription_count == SUBSCRIPTIONS_MAX
    assert subscribed(pair.log, "allMids") == [""]
    assert subscribed(pair.log, "trades") == list(names[: SUBSCRIPTIONS_MAX - 1])


def test_four_coins_beyond_the_limit_are_heard_by_one_stream_of_all_prices() -> None:
    count = ROOM + 4
    pair = pair_of(count)
    assert pair.streams.subscription_count == ROOM
    assert subscribed(pair.log, "trades") == list(NAMES[: ROOM - 1])
    assert subscribed(pair.log, "allMids") == [""]
    assert sum(what["type"] == "allMids" for _, what in pair.log) == 1, "asked for once"
    beyond = set(NAMES[ROOM - 1 : count])
    assert unheard(pair) == beyond
    pair.do(lambda exchange: [exchange.set_oracle(name, D(210)) for name in beyond])
    pair.pass_s(5)
    mids = pair.told(Mid)
    assert {event.coin for event in mids} == beyond, "a coin that is streamed needs no mid"
    assert len(mids) == len(beyond), "every five seconds"


def test_the_stream_of_all_prices_comes_and_goes_with_the_coins_that_need_it() -> None:
    pair = pair_of(ROOM)
    pair.say(pair.fleet.add(NAMES[ROOM : ROOM + 3], pair.now_ns))
    pair.pass_s(2)
    assert subscribed(pair.log, "allMids") == [""]
    assert len(unheard(pair)) == 4
    pair.say(pair.fleet.remove(NAMES[:3], pair.now_ns))
    pair.pass_s(4)
    assert subscribed(pair.log, "allMids") == []
    assert sorted(subscribed(pair.log, "trades")) == list(NAMES[3 : ROOM + 3])
    assert pair.streams.subscription_count == ROOM
    assert not pair.protocol.shared.roster.by("limit")
    assert not pair.told(StreamDown)


def test_a_coin_that_gets_a_position_is_streamed_wholly_and_the_least_important_by_the_stream_of_all() -> None:
    pair = pair_of(ROOM)
    pair.say(pair.fleet.hold([NAMES[30]], pair.now_ns))
    pair.pass_s(4)
    for kind in ("trades", "bbo", "activeAssetCtx"):
        assert NAMES[30] in subscribed(pair.log, kind)
    assert subscribed(pair.log, "allMids") == [""]
    assert pair.streams.subscription_count <= ROOM
    assert unheard(pair) == set(NAMES[ROOM - 3 : ROOM])


@settings(max_examples=15)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 29)), max_size=25))
def test_however_coins_come_and_go_each_is_heard_one_way_and_the_limit_holds(story: list[tuple[bool, int]]) -> None:
    names = NAMES[:30]
    pair = Pair(LISTED, wanted=names[:10], room=20, account=False, candles=False)
    wanted = set(names[:10])
    for comes, number in story:
        name = names[number]
        change = pair.fleet.add if comes else pair.fleet.remove
        pair.say(change([name], pair.now_ns))
        wanted = wanted | {name} if comes else wanted - {name}
        assert pair.streams.subscription_count <= 20
        trades = set(subscribed(pair.log, "trades"))
        beyond = set(pair.protocol.shared.roster.by("limit"))
        assert trades | beyond == wanted
        assert not trades & beyond
        bulk = bool(subscribed(pair.log, "allMids"))
        assert bulk or len(beyond) <= 1
        assert beyond or not bulk
