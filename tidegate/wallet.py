"""Who trades: the account's own address and the key that signs for it, and whether the two belong together.

A key that signs for another account than the one that is read would open positions that nobody watches. So the
exchange is asked before the first order.
"""

from dataclasses import dataclass
from typing import Protocol

from tidegate.hyperliquid.signing import Signer


class Role(Protocol):
    """What an address is to the exchange, and whose."""

    @property
    def role(self) -> str:
        """user, agent, vault, subAccount or missing."""

    @property
    def master(self) -> str | None:
        """The account behind an agent or sub-account."""


class AsksRoles(Protocol):
    """Who can ask the exchange about addresses."""

    def user_role(self, user: str) -> Role:
        """What an address is, and whose."""


@dataclass(frozen=True)
class Wallet:
    """`account` is read and traded, `owner` is its master; `signer` is nobody in a dry run without a key."""

    account: str
    owner: str
    signer: Signer | None
    vault: str | None


def problems_of(wallet: Wallet, exchange: AsksRoles, network: str) -> list[str]:
    """One line for each reason why this key must not trade on this account."""
    if wallet.signer is None:
        return []
    key = wallet.signer.address
    problems = []
    account = exchange.user_role(wallet.owner)
    if account.role == "agent":
        problems.append(
            f"HYPERLIQUID_ACCOUNT_ADDRESS={wallet.owner}: that is an API wallet, which holds nothing; "
            f"set the address of its account, {account.master}"
        )
    if key == wallet.owner:
        return problems
    signs = exchange.user_role(key)
    if signs.role == "agent" and (signs.master or "").lower() == wallet.owner:
        return problems
    whose = {
        "agent": f"is an API wallet of {signs.master}",
        "user": "is an account of its own",
        "missing": f"is unknown on {network}: approve it there as an API wallet of the account",
    }.get(signs.role, f"is a {signs.role}")
    problems.append(
        f"HYPERLIQUID_PRIVATE_KEY (hidden): its address {key} {whose}; expected the key of {wallet.owner} "
        f"or of an API wallet that it approved"
    )
    return problems
