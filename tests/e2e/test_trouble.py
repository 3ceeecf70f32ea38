"""The plug pulled, the process killed: what was promised still holds."""

import re
import signal
from pathlib import Path

import pytest
import requests
from proxy import proxy_to
from running import running

pytestmark = pytest.mark.e2e


def test_a_killed_bot_starts_again_adopts_its_position_and_doubles_nothing(tmp_path: Path) -> None:
    with running(tmp_path) as first:
        first.wait_for(r"\[risk\] BTC: the exchange confirms a resting stop")
        first.send(signal.SIGKILL)
        first.ends()
    bought = [line for line in first.lines if "[fill] BTC buy" in line]
    with running(tmp_path) as second:
        adopted = second.wait_for(r"\[account\] BTC: position of (\S+) .* adopted \(known from an earlier run\)")
        second.wait_for(r"resting stop recognised: \d+")
        second.wait_for(r"\[risk\] BTC: the exchange confirms a resting stop")
        second.wait_for(r"\[exit\] BTC closed by stop_loss")
        second.send(signal.SIGTERM)
        assert second.ends() == 0
    size = sum(float(re.search(r"buy (\S+) at", line).group(1)) for line in bought)  # type: ignore[union-attr]
    assert float(adopted.group(1)) == pytest.approx(size)
    assert not [line for line in second.lines if "[fill] BTC buy" in line], second.screen


def test_with_the_socket_cut_a_stop_still_fires_by_rest_and_streaming_returns(tmp_path: Path) -> None:
    with running(tmp_path, "localnet", "--port", "0") as exchange:
        url = exchange.wait_for(r"ready at (http://\S+)").group(1)
        with (
            proxy_to(int(url.rsplit(":", 1)[1])) as proxy,
            running(tmp_path, environ={"LOCALNET_URL": proxy.url}) as bot,
        ):
            bot.wait_for(r"\[risk\] BTC: the exchange confirms a resting stop")
            proxy.unplug()
            bot.wait_for(r"\[stream\] down: .*; polling BTC by REST every 2 s")
            bot.wait_for(r"\[exit\] BTC closed by stop_loss")
            proxy.plug_in()
            bot.wait_for(r"\[stream\] up again: back to streaming")
            bot.send(signal.SIGTERM)
            assert bot.ends() == 0
        counters = requests.get(f"{url}/localnet/counters", timeout=5)
        assert counters.ok
    assert "Traceback" not in bot.screen


def test_a_journal_of_a_real_run_fed_through_step_again_reproduces_every_decision(tmp_path: Path) -> None:
    from tidegate.core.state import State
    from tidegate.core.step import step
    from tidegate.storage.status import read_status

    with running(tmp_path) as bot:
        account = bot.wait_for(r"account (0x[0-9a-f]{40})").group(1)
        bot.wait_for(r"\[recap\] result")
        bot.send(signal.SIGTERM)
        assert bot.ends() == 0
    url = f"sqlite:///{tmp_path}/data/tidegate.db"
    assert read_status(url) is not None
    from journals import whole_journal

    state, steps = State(), 0
    for event, decision in whole_journal(url, account):
        assert step(state, event) == decision, f"step {steps}: {event}"
        steps += 1
    assert steps > 50
