"""A frame on its way to a client, as rules see it: its channel, the coins and the account that it is about."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec

encode = msgspec.json.Encoder().encode


@dataclass
class Sent:
    """One encoded frame. `users` are the accounts that its connection listens to, for channels that name none."""

    raw: bytes
    users: frozenset[str] = frozenset()

    @cached_property
    def frame(self) -> dict[str, Any]:
        """The decoded frame; empty when it is not an object."""
        try:
            found = msgspec.json.decode(self.raw)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def channel(self) -> str:
        """The channel, "" without one."""
        channel = self.frame.get("channel")
        return channel if isinstance(channel, str) else ""

    @property
    def data(self) -> Any:
        """What the frame carries."""
        return self.frame.get("data")

    @property
    def is_snapshot(self) -> bool:
        """Whether the frame calls itself one."""
        return isinstance(self.data, dict) and self.data.get("isSnapshot") is True

    @cached_property
    def coins(self) -> frozenset[str]:
        """The coins that it is about."""
        return frozenset(coin for row in self._rows() for coin in _coins_of(row))

    @property
    def about(self) -> frozenset[str]:
        """The accounts that it is about, lowercase."""
        user = self.data.get("user") if isinstance(self.data, dict) else None
        return frozenset({user.lower()}) if isinstance(user, str) else self.users

    def _rows(self) -> list[Any]:
        data = self.data
        if not isinstance(data, dict):
            return data if isinstance(data, list) else []
        rows: list[Any] = [data, data.get("subscription")]
        for key in ("fills", "fundings", "orders"):
            if isinstance(data.get(key), list):
                rows += data[key]
        return rows


def _coins_of(row: Any) -> list[str]:
    if not isinstance(row, dict):
        return []
    order = row.get("order")
    named = [row.get("coin"), row.get("s"), order.get("coin") if isinstance(order, dict) else None]
    return [coin for coin in named if isinstance(coin, str)]
