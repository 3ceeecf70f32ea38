"""Who is whose and what they were worth: agents, sub-accounts, vaults, followers, builders, referrers.

Owns the records, which the parts of the kernel and the answers of /info share; it decides nothing and moves no money.
Addresses are lowercase, amounts USDC.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import blake2b
from typing import NamedTuple

from tidegate.localnet.kernel.numbers import ZERO

ADDRESS_BYTES = 20


@dataclass(frozen=True, slots=True)
class Agent:
    """A key that signs for an account; it cannot move money out of it."""

    master: str
    name: str
    valid_until_ms: int | None = None

    def expired(self, now_ms: int) -> bool:
        """Say whether its time is over."""
        return self.valid_until_ms is not None and self.valid_until_ms <= now_ms


@dataclass(slots=True)
class SubAccount:
    """An account without a key, which its master signs for."""

    user: str
    master: str
    name: str


@dataclass(slots=True)
class Follower:
    """A share of a vault; `basis` is what was paid for it, `earned` what withdrawals brought beyond their basis."""

    shares: Decimal
    basis: Decimal
    entered_ms: int
    locked_until_ms: int
    earned: Decimal = ZERO


@dataclass(slots=True)
class Vault:
    """An account without a key, traded by its leader with the money of all followers (the leader is one)."""

    user: str
    leader: str
    name: str
    description: str
    created_ms: int
    followers: dict[str, Follower] = field(default_factory=dict)
    allow_deposits: bool = True
    always_close_on_withdraw: bool = False
    is_closed: bool = False

    @property
    def shares(self) -> Decimal:
        """All shares together."""
        return sum((follower.shares for follower in self.followers.values()), ZERO)


@dataclass(slots=True)
class Switch:
    """An account's dead man's switch: when it cancels everything, and how often it did so on a UTC day."""

    at_ms: int | None = None
    day: int = 0
    fired: int = 0


@dataclass(slots=True)
class Rewards:
    """What an address earned from other accounts' fees."""

    unclaimed: Decimal = ZERO
    claimed: Decimal = ZERO
    of_builder: Decimal = ZERO


@dataclass(slots=True)
class Referral:
    """Whose code an account uses, and since when."""

    referrer: str
    code: str
    since_ms: int


class Sample(NamedTuple):
    """An account at one moment, in USDC; `volume` is all it had traded by then."""

    time_ms: int
    perp_value: Decimal
    perp_pnl: Decimal
    value: Decimal
    pnl: Decimal
    volume: Decimal


@dataclass(slots=True)
class People:
    """All records, each by the lowercase address that it is about."""

    agents: dict[str, Agent] = field(default_factory=dict)
    former_agents: set[str] = field(default_factory=set)
    sub_accounts: dict[str, SubAccount] = field(default_factory=dict)
    vaults: dict[str, Vault] = field(default_factory=dict)
    switches: dict[str, Switch] = field(default_factory=dict)
    builder_fees: dict[str, dict[str, int]] = field(default_factory=dict)  # user, builder: tenths of a basis point
    rewards: dict[str, Rewards] = field(default_factory=dict)
    codes: dict[str, str] = field(default_factory=dict)  # a referrer by its code
    referrals: dict[str, Referral] = field(default_factory=dict)  # by the account that was referred
    samples: dict[str, list[Sample]] = field(default_factory=dict)  # of an account's worth, oldest first
    volume_gates: bool = True  # whether some actions ask for a traded volume first

    def sub_accounts_of(self, master: str) -> list[SubAccount]:
        """An account's sub-accounts, oldest first."""
        return [each for each in self.sub_accounts.values() if each.master == master]

    def master_of(self, user: str) -> str:
        """The account that signs for an account: its master or leader, or itself."""
        if user in self.sub_accounts:
            return self.sub_accounts[user].master
        if user in self.vaults:
            return self.vaults[user].leader
        return user

    def lacks_volume(self, volume: Decimal, required: int) -> bool:
        """Say whether a gate is closed for an account that traded `volume` USDC."""
        return self.volume_gates and volume < required

    def rewards_of(self, user: str) -> Rewards:
        """The rewards of an address, begun when there are none."""
        return self.rewards.setdefault(user, Rewards())


def derived_address(kind: str, parts: Iterable[str]) -> str:
    """An address for an account without a key; the same parts give the same address."""
    seed = ":".join((kind, *parts)).encode()
    return "0x" + blake2b(seed, digest_size=ADDRESS_BYTES).hexdigest()
