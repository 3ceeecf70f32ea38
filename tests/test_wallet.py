"""Whether a key may trade an account is asked before the first order."""

from dataclasses import dataclass, field

import pytest

from tidegate.hyperliquid.reads import Role
from tidegate.hyperliquid.signing import Signer
from tidegate.wallet import Wallet, problems_of

KEY = "0x" + "11" * 32
ACCOUNT = "0x" + "aa" * 20
OTHER = "0x" + "bb" * 20


@dataclass
class Exchange:
    roles: dict[str, Role]
    asked: list[str] = field(default_factory=list)

    def user_role(self, user: str) -> Role:
        self.asked.append(user)
        return self.roles.get(user, Role("missing"))


def wallet(owner: str, signer: Signer | None) -> Wallet:
    return Wallet(account=owner, owner=owner, signer=signer, vault=None)


def test_an_api_wallet_of_the_account_and_the_accounts_own_key_may_trade() -> None:
    signer = Signer(KEY, mainnet=False)
    agent = Exchange({signer.address: Role("agent", ACCOUNT), ACCOUNT: Role("user")})
    assert problems_of(wallet(ACCOUNT, signer), agent, "testnet") == []
    own = Exchange({signer.address: Role("user")})
    assert problems_of(wallet(signer.address, signer), own, "testnet") == []


@pytest.mark.parametrize(
    ("role", "words"),
    [
        (Role("agent", OTHER), f"is an API wallet of {OTHER}"),
        (Role("user"), "is an account of its own"),
        (Role("missing"), "is unknown on testnet: approve it"),
        (Role("vault"), "is a vault"),
    ],
)
def test_a_key_that_signs_for_another_account_is_refused_with_both_addresses(role: Role, words: str) -> None:
    signer = Signer(KEY, mainnet=False)
    exchange = Exchange({signer.address: role, ACCOUNT: Role("user")})
    (problem,) = problems_of(wallet(ACCOUNT, signer), exchange, "testnet")
    assert words in problem
    assert signer.address in problem
    assert ACCOUNT in problem
    assert KEY[2:] not in problem


def test_an_account_address_that_is_an_api_wallets_is_explained() -> None:
    signer = Signer(KEY, mainnet=False)
    exchange = Exchange({signer.address: Role("agent", ACCOUNT)})
    (problem,) = problems_of(wallet(signer.address, signer), exchange, "testnet")
    assert f"set the address of its account, {ACCOUNT}" in problem


def test_without_a_key_nothing_is_asked() -> None:
    exchange = Exchange({})
    assert problems_of(wallet(ACCOUNT, None), exchange, "mainnet") == []
    assert exchange.asked == []
