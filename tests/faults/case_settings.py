"""Settings that cannot be right are refused before the first order, with one line each (76)."""

import time
from pathlib import Path

import requests
from eth_account import Account
from hyperliquid.utils.signing import sign_agent

from tests.e2e.as_testnet import command_line
from tests.faults.cases import case
from tests.faults.scene import ASK_TIMEOUT_S, Scene

SETTINGS_FILES: dict[str, tuple[str | bytes, str]] = {
    "missing": ("NETWORK=testnet", "HYPERLIQUID_PRIVATE_KEY"),
    "a typo": ("NETWRK=testnet", "did you mean NETWORK?"),
    "a comment behind a value": ("LEVERAGE=3# low", "LEVERAGE"),
    "UTF-16 with its mark": ("LEVERAGE=3\n".encode("utf-16"), "not UTF-8"),
    "empty": ("COINS=", "COINS="),
    "NaN": ("RISK_PER_TRADE_PCT=nan", "RISK_PER_TRADE_PCT=nan"),
    "negative": ("STOP_LOSS_PCT=-3", "STOP_LOSS_PCT=-3"),
    "a per cent sign": ("STOP_LOSS_PCT=2%", "STOP_LOSS_PCT=2%"),
    "no stop": ("STOP_LOSS_PCT=0", "STOP_LOSS_PCT=0"),
    "leverage of a thousand": ("LEVERAGE=1000", "LEVERAGE=1000"),
    "mainnet without a word": ("NETWORK=mainnet", "CONFIRM_MAINNET"),
    "a key on localnet": ("HYPERLIQUID_PRIVATE_KEY=0x" + "1f" * 32, "never sign"),
}
COINS = {"a coin that is not there": "BTX", "a spot pair": "PURR/USDC", "a spot pair by its number": "@1"}
MASTER, AGENT, STRANGER = (Account.from_key("0x" + digits * 32) for digits in ("6a", "6b", "6c"))
REFUSED = "each refused with one line that names it, exit code 2; nothing is sent"
MONEY_USD = 1_000


@case(76, "bad settings", done=f"{len(SETTINGS_FILES)} settings files: {', '.join(SETTINGS_FILES)}", expected=REFUSED)
def settings_files(scene: Scene) -> None:
    scene.strike()
    for number, (content, words) in enumerate(SETTINGS_FILES.values()):
        folder = scene.folder / str(number)
        folder.mkdir()
        file = folder / ".env"
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        file.chmod(0o600)
        refused(scene, folder, words, bare=True)
    scene.recovered()


@case(76, "bad settings", done=f"coins: {', '.join(COINS)}", expected=REFUSED, short=True)
def coins(scene: Scene) -> None:
    scene.strike()
    for number, coin in enumerate(COINS.values()):
        folder = scene.folder / str(number)
        folder.mkdir()
        refused(scene, folder, coin, COINS=f"BTC,{coin}")
    scene.recovered()


@case(
    76,
    "bad settings",
    done="keys: a stranger's, the agent's address as account, an account of another network, a master key on mainnet",
    expected=REFUSED,
)
def keys(scene: Scene) -> None:
    prepare(scene)
    master, agent = MASTER.address.lower(), AGENT.address.lower()
    scene.strike()
    trials = (
        (STRANGER, master, "testnet", "is an account of its own"),
        (AGENT, agent, "testnet", f"set the address of its account, {master}"),
        (AGENT, "0x" + "9d" * 20, "testnet", "it was never funded there"),
        (MASTER, master, "mainnet", "ALLOW_MASTER_KEY=true"),
    )
    for number, (wallet, account, network, words) in enumerate(trials):
        folder = scene.folder / str(number)
        folder.mkdir()
        refused(scene, folder, words, **of_wallet(wallet, account, network, folder), bare=True)
    scene.recovered()


@case(
    76,
    "bad settings",
    done="an account without money, on testnet",
    expected="nothing is sent; every wish of the strategy is refused with the reason",
)
def no_money(scene: Scene) -> None:
    prepare(scene)
    master = MASTER.address.lower()
    scene.fault(f"ledger -{MONEY_USD} user={master}")
    environ = of_wallet(AGENT, master, "testnet", scene.folder)
    scene.strike()
    scene.start(command=command_line(scene.net.url), LOCALNET_URL="", **environ)
    scene.hear(r"BTC long refused: (key refused|the account's equity is zero)")
    scene.recovered()
    assert not placed(scene)


def refused(scene: Scene, folder: Path, words: str, *, bare: bool = False, **environ: str) -> None:
    """One start that is refused. `bare`: without the settings of the scene."""
    command = command_line(scene.net.url)
    bot = scene.bare(folder, command, **environ) if bare else scene.another(folder, **environ)
    assert bot.ends() == 2, bot.screen
    assert any(words in line for line in bot.lines), bot.screen
    assert "Traceback" not in bot.screen
    assert not placed(scene)


def of_wallet(wallet: Account, account: str, network: str, folder: Path) -> dict[str, str]:
    """The environment of a bot with this key."""
    return {
        "NETWORK": network,
        "TMPDIR": str(folder),
        "HYPERLIQUID_PRIVATE_KEY": wallet.key.hex(),
        "HYPERLIQUID_ACCOUNT_ADDRESS": account,
        "CONFIRM_MAINNET": account if network == "mainnet" else "",
    }


def prepare(scene: Scene) -> None:
    """A master account with money and an API wallet; a stranger with money."""
    for wallet in (MASTER, STRANGER):
        body = {"user": wallet.address.lower(), "usdc": MONEY_USD}
        requests.post(f"{scene.net.url}/localnet/fund", json=body, timeout=ASK_TIMEOUT_S).raise_for_status()
    nonce = time.time_ns() // 1_000_000
    action = {"type": "approveAgent", "agentAddress": AGENT.address.lower(), "agentName": "bot", "nonce": nonce}
    body = {"action": action, "nonce": nonce, "signature": sign_agent(MASTER, action, False)}
    answer = requests.post(f"{scene.net.url}/exchange", json=body, timeout=ASK_TIMEOUT_S).json()
    assert answer["status"] == "ok", answer


def placed(scene: Scene) -> list[object]:
    """Orders of anybody who is in these cases."""
    users = (MASTER.address.lower(), AGENT.address.lower(), STRANGER.address.lower())
    bodies = [{"type": "historicalOrders", "user": user} for user in users]
    answers = [requests.post(f"{scene.net.url}/info", json=body, timeout=ASK_TIMEOUT_S).json() for body in bodies]
    return [*scene.sees.entries, *(row for rows in answers for row in rows)]
