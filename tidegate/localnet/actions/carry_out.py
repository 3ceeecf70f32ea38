"""/exchange: from a signed envelope to the exchange's answer (section 3).

Owns the order of checks: shape, then who may act, then the action. What an action does is said in the tables of the
modules beside this one.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec

from tidegate.localnet.actions import (
    agents,
    builders,
    modes,
    referral,
    scheduled,
    sub_accounts,
    trading,
    transfers,
    twap,
    vaults,
)
from tidegate.localnet.actions.admission import Admission
from tidegate.localnet.actions.answers import Action, Answer, Refused
from tidegate.localnet.kernel import budgets
from tidegate.localnet.kernel.accounts import Account
from tidegate.localnet.kernel.envelopes import Envelope, NoopAction
from tidegate.localnet.kernel.reply import UNPROCESSABLE, Reply, ok
from tidegate.localnet.kernel.signatures import USER_SIGNED
from tidegate.localnet.kernel.venue import Venue

ACTIONS: dict[str, Action] = {
    **trading.ACTIONS,
    **scheduled.ACTIONS,
    **agents.ACTIONS,
    **sub_accounts.ACTIONS,
    **vaults.ACTIONS,
    **twap.ACTIONS,
    **builders.ACTIONS,
    **referral.ACTIONS,
    **transfers.ACTIONS,
    **modes.ACTIONS,
}
# Actions of the exchange that this one knows by name and does not carry out.
UNAVAILABLE = (
    frozenset(
        {
            "agentSetAbstraction",
            "agentEnableDexAbstraction",
            "agentSendAsset",
            "convertToMultiSigUser",
            "multiSig",
            "perpDeploy",
            "spotDeploy",
            *USER_SIGNED,
        }
    )
    - ACTIONS.keys()
)


class Actions:
    """Carries out envelopes against a venue."""

    def __init__(self, venue: Venue, *, fund_on_first_action: bool, wall_ms: Callable[[], int] | None = None) -> None:
        self._venue = venue
        self._admission = Admission(venue, fund_on_first_action=fund_on_first_action, wall_ms=wall_ms)

    def carry_out(self, body: Any) -> Reply:
        """Answer a decoded body: 422 for one without meaning, else 200 with status ok or err."""
        try:
            envelope = msgspec.convert(body, Envelope)
            kind = envelope.action.get("type")
            if not isinstance(kind, str):
                return UNPROCESSABLE
            shape, handler = ACTIONS.get(kind, (NoopAction, None))
            if handler is None and kind not in UNAVAILABLE:
                return UNPROCESSABLE
            action: Any = msgspec.convert(envelope.action, shape)
        except (msgspec.ValidationError, RecursionError):
            return UNPROCESSABLE
        admitted = self._admission.admit(envelope, kind)
        outcome: Answer | Refused
        if isinstance(admitted, Refused):
            outcome = admitted
        elif handler is None:
            outcome = Refused(f"Action {kind} is not available on localnet.")
        else:
            outcome = self._within_budget(admitted, envelope.action, partial(handler, self._venue, admitted, action))
        if isinstance(outcome, Refused):
            return ok({"status": "err", "response": outcome.text})
        return ok({"status": "ok", "response": outcome})

    def _within_budget(
        self, account: Account, action: dict[str, Any], do: Callable[[], Answer | Refused]
    ) -> Answer | Refused:
        """Do it if the address has requests left; what is refused as a whole costs none (sections 3.9 and 7.2)."""
        venue, kind, count = self._venue, action["type"], budgets.requests_of(action)
        text = budgets.refusal(account, kind, count, venue.now_ms, venue.free_requests)
        if text is not None:
            return Refused(text)
        outcome = do()
        if not isinstance(outcome, Refused):
            budgets.spend(account, kind, count, venue.now_ms, venue.free_requests)
        return outcome
