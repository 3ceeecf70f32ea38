"""The key comes from the first place that is set, is asked for only on a terminal, and is never shown."""

import json
from pathlib import Path

import pytest
from eth_account import Account

from tidegate.config import Loaded, load
from tidegate.errors import ConfigError
from tidegate.hyperliquid.limits import weight_per_minute
from tidegate.keys import unlocked
from tidegate.keys.opening import CREDENTIAL, PROMPTS_MAX

KEYSTORE_KEY, FILE_KEY, PLAIN_KEY = ("0x" + digits * 32 for digits in ("1a", "2b", "3c"))
PASSWORD = "correct horse battery"
ACCOUNT = "0x" + "ab" * 20
FEW_ROUNDS = 2


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "strategies").mkdir()
    (tmp_path / "strategies" / "ema_cross.py").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def secret_file(path: Path, content: str, mode: int = 0o600) -> str:
    path.write_text(content)
    path.chmod(mode)
    return str(path)


@pytest.fixture(params=["scrypt", "pbkdf2"])
def keystore(folder: Path, request: pytest.FixtureRequest) -> str:
    body = Account.encrypt(KEYSTORE_KEY, PASSWORD, kdf=request.param, iterations=FEW_ROUNDS)
    return secret_file(folder / "keystore.json", json.dumps(body))


@pytest.fixture
def password_file(folder: Path) -> str:
    return secret_file(folder / "password", PASSWORD + "\n")


@pytest.fixture
def key_file(folder: Path) -> str:
    return secret_file(folder / "agent.key", FILE_KEY + "\n")


def loaded(**more: str) -> Loaded:
    environ = {"NETWORK": "testnet", "HYPERLIQUID_ACCOUNT_ADDRESS": ACCOUNT, **more}
    return load({}, environ, None, weight_per_minute=weight_per_minute)


def refused(given: Loaded, environ: dict[str, str] | None = None, **more: object) -> str:
    with pytest.raises(ConfigError) as told:
        unlocked(given, environ or {}, None, **more)  # type: ignore[arg-type]
    (problem,) = told.value.problems
    assert all(secret[2:14] not in problem for secret in (KEYSTORE_KEY, FILE_KEY, PLAIN_KEY, PASSWORD))
    return problem


def test_a_keystore_goes_before_a_key_file_and_that_before_the_variable(
    keystore: str, password_file: str, key_file: str
) -> None:
    places = {
        "HYPERLIQUID_KEYSTORE": keystore,
        "HYPERLIQUID_KEYSTORE_PASSWORD_FILE": password_file,
        "HYPERLIQUID_KEY_FILE": key_file,
        "HYPERLIQUID_PRIVATE_KEY": PLAIN_KEY,
    }
    first = unlocked(loaded(**places), {}, None)
    assert first.secrets.private_key == KEYSTORE_KEY
    assert first.remarks == (
        "HYPERLIQUID_KEY_FILE is not used: the key comes from HYPERLIQUID_KEYSTORE",
        "HYPERLIQUID_PRIVATE_KEY is not used: the key comes from HYPERLIQUID_KEYSTORE",
    )
    del places["HYPERLIQUID_KEYSTORE"], places["HYPERLIQUID_KEYSTORE_PASSWORD_FILE"]
    assert unlocked(loaded(**places), {}, None).secrets.private_key == FILE_KEY
    del places["HYPERLIQUID_KEY_FILE"]
    last = unlocked(loaded(**places), {}, None)
    assert (last.secrets.private_key, last.remarks) == (PLAIN_KEY, ())


def test_a_password_is_taken_from_systemds_credentials(keystore: str, folder: Path) -> None:
    (folder / CREDENTIAL).write_text(PASSWORD)
    given = unlocked(loaded(HYPERLIQUID_KEYSTORE=keystore), {"CREDENTIALS_DIRECTORY": str(folder)}, None)
    assert given.secrets.private_key == KEYSTORE_KEY


def test_a_password_is_asked_for_on_a_terminal_and_may_be_mistyped(keystore: str) -> None:
    answers = iter(["wrong", PASSWORD])
    prompts: list[str] = []

    def ask(prompt: str) -> str:
        prompts.append(prompt)
        return next(answers)

    given = unlocked(loaded(HYPERLIQUID_KEYSTORE=keystore), {}, None, ask)
    assert given.secrets.private_key == KEYSTORE_KEY
    assert prompts == [f"password of {keystore}: "] * 2


def test_asking_ends_after_some_tries(keystore: str) -> None:
    asked: list[str] = []

    def ask(prompt: str) -> str:
        asked.append(prompt)
        return "wrong"

    assert "the password does not open it" in refused(loaded(HYPERLIQUID_KEYSTORE=keystore), ask=ask)
    assert len(asked) == PROMPTS_MAX


def test_without_a_terminal_the_missing_password_is_said(keystore: str) -> None:
    problem = refused(loaded(HYPERLIQUID_KEYSTORE=keystore))
    assert "no terminal to ask on; set HYPERLIQUID_KEYSTORE_PASSWORD_FILE" in problem


def test_a_wrong_password_file_is_said(keystore: str, folder: Path) -> None:
    wrong = secret_file(folder / "password", "another")
    given = loaded(HYPERLIQUID_KEYSTORE=keystore, HYPERLIQUID_KEYSTORE_PASSWORD_FILE=wrong)
    assert "the password does not open it" in refused(given)


DAMAGED = {
    "no JSON": ("0x" + "1a" * 32, "it is no JSON"),
    "a list": ("[]", "it is no JSON object"),
    "another version": ('{"version": 1, "crypto": {}}', "not a keystore of version 3"),
    "nothing in it": ('{"version": 3, "crypto": {}}', "damaged"),
    "a cipher of nobody": (
        json.dumps(
            {"version": 3, "crypto": {"cipher": "rot13", "kdf": "none", "ciphertext": "00", "mac": "", "kdfparams": {}}}
        ),
        "damaged",
    ),
    "empty": ("", "the file is empty"),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_a_file_that_is_no_keystore_is_said(case: str, folder: Path, password_file: str) -> None:
    content, words = DAMAGED[case]
    path = secret_file(folder / "keystore.json", content)
    given = loaded(HYPERLIQUID_KEYSTORE=path, HYPERLIQUID_KEYSTORE_PASSWORD_FILE=password_file)
    assert words in refused(given)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "the file is empty"),
        ("0x" + "1a" * 31, "62 hex digits instead of 64"),
        ("my key is " + "1a" * 32, "not hex digits"),
        ("0" * 64, "outside the curve's range"),
    ],
)
def test_a_key_file_with_something_else_in_it_is_said(content: str, words: str, folder: Path) -> None:
    path = secret_file(folder / "agent.key", content)
    assert words in refused(loaded(HYPERLIQUID_KEY_FILE=path))


def test_bytes_that_are_no_text_are_said(folder: Path) -> None:
    path = folder / "agent.key"
    path.write_bytes(b"\xff\xfe")
    path.chmod(0o600)
    assert "something else than text" in refused(loaded(HYPERLIQUID_KEY_FILE=str(path)))


def test_on_localnet_nothing_is_opened() -> None:
    given = load({}, {"STRATEGY": "ema_cross"}, None, weight_per_minute=weight_per_minute)
    assert unlocked(given, {}, None) is given
