"""Whether a key may trade an account is asked before the first order."""

from dataclasses import dataclass, field

import pytest

from tidegate.hyperliquid.people import Agent
from tidegate.hyperliquid.reads import Role
from tidegate.hyperliquid.signing import Signer
from tidegate.model.settings import Network, Settings
from tidegate.wallet import DAY_MS, Relation, Wallet, examine, wallet_of

KEY = "0x" + "11" * 32
ACCOUNT = "0x" + "aa" * 20
OTHER = "0x" + "bb" * 20
VAULT = "0x" + "cc" * 20
NOW_MS = 1_800_000_000_000
SIGNER = Signer(KEY, mainnet=False)


@dataclass
class Exchange:
    roles: dict[str, Role]
    named: tuple[Agent, ...] = ()
    leaders: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def user_role(self, user: str) -> Role:
        self.asked.append(user)
        return self.roles.get(user, Role("missing"))

    def agents(self, user: str) -> tuple[Agent, ...]:
        assert user == ACCOUNT
        return self.named

    def vault_leader(self, vault: str) -> str | None:
        return self.leaders.get(vault)


APPROVED = {SIGNER.address: Role("agent", ACCOUNT), ACCOUNT: Role("user")}


def examined(
    exchange: Exchange,
    owner: str = ACCOUNT,
    *,
    vault: str | None = None,
    network: Network = Network.TESTNET,
    allowed: bool = False,
) -> Relation:
    wallet = Wallet(account=vault or owner, owner=owner, signer=SIGNER, vault=vault)
    found = examine(wallet, exchange, network, allow_master_key=allowed, now_ms=NOW_MS)
    assert KEY[2:] not in repr(found)
    return found


def test_an_api_wallet_of_the_account_may_trade() -> None:
    found = examined(Exchange(APPROVED))
    assert (found.problems, found.warnings) == ([], [])
    assert found.says == f"an API wallet ({SIGNER.address}) of {ACCOUNT}"


def test_the_accounts_own_key_is_warned_of_on_testnet() -> None:
    found = examined(Exchange({SIGNER.address: Role("user")}), SIGNER.address)
    assert found.problems == []
    assert "can withdraw everything" in found.warnings[0]


def test_the_accounts_own_key_is_refused_on_mainnet_unless_it_is_allowed_by_name() -> None:
    exchange = Exchange({SIGNER.address: Role("user")})
    (problem,) = examined(exchange, SIGNER.address, network=Network.MAINNET).problems
    assert problem.endswith("or set ALLOW_MASTER_KEY=true")
    allowed = examined(exchange, SIGNER.address, network=Network.MAINNET, allowed=True)
    assert (allowed.problems, len(allowed.warnings)) == ([], 1)


@pytest.mark.parametrize(
    ("role", "words"),
    [
        (Role("agent", OTHER), f"is an API wallet of {OTHER}"),
        (Role("user"), "is an account of its own"),
        (Role("missing"), "is unknown on testnet: another network's, not yet approved"),
        (Role("vault"), "is a vault"),
    ],
)
def test_a_key_that_signs_for_another_account_is_refused_with_both_addresses(role: Role, words: str) -> None:
    (problem,) = examined(Exchange({SIGNER.address: role, ACCOUNT: Role("user")})).problems
    assert words in problem
    assert SIGNER.address in problem
    assert ACCOUNT in problem


@pytest.mark.parametrize(
    ("role", "words"),
    [
        (Role("agent", OTHER), f"that is an API wallet, which holds nothing; set the address of its account, {OTHER}"),
        (Role("subAccount", OTHER), f"set HYPERLIQUID_ACCOUNT_ADDRESS={OTHER} and HYPERLIQUID_VAULT_ADDRESS={ACCOUNT}"),
        (Role("vault"), f"set HYPERLIQUID_ACCOUNT_ADDRESS={OTHER} (its leader)"),
        (Role("missing"), "unknown on testnet: it was never funded there, or it is an address of another network"),
    ],
)
def test_an_address_that_is_no_account_is_explained_with_the_right_one(role: Role, words: str) -> None:
    exchange = Exchange({**APPROVED, ACCOUNT: role}, leaders={ACCOUNT: OTHER})
    (problem,) = examined(exchange).problems
    assert problem.startswith(f"HYPERLIQUID_ACCOUNT_ADDRESS={ACCOUNT}: ")
    assert words in problem


@pytest.mark.parametrize(("days", "problems", "warnings"), [(15, 0, 0), (14, 0, 1), (0.1, 0, 1), (0, 1, 0), (-3, 1, 0)])
def test_an_api_wallet_is_warned_of_a_fortnight_before_its_end_and_refused_after_it(
    days: float, problems: int, warnings: int
) -> None:
    until_ms = NOW_MS + int(days * DAY_MS)
    found = examined(Exchange(APPROVED, (Agent("bot", SIGNER.address, until_ms), Agent("old", OTHER, 0))))
    assert (len(found.problems), len(found.warnings)) == (problems, warnings)
    assert all("'bot'" in line and " UTC; approve a new" in line for line in found.problems + found.warnings)
    assert "valid until 202" in found.says


def test_an_api_wallet_without_an_end_may_trade() -> None:
    found = examined(Exchange(APPROVED, (Agent("bot", SIGNER.address, None),)))
    assert (found.problems, found.warnings) == ([], [])


def test_a_sub_account_is_traded_by_its_master_and_a_vault_by_its_leader() -> None:
    sub_account = examined(Exchange({**APPROVED, VAULT: Role("subAccount", ACCOUNT)}), vault=VAULT)
    assert sub_account.problems == []
    assert sub_account.says.endswith(f"for its sub-account {VAULT}")
    vault = examined(Exchange({**APPROVED, VAULT: Role("vault")}, leaders={VAULT: ACCOUNT}), vault=VAULT)
    assert vault.problems == []
    assert vault.says.endswith("that it leads")


@pytest.mark.parametrize(
    ("role", "words"),
    [
        (Role("subAccount", OTHER), f"a sub-account of {OTHER}"),
        (Role("vault"), f"a vault led by {OTHER}"),
        (Role("agent", ACCOUNT), "an API wallet of"),
        (Role("user"), "an account of its own"),
        (Role("missing"), "unknown on testnet"),
    ],
)
def test_somebody_elses_vault_or_sub_account_is_refused(role: Role, words: str) -> None:
    (problem,) = examined(Exchange({**APPROVED, VAULT: role}, leaders={VAULT: OTHER}), vault=VAULT).problems
    assert problem.startswith(f"HYPERLIQUID_VAULT_ADDRESS={VAULT}: {words}")
    assert problem.endswith(f"expected a sub-account of {ACCOUNT} or a vault that it leads")


def test_without_a_key_nothing_is_asked() -> None:
    exchange = Exchange({})
    nobody = Wallet(account=ACCOUNT, owner=ACCOUNT, signer=None, vault=None)
    found = examine(nobody, exchange, Network.MAINNET, allow_master_key=False, now_ms=NOW_MS)
    assert found == Relation()
    assert exchange.asked == []


def test_a_wallet_names_account_owner_and_vault() -> None:
    settings = Settings(network=Network.TESTNET, account_address=ACCOUNT, vault_address=VAULT)
    wallet = wallet_of(settings, KEY, play_money=False)
    assert (wallet.account, wallet.owner, wallet.vault) == (VAULT, ACCOUNT, VAULT)
    assert wallet.signer is not None
    assert not wallet.signer.mainnet
    alone = wallet_of(Settings(), KEY, play_money=True)
    assert (alone.account, alone.owner) == (SIGNER.address, SIGNER.address)
    mainnet = wallet_of(Settings(network=Network.MAINNET, account_address=ACCOUNT), KEY, play_money=False)
    assert mainnet.signer is not None
    assert mainnet.signer.mainnet
