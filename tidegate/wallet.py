"""Who trades: the account's own address and the key that signs for it, and whether the two belong together.

A key that signs for another account than the one that is read would open positions that nobody watches. So the
exchange is asked before the first order. Its words: an API wallet (agent) trades for an account and cannot withdraw;
the account's own key, the master key, can.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from tidegate.hyperliquid.signing import Signer
from tidegate.model.settings import Network, Settings

DAY_MS = 86_400_000
EXPIRY_WARNED_DAYS = 14
KEY = "the key (hidden)"


class Role(Protocol):
    """What an address is to the exchange, and whose."""

    @property
    def role(self) -> str:
        """user, agent, vault, subAccount or missing."""

    @property
    def master(self) -> str | None:
        """The account behind an agent or sub-account."""


class Agent(Protocol):
    """An API wallet with a name."""

    @property
    def name(self) -> str:
        """What its account calls it."""

    @property
    def address(self) -> str:
        """Its address, in small letters."""

    @property
    def valid_until(self) -> int | None:
        """When its time is over, in milliseconds; None where no end is named."""


class AsksPeople(Protocol):
    """Who can ask the exchange about addresses."""

    def user_role(self, user: str) -> Role:
        """What an address is, and whose."""

    def agents(self, user: str) -> Iterable[Agent]:
        """The named API wallets of an account."""

    def vault_leader(self, vault: str) -> str | None:
        """Who trades for a vault; None for an address that is no vault."""


@dataclass(frozen=True)
class Wallet:
    """`account` is read and traded, `owner` is its master; `signer` is nobody in a dry run without a key."""

    account: str
    owner: str
    signer: Signer | None
    vault: str | None


@dataclass
class Relation:
    """What the exchange says of key and account: reasons not to trade, things to mend, and the whole in words."""

    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    says: str = ""


def wallet_of(settings: Settings, key: str, *, play_money: bool) -> Wallet:
    """The wallet of these settings; with play money the key's own account, whatever address is set."""
    signer = Signer(key, mainnet=settings.network is Network.MAINNET) if key else None
    vault = settings.vault_address.lower() or None
    named = "" if play_money else settings.account_address.lower()
    own = named or (signer.address if signer else "")
    return Wallet(account=vault or own, owner=own, signer=signer, vault=vault)


def examine(wallet: Wallet, exchange: AsksPeople, network: Network, *, allow_master_key: bool, now_ms: int) -> Relation:
    """Ask the exchange what this key and this account are to each other; without a key nothing is asked."""
    found = Relation()
    if wallet.signer is None:
        return found
    _account(found, wallet, exchange, network)
    if wallet.signer.address == wallet.owner:
        _master(found, wallet.owner, network, allow_master_key)
    else:
        _agent(found, wallet.signer.address, wallet.owner, exchange, network, now_ms)
    if wallet.vault is not None:
        _vault(found, wallet.vault, wallet.owner, exchange, network)
    return found


def _account(found: Relation, wallet: Wallet, exchange: AsksPeople, network: Network) -> None:
    """The account address must be that of an account with money of its own."""
    told = exchange.user_role(wallet.owner)
    start = f"HYPERLIQUID_ACCOUNT_ADDRESS={wallet.owner}:"
    match told.role:
        case "agent":
            problem = f"that is an API wallet, which holds nothing; set the address of its account, {told.master}"
        case "subAccount":
            problem = (
                f"that is a sub-account; set HYPERLIQUID_ACCOUNT_ADDRESS={told.master} "
                f"and HYPERLIQUID_VAULT_ADDRESS={wallet.owner}"
            )
        case "vault":
            leader = exchange.vault_leader(wallet.owner)
            problem = (
                f"that is a vault; set HYPERLIQUID_ACCOUNT_ADDRESS={leader} (its leader) "
                f"and HYPERLIQUID_VAULT_ADDRESS={wallet.owner}"
            )
        case "missing":
            problem = (
                f"unknown on {network.value}: it was never funded there, or it is an address of another network; "
                f"deposit first, or change NETWORK"
            )
        case _:
            return
    found.problems.append(f"{start} {problem}")


def _master(found: Relation, owner: str, network: Network, allowed: bool) -> None:
    """The account's own key can withdraw, so it is no key for a program that is always on."""
    found.says = f"the account's own key, which can withdraw ({owner})"
    words = f"{KEY}: it is the account's own, which can withdraw everything; approve an API wallet and use its key"
    if network is Network.MAINNET and not allowed:
        found.problems.append(f"{words}, or set ALLOW_MASTER_KEY=true")
    else:
        found.warnings.append(words)


def _agent(found: Relation, key: str, owner: str, exchange: AsksPeople, network: Network, now_ms: int) -> None:
    signs = exchange.user_role(key)
    if signs.role == "agent" and (signs.master or "").lower() == owner:
        _expiry(found, key, owner, exchange, now_ms)
        return
    whose = {
        "agent": f"is an API wallet of {signs.master}",
        "user": "is an account of its own",
        "missing": f"is unknown on {network.value}: another network's, not yet approved there, or its time is over; "
        f"approve it there as an API wallet of the account",
    }.get(signs.role, f"is a {signs.role}")
    found.problems.append(
        f"{KEY}: its address {key} {whose}; expected the key of {owner} or of an API wallet that it approved"
    )


def _expiry(found: Relation, key: str, owner: str, exchange: AsksPeople, now_ms: int) -> None:
    """An API wallet whose time is over is refused by the exchange, also with a position open."""
    listed = next((each for each in exchange.agents(owner) if each.address == key), None)
    found.says = f"an API wallet ({key}) of {owner}"
    if listed is None or listed.valid_until is None:
        return
    date = datetime.fromtimestamp(listed.valid_until / 1000, UTC).strftime("%Y-%m-%d %H:%M")
    found.says = f"the API wallet {listed.name!r} ({key}) of {owner}, valid until {date} UTC"
    days = (listed.valid_until - now_ms) / DAY_MS
    renew = "approve a new API wallet on the exchange and use its key"
    if days <= 0:
        found.problems.append(f"{KEY}: the time of this API wallet {listed.name!r} was over on {date} UTC; {renew}")
    elif days <= EXPIRY_WARNED_DAYS:
        found.warnings.append(f"{KEY}: this API wallet {listed.name!r} ends in {days:.0f} days, {date} UTC; {renew}")


def _vault(found: Relation, vault: str, owner: str, exchange: AsksPeople, network: Network) -> None:
    """A sub-account is traded by its master, a vault by its leader."""
    told = exchange.user_role(vault)
    start = f"HYPERLIQUID_VAULT_ADDRESS={vault}:"
    expected = f"expected a sub-account of {owner} or a vault that it leads"
    match told.role:
        case "subAccount" if (told.master or "").lower() == owner:
            found.says += f", for its sub-account {vault}"
        case "subAccount":
            found.problems.append(f"{start} a sub-account of {told.master}; {expected}")
        case "vault":
            leader = exchange.vault_leader(vault)
            if leader == owner:
                found.says += f", for the vault {vault} that it leads"
            else:
                found.problems.append(f"{start} a vault led by {leader}; {expected}")
        case "agent":
            found.problems.append(f"{start} an API wallet of {told.master}, which holds nothing; {expected}")
        case "missing":
            found.problems.append(f"{start} unknown on {network.value}; {expected}")
        case _:
            found.problems.append(f"{start} an account of its own; {expected}")
