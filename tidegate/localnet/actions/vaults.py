"""Vaults (section 3.7)."""

from decimal import Decimal

from tidegate.localnet.actions.answers import DEFAULT, Action, Answer, Refused
from tidegate.localnet.kernel import vaults
from tidegate.localnet.kernel.accounts import Account
from tidegate.localnet.kernel.envelopes import (
    CreateVaultAction,
    VaultDistributeAction,
    VaultModifyAction,
    VaultTransferAction,
)
from tidegate.localnet.kernel.numbers import MICRO
from tidegate.localnet.kernel.people import Vault
from tidegate.localnet.kernel.venue import Venue


def create_vault(venue: Venue, account: Account, action: CreateVaultAction) -> Answer | Refused:
    """Make a vault; the answer is its address."""
    made = vaults.create(venue, account, action.name, action.description, Decimal(action.initial_usd) * MICRO)
    return Refused(made) if isinstance(made, str) else {"type": "createVault", "data": made.user}


def vault_transfer(venue: Venue, account: Account, action: VaultTransferAction) -> Answer | Refused:
    """Put money into a vault or take it out."""
    vault = venue.people.vaults.get(action.vault_address.lower())
    if vault is None:
        return _unknown(action.vault_address)
    usdc = Decimal(action.usd) * MICRO
    move = vaults.deposit if action.is_deposit else vaults.withdraw
    text = move(venue, vault, account, usdc)
    return DEFAULT if text is None else Refused(text)


def vault_modify(venue: Venue, account: Account, action: VaultModifyAction) -> Answer | Refused:
    """Change a vault's settings."""
    vault = _led_by(venue, account, action.vault_address)
    if isinstance(vault, Refused):
        return vault
    if action.allow_deposits is not None:
        vault.allow_deposits = action.allow_deposits and not vault.is_closed
    if action.always_close_on_withdraw is not None:
        vault.always_close_on_withdraw = action.always_close_on_withdraw
    return DEFAULT


def vault_distribute(venue: Venue, account: Account, action: VaultDistributeAction) -> Answer | Refused:
    """Pay out to all followers; zero closes the vault."""
    vault = _led_by(venue, account, action.vault_address)
    if isinstance(vault, Refused):
        return vault
    text = vaults.distribute(venue, vault, Decimal(action.usd) * MICRO)
    return DEFAULT if text is None else Refused(text)


def _led_by(venue: Venue, account: Account, address: str) -> Vault | Refused:
    vault = venue.people.vaults.get(address.lower())
    if vault is None:
        return _unknown(address)
    return vault if vault.leader == account.user else Refused("Only the vault leader can do this.")


def _unknown(address: str) -> Refused:
    return Refused(f"Vault not registered: {address.lower()}")


ACTIONS: dict[str, Action] = {
    "createVault": (CreateVaultAction, create_vault),
    "vaultTransfer": (VaultTransferAction, vault_transfer),
    "vaultModify": (VaultModifyAction, vault_modify),
    "vaultDistribute": (VaultDistributeAction, vault_distribute),
}
