"""A file with a secret is its owner's alone, and nobody can put another into its place."""

import os
from pathlib import Path

import pytest

from tidegate.config import load
from tidegate.config.private_files import FILE_MAX_BYTES, why_not_private
from tidegate.errors import ConfigError
from tidegate.hyperliquid.limits import weight_per_minute

posix = pytest.mark.skipif(os.name != "posix", reason="other systems have other permissions")


@pytest.fixture
def key_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "strategies").mkdir()
    (tmp_path / "strategies" / "ema_cross.py").touch()
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "agent.key"
    path.write_text("1a" * 32)
    path.chmod(0o600)
    return path


def test_a_file_of_ones_own_is_private(key_file: Path) -> None:
    assert why_not_private(key_file) is None


@posix
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o601])
def test_others_may_have_no_right_at_all(key_file: Path, mode: int) -> None:
    key_file.chmod(mode)
    wrong = why_not_private(key_file)
    assert wrong is not None
    assert wrong[1].endswith(f"chmod 600 {key_file}")


@posix
def test_a_folder_that_everybody_writes_to_is_refused(key_file: Path) -> None:
    key_file.parent.chmod(0o777)
    wrong = why_not_private(key_file)
    assert wrong is not None
    assert wrong[0] == "every user of this machine can replace it"


@posix
@pytest.mark.skipif(os.name == "posix" and os.getuid() != 0, reason="only root gives files away")
def test_a_file_of_another_user_is_refused(key_file: Path) -> None:
    os.chown(key_file, 12345, -1)
    wrong = why_not_private(key_file)
    assert wrong is not None
    assert "belongs to another user" in wrong[0]


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    assert why_not_private(tmp_path / "gone") == ("No such file or directory", "the path of a file")
    assert why_not_private(tmp_path) == ("that is not a file", "the path of a file")
    big = tmp_path / "big"
    big.write_bytes(b"x" * (FILE_MAX_BYTES + 1))
    assert "longer than" in (why_not_private(big) or ("", ""))[0]


def problems(**more: str) -> tuple[str, ...]:
    environ = {"NETWORK": "testnet", "HYPERLIQUID_ACCOUNT_ADDRESS": "0x" + "ab" * 20, **more}
    with pytest.raises(ConfigError) as told:
        load({}, environ, None, weight_per_minute=weight_per_minute)
    return told.value.problems


@posix
def test_all_files_are_checked_when_settings_are_loaded(key_file: Path) -> None:
    key_file.chmod(0o644)
    lines = problems(HYPERLIQUID_KEY_FILE=str(key_file), HYPERLIQUID_KEYSTORE="gone.json")
    assert [line.split("=")[0] for line in lines] == ["HYPERLIQUID_KEYSTORE", "HYPERLIQUID_KEY_FILE"]
    assert "chmod 600" in lines[1]


def test_a_password_without_a_keystore_is_a_mistake(key_file: Path) -> None:
    (line,) = problems(HYPERLIQUID_KEYSTORE_PASSWORD_FILE=str(key_file), HYPERLIQUID_PRIVATE_KEY="1a" * 32)
    assert "there is no HYPERLIQUID_KEYSTORE" in line


def test_a_key_where_a_path_belongs_is_not_shown() -> None:
    (line,) = problems(HYPERLIQUID_KEY_FILE="0x" + "1a" * 32)
    assert "1a1a1a" not in line


@pytest.mark.parametrize("name", ["HYPERLIQUID_KEYSTORE", "HYPERLIQUID_KEY_FILE"])
def test_no_real_key_is_opened_on_localnet(name: str, key_file: Path) -> None:
    (line,) = problems(NETWORK="localnet", **{name: str(key_file)})
    assert line.startswith(f"{name}={key_file}"[:40])
    assert "never sign on localnet" in line
