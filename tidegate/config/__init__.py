"""The user's settings, read from outside once at start: command line > environment > `.env` > defaults.

`load` gives one validated value or every problem at once. Importing this package is cheap: pydantic comes in
when `load` is called.
"""

from tidegate.config.loading import load
from tidegate.config.market import check_against_market
from tidegate.config.results import SECRETS_IN_ENVIRONMENT, Entry, Loaded, Secrets, Source, describe, forget_secrets

__all__ = [
    "SECRETS_IN_ENVIRONMENT",
    "Entry",
    "Loaded",
    "Secrets",
    "Source",
    "check_against_market",
    "describe",
    "forget_secrets",
    "load",
]
