"""Checks that look at several settings at once, or at the file system. One line for each problem.

A check whose own settings could not be read keeps silent: their problem has been told already.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tidegate.config.env_file import readable_by_others
from tidegate.config.plain_keys import GENERAL, OF_NETWORK, PLAIN_KEYS, contradictions, key_for
from tidegate.config.private_files import why_not_private
from tidegate.config.variables import Variables, rule_of
from tidegate.config.wording import Text, nearest, problem_line
from tidegate.model.settings import Network

LONGEST_INTERVAL_S = 86_400
BREADTH_COINS_MIN = 3
SETTLING_SPANS = 4
KEY_VARIABLES = ("HYPERLIQUID_KEYSTORE", "HYPERLIQUID_KEY_FILE", GENERAL)
"""Where a key for whichever network may be; the first that is set counts."""
PRIVATE_FILES = ("HYPERLIQUID_KEYSTORE", "HYPERLIQUID_KEYSTORE_PASSWORD_FILE", "HYPERLIQUID_KEY_FILE")


class WeightPerMinute(Protocol):
    """How much REST weight the bot uses in a minute at worst."""

    def __call__(self, coins: int, check_interval_s: float, fallback_interval_s: float, stream: str, /) -> float:
        """Weight per minute for that many coins."""


@dataclass(frozen=True)
class Outside:
    """What checks need beside the settings: folders, the exchange's limits, the file they were read from."""

    strategy_dir: Path
    weight_per_minute: WeightPerMinute
    weight_max: int
    env_file: Path | None


@dataclass(frozen=True)
class Given:
    """The settings under check.

    `texts` as the user wrote them; `bad` holds the names whose value could not be read.
    """

    values: Variables
    texts: Mapping[str, Text]
    bad: frozenset[str]
    outside: Outside

    def line(self, name: str, problem: str, allowed: str = "", example: str | None = None) -> str:
        """A problem with what stands in `name`."""
        rule = rule_of(name)
        text = self.texts.get(name, Text("", "default"))
        return problem_line(name, text, problem, allowed or rule.allowed, rule.example if example is None else example)


def check(given: Given) -> list[str]:
    """Every problem that the rules of single variables cannot see."""
    checks: tuple[tuple[set[str], Callable[[Given], Iterator[str]]], ...] = (
        ({"NETWORK", *KEY_VARIABLES, *PLAIN_KEYS, "HYPERLIQUID_ACCOUNT_ADDRESS"}, _wallet),
        ({"NETWORK", *PLAIN_KEYS}, _keys_of_networks),
        ({"NETWORK", "HYPERLIQUID_ACCOUNT_ADDRESS", "CONFIRM_MAINNET"}, _confirmation),
        ({"HYPERLIQUID_ACCOUNT_ADDRESS", "HYPERLIQUID_VAULT_ADDRESS"}, _vault),
        ({"BUILDER_ADDRESS", "BUILDER_FEE_TENTHS_BP"}, _builder),
        ({"LEVERAGE", "LEVERAGE_BY_SCORE"}, _leverages),
        ({"NETWORK", "LOCALNET_URL"}, _localnet),
        (set(), _key_place),
        ({"ALERT_WEBHOOK_URL"}, _webhook_place),
        ({"NETWORK", "HYPERLIQUID_KEYSTORE", "HYPERLIQUID_KEYSTORE_PASSWORD_FILE"}, _password_place),
        ({"NETWORK", *PRIVATE_FILES}, _private_files),
        ({"STRATEGY"}, _strategy),
        ({"REGIME", "REGIME_BARS", "REGIME_BUCKETS", "COINS", "CANDLE_HISTORY"}, _regime),
        ({"COINS", "CHECK_INTERVAL", "FALLBACK_INTERVAL", "STREAM"}, _weight),
        ({"LOG_DIR"}, _log_dir),
        ({"DATABASE_URL"}, _database),
    )
    return [line for names, run in checks if not names & given.bad for line in run(given)]


def _wallet(given: Given) -> Iterator[str]:
    values, network = given.values, given.values.network
    keys = [name for name in KEY_VARIABLES if getattr(values, name.lower())]
    if network is Network.LOCALNET:
        for name in keys:
            yield given.line(
                name,
                "a real key must never sign on localnet, which makes its own",
                "nothing while NETWORK=localnet; set NETWORK=testnet or mainnet to use the key",
                "",
            )
        return
    plain = _plain_keys(given)
    if not keys and not key_for(network, plain)[1]:
        others = " or ".join(name for name in (*KEY_VARIABLES, OF_NETWORK[network]) if name != GENERAL)
        elsewhere = "".join(f"; {name} is for another network" for name in OF_NETWORK.values() if plain[name])
        yield given.line(GENERAL, f"not set, NETWORK={network.value} needs it, or {others}{elsewhere}")
    if not values.hyperliquid_account_address:
        yield given.line("HYPERLIQUID_ACCOUNT_ADDRESS", f"not set, NETWORK={network.value} needs it")


def _keys_of_networks(given: Given) -> Iterator[str]:
    for name, problem, allowed in contradictions(given.values.network, _plain_keys(given)):
        yield given.line(name, problem, allowed, "")


def _plain_keys(given: Given) -> dict[str, str]:
    return {name: getattr(given.values, name.lower()) for name in PLAIN_KEYS}


def _confirmation(given: Given) -> Iterator[str]:
    values = given.values
    if values.network is not Network.MAINNET:
        if values.confirm_mainnet:
            yield given.line(
                "CONFIRM_MAINNET",
                f"set, but NETWORK={values.network.value}; one of the two is a mistake",
                "nothing unless NETWORK=mainnet",
            )
        return
    account = values.hyperliquid_account_address
    if not values.confirm_mainnet or (account and values.confirm_mainnet != account):
        problem = "not the account address" if values.confirm_mainnet else "not set, NETWORK=mainnet needs it"
        yield given.line("CONFIRM_MAINNET", problem, "the value of HYPERLIQUID_ACCOUNT_ADDRESS", account)


def _vault(given: Given) -> Iterator[str]:
    vault = given.values.hyperliquid_vault_address
    if vault and vault == given.values.hyperliquid_account_address:
        yield given.line(
            "HYPERLIQUID_VAULT_ADDRESS",
            "the same as HYPERLIQUID_ACCOUNT_ADDRESS",
            "the address of a vault or sub-account, or nothing",
        )


def _builder(given: Given) -> Iterator[str]:
    values = given.values
    if values.builder_address and not values.builder_fee_tenths_bp:
        yield given.line("BUILDER_FEE_TENTHS_BP", "not set, BUILDER_ADDRESS needs it", "from 1 to 100")
    if values.builder_fee_tenths_bp and not values.builder_address:
        yield given.line("BUILDER_ADDRESS", "not set, BUILDER_FEE_TENTHS_BP needs it")


def _leverages(given: Given) -> Iterator[str]:
    steps, most = given.values.leverage_by_score, given.values.leverage
    if steps and int(steps[-1].partition(":")[2]) > most:
        yield given.line("LEVERAGE_BY_SCORE", f"goes beyond LEVERAGE={most}, which is the limit for every score")


def _localnet(given: Given) -> Iterator[str]:
    if given.values.localnet_url and given.values.network is not Network.LOCALNET:
        yield given.line(
            "LOCALNET_URL",
            f"set, but NETWORK={given.values.network.value}",
            "nothing unless NETWORK=localnet",
            "",
        )


def _webhook_place(given: Given) -> Iterator[str]:
    text = given.texts.get("ALERT_WEBHOOK_URL")
    if text is not None and text.value and text.source == "command line":
        yield given.line(
            "ALERT_WEBHOOK_URL",
            "every user of this machine can see a command line",
            "an address in .env or in the environment; treat this one as known to others",
        )


def _key_place(given: Given) -> Iterator[str]:
    file = given.outside.env_file
    for name in PLAIN_KEYS:
        text = given.texts.get(name)
        if text is None or not text.value or name in given.bad:
            continue
        if text.source == "command line":
            yield given.line(
                name,
                "every user of this machine can see a command line",
                "a key in .env or in the environment; treat this one as known to others",
            )
        elif text.source == ".env" and file is not None and os.name == "posix" and readable_by_others(file):
            yield given.line(
                name,
                "other users of this machine can read the file",
                f"a file that only you can read: chmod 600 {file.name}",
            )


def _password_place(given: Given) -> Iterator[str]:
    values = given.values
    if values.hyperliquid_keystore_password_file and not values.hyperliquid_keystore:
        yield given.line(
            "HYPERLIQUID_KEYSTORE_PASSWORD_FILE",
            "set, but there is no HYPERLIQUID_KEYSTORE that it could open",
            "nothing without a keystore",
            "",
        )


def _private_files(given: Given) -> Iterator[str]:
    if given.values.network is Network.LOCALNET:
        return
    for name in PRIVATE_FILES:
        path = getattr(given.values, name.lower())
        if path and (wrong := why_not_private(Path(path))):
            yield given.line(name, *wrong, "")


def _strategy(given: Given) -> Iterator[str]:
    wanted = given.values.strategy
    files = given.outside.strategy_dir.glob("*.py") if given.outside.strategy_dir.is_dir() else ()
    names = sorted(each.stem for each in files if not each.stem.startswith("_"))
    if wanted in names:
        return
    guess = nearest(wanted, names)
    yield given.line(
        "STRATEGY",
        "no such strategy" + (f", did you mean {guess}?" if guess else ""),
        ", ".join(names[:20]) if names else f"a file in the folder {given.outside.strategy_dir.name}, which has none",
        "",
    )


def _regime(given: Given) -> Iterator[str]:
    values, coins = given.values, given.values.coins
    if not values.regime:
        return
    if any(character in coin for coin in coins for character in "*?"):
        return
    if "btc" in values.regime and "BTC" not in coins:
        yield given.line("REGIME", "btc needs BTC among COINS: only their candles are kept")
    if "alts" in values.regime and not set(coins) - {"BTC"}:
        yield given.line("REGIME", "alts needs a coin other than BTC among COINS")
    if "breadth" in values.regime and len(coins) < BREADTH_COINS_MIN:
        yield given.line("REGIME", f"breadth needs at least {BREADTH_COINS_MIN} COINS")
    if SETTLING_SPANS * values.regime_bars > values.candle_history:
        needed = SETTLING_SPANS * values.regime_bars
        yield given.line("REGIME_BARS", f"averages of so many bars need CANDLE_HISTORY={needed} or more")


def _weight(given: Given) -> Iterator[str]:
    values, most = given.values, given.outside.weight_max
    count, check_s, fallback_s = (
        len(values.coins),
        float(values.check_interval),
        float(values.fallback_interval),
    )
    weight = given.outside.weight_per_minute
    stream = values.stream.value
    used = weight(count, check_s, fallback_s, stream)
    if used <= most:
        return
    arithmetic = (
        f"{count} coins every {values.check_interval} s by REST (STREAM={stream}), and prices every "
        f"{values.fallback_interval} s, use {used:.0f} of {most} REST weight a minute"
    )
    shortest = _shortest(lambda seconds: weight(count, seconds, fallback_s, stream) <= most)
    if shortest is not None:
        allowed = f"at least {shortest} seconds for {count} coins, or candles by stream (STREAM=all)"
        yield given.line("CHECK_INTERVAL", arithmetic, allowed, str(shortest))
        return
    shortest = _shortest(lambda seconds: weight(count, check_s, seconds, stream) <= most)
    if shortest is not None:
        yield given.line("FALLBACK_INTERVAL", arithmetic, f"at least {shortest} seconds", str(shortest))
    else:
        yield given.line("COINS", arithmetic, "fewer coins, or longer CHECK_INTERVAL and FALLBACK_INTERVAL", "")


def _shortest(fits: Callable[[float], bool]) -> int | None:
    """The smallest whole number of seconds up to a day that fits; None when not even a day does."""
    low, high = 0, LONGEST_INTERVAL_S
    if not fits(high):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if fits(middle) else (middle, high)
    return high


def _log_dir(given: Given) -> Iterator[str]:
    problem = _why_not_writable(Path(given.values.log_dir))
    if problem:
        yield given.line("LOG_DIR", problem)


def _database(given: Given) -> Iterator[str]:
    url = given.values.database_url
    if not url.startswith("sqlite:///"):
        return
    path = Path(url.removeprefix("sqlite:///").partition("?")[0])
    if path.is_dir():
        yield given.line("DATABASE_URL", "that is a folder, not a file")
    elif path.exists() and not os.access(path, os.R_OK | os.W_OK):
        yield given.line("DATABASE_URL", "the file cannot be read and written")
    elif problem := _why_not_writable(path.parent):
        yield given.line("DATABASE_URL", problem)


def _why_not_writable(folder: Path) -> str | None:
    """Why nothing can be written into `folder`, which need not exist yet; None when something can."""
    nearest_there = folder
    try:
        while not nearest_there.exists() and nearest_there != nearest_there.parent:
            nearest_there = nearest_there.parent
        if not nearest_there.is_dir():
            return f"{nearest_there} is a file, not a folder"
    except OSError as error:
        return error.strerror or "not a path"
    return None if os.access(nearest_there, os.W_OK | os.X_OK) else f"no permission to write to {nearest_there}"
