"""Who may act: the signer of an envelope, the account it acts for, its nonce and its expiry (section 4).

Owns the way from a signature to an account: the signer's own, its master's when it is an agent, then the sub-account or
vault that the envelope names. User-signed actions are always the signer's own: what the envelope says of a vault or an
expiry is not signed there and means nothing.
"""

from collections.abc import Callable
from decimal import Decimal

from tidegate.localnet.actions.answers import Refused
from tidegate.localnet.kernel import agents, budgets
from tidegate.localnet.kernel.accounts import Account
from tidegate.localnet.kernel.canonical import as_hashed
from tidegate.localnet.kernel.envelopes import Envelope
from tidegate.localnet.kernel.signatures import USER_SIGNED, Signature, Unrecoverable, l1_signer, user_signer
from tidegate.localnet.kernel.venue import Venue

WELCOME_USDC = Decimal(10_000)
HEX = 16
# L1 actions that an agent may not sign: recorded once, for this one (section 4.2).
MASTER_ONLY = frozenset({"reserveRequestWeight"})


class Admission:
    """Checks envelopes against a venue, whose agents and nonces it uses up."""

    def __init__(self, venue: Venue, *, fund_on_first_action: bool, wall_ms: Callable[[], int] | None = None) -> None:
        self._venue = venue
        self._fund_on_first_action = fund_on_first_action
        self._wall_ms = wall_ms

    def admit(self, envelope: Envelope, kind: str) -> Account | Refused:
        """Signer, account, nonce, expiry; the account that acts, or why none may."""
        try:
            signer = _signer_of(envelope, kind)
        except (Unrecoverable, ValueError):
            return Refused("Unable to recover signer.")
        owner = self._owner_of(signer, kind)
        account = owner if isinstance(owner, Refused) else self._acting(owner, envelope, kind)
        if isinstance(account, Refused):
            return account
        refused = self._untimely(signer, envelope, kind)
        if refused is not None:
            return Refused(refused)
        if kind not in USER_SIGNED and self._is_stale(envelope):
            budgets.waste(account, budgets.requests_of(envelope.action))
            return Refused("Action already expired")
        self._venue.nonces.use(signer, envelope.nonce)
        return account

    def _owner_of(self, signer: str, kind: str) -> Account | Refused:
        """The account that a signer stands for: its master's when it is an agent, else its own."""
        venue = self._venue
        if kind not in USER_SIGNED and kind not in MASTER_ONLY:
            master = agents.master_of(venue, signer)
            if master is not None:
                return master
        account = venue.account(signer)
        if account is not None:
            return account
        people = venue.people
        if self._fund_on_first_action and signer not in people.agents and signer not in people.former_agents:
            return venue.deposit(signer, WELCOME_USDC)
        if kind in USER_SIGNED or kind in MASTER_ONLY:
            return Refused(f"Must deposit before performing actions. User: {signer}")
        return Refused(f"User or API Wallet {signer} does not exist.")

    def _acting(self, owner: Account, envelope: Envelope, kind: str) -> Account | Refused:
        """The account that the envelope names, if the owner signs for it; of somebody else's it is told nothing."""
        if envelope.vault_address is None or kind in USER_SIGNED:
            return owner
        named = f"0x{envelope.vault_address.lower().removeprefix('0x')}"  # ccxt leaves the 0x out
        account = self._venue.account(named)
        if account is None or named == owner.user or self._venue.people.master_of(named) != owner.user:
            return Refused(f"Vault not registered: {named}")
        return account

    def _untimely(self, signer: str, envelope: Envelope, kind: str) -> str | None:
        """Why the nonce may not be used; the one that a user-signed action carries must be the envelope's."""
        if kind in USER_SIGNED:
            _, fields = USER_SIGNED[kind]
            signed = envelope.action[fields[-1][1]]  # "time" or "nonce" is signed last
            if signed != envelope.nonce:
                return f"Invalid nonce: signed nonce {signed} is not {envelope.nonce}"
        now_ms = self._venue.now_ms
        times = [now_ms] if self._wall_ms is None else [now_ms, self._wall_ms()]
        return self._venue.nonces.refusal(signer, envelope.nonce, times)

    def _is_stale(self, envelope: Envelope) -> bool:
        return envelope.expires_after is not None and envelope.expires_after < self._venue.now_ms


def _signer_of(envelope: Envelope, kind: str) -> str:
    wire = envelope.signature
    signature = Signature(int(wire.r, HEX), int(wire.s, HEX), wire.v)
    if kind in USER_SIGNED:
        return user_signer(envelope.action, signature)
    action = as_hashed(envelope.action)
    return l1_signer(action, signature, envelope.nonce, envelope.vault_address, envelope.expires_after)
