"""The exception tree.

    TidegateError
    ├── ConfigError          the user's settings or files are wrong; holds every problem at once (exit code 2)
    ├── ExchangeError        trouble at the edge, raised by adapters, made a fact in one place (exit code 3 at start)
    │   ├── Unreachable      no answer: connection refused, timeout, 5xx. The outcome of a write is unknown
    │   ├── Unintelligible   an answer that does not fit the protocol. The outcome of a write is unknown
    │   └── Refused          the exchange understood and said no, with its own words
    ├── StorageError         the database cannot be used
    └── OtherBotRunning      another bot on this host owns the wallet (exit code 5)

A refusal by our own risk rules is a value, not an exception; what cannot happen is an assertion.
"""

from collections.abc import Sequence


class TidegateError(Exception):
    """Anything that this program raises on purpose. `told`: the log has it already, on the screen too."""

    told = False


class ConfigError(TidegateError):
    """Settings or files that cannot be used; `problems` has one line for each."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class ExchangeError(TidegateError):
    """Trouble between us and the exchange."""


class Unreachable(ExchangeError):
    """No answer came; what was asked may or may not have happened."""


class Unintelligible(ExchangeError):
    """An answer came that does not fit the protocol; what was asked may or may not have happened."""


class Refused(ExchangeError):
    """The exchange understood the request and refused it."""


class StorageError(TidegateError):
    """The database cannot be opened, read or written."""


class OtherBotRunning(TidegateError):
    """Another bot on this host already trades with this wallet."""
