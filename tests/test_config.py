"""Bad settings files: each is refused with one clear line per problem, and no line ever shows a secret."""

import os
import traceback
from pathlib import Path

import pytest

from tidegate.config import load
from tidegate.errors import ConfigError
from tidegate.hyperliquid.limits import weight_per_minute

KEY = "1f" * 32
OTHER_KEY = "2e" * 32
ADDRESS = "0x" + "ab" * 20
OTHER_ADDRESS = "0x" + "cd" * 20
TESTNET = f"NETWORK=testnet\nHYPERLIQUID_PRIVATE_KEY=0x{KEY}\nHYPERLIQUID_ACCOUNT_ADDRESS={ADDRESS}\n"
MAINNET = TESTNET.replace("testnet", "mainnet")
FILE_KEY = f"NETWORK=testnet\nHYPERLIQUID_ACCOUNT_ADDRESS={ADDRESS}\n"
PHRASE = "legal winner thank year wave sausage worth useful legal winner thank yellow"

# What stands in the file, and for each problem the variable (or place) and words that its line must hold.
BAD_FILES: dict[str, tuple[str | bytes, list[tuple[str, str]]]] = {
    # names
    "a letter missing": ("NETWRK=testnet", [("NETWRK", "did you mean NETWORK?")]),
    "singular for plural": ("COIN=BTC", [("COIN", "did you mean COINS?")]),
    "name in small letters": ("leverage=3", [("leverage", "did you mean LEVERAGE?")]),
    "underscore missing": ("LOGDIR=logs", [("LOGDIR", "did you mean LOG_DIR?")]),
    "name of nothing": ("ZZZZ=1", [("ZZZZ", "no such setting")]),
    "misspelt key": (
        f"HYPERLIQUID_PRIVAT_KEY={KEY}",
        [("HYPERLIQUID_PRIVAT_KEY", "HYPERLIQUID_PRIVATE_KEY?")],
    ),
    "another prefix": ("TIDEGATE_NETWORK=testnet", [("TIDEGATE_NETWORK", "did you mean NETWORK?")]),
    "name twice": ("LEVERAGE=2\nLEVERAGE=3", [(".env line 2: LEVERAGE", "stands twice, also in line 1")]),
    "control characters in a name": ("\x1b[31mX=1", [("\\x1b[31mX (.env line 1)", "no such setting")]),
    # the file itself
    "no equals sign": ("LEVERAGE", [(".env line 1: LEVERAGE", "no = and no value")]),
    "a colon for an equals sign": ("LEVERAGE: 3", [(".env line 1", "not NAME=value")]),
    "a bare key": (KEY, [(".env line 1", "no = and no value")]),
    "a bare phrase": (PHRASE, [(".env line 1", "not NAME=value")]),
    "a quote missing": ('\n\nLOG_DIR="logs', [(".env line 3", "is a quote missing?")]),
    "not UTF-8": (b"LEVERAGE=3\nLOG_DIR=\xff\xfe", [(".env line 2", "not UTF-8")]),
    "UTF-16": ("LEVERAGE=3\n".encode("utf-16"), [(".env line 1", "not UTF-8")]),
    "UTF-16 without a mark": ("LEVERAGE=3\n".encode("utf-16-le"), [(".env", "holds zero bytes")]),
    "far too long": ("#" * 200_000, [(".env", "longer than")]),
    # how values are written
    "empty": ("COINS=", [("COINS=", "empty; leave the line out")]),
    "empty in quotes": ('TIMEFRAME=""', [("TIMEFRAME=", "empty; leave the line out")]),
    "spaces in quotes": ('NETWORK=" testnet"', [("NETWORK= testnet", "spaces around it")]),
    "comment without a space": ("LEVERAGE=3# low", [("LEVERAGE=3# low", "leave the unit out|not a number")]),
    "comment in quotes": ('LEVERAGE="3 # low"', [("LEVERAGE=3 # low", "comment on a line of its own")]),
    "quotes from a word processor": ("LOG_LEVEL=“INFO”", [("LOG_LEVEL", "has quotes in it")]),
    "quotes in quotes": ("LOG_LEVEL=\"'INFO'\"", [("LOG_LEVEL", "has quotes in it")]),
    "very long": ("COINS=" + "BTC," * 1000, [("COINS=", "longer than 2000")]),
    "line break in a value": ('NETWORK="test\\nnet"', [("NETWORK=test\\nnet", "unknown")]),
    "escape sequence in a value": ("NETWORK=\x1b[2Jtestnet", [("NETWORK=\\x1b[2Jtestnet", "unknown")]),
    # words
    "misspelt network": ("NETWORK=mainet", [("NETWORK=mainet", "did you mean mainnet?")]),
    "a network of another name": ("NETWORK=sandbox", [("NETWORK=sandbox", "localnet, testnet, mainnet")]),
    "misspelt truth": ("DRY_RUN=ture", [("DRY_RUN=ture", "did you mean true?")]),
    "a number for truth": ("DRY_RUN=2", [("DRY_RUN=2", "true or false")]),
    "time frame of another venue": ("TIMEFRAME=5min", [("TIMEFRAME=5min", "did you mean 5m?")]),
    "a month for a minute": ("TIMEFRAME=1M", [("TIMEFRAME=1M", "1m, 3m, 5m")]),
    "unknown strategy": ("STRATEGY=ema_corss", [("STRATEGY=ema_corss", "did you mean ema_cross?")]),
    "strategy with its ending": ("STRATEGY=ema_cross.py", [("STRATEGY=ema_cross.py", "without .py")]),
    "strategy by path": ("STRATEGY=../evil", [("STRATEGY=../evil", "not a name")]),
    "unknown driver": ("REGIME=btc,bredth", [("REGIME=btc,bredth", "did you mean breadth?")]),
    "a driver twice": ("REGIME=btc,BTC", [("REGIME=btc,BTC", "stands twice")]),
    "bitcoin's regime without bitcoin": ("REGIME=btc\nCOINS=ETH,SOL", [("REGIME=btc", "BTC among COINS")]),
    "breadth of two": ("REGIME=breadth\nCOINS=ETH,SOL", [("REGIME=breadth", "at least 3 COINS")]),
    "others without others": ("REGIME=alts\nCOINS=BTC", [("REGIME=alts", "a coin other than BTC")]),
    "a regime of too many bars": ("REGIME=btc\nREGIME_BARS=200", [("REGIME_BARS=200", "CANDLE_HISTORY=800")]),
    "a coin in two buckets": (
        "REGIME_BUCKETS=BTC+ETH,ETH+SOL",
        [("REGIME_BUCKETS=BTC+ETH,ETH+SOL", "ETH stands twice")],
    ),
    "unknown price source": ("STOP_PRICE_SOURCE=last", [("STOP_PRICE_SOURCE=last", "trade, mark, both")]),
    "unknown transport": ("ORDER_TRANSPORT=wss", [("ORDER_TRANSPORT=wss", "did you mean ws?")]),
    "unknown level": ("LOG_LEVEL=VERBOSE", [("LOG_LEVEL=VERBOSE", "DEBUG, INFO, WARNING, ERROR")]),
    # numbers
    "NaN": ("RISK_PER_TRADE_PCT=nan", [("RISK_PER_TRADE_PCT=nan", "not a number")]),
    "infinite": ("MAX_POSITION_USD=inf", [("MAX_POSITION_USD=inf", "not a number")]),
    "negative": ("STOP_LOSS_PCT=-3", [("STOP_LOSS_PCT=-3", "negative")]),
    "no stop at all": ("STOP_LOSS_PCT=0", [("STOP_LOSS_PCT=0", "zero")]),
    "per cent sign": ("STOP_LOSS_PCT=2%", [("STOP_LOSS_PCT=2%", "leave the per cent sign out")]),
    "stop of more than everything": ("STOP_LOSS_PCT=150", [("STOP_LOSS_PCT=150", "too large")]),
    "take-profit below zero": ("TAKE_PROFIT_PCT=-1", [("TAKE_PROFIT_PCT=-1", "or 0 for none")]),
    "trailing by all": ("TRAILING_STOP_PCT=100", [("TRAILING_STOP_PCT=100", "too large")]),
    "risk of everything": ("RISK_PER_TRADE_PCT=100", [("RISK_PER_TRADE_PCT=100", "0.01 to 20")]),
    "below the exchange's minimum": ("MAX_POSITION_USD=9.99", [("MAX_POSITION_USD=9.99", "too small")]),
    "comma for a point": ("MAX_SLIPPAGE_PCT=0,5", [("MAX_SLIPPAGE_PCT=0,5", "write a point")]),
    "thousands separated": (
        "MAX_POSITION_USD=5_000",
        [("MAX_POSITION_USD=5_000", "not a number|leave the unit out")],
    ),
    "currency sign": ("MAX_POSITION_USD=$5000", [("MAX_POSITION_USD=$5000", "not a number")]),
    "slippage of nothing": ("MAX_SLIPPAGE_PCT=0", [("MAX_SLIPPAGE_PCT=0", "zero")]),
    "slippage beyond reason": ("MAX_SLIPPAGE_PCT=11", [("MAX_SLIPPAGE_PCT=11", "0.01 to 10")]),
    "broken leverage": ("LEVERAGE=2.5", [("LEVERAGE=2.5", "not a whole number")]),
    "a negative leverage": ("LEVERAGE=-1", [("LEVERAGE=-1", "negative")]),
    "too much leverage": ("LEVERAGE=1000", [("LEVERAGE=1000", "0 to 50")]),
    "leverage as it is spoken": ("LEVERAGE=3x", [("LEVERAGE=3x", "leave the unit out")]),
    "digits of another script": ("LEVERAGE=٣", [("LEVERAGE=", "not a number")]),
    "exponent": (
        "MAX_POSITION_USD=1e999999999",
        [("MAX_POSITION_USD=1e999999999", "leave the unit out|not a")],
    ),
    "unit of time": ("CHECK_INTERVAL=300s", [("CHECK_INTERVAL=300s", "leave the unit out")]),
    "no pause between polls": ("CHECK_INTERVAL=0", [("CHECK_INTERVAL=0", "zero")]),
    "more than the weight budget": (
        "CHECK_INTERVAL=1\nSTREAM=prices",
        [("CHECK_INTERVAL=1", "of 1200 REST weight a minute")],
    ),
    "too many coins for the interval": (
        "COINS=" + ",".join(f"C{n}" for n in range(90)) + "\nCHECK_INTERVAL=60\nSTREAM=off",
        [("CHECK_INTERVAL=60", "90 coins")],
    ),
    "a stage of streaming that there is not": (
        "STREAM=everything",
        [("STREAM=everything", "prices+candles")],
    ),
    "too little history": ("CANDLE_HISTORY=10", [("CANDLE_HISTORY=10", "50 to 5000")]),
    # lists
    "coin twice": ("COINS=BTC,ETH,btc", [("COINS=BTC,ETH,btc", "BTC stands twice")]),
    "only a comma": ("COINS=,", [("COINS=,", "an empty name")]),
    "trailing comma": ("COINS=BTC,", [("COINS=BTC,", "an empty name")]),
    "coins with spaces only": ("COINS=BTC ETH", [("COINS=BTC ETH", "is not a coin's name")]),
    "coins as a list": ('COINS=["BTC"]', [("COINS=", "is not a coin's name")]),
    "parameters without values": ("STRATEGY_PARAMS=fast", [("STRATEGY_PARAMS=fast", "is not name=value")]),
    "parameter twice": ("STRATEGY_PARAMS=a=1,a=2", [("STRATEGY_PARAMS=a=1,a=2", "a stands twice")]),
    "parameters with semicolons": ("STRATEGY_PARAMS=a-b=1", [("STRATEGY_PARAMS=a-b=1", "is not name=value")]),
    # keys, addresses and networks
    "key on localnet": (
        f"HYPERLIQUID_PRIVATE_KEY={KEY}",
        [("HYPERLIQUID_PRIVATE_KEY=(hidden", "never sign")],
    ),
    "testnet without a key": (
        "NETWORK=testnet",
        [("HYPERLIQUID_PRIVATE_KEY=", "not set"), ("HYPERLIQUID_ACCOUNT_ADDRESS=", "not set")],
    ),
    "testnet's key on mainnet": (
        MAINNET.replace("HYPERLIQUID_PRIVATE_KEY", "HYPERLIQUID_TESTNET_PRIVATE_KEY") + f"CONFIRM_MAINNET={ADDRESS}",
        [("HYPERLIQUID_PRIVATE_KEY=", "HYPERLIQUID_TESTNET_PRIVATE_KEY is for another network")],
    ),
    "mainnet's key on testnet": (
        TESTNET.replace("HYPERLIQUID_PRIVATE_KEY", "HYPERLIQUID_MAINNET_PRIVATE_KEY"),
        [("HYPERLIQUID_PRIVATE_KEY=", "HYPERLIQUID_MAINNET_PRIVATE_KEY is for another network")],
    ),
    "two keys for one network": (
        TESTNET + f"HYPERLIQUID_TESTNET_PRIVATE_KEY={OTHER_KEY}",
        [("HYPERLIQUID_PRIVATE_KEY=(hidden", "another key than HYPERLIQUID_TESTNET_PRIVATE_KEY")],
    ),
    "mainnet's key under the general name on testnet": (
        TESTNET + f"HYPERLIQUID_MAINNET_PRIVATE_KEY={KEY}",
        [("HYPERLIQUID_MAINNET_PRIVATE_KEY=(hidden", "the same key as HYPERLIQUID_PRIVATE_KEY")],
    ),
    "one key for both networks": (
        f"NETWORK=testnet\nHYPERLIQUID_TESTNET_PRIVATE_KEY={KEY}\nHYPERLIQUID_MAINNET_PRIVATE_KEY={KEY}\n"
        f"HYPERLIQUID_ACCOUNT_ADDRESS={ADDRESS}",
        [("HYPERLIQUID_MAINNET_PRIVATE_KEY=(hidden", "the same key as HYPERLIQUID_TESTNET_PRIVATE_KEY")],
    ),
    "a network's key a digit short": (
        TESTNET + f"HYPERLIQUID_MAINNET_PRIVATE_KEY={KEY[:-1]}",
        [("HYPERLIQUID_MAINNET_PRIVATE_KEY=(hidden", "63 hex digits instead of 64")],
    ),
    "a builder without a fee": (f"BUILDER_ADDRESS={ADDRESS}", [("BUILDER_FEE_TENTHS_BP=", "BUILDER_ADDRESS needs it")]),
    "a fee without a builder": ("BUILDER_FEE_TENTHS_BP=10", [("BUILDER_ADDRESS=", "BUILDER_FEE_TENTHS_BP needs it")]),
    "a builder's fee beyond the exchange's limit": (
        f"BUILDER_ADDRESS={ADDRESS}\nBUILDER_FEE_TENTHS_BP=101",
        [("BUILDER_FEE_TENTHS_BP=101", "")],
    ),
    "scores that do not grow": ("LEVERAGE_BY_SCORE=0.8:2,0.5:3", [("LEVERAGE_BY_SCORE=", "is not above the step")]),
    "a score without its leverage": ("LEVERAGE_BY_SCORE=0.8", [("LEVERAGE_BY_SCORE=", "is not score:leverage")]),
    "a leverage by score beyond LEVERAGE": ("LEVERAGE_BY_SCORE=0.8:4", [("LEVERAGE_BY_SCORE=", "beyond LEVERAGE=3")]),
    "a key without its account": (
        f"NETWORK=testnet\nHYPERLIQUID_PRIVATE_KEY={KEY}",
        [("HYPERLIQUID_ACCOUNT_ADDRESS=", "not set, NETWORK=testnet needs it")],
    ),
    "key a digit short": (
        TESTNET.replace(KEY, KEY[:-1]),
        [("HYPERLIQUID_PRIVATE_KEY=(hidden, 65 characters)", "63 hex digits instead of 64")],
    ),
    "key with a wrong letter": (
        TESTNET.replace(KEY, "g" + KEY[1:]),
        [("HYPERLIQUID_PRIVATE_KEY=(hidden", "not hex digits")],
    ),
    "key of zeros": (TESTNET.replace(KEY, "0" * 64), [("HYPERLIQUID_PRIVATE_KEY=(hidden", "curve's range")]),
    "key beyond the curve": (TESTNET.replace(KEY, "f" * 64), [("HYPERLIQUID_PRIVATE_KEY=(hidden", "range")]),
    "a phrase for a key": (
        TESTNET.replace("0x" + KEY, PHRASE),
        [("HYPERLIQUID_PRIVATE_KEY=(hidden", "not hex digits")],
    ),
    "the key as the address": (
        TESTNET.replace(ADDRESS, "0x" + KEY),
        [("HYPERLIQUID_ACCOUNT_ADDRESS=(hidden", "64 hex digits instead of 40")],
    ),
    "the key as a coin": (f"COINS={KEY}", [("COINS=(hidden", "is not a coin's name")]),
    "address without 0x": (
        TESTNET.replace("0xabab", "abab"),
        [("HYPERLIQUID_ACCOUNT_ADDRESS=", "does not begin with 0x")],
    ),
    "address too short": (TESTNET.replace("abab", "ab"), [("HYPERLIQUID_ACCOUNT_ADDRESS=", "instead of 40")]),
    "address of nobody": (
        TESTNET.replace(ADDRESS, "0x" + "0" * 40),
        [("HYPERLIQUID_ACCOUNT_ADDRESS=0x00", "belongs to nobody")],
    ),
    "vault is the account": (
        TESTNET + f"HYPERLIQUID_VAULT_ADDRESS={ADDRESS}",
        [("HYPERLIQUID_VAULT_ADDRESS=", "the same as HYPERLIQUID_ACCOUNT_ADDRESS")],
    ),
    "mainnet unconfirmed": (MAINNET, [("CONFIRM_MAINNET=", "not set, NETWORK=mainnet needs it")]),
    "mainnet confirmed with another address": (
        MAINNET + f"CONFIRM_MAINNET={OTHER_ADDRESS}",
        [("CONFIRM_MAINNET=0xcd", "not the account address")],
    ),
    "mainnet confirmed with yes": (
        MAINNET + "CONFIRM_MAINNET=yes",
        [("CONFIRM_MAINNET=yes", "not an address")],
    ),
    "mainnet with nothing": (
        "NETWORK=mainnet",
        [
            ("HYPERLIQUID_PRIVATE_KEY=", "not set"),
            ("HYPERLIQUID_ACCOUNT_ADDRESS=", "not set"),
            ("CONFIRM_MAINNET=", "not set"),
        ],
    ),
    "confirmation on testnet": (
        TESTNET + f"CONFIRM_MAINNET={ADDRESS}",
        [("CONFIRM_MAINNET=", "set, but NETWORK=testnet")],
    ),
    "localnet's address on testnet": (
        TESTNET + "LOCALNET_URL=http://127.0.0.1:3001",
        [("LOCALNET_URL=", "set, but NETWORK=testnet")],
    ),
    "the real exchange as localnet": (
        "LOCALNET_URL=https://api.hyperliquid.xyz:443",
        [("LOCALNET_URL=", "the real exchange")],
    ),
    "localnet without a port": ("LOCALNET_URL=http://127.0.0.1", [("LOCALNET_URL=", "a port")]),
    "localnet with a wrong port": (
        "LOCALNET_URL=http://127.0.0.1:99999",
        [("LOCALNET_URL=", "port is malformed")],
    ),
    "localnet by ftp": ("LOCALNET_URL=ftp://127.0.0.1:1", [("LOCALNET_URL=", "not an http address")]),
    "key on localnet, in a file": (
        "HYPERLIQUID_KEY_FILE=agent.key",
        [("HYPERLIQUID_KEY_FILE=agent.key", "never sign")],
    ),
    "key file that is not there": (
        FILE_KEY + "HYPERLIQUID_KEY_FILE=agent.key",
        [("HYPERLIQUID_KEY_FILE=agent.key", "No such file")],
    ),
    "keystore that is a folder": (
        FILE_KEY + "HYPERLIQUID_KEYSTORE=strategies",
        [("HYPERLIQUID_KEYSTORE=strategies", "not a file")],
    ),
    "password without a keystore": (
        TESTNET + "HYPERLIQUID_KEYSTORE_PASSWORD_FILE=strategies/ema_cross.py",
        [
            ("HYPERLIQUID_KEYSTORE_PASSWORD_FILE=", "there is no HYPERLIQUID_KEYSTORE"),
            ("HYPERLIQUID_KEYSTORE_PASSWORD_FILE=", "other users of this machine can read"),
        ],
    ),
    "the key for the path of its file": (
        FILE_KEY + f"HYPERLIQUID_KEY_FILE={KEY}",
        [("HYPERLIQUID_KEY_FILE=(hidden", "No such file")],
    ),
    "the password for the path of its file": (
        FILE_KEY + f"HYPERLIQUID_KEYSTORE={'x' * 300}",
        [("HYPERLIQUID_KEYSTORE=", "File name too long")],
    ),
    "master key allowed by half": ("ALLOW_MASTER_KEY=mainnet", [("ALLOW_MASTER_KEY=mainnet", "true or false")]),
    # places
    "log folder is a file": ("LOG_DIR=strategies/ema_cross.py", [("LOG_DIR=", "is a file, not a folder")]),
    "log folder below a file": (
        "LOG_DIR=strategies/ema_cross.py/logs",
        [("LOG_DIR=", "is a file, not a folder")],
    ),
    "log folder with an endless name": ("LOG_DIR=" + "x" * 300, [("LOG_DIR=", "File name too long")]),
    "unknown database": (
        "DATABASE_URL=mysql://h/d",
        [("DATABASE_URL=mysql://h/d", "unknown kind of database")],
    ),
    "misspelt database": ("DATABASE_URL=sqllite:///x.db", [("DATABASE_URL=", "did you mean sqlite?")]),
    "a path for a database": (
        "DATABASE_URL=data/tidegate.db",
        [("DATABASE_URL=", "sqlite:///path/of/file.db")],
    ),
    "two slashes": ("DATABASE_URL=sqlite://tidegate.db", [("DATABASE_URL=", "three slashes")]),
    "database in memory": ("DATABASE_URL=sqlite:///:memory:", [("DATABASE_URL=", "forgets open positions")]),
    "database is a folder": (
        "DATABASE_URL=sqlite:///strategies",
        [("DATABASE_URL=", "a folder, not a file")],
    ),
    "server without a database": (
        f"DATABASE_URL=postgresql://bot:{KEY[:20]}@localhost",
        [("DATABASE_URL=(hidden, 47 characters)", "a host and a database name")],
    ),
    "server with a password in the wrong place": (
        f"DATABASE_URL=postgresql://localhost:{KEY[:20]}/bot",
        [("DATABASE_URL=", "the host or the port is malformed")],
    ),
    # several at once
    "all at once": (
        f"NETWRK=x\nNETWORK=main\nCOINS=\nLEVERAGE=51\nSTOP_LOSS_PCT=2%\nSTRATEGY=nope\nHYPERLIQUID_KEY={KEY}",
        [
            ("NETWRK (.env line 1)", "NETWORK?"),
            ("HYPERLIQUID_KEY (.env line 7)", "HYPERLIQUID_PRIVATE_KEY?"),
            ("NETWORK=main (.env line 2)", "did you mean mainnet?"),
            ("COINS= (.env line 3)", "empty"),
            ("STOP_LOSS_PCT=2% (.env line 5)", "per cent"),
            ("LEVERAGE=51 (.env line 4)", "too large"),
            ("STRATEGY=nope (.env line 6)", "ema_cross"),
        ],
    ),
}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one strategy, in which the settings' relative paths begin."""
    (tmp_path / "strategies").mkdir()
    (tmp_path / "strategies" / "ema_cross.py").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_bad_file_is_refused_with_one_clear_line_for_each_problem(case: str, project: Path) -> None:
    content, expected = BAD_FILES[case]
    file = project / ".env"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    file.chmod(0o600)
    with pytest.raises(ConfigError) as caught:
        load({}, {}, file, weight_per_minute=weight_per_minute)
    problems = caught.value.problems
    assert len(problems) == len(expected), problems
    for line, (start, words) in zip(problems, expected, strict=True):
        assert line.startswith(start)
        assert any(each in line for each in words.split("|")), line
        assert line.isprintable()
        assert len(line) < 400


@pytest.mark.parametrize("case", BAD_FILES)
def test_no_trace_of_a_bad_file_shows_a_secret(case: str, project: Path) -> None:
    content, _ = BAD_FILES[case]
    file = project / ".env"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    file.chmod(0o600)
    with pytest.raises(ConfigError) as caught:
        load({}, {}, file, weight_per_minute=weight_per_minute)
    told = "".join(traceback.format_exception(caught.value))
    for secret in (KEY[:12], "0" * 64, "f" * 64, PHRASE[:20]):
        assert secret not in told


def test_the_table_holds_at_least_sixty_bad_files() -> None:
    assert len(BAD_FILES) >= 60


@pytest.mark.skipif(os.name != "posix", reason="other systems have other permissions")
def test_a_key_in_a_file_that_others_can_read_is_refused(project: Path) -> None:
    file = project / ".env"
    file.write_text(TESTNET)
    file.chmod(0o644)
    with pytest.raises(ConfigError, match=r"^HYPERLIQUID_PRIVATE_KEY=\(hidden.*chmod 600 \.env$"):
        load({}, {}, file, weight_per_minute=weight_per_minute)


def test_a_value_that_cannot_be_read_silences_the_checks_that_need_it(project: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load({"NETWORK": "mainet"}, {}, None, weight_per_minute=weight_per_minute)
    assert len(caught.value.problems) == 1


def test_a_folder_without_strategies_is_named(project: Path) -> None:
    with pytest.raises(ConfigError, match="a file in the folder nowhere, which has none"):
        load({}, {}, None, weight_per_minute=weight_per_minute, strategy_dir=project / "nowhere")
