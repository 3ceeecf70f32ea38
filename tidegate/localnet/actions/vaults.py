"""Vaults (section 3.8)."""

from tidegate.localnet.actions.answers import Action, Answer, Refused
from tidegate.localnet.kernel.accounts import Account
from tidegate.localnet.kernel.envelopes import VaultTransferAction
from tidegate.localnet.kernel.venue import Venue


def vault_transfer(_venue: Venue, _account: Account, action: VaultTransferAction) -> Answer | Refused:
    """Vaults, of which the local exchange has none."""
    return Refused(f"Vault not registered: {action.vault_address.lower()}")


ACTIONS: dict[str, Action] = {
    "vaultTransfer": (VaultTransferAction, vault_transfer),
}
