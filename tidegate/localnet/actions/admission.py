"""Who may act: the signer of an envelope, the account it acts for, its nonce and its expiry (section 4)."""

from collections.abc import Callable
from decimal import Decimal

from tidegate.localnet.actions.answers import Refused
from tidegate.localnet.kernel import budgets
from tidegate.localnet.kernel.accounts import Account
from tidegate.localnet.kernel.envelopes import Envelope
from tidegate.localnet.kernel.nonces import Nonces
from tidegate.localnet.kernel.signatures import USER_SIGNED, Signature, Unrecoverable, l1_signer, user_signer
from tidegate.localnet.kernel.venue import Venue

WELCOME_USDC = Decimal(10_000)
HEX = 16


class Admission:
    """Checks envelopes against a venue; remembers the nonces of each signer."""

    def __init__(self, venue: Venue, *, fund_on_first_action: bool, wall_ms: Callable[[], int] | None = None) -> None:
        self._venue = venue
        self._fund_on_first_action = fund_on_first_action
        self._wall_ms = wall_ms
        self._nonces = Nonces()

    def admit(self, envelope: Envelope, kind: str) -> Account | Refused:
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
            budgets.waste(account, budgets.requests_of(envelope.action))
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
