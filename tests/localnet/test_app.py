"""localnet's own pages, where they change what the exchange asks for."""

import requests

from tidegate.localnet.doors.localnet import LocalnetOptions
from tidegate.localnet.doors.thread import running

TIMEOUT_S = 10


def test_the_volume_gates_open_and_close_by_a_page() -> None:
    with running(LocalnetOptions(scenario="random")) as net:
        assert net.call(lambda localnet: localnet.exchange.volume_gates)
        for stand in (False, True):
            answer = requests.post(f"{net.url}/localnet/gates", json={"volume": stand}, timeout=TIMEOUT_S)
            assert answer.json() == {"volume": stand}
            assert net.call(lambda localnet: localnet.exchange.volume_gates) is stand
        assert requests.post(f"{net.url}/localnet/gates", json={}, timeout=TIMEOUT_S).status_code == 422


def test_the_volume_gates_may_stand_open_from_the_start() -> None:
    with running(LocalnetOptions(scenario="random", volume_gates=False)) as net:
        assert not net.call(lambda localnet: localnet.exchange.volume_gates)


def test_a_page_says_what_is_wrong_with_what_it_was_sent_even_where_that_is_no_json() -> None:
    user = "0x" + "ab" * 20
    wrong = ('{"user":"%s","usdc":1e400}', '{"user":"%s","usdc":"0.0000001"}', '{"user":"%s"}', '{"user":"%s"')
    with running(LocalnetOptions(scenario="random")) as net:
        for body in wrong:
            answer = requests.post(
                f"{net.url}/localnet/fund",
                data=body.replace("%s", user),
                headers={"Content-Type": "application/json"},
                timeout=TIMEOUT_S,
            )
            assert answer.status_code == 422
            assert answer.json()["problems"]
        answer = requests.post(f"{net.url}/localnet/fund", json={"user": user, "usdc": "1e5"}, timeout=TIMEOUT_S)
        assert answer.json() == {"user": user, "usdc": "100000"}
