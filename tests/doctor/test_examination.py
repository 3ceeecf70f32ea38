"""The doctor visits localnet as itself, and localnet in the place of testnet, over real sockets."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import requests
from eth_account import Account
from eth_account.signers.local import LocalAccount
from hyperliquid.exchange import Exchange as SdkExchange

from hyperliquid_websocket import HyperliquidWebSocketClient
from tidegate import venue as venues
from tidegate.config import Loaded, Secrets
from tidegate.doctor import Examination, Finding, Grade, exit_code
from tidegate.doctor import examination as module
from tidegate.localnet.doors.limits import UNLIMITED
from tidegate.localnet.doors.localnet import LocalnetOptions
from tidegate.localnet.doors.thread import Running, running
from tidegate.lock import one_bot_per_wallet
from tidegate.model.settings import Network, Settings

BOT = Path(__file__).resolve().parents[2] / "bot.py"
MASTER, AGENT, STRANGER = (Account.from_key("0x" + digits * 32) for digits in ("5a", "5b", "5c"))
KEY_NAME = "HYPERLIQUID_TESTNET_PRIVATE_KEY"
SUBJECTS = [
    "configuration",
    "exchange",
    "clock",
    "coins",
    "key",
    "account",
    "rate budget",
    "websocket",
    "database",
    "order",
]


@pytest.fixture(scope="module")
def net() -> Iterator[Running]:
    """A localnet on which one account has money, one API wallet, and nobody else anything."""
    with running(LocalnetOptions(scenario="random", seed=11, limits=UNLIMITED)) as net:
        fund(net, MASTER.address)
        until_ms = int(time.time() * 1000) + 10 * module.DAY_MS
        assert approve(sdk(net, MASTER), AGENT.address, f"bot valid_until {until_ms}")["status"] == "ok"
        yield net


def sdk(net: Running, wallet: LocalAccount) -> SdkExchange:
    """The official client of one wallet."""
    meta = {"universe": [], "tokens": []}
    return SdkExchange(wallet, net.url, meta=meta, spot_meta=meta, timeout=10)


def fund(net: Running, user: str) -> None:
    requests.post(f"{net.url}/localnet/fund", json={"user": user, "usdc": 1000}, timeout=5).raise_for_status()


def approve(master: SdkExchange, address: str, name: str) -> dict[str, str]:
    """Approve this very address; the SDK's own method makes a key itself."""
    from hyperliquid.utils.signing import get_timestamp_ms, sign_agent

    nonce = get_timestamp_ms()
    action = {"type": "approveAgent", "agentAddress": address, "agentName": name, "nonce": nonce}
    answer = master._post_action(action, sign_agent(master.wallet, action, False), nonce)
    assert isinstance(answer, dict)
    return answer


@pytest.fixture
def visit(net: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, list[Finding]]]:
    """A visit with these settings, localnet being testnet; what was found, by subject."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(venues.URLS, Network.TESTNET, net.url)
    monkeypatch.setitem(venues.URLS, Network.MAINNET, net.url)

    def go(*, key: str = AGENT.key.hex(), order: bool = True, **more: object) -> dict[str, list[Finding]]:
        words = {
            "network": Network.TESTNET,
            "account_address": MASTER.address.lower(),
            "database_url": f"sqlite:///{tmp_path}/doctor.db",
            "log_dir": str(tmp_path / "logs"),
            **more,
        }
        settings = Settings(**words)  # type: ignore[arg-type]
        loaded = Loaded(settings, Secrets(key, settings.database_url), entries=(), key_name=KEY_NAME)
        found: dict[str, list[Finding]] = {}
        for each in Examination(loaded, BOT, HyperliquidWebSocketClient, order=order).findings():
            found.setdefault(each.subject, []).append(each)
        return found

    return go


def test_it_says_under_which_name_the_key_stands(visit: Callable[..., dict[str, list[Finding]]]) -> None:
    (configuration,) = visit(order=False)["configuration"]
    assert configuration.text.endswith(f", key from {KEY_NAME}")


def failures(found: dict[str, list[Finding]]) -> list[Finding]:
    return [each for findings in found.values() for each in findings if each.grade is Grade.FAIL]


def test_a_sound_installation_is_found_sound(visit: Callable[..., dict[str, list[Finding]]], net: Running) -> None:
    found = visit()
    assert list(found) == SUBJECTS
    assert failures(found) == []
    assert "placed and cancelled" in found["order"][0].text
    orders = requests.post(f"{net.url}/info", json={"type": "openOrders", "user": MASTER.address}, timeout=5).json()
    assert orders == []


def test_its_order_has_a_row_in_the_journal(visit: Callable[..., dict[str, list[Finding]]], tmp_path: Path) -> None:
    import sqlite3

    visit()
    with sqlite3.connect(tmp_path / "doctor.db") as database:
        bodies = [json.loads(row[0]) for row in database.execute("select payload from signed_actions")]
    assert [body["action"]["type"] for body in bodies] == ["order"]


def test_an_api_wallet_that_ends_soon_is_a_warning(visit: Callable[..., dict[str, list[Finding]]]) -> None:
    (key,) = visit(order=False)["key"]
    assert key.grade is Grade.WARNING
    assert "'bot' ends in 10 days" in key.text


@pytest.mark.parametrize("more", [{"order": False}, {"dry_run": True}])
def test_no_order_is_placed_when_none_is_wanted(
    visit: Callable[..., dict[str, list[Finding]]], more: dict[str, bool], tmp_path: Path
) -> None:
    found = visit(**more)
    assert found["order"][0].grade is Grade.SKIPPED
    assert failures(found) == []


def test_no_order_is_placed_beside_a_running_bot(visit: Callable[..., dict[str, list[Finding]]]) -> None:
    with one_bot_per_wallet("testnet", MASTER.address):
        (order,) = visit()["order"]
    assert order.grade is Grade.WARNING
    assert "a bot trades with this wallet now" in order.text


def test_a_strangers_key_is_a_failure_of_the_configuration(visit: Callable[..., dict[str, list[Finding]]]) -> None:
    found = visit(key=STRANGER.key.hex())
    assert "is unknown on testnet" in found["key"][0].text
    assert found["order"][0].text == "this key must not sign for this account"
    assert exit_code(failures(found)) == 2


def test_a_master_key_is_refused_on_mainnet(visit: Callable[..., dict[str, list[Finding]]]) -> None:
    found = visit(key=MASTER.key.hex(), network=Network.MAINNET, order=False)
    assert "or set ALLOW_MASTER_KEY=true" in found["key"][0].text
    allowed = visit(key=MASTER.key.hex(), network=Network.MAINNET, allow_master_key=True, order=False)
    assert failures(allowed) == []


def test_the_api_wallets_address_for_the_accounts_is_explained(visit: Callable[..., dict[str, list[Finding]]]) -> None:
    found = visit(account_address=AGENT.address.lower(), order=False)
    assert f"set the address of its account, {MASTER.address.lower()}" in found["key"][0].text
    assert found["account"][0].grade is Grade.FAIL


def test_a_sub_account_and_a_vault_are_traded_by_their_master(
    visit: Callable[..., dict[str, list[Finding]]], net: Running
) -> None:
    requests.post(f"{net.url}/localnet/gates", json={"volume": False}, timeout=5).raise_for_status()
    master = sdk(net, MASTER)
    created = master.create_sub_account("apart")
    assert created["status"] == "ok", created
    user = created["response"]["data"]
    assert master.sub_account_transfer(user, True, 100_000_000)["status"] == "ok"
    found = visit(vault_address=user)
    assert failures(found) == []
    assert found["account"][0].text.startswith(f"{user}: 100.00 USD")
    stranger = visit(vault_address=STRANGER.address.lower())
    assert "expected a sub-account of" in failures(stranger)[0].text


def test_coins_that_are_not_listed_are_a_failure(visit: Callable[..., dict[str, list[Finding]]]) -> None:
    found = visit(coins=("BTC", "NOPE"))
    assert "NOPE is not listed" in found["coins"][0].text
    assert exit_code(failures(found)) == 2


def test_a_database_that_cannot_be_opened_is_a_failure(
    visit: Callable[..., dict[str, list[Finding]]], tmp_path: Path
) -> None:
    (tmp_path / "bad.db").write_text("this is no database, whatever its name says" * 50)
    found = visit(database_url=f"sqlite:///{tmp_path}/bad.db")
    assert found["database"][0].grade is Grade.FAIL
    assert "order" not in found


@pytest.mark.parametrize(("off_s", "grade"), [(0.1, Grade.OK), (5, Grade.WARNING), (-3600, Grade.FAIL)])
def test_a_wrong_clock_is_told(
    visit: Callable[..., dict[str, list[Finding]]], monkeypatch: pytest.MonkeyPatch, off_s: float, grade: Grade
) -> None:
    real = time.time_ns
    moved = SimpleNamespace(time_ns=lambda: real() + int(off_s * 1e9), monotonic=time.monotonic)
    monkeypatch.setattr(module, "time", moved)
    (clock,) = visit(order=False)["clock"]
    assert clock.grade is grade
    assert ("ahead of" in clock.text) is (off_s > 0)


def test_an_exchange_that_cannot_be_reached_ends_the_visit(
    visit: Callable[..., dict[str, list[Finding]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(venues.URLS, Network.TESTNET, "http://127.0.0.1:9")
    found = visit()
    assert list(found) == ["configuration", "exchange"]
    assert exit_code(failures(found)) == 3


def test_on_localnet_it_starts_one_and_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    loaded = Loaded(Settings(log_dir=str(tmp_path / "logs")), Secrets(), entries=())
    found = list(Examination(loaded, BOT, HyperliquidWebSocketClient, order=True).findings())
    assert [each.subject for each in found] == SUBJECTS
    assert {each.grade for each in found} == {Grade.OK}
    assert not (tmp_path / "data").exists()
