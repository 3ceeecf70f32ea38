"""The benchmark of bursts measures what it says; no time is judged here, for a time belongs to a machine."""

from benchmarks import burst, burst_figures
from benchmarks.burst import BurstPlan
from benchmarks.burst_exchange import COINS_EACH, Burst, BurstWatch, burst_of
from benchmarks.burst_figures import APART, AT_ONCE, BLOCK, BurstResults, BurstRound, Contestant, verdicts

ONCE = BurstPlan(repetitions=1, bursts=1, bursts_sdk=1, cases=(BLOCK, APART))
MS = 1_000_000


def test_each_of_ten_positions_is_left_by_one_order_and_the_bot_waits_for_no_answer():
    results = burst.measure(ONCE, lambda _: None)

    assert [each.case for each in results.rounds] == [BLOCK, APART]
    for each in results.rounds:
        for contestant in (each.floor, each.bot, each.sdk):
            (one,) = contestant.bursts
            assert one.orders == len(one.took_ns) == COINS_EACH
            assert all(0 < before <= after for before, after in zip(one.took_ns, one.took_ns[1:], strict=False))
            assert one.writes == (1 if each.case.one_block else COINS_EACH)
        assert each.bot.rest_calls == 0
        # Two questions and an answer before the next exit: ten positions make the SDK wait for thirty answers.
        assert each.sdk.last.p50 > 25 * 1000 * each.case.answer_delay_s
        assert each.sdk.last.p50 > each.bot.last.p50
    assert "SDK/bot" in burst_figures.table(results)


def order(asset: int, *, reduce_only: bool = True) -> bytes:
    """An order as it lies in an action."""
    return f'{{"a":{asset},"b":false,"p":"197.01","s":"1","r":{str(reduce_only).lower()},"t":{{}}}}'.encode()


def armed(count: int) -> BurstWatch:
    """A watch that saw the prints of so many coins."""
    watch = BurstWatch()
    watch.arm_all([f"C{number}" for number in range(count)])
    for number in range(count):
        watch.writing(f'{{"channel":"trades","data":[{{"coin":"C{number}","side":"A"}}]}}'.encode())
    return watch


def test_a_burst_is_over_when_as_many_exits_have_arrived_as_coins_were_crossed():
    watch = armed(2)

    watch.order(order(0), 1)
    watch.order(order(7, reduce_only=False), 2)
    assert not watch.arrived.is_set()
    watch.order(order(1), 3)

    assert watch.arrived.is_set()
    assert watch.exits_ns() == [(1, b"0"), (3, b"1")]


def test_orders_that_share_an_action_are_counted_each():
    watch = armed(2)

    watch.order(b'{"orders":[' + order(0) + b"," + order(1) + b"]}", 5)

    assert watch.arrived.is_set()
    assert watch.exits_ns() == [(5, b"0"), (5, b"1")]


def test_the_sdks_spaces_make_no_difference():
    watch = armed(1)

    watch.order(order(0).replace(b":", b": ").replace(b",", b", "), 5)

    assert watch.exits_ns() == [(5, b"0")]


def test_only_the_first_print_of_each_coin_starts_the_clock():
    watch = armed(3)

    watch.writing(b'{"channel":"trades","data":[{"coin":"C0","side":"A"}]}')

    assert len(watch.writes_ns) == 3


def test_while_answers_are_late_orders_are_executed_after_the_last_one_has_arrived():
    watch, executed = armed(2), []
    watch.answer_delay_s = 0.1

    for number in range(2):
        watch.order(order(number), number)
        watch.pass_on(lambda number=number: executed.append(number))
        assert executed == ([] if number == 0 else [0, 1])


def test_where_answers_are_not_late_each_order_is_executed_as_it_arrives():
    watch, executed = armed(2), []

    watch.pass_on(lambda: executed.append(1))

    assert executed == [1]


def test_a_burst_lasts_until_the_first_exit_of_the_last_coin():
    watch, start_ns = armed(1), 1_000
    exits = [(start_ns + number, str(number).encode()) for number in range(COINS_EACH)]

    found = burst_of([start_ns], [*exits, (start_ns + 99, b"0")], watch, floor=False)

    assert found is not None
    assert found.took_ns[-1] == COINS_EACH - 1
    assert found.orders == COINS_EACH + 1


def test_a_burst_without_an_exit_of_some_coin_has_no_figure():
    twice = [(number, b"0") for number in range(COINS_EACH)]

    assert burst_of([0], twice, armed(1), floor=False) is None
    assert burst_of([0], twice, armed(1), floor=True) is not None


def one(last_ms: float, *, orders: int = COINS_EACH, calls: int = 0) -> Contestant:
    """One burst whose last exit took so long."""
    took = (*(MS // 10 for _ in range(COINS_EACH - 1)), int(last_ms * MS))
    return Contestant((Burst(took, orders, calls, 1),))


def words(bot: Contestant, *, sdk_ms: float = 3_000.0, case=BLOCK) -> dict[str, str]:
    """The verdicts by the beginning of their goal."""
    results = BurstResults([BurstRound(case, one(0.3), bot, one(sdk_ms))])
    return {each.goal.removeprefix(f"{case.name}: ")[:8]: each.word for each in verdicts(results)}


def test_the_last_exit_is_what_is_judged():
    assert words(one(4.9))["the last"] == "met"
    assert words(one(5.1))["the last"] == "MISSED"
    assert "the last" not in words(one(9.0), case=AT_ONCE)


def test_the_sdk_must_be_beaten_two_hundred_times():
    assert words(one(2.0), sdk_ms=401.0)["≥ 200 ti"] == "met"
    assert words(one(2.0), sdk_ms=399.0)["≥ 200 ti"] == "MISSED"


def test_a_second_order_for_a_position_is_one_too_many():
    assert words(one(2.0))["one orde"] == "met"
    assert words(one(2.0, orders=COINS_EACH + 1))["one orde"] == "MISSED"


def test_a_rest_call_inside_a_burst_is_one_too_many():
    assert words(one(2.0))["no REST "] == "met"
    assert words(one(2.0, calls=1))["no REST "] == "MISSED"
