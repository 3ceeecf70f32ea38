"""What loading gives: settings, secrets that never show themselves, and where each value came from."""

from collections.abc import MutableMapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, NoReturn

from tidegate.config.plain_keys import PLAIN_KEYS
from tidegate.model.settings import Settings

Source = Literal["command line", "environment", ".env", "default"]

SECRET_VARIABLES = (*PLAIN_KEYS, "ALERT_WEBHOOK_URL")
SECRETS_IN_ENVIRONMENT = (*SECRET_VARIABLES, "DATABASE_URL")
"""What no child process inherits: the keys, and addresses that hold a token or a password."""


class Secrets:
    """What must never be shown, logged, pickled or journaled."""

    __slots__ = ("_alert_webhook_url", "_database_url", "_private_key")

    def __init__(self, private_key: str = "", database_url: str = "", alert_webhook_url: str = "") -> None:
        self._private_key = private_key
        self._database_url = database_url
        self._alert_webhook_url = alert_webhook_url

    @property
    def private_key(self) -> str:
        """The key that signs, 0x and 64 hex digits; or an empty string."""
        return self._private_key

    @property
    def database_url(self) -> str:
        """The database's address with its password, which `Settings.database_url` shows as three stars."""
        return self._database_url

    @property
    def alert_webhook_url(self) -> str:
        """Where alerts are posted; whoever knows it may post there. Empty for nowhere."""
        return self._alert_webhook_url

    def __repr__(self) -> str:
        return "Secrets(hidden)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("secrets are not copied out of this process")

    def __getstate__(self) -> NoReturn:
        raise TypeError("secrets are not copied out of this process")


class Entry(NamedTuple):
    """One variable as it stands, a row of `show-config`: `shown` is its value as text, secrets masked."""

    name: str
    shown: str
    source: Source
    meaning: str


@dataclass(frozen=True)
class Loaded:
    """Sound settings, with where each came from; `localnet_url` is empty when we start our own.

    `key_name` is the variable that the key comes from; `remarks` are things to mend that stop nothing.
    """

    settings: Settings
    secrets: Secrets
    entries: tuple[Entry, ...] = field(repr=False)
    localnet_url: str = ""
    key_name: str = ""
    remarks: tuple[str, ...] = ()

    @property
    def sources(self) -> dict[str, Source]:
        """Where each variable's value came from, by the variable's name."""
        return {entry.name: entry.source for entry in self.entries}


def describe(loaded: Loaded) -> list[Entry]:
    """The rows of `show-config`: name, value (secrets masked), where it came from, what it means."""
    return list(loaded.entries)


def forget_secrets(environ: MutableMapping[str, str]) -> None:
    """Take the secrets out of an environment after loading, so that no child process inherits them."""
    for name in SECRETS_IN_ENVIRONMENT:
        environ.pop(name, None)
