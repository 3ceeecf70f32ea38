"""Gets the key from where the settings say: keystore before key file before a variable of .env or environment.

The first that is set counts, and the others are told to be unused. Asks for a password only on a terminal. Never
shows, stores or passes on what it read: that goes into `Secrets`.
"""

import getpass
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from tidegate.config import Loaded, Secrets
from tidegate.config.private_files import read_private
from tidegate.config.rules import private_key
from tidegate.errors import ConfigError
from tidegate.keys.keystore import WrongPassword, open_keystore, read_keystore
from tidegate.keys.remarks import remarks_on
from tidegate.model.settings import Network, Settings

PROMPTS_MAX = 3
CREDENTIAL = "hyperliquid-keystore-password"
"""What systemd's LoadCredential= calls the password of the keystore."""

Ask = Callable[[str], str] | None


def unlocked(loaded: Loaded, environ: Mapping[str, str], env_file: Path | None, ask: Ask = None) -> Loaded:
    """The same settings with their key in them, and remarks on how it is kept. Raises ConfigError.

    `environ` names systemd's folder of credentials; `ask` shows a prompt and gives the answer unseen, and is the
    terminal when there is one.
    """
    settings = loaded.settings
    if settings.network is Network.LOCALNET:
        return loaded
    name, key = _key(loaded, environ, ask or _terminal())
    remarks = [*loaded.remarks, *_unused(loaded, name)]
    remarks += remarks_on(env_file, loaded) if env_file is not None else []
    secrets = Secrets(key, loaded.secrets.database_url, loaded.secrets.alert_webhook_url)
    return replace(loaded, secrets=secrets, remarks=tuple(remarks), key_name=name)


def _key(loaded: Loaded, environ: Mapping[str, str], ask: Ask) -> tuple[str, str]:
    """Which variable gave the key, and the key."""
    settings = loaded.settings
    if settings.keystore:
        name = "HYPERLIQUID_KEYSTORE"
        return name, _sound(name, settings.keystore, _from_keystore(settings, environ, ask))
    if settings.key_file:
        name = "HYPERLIQUID_KEY_FILE"
        return name, _sound(name, settings.key_file, _read(name, settings.key_file))
    return loaded.key_name, loaded.secrets.private_key


def _from_keystore(settings: Settings, environ: Mapping[str, str], ask: Ask) -> str:
    name, path = "HYPERLIQUID_KEYSTORE", settings.keystore
    try:
        body = read_keystore(_read(name, path))
        password = _kept_password(settings, environ)
        if password is not None:
            return open_keystore(body, password)
        if ask is None:
            raise ConfigError(
                [
                    f"{name}={path}: its password is needed, and there is no terminal to ask on; "
                    f"set HYPERLIQUID_KEYSTORE_PASSWORD_FILE, or systemd's LoadCredential={CREDENTIAL}:…"
                ]
            )
        return _asked(body, path, ask)
    except WrongPassword:
        raise ConfigError(
            [f"{name}={path}: the password does not open it; expected the one it was made with"]
        ) from None
    except ValueError as error:
        raise ConfigError([f"{name}={path}: {error}; expected the file that a wallet or geth exported"]) from None


def _asked(body: dict[str, object], path: str, ask: Callable[[str], str]) -> str:
    for left in reversed(range(PROMPTS_MAX)):
        try:
            return open_keystore(body, ask(f"password of {path}: "))
        except WrongPassword:
            if not left:
                raise
        except EOFError:
            break
    raise WrongPassword


def _kept_password(settings: Settings, environ: Mapping[str, str]) -> str | None:
    """The password from its file or from systemd; None when it is kept nowhere."""
    if settings.keystore_password_file:
        return _read("HYPERLIQUID_KEYSTORE_PASSWORD_FILE", settings.keystore_password_file)
    folder = environ.get("CREDENTIALS_DIRECTORY")
    credential = Path(folder) / CREDENTIAL if folder else None
    if credential is None or not credential.is_file():
        return None
    return _read("CREDENTIALS_DIRECTORY", str(credential))


def _read(name: str, path: str) -> str:
    try:
        text = read_private(Path(path))
    except OSError as error:
        raise ConfigError([f"{name}={path}: cannot be read ({error.strerror})"]) from None
    except ValueError as error:
        raise ConfigError([f"{name}={path}: {error}"]) from None
    if not text:
        raise ConfigError([f"{name}={path}: the file is empty"])
    return text


def _sound(name: str, path: str, text: str) -> str:
    try:
        return str(private_key().read(text))
    except ValueError as error:
        raise ConfigError([f"{name}={path}: {error}; expected 64 hex digits and nothing else in it"]) from None


def _unused(loaded: Loaded, used: str) -> list[str]:
    given = {
        "HYPERLIQUID_KEYSTORE": loaded.settings.keystore,
        "HYPERLIQUID_KEY_FILE": loaded.settings.key_file,
        loaded.key_name: loaded.secrets.private_key,
    }
    return [f"{name} is not used: the key comes from {used}" for name, value in given.items() if value and name != used]


def _terminal() -> Ask:
    return getpass.getpass if sys.stdin is not None and sys.stdin.isatty() else None
