"""What /exchange bodies look like (section 3): the shapes that a request must have before it means anything.

Owns the types; decoding one is `msgspec.convert`, and its ValidationError is the exchange's 422. It knows
neither accounts nor instruments.
"""

from typing import Any, Literal

from msgspec import Struct

from tidegate.localnet.kernel.checks import Wish
from tidegate.localnet.kernel.numbers import parse


class SignatureWire(Struct):
    """Hex numbers (leading zeros may be missing) and a recovery id."""

    r: str
    s: str
    v: int


class Envelope(Struct, rename="camel"):
    """A whole request; the action stays as received, since it is hashed in the order received."""

    action: dict[str, Any]
    nonce: int
    signature: SignatureWire
    vault_address: str | None = None
    expires_after: int | None = None


class LimitKind(Struct):
    """A plain limit order."""

    tif: Literal["Gtc", "Ioc", "Alo", "FrontendMarket"]


class TriggerKind(Struct, rename="camel"):
    """An order that waits for a mark price."""

    is_market: bool
    trigger_px: str
    tpsl: Literal["tp", "sl"]


class OrderKind(Struct):
    """Exactly one of the two."""

    limit: LimitKind | None = None
    trigger: TriggerKind | None = None

    def __post_init__(self) -> None:
        if (self.limit is None) == (self.trigger is None):
            raise ValueError("an order is either limit or trigger")


class OrderWire(Struct):
    """One order: asset, is buy, price, size, reduce-only, kind, client order id."""

    a: int
    b: bool
    p: str
    s: str
    r: bool
    t: OrderKind
    c: str | None = None

    def __post_init__(self) -> None:
        if self.c is not None and not _is_cloid(self.c):
            raise ValueError("a cloid is 0x and 32 hex digits")

    def wish(self) -> Wish:
        """The order in the kernel's words."""
        limit, trigger = self.t.limit, self.t.trigger
        cloid = None if self.c is None else self.c.lower()
        wish = Wish(self.a, self.b, parse(self.p), parse(self.s), self.r, cloid)
        if limit is not None:
            return wish._replace(tif=limit.tif, is_market=limit.tif == "FrontendMarket")
        assert trigger is not None, "decoding checked that there is one"
        return wish._replace(
            trigger_px=parse(trigger.trigger_px), is_market=trigger.is_market, is_stop=trigger.tpsl == "sl"
        )


class PriorityFee(Struct):
    """The grouping that buys priority; the local exchange has no queue to jump."""

    p: int


class Builder(Struct):
    """Who earns a builder fee: address and tenths of a basis point."""

    b: str
    f: int


class OrderAction(Struct):
    """Section 3.1."""

    orders: list[OrderWire]
    grouping: Literal["na", "normalTpsl", "positionTpsl"] | PriorityFee
    builder: Builder | None = None


class CancelWire(Struct):
    """Asset and order id; `f` asks for a fast cancel."""

    a: int
    o: int
    f: bool = False


class CancelAction(Struct):
    """Section 3.2."""

    cancels: list[CancelWire]


class CloidCancelWire(Struct):
    """Asset and client order id."""

    asset: int
    cloid: str
    f: bool = False


class CloidCancelAction(Struct):
    """Section 3.2."""

    cancels: list[CloidCancelWire]


class ModifyWire(Struct):
    """One replacement; the old order by id or cloid, the new one complete."""

    oid: int | str
    order: OrderWire
    a: bool = False


class BatchModifyAction(Struct):
    """Section 3.3."""

    modifies: list[ModifyWire]
    a: bool = False


class LeverageAction(Struct, rename="camel"):
    """Section 3.5."""

    asset: int
    is_cross: bool
    leverage: int | float  # a fraction has a meaning that is refused


class IsolatedMarginAction(Struct, rename="camel"):
    """Section 3.5; `ntli` is USD * 1e6, negative removes."""

    asset: int
    is_buy: bool
    ntli: int


class TopUpAction(Struct):
    """Section 3.5; `leverage` is a decimal number."""

    asset: int
    leverage: str


class ScheduleCancelAction(Struct):
    """Section 3.4."""

    time: int | None = None


class SubAccountAction(Struct):
    """Section 3.7."""

    name: str


class VaultTransferAction(Struct, rename="camel"):
    """Section 3.7."""

    vault_address: str
    is_deposit: bool
    usd: int


class RenameSubAccountAction(Struct, rename="camel"):
    """subAccountModify: another name."""

    sub_account_user: str
    name: str


class SubAccountTransferAction(Struct, rename="camel"):
    """Section 3.7; `usd` is USD * 1e6."""

    sub_account_user: str
    is_deposit: bool
    usd: int


class SubAccountSpotTransferAction(Struct, rename="camel"):
    """Section 3.7; `token` is name and token id."""

    sub_account_user: str
    is_deposit: bool
    token: str
    amount: str


class CreateVaultAction(Struct, rename="camel"):
    """Makes a vault; `initial_usd` is USD * 1e6. The protocol page does not have it, public SDKs do."""

    name: str
    description: str
    initial_usd: int


class VaultModifyAction(Struct, rename="camel"):
    """A leader's settings; None leaves one as it is."""

    vault_address: str
    allow_deposits: bool | None = None
    always_close_on_withdraw: bool | None = None


class VaultDistributeAction(Struct, rename="camel"):
    """Pays out to all followers; `usd` is USD * 1e6, zero closes the vault."""

    vault_address: str
    usd: int


class ApproveBuilderFeeAction(Struct, rename="camel"):
    """Section 3.7; `max_fee_rate` is a percentage such as "0.001%"."""

    max_fee_rate: str
    builder: str
    nonce: int


class CodeAction(Struct):
    """setReferrer and registerReferrer: a referral code."""

    code: str


class ReserveAction(Struct):
    """reserveRequestWeight: how many requests are bought."""

    weight: int


class TwapWire(Struct):
    """A TWAP: asset, is buy, size, reduce-only, minutes, randomize."""

    a: int
    b: bool
    s: str
    r: bool
    m: int
    t: bool


class ThresholdWire(Struct):
    """A mark price and whether it is reached from below (`a`: above)."""

    p: str
    a: bool


class TwapDetails(Struct):
    """What a TWAP waits for, and what stops it."""

    t: ThresholdWire | None = None
    s: ThresholdWire | None = None


class TwapAction(Struct):
    """Section 3.6."""

    twap: TwapWire
    details: TwapDetails | None = None


class TwapCancelAction(Struct):
    """Section 3.6: asset and TWAP id."""

    a: int
    t: int


class ApproveAgentAction(Struct, rename="camel"):
    """Section 3.7; an unnamed agent has no name key."""

    agent_address: str
    nonce: int
    agent_name: str | None = None


class NoopAction(Struct):
    """Section 3.7: burns its nonce."""


def _is_cloid(text: str) -> bool:
    return len(text) == 34 and text.startswith("0x") and all(digit in "0123456789abcdefABCDEF" for digit in text[2:])
