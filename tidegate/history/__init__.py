"""Candles of the past, read from wherever they lie and checked before anybody trusts them.

Owns formats, checks and repairs. Downloads nothing, writes nothing.
"""

from tidegate.history.checks import MISSING_MAX, Checked, checked
from tidegate.history.loading import CANDLES_ARE, History, load, of_frame, told_of
from tidegate.history.resampling import resampled

__all__ = ["CANDLES_ARE", "MISSING_MAX", "Checked", "History", "checked", "load", "of_frame", "resampled", "told_of"]
