"""Coins come and go while the bot runs; what is open in one that goes is looked after to its end."""

import pytest

from tests.core.worlds import T0, TAG, D, World, instrument, started, wishes
from tidegate.core.schedule import next_due_ms
from tidegate.core.state import Phase, State
from tidegate.core.step import still_wanted
from tidegate.model.brackets import Bracket
from tidegate.model.events import (
    Account,
    CoinFound,
    CoinNotFound,
    Command,
    PositionsSeen,
    Started,
    StreamFrozen,
)
from tidegate.model.intents import (
    Answer,
    Choose,
    Decision,
    FetchCandles,
    FetchPositions,
    FindCoin,
    PlaceOrders,
    SetLeverage,
    Subscribe,
    Unsubscribe,
)
from tidegate.model.orders import Role
from tidegate.model.positions import Position
from tidegate.model.records import Remembered
from tidegate.model.settings import Settings, Stream
from tidegate.model.signals import Want
from tidegate.model.watchlist import Choice, Origin, origins

SOL = instrument("SOL", asset=5)


def command(world: World, name: str, coin: str, why: str = "") -> Decision:
    wish = Command(at_ms=world.now_ms, name=name, coin=coin, reason=why, who="ada", id=f"{name} {coin}")
    return world.tell(wish)


def found(world: World, **more: object) -> Decision:
    return world.tell(CoinFound(at_ms=world.now_ms, instrument=SOL, who="ada", id="add SOL", **more))  # type: ignore[arg-type]


def answer(decision: Decision) -> str:
    (said,) = wishes([decision], Answer)
    return said.text


def test_a_coin_that_is_wanted_is_looked_up_first() -> None:
    decision = command(started("BTC", "ETH"), "add", "sol", "it trends")
    (wish,) = decision.intents
    assert wish == FindCoin(name="sol", coins=("BTC", "ETH"), who="ada", why="it trends", id="add sol")


def test_a_coin_that_is_not_to_be_had_is_answered_with_the_reason() -> None:
    world = started("BTC", "ETH")
    text = "SLO is not listed on localnet, did you mean SOL?"
    decision = world.tell(CoinNotFound(at_ms=world.now_ms, name="SLO", reason=text, id="add SLO"))
    assert answer(decision) == f"SLO is not added: {text}"
    assert set(world.state.coins) == {"BTC", "ETH"}


def test_a_coin_that_comes_has_one_subscribe_its_candles_its_leverage_and_a_place_in_the_watchlist() -> None:
    world = started("BTC", "ETH")
    decision = found(world, budget="3 coins use 12 of 1200", why="it trends")
    assert list(wishes([decision], Subscribe)) == [Subscribe(coins=("SOL",), more=True)]
    assert [wish.coin for wish in wishes([decision], FetchCandles)] == ["SOL"]
    assert list(wishes([decision], FetchPositions))
    assert list(wishes([decision], Choose)) == [
        Choose(choice=Choice(coin="SOL", wanted=True, chosen_ms=world.now_ms, who="ada", why="it trends"))
    ]
    assert answer(decision) == "SOL is added by ada (it trends): 3 coins now; 3 coins use 12 of 1200"
    assert [(wish.coin, wish.asset) for wish in wishes([world.tick(1_000)], SetLeverage)] == [("SOL", 5)]


def test_a_leverage_that_the_exchange_has_already_is_not_set_again() -> None:
    world = started("BTC", "ETH")
    found(world, leverage=3, cross=True)
    assert not list(wishes([world.tick(1_000)], SetLeverage))
    assert world.coin("SOL").leverage == 3


def test_a_coin_that_has_come_is_traded_once_the_account_has_had_time_to_be_seen() -> None:
    world = started("BTC", "ETH")
    found(world, leverage=3, cross=True)
    world.fetched(coin="SOL")
    world.mark(100, coin="SOL")
    world.trade(100, coin="SOL")
    assert not list(wishes([world.signal(Want.LONG, coin="SOL")], PlaceOrders))
    world.now_ms += 15_001
    world.mark(100, coin="SOL")
    world.trade(100, coin="SOL")
    assert [order.coin for order in world.placed(Role.ENTRY)] == ["SOL"]


def test_a_stranger_s_position_in_a_coin_that_comes_is_left_alone() -> None:
    world = started("BTC", "ETH")
    found(world, leverage=3, cross=True)
    theirs = Position(coin="SOL", size=D(2), entry_price=D(90))
    account = Account(equity=D(10_000), free=D(10_000), positions=(theirs,), time_ms=world.now_ms)
    world.tell(PositionsSeen(at_ms=world.now_ms, account=account))
    for _ in range(2):
        world.now_ms += 3_000
        world.account(positions=[theirs])
    assert world.coin("SOL").left_alone


def test_what_is_remembered_of_a_coin_is_known_again_when_it_comes() -> None:
    record = Remembered(coin="SOL", generation=7, exit_attempts=2, protect_attempts=3, acted_open_ms=T0 - 60_000)
    world = started("BTC", "ETH", remembered=[record])
    found(world)
    coin = world.coin("SOL")
    assert (coin.generation, coin.exit_attempts, coin.protect_attempts) == (7, 2, 3)
    assert coin.acted_open_ms == T0 - 60_000


def test_a_coin_that_is_there_is_not_added_twice() -> None:
    world = started("BTC", "ETH")
    assert answer(command(world, "add", "eth")) == "ETH is traded already (COINS)"
    found(world)
    decision = found(world)
    assert answer(decision) == "SOL is traded already (added)"
    assert not list(wishes([decision], Subscribe))


def test_without_a_stream_a_coin_that_comes_is_polled_at_once() -> None:
    world = started("BTC", "ETH", stream=Stream.OFF)
    decision = found(world)
    assert not list(wishes([decision], Subscribe))
    assert next_due_ms(world.state) <= world.now_ms


def test_a_flat_coin_is_removed_at_once_and_for_good() -> None:
    world = started("BTC", "ETH")
    decision = command(world, "remove", "eth", "too quiet")
    assert list(wishes([decision], Unsubscribe)) == [Unsubscribe(coins=("ETH",))]
    (chosen,) = wishes([decision], Choose)
    assert (chosen.choice.coin, chosen.choice.wanted, chosen.choice.who) == ("ETH", False, "ada")
    assert answer(decision) == "ETH is removed by ada (too quiet): 1 coins now"
    assert set(world.state.coins) == {"BTC"}


def test_what_is_still_on_its_way_about_a_coin_that_is_gone_changes_nothing() -> None:
    world = started("BTC", "ETH")
    eth = world.coin("ETH")
    command(world, "remove", "ETH")
    world.trade(100, coin="ETH")
    world.book(99, 101, coin="ETH")
    world.mark(100, coin="ETH")
    world.mid(100, coin="ETH")
    world.fetched(coin="ETH")
    world.signal(Want.LONG, coin="ETH")
    world.tell(StreamFrozen(at_ms=world.now_ms, coin="ETH", reason="it is gone"))
    assert set(world.state.coins) == {"BTC"}
    assert not world.state.frozen
    late = FetchCandles(coin="ETH", timeframe=world.state.settings.timeframe, since_ms=0)
    assert not still_wanted(world.state, late)
    assert eth.orders == {}


def test_removing_a_coin_with_a_position_keeps_it_until_it_is_flat() -> None:
    world = started("BTC", "ETH")
    world.hold(coin="ETH")
    decision = command(world, "remove", "ETH")
    assert "its position of" in answer(decision)
    assert "leaves when it is flat" in answer(decision)
    assert not list(wishes([decision], Unsubscribe))
    assert world.coin("ETH").origin is Origin.POSITION
    exits = list(wishes([world.trade(96, coin="ETH")], PlaceOrders))
    assert exits, "its stop is exited as ever"
    world.sent(exits[0])
    world.close(exits[0].orders[0], 96)
    world.now_ms += 3_000
    world.account(orders=())
    gone = world.tick(5_000)
    assert list(wishes([gone], Unsubscribe)) == [Unsubscribe(coins=("ETH",))]
    assert set(world.state.coins) == {"BTC"}


def test_a_coin_that_is_about_to_leave_gets_no_entry_and_stays_if_it_is_wanted_again() -> None:
    world = started("BTC", "ETH")
    world.hold(coin="ETH")
    command(world, "remove", "ETH")
    refused = world.signal(Want.SHORT, coin="ETH")
    assert not [order for wish in wishes([refused], PlaceOrders) for order in wish.orders if not order.reduce_only]
    assert answer(command(world, "add", "ETH")) == "ETH stays by ada: entries are made again"
    assert world.coin("ETH").origin is Origin.COINS


def test_the_last_coin_cannot_be_removed() -> None:
    world = started("BTC", "ETH")
    world.hold(coin="ETH")
    command(world, "remove", "ETH")
    assert "BTC is the only coin that is traded" in answer(command(world, "remove", "BTC"))
    assert set(world.state.coins) == {"BTC", "ETH"}


@pytest.mark.parametrize(("name", "words"), [("ETG", "did you mean ETH?"), ("QQQQQ", "none of the bot's coins")])
def test_a_name_that_no_coin_has_is_answered_with_the_nearest(name: str, words: str) -> None:
    assert words in answer(command(started("BTC", "ETH"), "remove", name))


def test_a_bot_that_is_stopping_takes_up_no_coin() -> None:
    world = started("BTC", "ETH")
    world.stop()
    assert "the bot is stopping" in answer(command(world, "add", "SOL"))
    assert "the bot is stopping" in answer(found(world))


def test_two_hundred_comings_and_goings_leave_nothing_behind() -> None:
    world = started("BTC", "ETH")
    sizes = None
    for round_ in range(200):
        world.now_ms += 1_000
        found(world, leverage=3, cross=True)
        world.fetched(coin="SOL")
        world.mark(100, coin="SOL")
        world.trade(100, coin="SOL")
        world.tell(StreamFrozen(at_ms=world.now_ms, coin="SOL", reason="silent"))
        command(world, "remove", "SOL")
        state = world.state
        now = [len(each) for each in (state.coins, state.coin_of, state.roles, state.frozen, state.faults_told)]
        now += [len(state.memory), len(state.upkeep.doubts), len(state.upkeep.diverged), len(state.warm_coins)]
        sizes = sizes if sizes is not None else now
        assert now == sizes, round_


def test_a_position_left_over_from_other_coins_is_adopted_watched_and_let_go() -> None:
    position = Position(coin="SOL", size=D(1), entry_price=D(100), opened_ms=T0 - 60_000)
    record = Remembered(coin="SOL", position=position, bracket=Bracket(direction=1, stop=D(97)))
    account = Account(equity=D(10_000), free=D(10_000), positions=(position,), time_ms=T0)
    world = World(State(), T0)
    world.tell(
        Started(
            at_ms=T0,
            settings=Settings(coins=("BTC",)),
            instruments=(instrument("BTC"), SOL),
            account=account,
            instance_tag=TAG,
            remembered=(record,),
            origins={"SOL": Origin.POSITION},
        )
    )
    assert world.coin("SOL").phase is Phase.HOLDING
    assert world.placed(Role.STOP), "it is covered like any other"
    world.accept(world.placed(Role.STOP)[0])
    (exit_,) = wishes([world.trade(96, coin="SOL")], PlaceOrders)
    world.sent(exit_)
    world.close(exit_.orders[0], 96)
    world.now_ms += 3_000
    world.account(orders=())
    world.tick(5_000)
    assert set(world.state.coins) == {"BTC"}
    assert "SOL" in world.state.memory


def test_choices_go_before_coins_and_the_newest_choice_counts() -> None:
    choices = [
        Choice(coin="SOL", wanted=True, chosen_ms=1),
        Choice(coin="ETH", wanted=False, chosen_ms=2),
        Choice(coin="HYPE", wanted=True, chosen_ms=3),
    ]
    assert origins(("BTC", "ETH"), choices) == {
        "BTC": Origin.COINS,
        "SOL": Origin.ADDED,
        "HYPE": Origin.ADDED,
    }
