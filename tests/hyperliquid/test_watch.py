"""When a coin counts as silent: after fourteen seconds with a position, whatever was tried about single streams."""

from tidegate.hyperliquid.watch import MUTE_STEP, SECOND_NS, CoinWatch


def test_a_coin_whose_single_streams_were_asked_for_again_is_silent_no_later_for_it():
    watch = CoinWatch({"trades", "bbo", "candle"})
    ear = watch.listen("BTC", 0)
    watch.held = frozenset({"BTC"})
    ear.trades_owed_ns = 1
    steps: dict[int, int] = {}
    for half_second in range(1, 40):
        now_ns = half_second * SECOND_NS // 2
        for repair in (*watch.silent(now_ns), *watch.indebted(now_ns)):
            steps.setdefault(repair.step, half_second)
    assert 0 in steps, "its prints alone were asked for first"
    assert steps[MUTE_STEP] <= 28
