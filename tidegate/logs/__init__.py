"""The log: a line per fact on the screen and in bot.log, the same as JSON in bot.jsonl, free of secrets."""

from tidegate.logs.setting_up import close, flush, setup
from tidegate.logs.writing import log

__all__ = ["close", "flush", "log", "setup"]
