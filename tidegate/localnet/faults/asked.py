"""A request as rules see it: through which door it came, of which type, about which coins and whom.

Reads wire shapes only as far as matching needs them; what it cannot read matches nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tidegate.localnet.kernel.signatures import USER_SIGNED, Signature, Unrecoverable, l1_signer, user_signer
from tidegate.localnet.kernel.universe import Universe
from tidegate.localnet.kernel.venue import Venue

HEX = 16


@dataclass
class Asked:
    """One request. `body` is the decoded body: of /info as it is, of /exchange the whole envelope."""

    door: str  # http, ws or process
    is_action: bool
    body: Any
    venue: Venue

    @property
    def content(self) -> dict[str, Any]:
        """What has the `type`: an /info body or the action of an envelope."""
        content = self.body.get("action") if self.is_action and isinstance(self.body, dict) else self.body
        return content if isinstance(content, dict) else {}

    @property
    def type(self) -> str:
        """The type of request or action, "" without one."""
        kind = self.content.get("type")
        return kind if isinstance(kind, str) else ""

    @cached_property
    def coins(self) -> frozenset[str]:
        """The coins that it names."""
        if not self.is_action:
            inner = self.content.get("req")
            asked = inner if isinstance(inner, dict) else self.content
            coin = asked.get("coin")
            return frozenset({coin} if isinstance(coin, str) else ())
        return frozenset(filter(None, (coin_of(self.venue.universe, asset) for asset in _assets(self.content))))

    @cached_property
    def user(self) -> str:
        """The account that it is about, lowercase: named by a request, found from an action's signature; else ""."""
        if not self.is_action:
            user = self.content.get("user")
            return user.lower() if isinstance(user, str) else ""
        vault = self.body.get("vaultAddress")
        if isinstance(vault, str):
            return vault.lower()
        signer = _signer(self.body, self.content)
        agent = self.venue.agents.get(signer)
        return signer if agent is None else agent.master

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The orders, cancels or changes of a batch; of a single one itself."""
        for key in ("orders", "cancels", "modifies"):
            batch = self.content.get(key)
            if isinstance(batch, list):
                return [row for row in batch if isinstance(row, dict)]
        return [self.content]

    @property
    def orders(self) -> list[dict[str, Any]]:
        """The orders to be placed, in wire shape, those of modifications too."""
        rows = (row.get("order", row) for row in self.rows)
        return [row for row in rows if isinstance(row, dict) and "p" in row]


def coin_of(universe: Universe, asset: Any) -> str:
    """The coin of an asset id, "" for none."""
    if not isinstance(asset, int):
        return ""
    rule = universe.perp_of(asset)
    if rule is not None:
        return rule.name
    pair = universe.spot_by_asset.get(asset)
    return "" if pair is None else pair.name


def _assets(action: dict[str, Any]) -> Iterator[Any]:
    yield from (action.get("a"), action.get("asset"))
    for value in action.values():
        rows = value if isinstance(value, list) else [value]
        for row in rows:
            if isinstance(row, dict):
                yield from (row.get("a"), row.get("asset"))
                order = row.get("order", value.get("order") if isinstance(value, dict) else None)
                if isinstance(order, dict):
                    yield order.get("a")


def _signer(envelope: dict[str, Any], action: dict[str, Any]) -> str:
    try:
        given = envelope["signature"]
        signature = Signature(int(given["r"], HEX), int(given["s"], HEX), given["v"])
        if action.get("type") in USER_SIGNED:
            return user_signer(action, signature)
        return l1_signer(action, signature, envelope["nonce"], None, envelope.get("expiresAfter"))
    except (KeyError, TypeError, ValueError, Unrecoverable):
        return ""
