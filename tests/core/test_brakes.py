"""The brakes: what trips them, what they block, what lifts them, and that none of it forgets or blocks an exit."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.core.worlds import T0, D, World, started, wishes
from tidegate.core.state import Phase
from tidegate.model.brakes import Brake, Flow
from tidegate.model.events import Account
from tidegate.model.intents import Alert, Decision, PlaceOrders, RememberBrakes
from tidegate.model.orders import OrderRequest, Role
from tidegate.model.signals import Want

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
M5_MS = 300_000


def refusal(world: World, coin: str = "BTC") -> str:
    """Why the core refuses an entry now; empty when it enters."""
    world.now_ms += M5_MS
    world.trade(100, coin=coin)
    world.book(D("99.99"), D("100.01"), coin=coin)
    world.mark(100, coin=coin)
    decision = world.signal(Want.LONG, coin=coin)
    if list(wishes([decision], PlaceOrders)):
        return ""
    return " ".join(note.text for note in decision.notes)


def alerts(decision: Decision) -> list[str]:
    return [each.text for each in wishes([decision], Alert)]


# losses


def test_the_daily_loss_counts_what_the_account_is_worth_and_stops_entries_until_the_next_day() -> None:
    world = started(max_daily_loss_pct=D(5), max_drawdown_pct=D(0))
    world.now_ms = T0 + HOUR_MS
    assert not alerts(world.account(equity=D("9500.01")))
    decision = world.account(equity=D(9500))
    assert "daily loss: 500.00 of 10000.00 USD lost (5.00 %), MAX_DAILY_LOSS_PCT=5 is reached" in alerts(decision)[0]
    assert not alerts(world.account(equity=D(9000))), "it trips once"
    assert "daily loss" in refusal(world)
    world.account(equity=D(20_000))
    assert "daily loss" in refusal(world), "a recovery lifts nothing"
    world.now_ms = T0 + DAY_MS
    world.account(equity=D(9400))
    assert refusal(world) == ""


def test_a_sticky_daily_loss_waits_for_resume() -> None:
    world = started(max_daily_loss_pct=D(5), sticky_brakes=True)
    world.now_ms += 5_000
    world.account(equity=D(9000))
    world.now_ms = T0 + DAY_MS
    world.account(equity=D(9000))
    assert "daily loss" in refusal(world)
    world.command("resume")
    world.account(equity=D(9000))
    assert refusal(world) == ""


def test_deposits_and_withdrawals_are_neither_profit_nor_loss() -> None:
    world = started(max_daily_loss_pct=D(5), max_drawdown_pct=D(5))
    world.now_ms += HOUR_MS
    gone = Flow(time_ms=world.now_ms - 1_000, usd=D(-4000))
    assert not alerts(world.account(equity=D(6000), flows=[gone]))
    assert not alerts(world.account(equity=D(6000), flows=[gone])), "the same withdrawal counts once"
    come = Flow(time_ms=world.now_ms, usd=D(4000))
    assert alerts(world.account(equity=D(9600), flows=[gone, come])) == []
    assert alerts(world.account(equity=D(9400), flows=[gone, come]))


def test_a_deposit_that_the_first_view_holds_is_not_counted_again_when_our_clock_is_behind() -> None:
    first = Account(equity=D(10_000), free=D(10_000), time_ms=T0 + 400)
    world = started(account=first, max_daily_loss_pct=D(5), max_drawdown_pct=D(5))
    world.now_ms += 5_000
    come = Flow(time_ms=T0 + 300, usd=D(10_000))
    assert not alerts(world.account(equity=D(9990), flows=[come]))


def test_a_drawdown_from_the_highest_value_waits_for_resume_and_does_not_trip_again_at_once() -> None:
    world = started(max_drawdown_pct=D(10), max_daily_loss_pct=D(0))
    world.now_ms += 5_000
    world.account(equity=D(20_000))
    assert "drawdown: 2000.00 of 20000.00 USD lost" in alerts(world.account(equity=D(18_000)))[0]
    world.now_ms = T0 + 3 * DAY_MS
    world.account(equity=D(19_900))
    assert "drawdown" in refusal(world)
    world.command("resume")
    assert not alerts(world.account(equity=D(19_900)))
    assert refusal(world) == ""


@given(st.lists(st.integers(-3 * DAY_MS, 3 * DAY_MS), max_size=8))
def test_no_step_of_a_clock_begins_a_day_twice_or_lifts_a_brake_early(steps: list[int]) -> None:
    world = started(max_daily_loss_pct=D(5))
    world.now_ms = T0 + HOUR_MS
    world.account(equity=D(9000))
    newest_ms = world.now_ms
    for step_ms in steps:
        world.now_ms = max(T0, world.now_ms + step_ms)
        newest_ms = max(newest_ms, world.now_ms)
        world.account(equity=D(9000))
        tripped = world.state.brakes.on(Brake.DAILY_LOSS) is not None
        assert tripped is (newest_ms < T0 + DAY_MS)
        assert world.state.brakes.day_ms <= newest_ms


def test_what_tripped_is_still_on_after_a_restart_whatever_the_settings_say_then() -> None:
    world = started(max_daily_loss_pct=D(5))
    world.now_ms += HOUR_MS
    world.account(equity=D(9000))
    kept = world.wished(RememberBrakes)[-1].brakes
    again = started(brakes=kept, now_ms=world.now_ms, max_daily_loss_pct=D(0), max_drawdown_pct=D(0))
    assert "daily loss" in refusal(again)


# how many, how much, how soon


def test_no_entry_while_as_many_positions_are_open_as_may_be() -> None:
    world = started("BTC", "ETH", max_open_positions=1)
    world.hold(coin="ETH")
    assert "MAX_OPEN_POSITIONS=1 are open: ETH" in refusal(world, "BTC")


def test_an_entry_takes_no_more_than_the_exposure_that_is_left() -> None:
    world = started("BTC", "ETH", max_exposure_usd=D(1500), max_position_usd=D(1000))
    held = world.hold(coin="ETH")
    wish = world.enter(coin="BTC")
    assert abs(held.size) * held.entry_price + wish.orders[0].size * wish.orders[0].price <= D(1500)
    assert any("sized by MAX_EXPOSURE_USD" in note.text for note in world.decisions[-2].notes)


def test_a_coin_rests_after_a_position_and_only_that_coin() -> None:
    world = started("BTC", "ETH", cooldown_minutes=D(15))
    world.hold()
    world.close(_stopped_out(world), D("96.9"))
    assert "COOLDOWN_MINUTES=15" in refusal(world)
    assert refusal(world, "ETH") == ""
    world.now_ms += 10 * 60_000
    world.account(orders=[])
    assert refusal(world) == ""


def test_a_close_that_the_exchanges_clock_puts_into_our_future_is_no_pause_where_none_was_asked_for() -> None:
    world = started()
    world.hold()
    world.close(_stopped_out(world), D("96.9"))
    world.now_ms += 60_000
    world.account(orders=[])
    world.state.brakes = replace(world.state.brakes, closes={"BTC": world.now_ms + 250})
    assert refusal(world) == ""


def test_a_pause_counts_in_the_markets_time_however_fast_a_replay_runs() -> None:
    world = started(cooldown_minutes=D(15), speed=60.0)
    world.hold()
    world.close(_stopped_out(world), D("96.9"))
    assert "COOLDOWN_MINUTES=15" in refusal(world)
    world.now_ms += 15 * 60_000
    world.account(orders=[])
    assert refusal(world) == ""


def test_after_so_many_stops_nothing_is_entered_anywhere_for_a_while() -> None:
    world = started("BTC", "ETH", stop_guard_stops=1, stop_guard_minutes=D(60))
    world.hold()
    world.close(_stopped_out(world), D("96.9"))
    assert "STOP_GUARD_STOPS=1" in refusal(world, "ETH")
    world.now_ms += HOUR_MS
    assert refusal(world, "ETH") == ""


def _stopped_out(world: World) -> OrderRequest:
    world.trade("96.9")
    return world.placed(Role.EXIT)[-1]


# by hand


def test_pause_drops_what_waits_and_resume_lifts_it() -> None:
    world = started()
    world.command("pause", "asked by the operator")
    assert "paused: asked by the operator" in refusal(world)
    world.command("resume")
    assert refusal(world) == ""


def test_resume_does_not_lift_a_halt_file() -> None:
    world = started()
    world.command("halt", "HALT lies in the folder")
    decision = world.command("resume")
    assert "still on: HALT file" in decision.notes[0].text
    assert "HALT file" in refusal(world)
    world.command("unhalt", "the HALT file is gone")
    assert refusal(world) == ""


@pytest.mark.parametrize("name", ["pause", "halt", "flatten"])
def test_no_brake_blocks_an_exit(name: str) -> None:
    world = started()
    world.hold()
    world.command(name, "now")
    if name != "flatten":
        world.trade("96.9")
    assert len(world.placed(Role.EXIT)) == 1


def test_flatten_closes_what_is_open_and_what_comes_up_afterwards_and_stays_paused() -> None:
    world = started("BTC", "ETH")
    world.hold()
    entry = world.enter(coin="ETH")
    world.command("flatten", "enough")
    (first,) = world.placed(Role.EXIT)
    assert first.coin == "BTC"
    world.close(first, 100)
    for request in entry.orders:
        world.accept(request)
    world.fill(entry.orders[0].side, entry.orders[0].size, 100, cloid=entry.orders[0].cloid, coin="ETH")
    second = world.placed(Role.EXIT)[-1]
    assert second.coin == "ETH", "an entry that was on its way is closed too"
    world.close(second, 100)
    world.tick()
    assert not world.state.brakes.flatten
    assert all(coin.phase is Phase.READY for coin in world.state.coins.values())
    assert "paused" in refusal(world)


def test_a_flatten_goes_on_after_a_restart() -> None:
    world = started()
    position = world.hold()
    world.command("flatten")
    kept = world.wished(RememberBrakes)[-1].brakes
    account = Account(equity=D(10_000), free=D(10_000), positions=(position,), time_ms=world.now_ms)
    record = world.coin().remembered()
    again = started(brakes=kept, remembered=[record], account=account, now_ms=world.now_ms, ready=False)
    again.trade(100)
    again.run_until(again.now_ms + 1_500)
    assert [each.coin for each in again.placed(Role.EXIT)] == ["BTC"], "once what was sent before has had time to fill"


@given(st.decimals(0, 20_000, places=2), st.decimals(0, 100, places=1))
def test_a_brake_trips_exactly_when_so_much_is_lost(equity: Decimal, percent: Decimal) -> None:
    world = started(max_daily_loss_pct=percent, max_drawdown_pct=D(0))
    world.now_ms += 5_000
    world.account(equity=equity)
    lost = D(10_000) - equity
    assert (world.state.brakes.on(Brake.DAILY_LOSS) is not None) is bool(percent and lost >= D(100) * percent)
