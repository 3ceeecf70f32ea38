"""Alerts over a webhook: delivered in order, repeated within bounds, silent about the address, never in the way."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests
from typer.testing import CliRunner

import bot
from tidegate import logs, webhook
from tidegate.config import load
from tidegate.errors import ConfigError, ExchangeError
from tidegate.model.intents import Alert
from tidegate.notify import LogTeller
from tidegate.webhook import WAITING_MAX, Webhook, body_of, post

ROOT = Path(__file__).resolve().parents[1]
TOKEN = "T0CANARY/q7Kx9canaryToken"
PATIENCE_S = 10.0


class Desk:
    """A web server that takes alerts; `answers` are the statuses it gives, the last one for ever."""

    def __init__(self) -> None:
        self.answers = [200]
        self.bodies: list[dict[str, str]] = []
        self.heard = threading.Condition()
        desk = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["content-length"])
                body = json.loads(self.rfile.read(length))
                with desk.heard:
                    desk.bodies.append(body)
                    desk.heard.notify_all()
                status = desk.answers.pop(0) if len(desk.answers) > 1 else desk.answers[0]
                self.send_response(status)
                self.send_header("content-length", "0")
                if status in (301, 307):
                    self.send_header("location", "/elsewhere")
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/services/{TOKEN}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def waited_for(self, count: int) -> list[dict[str, str]]:
        with self.heard:
            assert self.heard.wait_for(lambda: len(self.bodies) >= count, PATIENCE_S), self.bodies
        return self.bodies


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def sending(desk: Desk) -> Iterator[Callable[[], Webhook]]:
    made: list[Webhook] = []

    def start() -> Webhook:
        made.append(Webhook(desk.url, "localnet 0x1234567890123456789012345678901234567890", pauses_s=(0.0, 0.0)))
        made[-1].start()
        return made[-1]

    yield start
    for each in made:
        each.stop(PATIENCE_S)


def test_an_alert_is_told_to_the_log_and_to_the_webhook_in_words_that_services_understand(
    desk: Desk, sending: Callable[[], Webhook]
) -> None:
    LogTeller(beyond=sending()).alert(Alert(text="BTC: no resting stop", coin="BTC"))
    body = desk.waited_for(1)[0]
    assert body["text"] == body["content"] == "Tidegate localnet 0x1234…7890: BTC: no resting stop"


def test_alerts_arrive_in_order_and_all_of_them_before_it_stops(desk: Desk, sending: Callable[[], Webhook]) -> None:
    sender = sending()
    for number in range(10):
        sender.send(f"alert {number}")
    sender.stop(PATIENCE_S)
    assert [body["text"].rpartition(" ")[2] for body in desk.bodies] == [str(number) for number in range(10)]


@pytest.mark.parametrize("status", [500, 502, 429, 408])
def test_what_may_pass_is_tried_again(status: int, desk: Desk, sending: Callable[[], Webhook]) -> None:
    desk.answers = [status, 200]
    sending().send("again")
    assert len(desk.waited_for(2)) == 2


@pytest.mark.parametrize("status", [400, 401, 404, 301])
def test_a_refusal_is_final_and_a_redirect_is_not_followed(
    status: int, desk: Desk, sending: Callable[[], Webhook]
) -> None:
    desk.answers = [status]
    sender = sending()
    sender.send("refused")
    sender.stop(PATIENCE_S)
    assert len(desk.bodies) == 1


def test_a_failing_webhook_is_tried_a_few_times_and_then_left(desk: Desk, sending: Callable[[], Webhook]) -> None:
    desk.answers = [503]
    sender = sending()
    sender.send("first")
    desk.waited_for(3)
    sender.send("second")
    assert [body["text"].rpartition(" ")[2] for body in desk.waited_for(4)[:4]] == ["first"] * 3 + ["second"]


def test_sending_never_waits_however_many_are_waiting(desk: Desk) -> None:
    sender = Webhook(desk.url, "localnet")  # nobody carries anything yet
    for number in range(WAITING_MAX * 2):
        sender.send(f"alert {number}")
    sender.start()
    sender.stop(PATIENCE_S)
    assert len(desk.bodies) == WAITING_MAX


def test_no_way_there_stops_nothing_and_tells_no_address(tmp_path: Path) -> None:
    logs.setup("DEBUG", tmp_path, console=False)
    try:
        sender = Webhook(f"http://127.0.0.1:1/services/{TOKEN}", "localnet", pauses_s=(0.0,))
        sender.start()
        sender.send("lost")
        sender.stop(PATIENCE_S)
        assert "Webhook(hidden)" in repr(sender)
    finally:
        logs.close()
    told = "".join(file.read_text() for file in tmp_path.iterdir() if file.is_file())
    assert "an alert could not be delivered to ALERT_WEBHOOK_URL: no way there" in told
    assert "canary" not in told.lower()


def test_an_alert_holds_no_secret_and_is_short_enough() -> None:
    shown = body_of(f"key 0x{'ab' * 32} " + "much " * 1_000, "mainnet")["text"]
    assert "abab" not in shown
    assert len(shown) <= webhook.TEXT_MAX


def test_one_try_says_how_it_went_without_the_address(desk: Desk) -> None:
    desk.answers = [403]
    with requests.Session() as session:
        tried = post(desk.url, body_of("x", "y"), session)
        broken = post(f"http://[canary/{TOKEN}", body_of("x", "y"), session)
    assert (tried.delivered, tried.final, tried.words) == (False, True, "HTTP 403")
    assert "canary" not in broken.words.lower()


# the setting and the command


def loaded(url: str):
    return load({}, {"ALERT_WEBHOOK_URL": url}, None, weight_per_minute=lambda *_: 0, strategy_dir=ROOT / "strategies")


def test_the_address_is_a_secret_of_the_settings() -> None:
    found = loaded("https://hooks.slack.com/services/" + TOKEN)
    assert found.secrets.alert_webhook_url.endswith(TOKEN)
    assert TOKEN not in repr(found)
    assert not any(TOKEN in str(entry) for entry in found.entries)


@pytest.mark.parametrize("url", ["ftp://x/canary", "canary", "http://example.org/canary", "https:///canary"])
def test_what_is_no_safe_address_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(ConfigError) as refused:
        loaded(url)
    assert "ALERT_WEBHOOK_URL" in str(refused.value)
    assert "canary" not in str(refused.value)


def test_the_command_line_is_no_place_for_it() -> None:
    with pytest.raises(ConfigError, match="ALERT_WEBHOOK_URL"):
        load(
            {"ALERT_WEBHOOK_URL": "https://example.org/x"},
            {},
            None,
            weight_per_minute=lambda *_: 0,
            strategy_dir=ROOT / "strategies",
        )


def test_alert_test_sends_one_and_says_so(desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ALERT_WEBHOOK_URL", desk.url)
    answer = CliRunner().invoke(bot.app, ["alert-test"])
    assert (answer.exit_code, answer.output.strip()) == (0, "delivered: HTTP 200")
    assert "test" in desk.waited_for(1)[0]["text"]


def test_alert_test_says_what_is_wrong(desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    desk.answers = [404]
    monkeypatch.setenv("ALERT_WEBHOOK_URL", desk.url)
    failed = CliRunner().invoke(bot.app, ["alert-test"])
    assert isinstance(failed.exception, ExchangeError)
    assert "HTTP 404" in str(failed.exception)
    monkeypatch.delenv("ALERT_WEBHOOK_URL", raising=False)
    unset = CliRunner().invoke(bot.app, ["alert-test"])
    assert isinstance(unset.exception, ConfigError)
