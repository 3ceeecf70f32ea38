"""Where settings come from, which place wins, and what is told about them."""

import copy
import pickle
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.config import Loaded, Secrets, describe, forget_secrets, load
from tidegate.config.plain_keys import PLAIN_KEYS
from tidegate.config.rules import TEXT_MAX
from tidegate.config.variables import NAMES
from tidegate.config.wording import shown
from tidegate.errors import ConfigError
from tidegate.hyperliquid.limits import weight_per_minute
from tidegate.model.market import Timeframe
from tidegate.model.settings import Network, Settings

KEY = "1f" * 32
OTHER_KEY = "2e" * 32
ADDRESS = "0x" + "aB" * 20
TESTNET = {"NETWORK": "testnet", "HYPERLIQUID_PRIVATE_KEY": KEY, "HYPERLIQUID_ACCOUNT_ADDRESS": ADDRESS}


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one strategy, in which the settings' relative paths begin."""
    (tmp_path / "strategies").mkdir()
    (tmp_path / "strategies" / "ema_cross.py").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def loaded(
    cli: dict[str, str] | None = None, environ: dict[str, str] | None = None, file: str | bytes | None = None
) -> Loaded:
    path = Path(".env")
    if file is not None:
        path.write_bytes(file if isinstance(file, bytes) else file.encode())
        path.chmod(0o600)
    return load(cli or {}, environ or {}, path, weight_per_minute=weight_per_minute)


def test_nothing_at_all_gives_the_defaults() -> None:
    result = loaded()
    assert result.settings == Settings()
    assert set(result.sources.values()) == {"default"}
    assert result.localnet_url == ""


def test_the_command_line_wins_over_the_environment_over_the_file_over_the_default() -> None:
    cli, environ = {"LEVERAGE": "4"}, {"LEVERAGE": "5", "COINS": "SOL"}
    result = loaded(cli, environ, "LEVERAGE=6\nCOINS=ETH\nTIMEFRAME=1h\n")
    assert result.settings.leverage == 4
    assert result.settings.coins == ("SOL",)
    assert result.settings.timeframe is Timeframe.H1
    assert result.sources["LEVERAGE"] == "command line"
    assert result.sources["COINS"] == "environment"
    assert result.sources["TIMEFRAME"] == ".env"
    assert result.sources["NETWORK"] == "default"


def test_an_empty_variable_in_the_environment_counts_as_not_set() -> None:
    result = loaded(environ={"COINS": ""}, file="COINS=ETH")
    assert result.settings.coins == ("ETH",)
    assert result.sources["COINS"] == ".env"


def test_an_empty_value_on_the_command_line_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"^COINS= \(command line\): empty"):
        loaded({"COINS": ""})


def test_a_bad_value_that_a_better_place_overrides_does_no_harm() -> None:
    assert loaded(environ={"LEVERAGE": "5"}, file="LEVERAGE=nan").settings.leverage == 5


def test_every_value_reaches_the_settings() -> None:
    settings = loaded(
        environ={
            **TESTNET,
            "DRY_RUN": "yes",
            "COINS": "BTC, kPEPE,@107,xyz:TSLA,BTC/USDC:USDC",
            "TIMEFRAME": "1h",
            "STRATEGY_PARAMS": "fast=5, slow = 9",
            "CANDLE_HISTORY": "100",
            "CHECK_INTERVAL": "60.5",
            "FALLBACK_INTERVAL": "2.5",
            "STOP_PRICE_SOURCE": "Both",
            "STOP_LOSS_PCT": "0.5",
            "TAKE_PROFIT_PCT": "0",
            "TRAILING_STOP_PCT": "1.25",
            "RISK_PER_TRADE_PCT": "2",
            "MAX_POSITION_USD": "100",
            "LEVERAGE": "7",
            "MAX_SLIPPAGE_PCT": "0.3",
            "ORDER_TRANSPORT": "rest",
            "HYPERLIQUID_VAULT_ADDRESS": "0x" + "cd" * 20,
            "DATABASE_URL": "sqlite:///elsewhere.db",
            "LOG_LEVEL": "debug",
            "LOG_DIR": "lines",
        },
    ).settings
    assert settings == Settings(
        network=Network.TESTNET,
        dry_run=True,
        coins=("BTC", "kPEPE", "@107", "xyz:TSLA", "BTC/USDC:USDC"),
        timeframe=Timeframe.H1,
        strategy_params={"fast": "5", "slow": "9"},
        candle_history=100,
        check_interval_s=Decimal("60.5"),
        fallback_interval_s=Decimal("2.5"),
        stop_price_source=settings.stop_price_source.BOTH,
        stop_loss_pct=Decimal("0.5"),
        take_profit_pct=Decimal(0),
        trailing_stop_pct=Decimal("1.25"),
        risk_per_trade_pct=Decimal(2),
        max_position_usd=Decimal(100),
        leverage=7,
        max_slippage_pct=Decimal("0.3"),
        order_transport=settings.order_transport.REST,
        account_address=ADDRESS.lower(),
        vault_address="0x" + "cd" * 20,
        database_url="sqlite:///elsewhere.db",
        log_level="DEBUG",
        log_dir="lines",
    )


@pytest.mark.parametrize(
    "file",
    [
        "﻿LEVERAGE=5".encode(),
        b"LEVERAGE=5 # a remark",
        b'LEVERAGE="5"',
        b"LEVERAGE='5'",
        b"export LEVERAGE=5",
        b"  LEVERAGE = 5  ",
        b"# LEVERAGE=9\r\n\r\nLEVERAGE=5\r\n",
    ],
)
def test_a_file_may_be_written_in_the_usual_ways(file: bytes) -> None:
    assert loaded(file=file).settings.leverage == 5


def test_nothing_in_a_file_is_expanded() -> None:
    result = loaded(environ={"HOME": "/home/someone"}, file="LOG_DIR=${HOME}$HOME~")
    assert result.settings.log_dir == "${HOME}$HOME~"


def test_a_file_that_cannot_be_opened_is_one_line() -> None:
    Path(".env").mkdir()
    with pytest.raises(ConfigError, match=r"^\.env: cannot be read \(Is a directory\)$"):
        loaded()


def test_the_environment_of_other_programs_is_left_alone() -> None:
    others = {
        "PATH": "/bin",
        "COLUMNS": "80",
        "LOGNAME": "someone",
        "HOSTNAME": "here",
        "LANGUAGE": "en",
        "PWD": "/",
        "NO_COLOR": "1",
        "HTTP_PROXY": "http://proxy",
        "PYTHONPATH": ".",
        "CI": "true",
        "DATABASE": "x",
        "LOG_FILE": "x",
    }
    assert loaded(environ=others).settings == Settings()


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("HYPERLIQUID_KEY", "HYPERLIQUID_PRIVATE_KEY"),
        ("HYPERLIQUID_ACCOUNT", "HYPERLIQUID_ACCOUNT_ADDRESS"),
        ("COIN", "COINS"),
        ("TIME_FRAME", "TIMEFRAME"),
        ("LEVRAGE", "LEVERAGE"),
        ("CHECK_INTERVALL", "CHECK_INTERVAL"),
        ("Dry_Run", "DRY_RUN"),
        ("CONFIRM_MAINET", "CONFIRM_MAINNET"),
    ],
)
def test_a_name_in_the_environment_that_looks_like_ours_is_refused(name: str, meant: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(environ={name: KEY})
    assert caught.value.problems == (f"{name} (environment): no such setting, did you mean {meant}?",)


def test_an_unknown_name_on_the_command_line_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"^LEVRAGE \(command line\): no such setting, did you mean LEVERAGE"):
        loaded({"LEVRAGE": "3"})


def test_mainnet_needs_its_account_named_twice() -> None:
    result = loaded(environ={**TESTNET, "NETWORK": "mainnet", "CONFIRM_MAINNET": ADDRESS.lower()})
    assert result.settings.network is Network.MAINNET
    assert result.settings.confirm_mainnet == result.settings.account_address


def test_a_key_may_come_with_or_without_its_prefix() -> None:
    for written in (KEY, "0x" + KEY, KEY.upper()):
        assert loaded(environ={**TESTNET, "HYPERLIQUID_PRIVATE_KEY": written}).secrets.private_key == "0x" + KEY


@pytest.mark.parametrize("name", [*PLAIN_KEYS[:2]])
def test_a_key_on_the_command_line_is_refused(name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded({"NETWORK": "testnet", name: KEY, "HYPERLIQUID_ACCOUNT_ADDRESS": ADDRESS})
    (line,) = caught.value.problems
    assert line.startswith(f"{name}=(hidden, 64 characters) (command line): every user")


def test_each_network_takes_the_key_under_its_own_name_and_the_general_one_serves_either() -> None:
    both = {"HYPERLIQUID_TESTNET_PRIVATE_KEY": KEY, "HYPERLIQUID_MAINNET_PRIVATE_KEY": OTHER_KEY}
    where = {"HYPERLIQUID_ACCOUNT_ADDRESS": ADDRESS}
    mainnet = {"NETWORK": "mainnet", "CONFIRM_MAINNET": ADDRESS}
    given = (
        ({"NETWORK": "testnet", **both, **where}, KEY, "HYPERLIQUID_TESTNET_PRIVATE_KEY"),
        ({**mainnet, **both, **where}, OTHER_KEY, "HYPERLIQUID_MAINNET_PRIVATE_KEY"),
        ({**TESTNET, "HYPERLIQUID_MAINNET_PRIVATE_KEY": OTHER_KEY}, KEY, "HYPERLIQUID_PRIVATE_KEY"),
        ({**TESTNET, "HYPERLIQUID_TESTNET_PRIVATE_KEY": KEY}, KEY, "HYPERLIQUID_TESTNET_PRIVATE_KEY"),
    )
    for environ, key, name in given:
        result = loaded(environ=environ)
        assert (result.secrets.private_key, result.key_name) == ("0x" + key, name)
    on_localnet = loaded(environ=both)
    assert (on_localnet.secrets.private_key, on_localnet.key_name) == ("", "")


@pytest.mark.parametrize("name", PLAIN_KEYS)
def test_a_key_under_any_name_is_hidden_and_inherited_by_nobody(name: str) -> None:
    environ = {"HOME": "/", name: KEY}
    forget_secrets(environ)
    assert environ == {"HOME": "/"}
    assert (shown(name, "not-a-key"), shown(name, KEY)) == ("(hidden, 9 characters)", "(hidden, 64 characters)")


def test_show_config_masks_what_is_secret() -> None:
    url = "postgresql://bot:hunter@2/x@host:5432/tidegate"
    result = loaded(environ={**TESTNET, "DATABASE_URL": url})
    rows = {name: (value, source, meaning) for name, value, source, meaning in describe(result)}
    assert rows["HYPERLIQUID_PRIVATE_KEY"][0] == "(hidden, 66 characters)"
    assert rows["DATABASE_URL"][0] == "postgresql://bot:***@host:5432/tidegate"
    assert rows["NETWORK"][:2] == ("testnet", "environment")
    assert result.settings.database_url == "postgresql://bot:***@host:5432/tidegate"
    assert result.secrets.database_url == url
    assert list(rows) == list(NAMES)
    assert all(meaning for _, _, meaning in rows.values())
    assert KEY not in repr(result) + repr(describe(result))
    assert "hunter" not in repr(result) + repr(describe(result))


@pytest.mark.parametrize(
    ("url", "plain"),
    [
        ("postgresql://u:p@h/d", "postgresql://u:***@h/d"),
        ("postgresql://me@mail:p:w@h/d", "postgresql://me@mail:***@h/d"),
        (
            "postgresql://h/d?user=u&password=secret&sslmode=on",
            "postgresql://h/d?user=u&password=***&sslmode=on",
        ),
        ("postgresql://h:5432/d", "postgresql://h:5432/d"),
        ("sqlite:///data/tidegate.db", "sqlite:///data/tidegate.db"),
    ],
)
def test_a_database_is_shown_without_its_password(url: str, plain: str) -> None:
    assert loaded({"DATABASE_URL": url}).settings.database_url == plain


def test_secrets_show_nothing_and_do_not_leave_the_process() -> None:
    secrets = Secrets("0x" + KEY, "postgresql://u:hunter2@h/d")
    for text in (repr(secrets), str(secrets), f"{secrets}"):
        assert text == "Secrets(hidden)"
    for leave in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="not copied"):
            leave(secrets)
    assert not hasattr(secrets, "__dict__")


def test_secrets_are_taken_out_of_the_environment() -> None:
    environ = {"HYPERLIQUID_PRIVATE_KEY": KEY, "HOME": "/"}
    forget_secrets(environ)
    assert environ == {"HOME": "/"}
    forget_secrets(environ)


def test_loading_changes_nothing_outside(project: Path) -> None:
    environ = {"HYPERLIQUID_PRIVATE_KEY": KEY, "NETWORK": "testnet", "HYPERLIQUID_ACCOUNT_ADDRESS": ADDRESS}
    before = dict(environ)
    loaded(environ=environ)
    assert environ == before
    assert sorted(path.name for path in project.iterdir()) == ["strategies"]


def test_the_interval_that_a_line_proposes_is_the_shortest_that_fits() -> None:
    coins = ",".join(f"C{number}" for number in range(40))
    with pytest.raises(ConfigError) as caught:
        loaded({"COINS": coins, "CHECK_INTERVAL": "10", "STREAM": "prices"})
    (line,) = caught.value.problems
    proposed = int(line.rpartition("=")[2])
    assert loaded({"COINS": coins, "CHECK_INTERVAL": str(proposed), "STREAM": "prices"})
    with pytest.raises(ConfigError):
        loaded({"COINS": coins, "CHECK_INTERVAL": str(proposed - 1), "STREAM": "prices"})


def test_what_no_interval_can_mend_is_said_of_the_coins() -> None:
    with pytest.raises(ConfigError, match=r"^COINS=.*fewer coins"):
        load({}, {}, None, weight_per_minute=lambda *_: 5000.0)


any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)


def told_of(cli: dict[str, str], file: bytes = b"") -> list[str]:
    """What a user sees of these settings: the lines of show-config, or a line for each problem."""
    try:
        return [f"{row.name} {row.shown}" for row in describe(loaded(cli, cli, file))]
    except ConfigError as error:
        return list(error.problems)


@given(st.sampled_from(NAMES), any_text, st.sampled_from([KEY, "0x" + KEY, KEY + "0", KEY[1:]]), any_text)
def test_a_key_in_the_wrong_place_is_never_shown(name: str, before: str, key: str, after: str) -> None:
    assert KEY[:20] not in "".join(told_of({name: before + key + after}))


@given(st.dictionaries(st.sampled_from(NAMES), any_text))
def test_whatever_is_given_is_told_in_printable_lines(values: dict[str, str]) -> None:
    assert all(line.isprintable() and len(line) < 1000 for line in told_of(values))


@given(st.binary(max_size=300))
def test_whatever_bytes_a_file_holds_is_told_in_printable_lines(content: bytes) -> None:
    assert all(line.isprintable() for line in told_of({}, content))


def test_a_value_of_any_length_gives_a_short_line() -> None:
    with pytest.raises(ConfigError) as caught:
        loaded({"STRATEGY": "x" * (TEXT_MAX + 1)})
    assert len(caught.value.problems[0]) < 300
