"""Wishes as the exchange reads them: numbers, actions and the signed envelope.

Owns key order and number format, on which the signature depends. Sends nothing, rounds nothing.

Source: Hyperliquid docs, "Exchange endpoint" and "Signing".
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct

from tidegate.hyperliquid import twaps
from tidegate.hyperliquid.signing import Signer
from tidegate.model.fees import BuilderFee
from tidegate.model.instruments import Instrument
from tidegate.model.intents import CancelOrders, CancelTwap, PlaceOrders, Write
from tidegate.model.orders import Limit, OrderRequest, Trigger, Twap
from tidegate.model.positions import Side

DECIMALS_MAX = 8
NOOP = {"type": "noop"}

_json = msgspec.json.Encoder().encode


class Envelope(Struct, frozen=True, kw_only=True):
    """The exact bytes of a signed request, and what bounds it in time. Send these bytes again, never re-sign."""

    body: bytes
    nonce: int
    expires_ms: int | None

    def __repr__(self) -> str:
        return f"Envelope(nonce={self.nonce}, expires_ms={self.expires_ms}, {len(self.body)} bytes)"


def wire_number(value: Decimal) -> str:
    """Print a number as the exchange hashes it: plain, no trailing zeros.

    Raises ValueError for what is not finite and for more than eight decimals (which would have to be rounded).
    """
    if not value.is_finite():
        raise ValueError(f"not a finite number: {value}")
    text = format(value, "f")
    if "." not in text:
        return text if value else "0"
    whole, _, decimals = text.partition(".")
    decimals = decimals.rstrip("0")
    if len(decimals) > DECIMALS_MAX:
        raise ValueError(f"more than {DECIMALS_MAX} decimals: {value}")
    if not decimals:
        return whole if value else "0"
    return f"{whole}.{decimals}"


def action_of(wish: Write, instruments: Mapping[str, Instrument], builder: BuilderFee | None = None) -> dict[str, Any]:
    """The action that carries out `wish`, in the exact key order that is signed.

    The asset number is the coin's in `instruments` (the newest metadata), for numbers move between networks and
    listings; a coin that is not there raises KeyError. Orders that may open a position pay the `builder`; those that
    only reduce never do: an approval that was taken back must not refuse an exit or a stop.
    """
    asset = instruments[wish.coin].asset
    if isinstance(wish, CancelTwap):
        return twaps.cancel_action(wish, asset)
    if isinstance(wish, PlaceOrders):
        first = wish.orders[0]
        if isinstance(first.kind, Twap):
            return twaps.order_action(first, first.kind, asset, wire_number(first.size))
        orders = [_order(order, instruments[order.coin].asset) for order in wish.orders]
        action: dict[str, Any] = {"type": "order", "orders": orders, "grouping": wish.grouping.value}
        if builder is not None and not all(order.reduce_only for order in wish.orders):
            action["builder"] = {"b": builder.address.lower(), "f": builder.tenths_bp}
        return action
    if isinstance(wish, CancelOrders):
        cancels = [{"asset": asset, "cloid": cloid} for cloid in wish.cloids]
        return {"type": "cancelByCloid", "cancels": cancels}
    return {"type": "updateLeverage", "asset": asset, "isCross": wish.cross, "leverage": wish.leverage}


def envelope(
    signer: Signer, action: Mapping[str, Any], nonce: int, vault_address: str | None, expires_ms: int | None
) -> Envelope:
    """Sign `action` and put it into the body of a POST to /exchange (also the payload of a post over the stream)."""
    vault = vault_address.lower() if vault_address else None
    body = {
        "action": action,
        "nonce": nonce,
        "signature": signer.sign_l1(action, nonce, vault, expires_ms),
        "vaultAddress": vault,
        "expiresAfter": expires_ms,
    }
    return Envelope(body=_json(body), nonce=nonce, expires_ms=expires_ms)


def spending(signer: Signer, body: bytes, expires_ms: int) -> Envelope:
    """The envelope of an action that does nothing, with the nonce of the signed request `body`, for the same account.

    Whichever of the two arrives first uses up the nonce; the other one is refused for ever.
    """
    first = msgspec.json.decode(body, type=_Signed)
    return envelope(signer, NOOP, first.nonce, first.vault_address, expires_ms)


class _Signed(Struct, rename="camel"):
    nonce: int
    vault_address: str | None = None


def _order(order: OrderRequest, asset: int) -> dict[str, Any]:
    kind = order.kind
    assert isinstance(kind, Limit | Trigger), "a TWAP is an action of its own"
    if isinstance(kind, Limit):
        how: dict[str, Any] = {"limit": {"tif": kind.time_in_force.value}}
    else:
        how = {
            "trigger": {
                "isMarket": kind.market,
                "triggerPx": wire_number(kind.trigger_price),
                "tpsl": "sl" if kind.stop else "tp",
            }
        }
    return {
        "a": asset,
        "b": order.side is Side.BUY,
        "p": wire_number(order.price),
        "s": wire_number(order.size),
        "r": order.reduce_only,
        "t": how,
        "c": order.cloid,
    }
