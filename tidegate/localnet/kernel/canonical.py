"""The form in which the exchange hashes an action: flags that say nothing are not there (sections 3.2 and 3.3).

Owns the flags that must be left out when false. Whoever hashes `"f": false` or `"a": false` has signed other
bytes than the exchange checks, and is taken for somebody else.
"""

from collections.abc import Mapping
from typing import Any

FLAGS = {"cancel": "f", "cancelByCloid": "f", "modify": "a", "batchModify": "a"}


def as_hashed(action: Mapping[str, Any]) -> Mapping[str, Any]:
    """The action without false flags, its other keys in the order received; the same object when it has none."""
    flag = FLAGS.get(action["type"])
    if flag is None:
        return action
    hashed = {key: _without(value, flag) for key, value in action.items() if not (key == flag and value is False)}
    return action if hashed == action else hashed


def _without(value: Any, flag: str) -> Any:
    """A list of cancels or changes whose elements have lost the flag where it is false."""
    if not isinstance(value, list):
        return value
    return [{key: each[key] for key in each if not (key == flag and each[key] is False)} for each in value]
