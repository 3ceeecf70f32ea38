"""/exchange: from a signed envelope to the exchange's answer (section 3).

Owns the order of checks (shape, signer, account, nonce, expiry, then the action) and the answers of each
action. Signatures, nonces, orders and accounts have modules of their own.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from tidegate.localnet import leverages
from tidegate.localnet.accounts import Account
from tidegate.localnet.envelopes import (
    ApproveAgentAction,
    BatchModifyAction,
    CancelAction,
    CloidCancelAction,
    Envelope,
    IsolatedMarginAction,
    LeverageAction,
    ModifyWire,
    NoopAction,
    OrderAction,
    PriorityFee,
    ScheduleCancelAction,
    SubAccountAction,
    VaultTransferAction,
)
from tidegate.localnet.nonces import Nonces
from tidegate.localnet.numbers import wire
from tidegate.localnet.orders import Order
from tidegate.localnet.placing import NOT_MODIFIABLE, Status, cancel, modify, place
from tidegate.localnet.reply import UNPROCESSABLE, Reply, ok
from tidegate.localnet.signatures import USER_SIGNED, Signature, Unrecoverable, l1_signer, user_signer
from tidegate.localnet.venue import Venue

WELCOME_USDC = Decimal(10_000)
CANCELS_MAX = 200
HEX = 16
DEFAULT: dict[str, Any] = {"type": "default"}
SCHEDULED_CANCEL_VOLUME = 1_000_000
SUB_ACCOUNT_VOLUME = 100_000
# Actions of the exchange that this one knows by name and does not carry out.
UNAVAILABLE = frozenset(
    {
        "twapOrder",
        "twapCancel",
        "topUpIsolatedOnlyMargin",
        "subAccountTransfer",
        "subAccountSpotTransfer",
        "setReferrer",
        "reserveRequestWeight",
        "agentSetAbstraction",
        "agentEnableDexAbstraction",
        "agentSendAsset",
        "convertToMultiSigUser",
        "multiSig",
        "perpDeploy",
        "spotDeploy",
        *USER_SIGNED,
    }
) - {"approveAgent"}

Answer = dict[str, Any]  # the "response" of an ok
Handler = Callable[["Actions", Account, Any], "Answer | Refused"]


class Refused(NamedTuple):
    """A whole action refused: the text of status "err"."""

    text: str


class Actions:
    """Carries out envelopes against a venue."""

    def __init__(self, venue: Venue, *, fund_on_first_action: bool, wall_ms: Callable[[], int] | None = None) -> None:
        self._venue = venue
        self._fund_on_first_action = fund_on_first_action
        self._wall_ms = wall_ms
        self._nonces = Nonces()

    def carry_out(self, body: Any) -> Reply:
        """Answer a decoded body: 422 for one without meaning, else 200 with status ok or err."""
        try:
            envelope = msgspec.convert(body, Envelope)
            kind = envelope.action.get("type")
            if not isinstance(kind, str):
                return UNPROCESSABLE
            shape, handler = HANDLERS.get(kind, (NoopAction, None))
            if handler is None and kind not in UNAVAILABLE:
                return UNPROCESSABLE
            action: Any = msgspec.convert(envelope.action, shape)
        except (msgspec.ValidationError, RecursionError):
            return UNPROCESSABLE
        admitted = self._admit(envelope, kind)
        outcome: Answer | Refused
        if isinstance(admitted, Refused):
            outcome = admitted
        elif handler is None:
            outcome = Refused(f"Action {kind} is not available on localnet.")
        else:
            outcome = handler(self, admitted, action)
        if isinstance(outcome, Refused):
            return ok({"status": "err", "response": outcome.text})
        return ok({"status": "ok", "response": outcome})

    def _admit(self, envelope: Envelope, kind: str) -> Account | Refused:
        """Signer, account, nonce, expiry; the account that acts, or why none may."""
        try:
            signature = Signature(int(envelope.signature.r, HEX), int(envelope.signature.s, HEX), envelope.signature.v)
            if kind in USER_SIGNED:
                signer = user_signer(envelope.action, signature)
            else:
                signer = l1_signer(
                    envelope.action, signature, envelope.nonce, envelope.vault_address, envelope.expires_after
                )
        except (Unrecoverable, ValueError):
            return Refused("Unable to recover signer.")
        account = self._account_of(signer, kind)
        if isinstance(account, Refused):
            return account
        if envelope.vault_address is not None:
            return Refused(f"Vault not registered: {envelope.vault_address.lower()}")
        times = [self._venue.now_ms] if self._wall_ms is None else [self._venue.now_ms, self._wall_ms()]
        refused = self._nonces.refusal(signer, envelope.nonce, times)
        if refused is not None:
            return Refused(refused)
        if envelope.expires_after is not None and envelope.expires_after < self._venue.now_ms:
            return Refused("Action already expired")
        self._nonces.use(signer, envelope.nonce)
        return account

    def _account_of(self, signer: str, kind: str) -> Account | Refused:
        """The account a signer acts for: its own, or its master's when it is an agent."""
        venue = self._venue
        agent = venue.agents.get(signer)
        if agent is not None and kind not in USER_SIGNED and not agent.expired(venue.now_ms):
            return venue.accounts[agent.master]
        account = venue.account(signer)
        if account is not None:
            return account
        if self._fund_on_first_action and agent is None:
            return venue.deposit(signer, WELCOME_USDC)
        if kind in USER_SIGNED:
            return Refused(f"Must deposit before performing actions. User: {signer}")
        return Refused(f"User or API Wallet {signer} does not exist.")

    def order(self, account: Account, action: OrderAction) -> Answer | Refused:
        """Place a batch."""
        account.requests += len(action.orders)
        if action.builder is not None:
            return _statuses("order", [{"error": "Builder fee has not been approved"}])
        if isinstance(action.grouping, PriorityFee):
            return _statuses("order", [{"error": "Insufficient delegatable balance for priority order"}])
        wishes = [order.wish() for order in action.orders]
        return _statuses("order", place(self._venue, account, wishes, action.grouping))

    def cancel(self, account: Account, action: CancelAction) -> Answer | Refused:
        """Cancel by order id."""
        account.requests += len(action.cancels)
        if len(action.cancels) > CANCELS_MAX:
            return Refused(f"Signed action over weight limit of {CANCELS_MAX}.")
        return _statuses("cancel", [cancel(self._venue, each.a, account.live.get(each.o)) for each in action.cancels])

    def cancel_by_cloid(self, account: Account, action: CloidCancelAction) -> Answer | Refused:
        """Cancel by client order id."""
        account.requests += len(action.cancels)
        if len(action.cancels) > CANCELS_MAX:
            return Refused(f"Signed action over weight limit of {CANCELS_MAX}.")
        orders = ((each.asset, account.by_cloid.get(each.cloid.lower())) for each in action.cancels)
        return _statuses("cancel", [cancel(self._venue, asset, order) for asset, order in orders])

    def modify(self, account: Account, action: ModifyWire) -> Answer | Refused:
        """Replace one order; the answer does not tell the new id."""
        account.requests += 1
        status = self._modify_one(account, action, always_place=action.a)
        if isinstance(status, dict) and "error" in status:
            return Refused(status["error"])
        return DEFAULT

    def batch_modify(self, account: Account, action: BatchModifyAction) -> Answer | Refused:
        """Replace several orders; answers as an order does."""
        account.requests += len(action.modifies)
        statuses = [self._modify_one(account, each, always_place=action.a or each.a) for each in action.modifies]
        return _statuses("order", statuses)

    def update_leverage(self, account: Account, action: LeverageAction) -> Answer | Refused:
        """Set leverage and margin mode of a coin."""
        account.requests += 1
        text = leverages.update(self._venue, account, action.asset, action.leverage, is_cross=action.is_cross)
        return DEFAULT if text is None else Refused(text)

    def update_isolated_margin(self, account: Account, action: IsolatedMarginAction) -> Answer | Refused:
        """Move cash into or out of an isolated position."""
        account.requests += 1
        text = leverages.move_isolated(self._venue, account, action.asset, action.ntli)
        return DEFAULT if text is None else Refused(text)

    def approve_agent(self, account: Account, action: ApproveAgentAction) -> Answer | Refused:
        """Let another key sign this account's L1 actions; the same name replaces."""
        account.requests += 1
        text = self._venue.approve_agent(account, action.agent_address.lower(), action.agent_name or "")
        return DEFAULT if text is None else Refused(text)

    def noop(self, account: Account, _action: NoopAction) -> Answer | Refused:
        """Burn a nonce."""
        account.requests += 1
        return DEFAULT

    def schedule_cancel(self, account: Account, _action: ScheduleCancelAction) -> Answer | Refused:
        """The dead man's switch, which the local exchange refuses to accounts of any volume."""
        if account.volume >= SCHEDULED_CANCEL_VOLUME:
            return Refused("Action scheduleCancel is not available on localnet.")
        return Refused(
            f"Cannot set scheduled cancel time until enough volume traded. "
            f"Required: ${SCHEDULED_CANCEL_VOLUME}. Traded: ${_cents(account.volume)}."
        )

    def create_sub_account(self, account: Account, _action: SubAccountAction) -> Answer | Refused:
        """Sub-accounts, which the local exchange does not have."""
        if account.volume >= SUB_ACCOUNT_VOLUME:
            return Refused("Action createSubAccount is not available on localnet.")
        return Refused(
            f"Cannot create sub-accounts until enough volume traded. "
            f"Required: ${SUB_ACCOUNT_VOLUME}. Traded: ${_cents(account.volume)}."
        )

    def vault_transfer(self, _account: Account, action: VaultTransferAction) -> Answer | Refused:
        """Vaults, of which the local exchange has none."""
        return Refused(f"Vault not registered: {action.vault_address.lower()}")

    def _modify_one(self, account: Account, change: ModifyWire, *, always_place: bool) -> Status:
        old = self._find(account, change.oid)
        wish = change.order.wish()
        if old is not None and old.asset != wish.asset:
            return {"error": NOT_MODIFIABLE}
        return modify(self._venue, account, old, wish, always_place=always_place)

    @staticmethod
    def _find(account: Account, oid: int | str) -> Order | None:
        return account.live.get(oid) if isinstance(oid, int) else account.by_cloid.get(oid.lower())


def _statuses(kind: str, statuses: list[Status]) -> Answer:
    return {"type": kind, "data": {"statuses": statuses}}


def _cents(amount: Decimal) -> str:
    return wire(amount.quantize(Decimal("0.01")))


HANDLERS: dict[str, tuple[type, Handler | None]] = {
    "order": (OrderAction, Actions.order),
    "cancel": (CancelAction, Actions.cancel),
    "cancelByCloid": (CloidCancelAction, Actions.cancel_by_cloid),
    "modify": (ModifyWire, Actions.modify),
    "batchModify": (BatchModifyAction, Actions.batch_modify),
    "updateLeverage": (LeverageAction, Actions.update_leverage),
    "updateIsolatedMargin": (IsolatedMarginAction, Actions.update_isolated_margin),
    "approveAgent": (ApproveAgentAction, Actions.approve_agent),
    "noop": (NoopAction, Actions.noop),
    "scheduleCancel": (ScheduleCancelAction, Actions.schedule_cancel),
    "createSubAccount": (SubAccountAction, Actions.create_sub_account),
    "vaultTransfer": (VaultTransferAction, Actions.vault_transfer),
}
