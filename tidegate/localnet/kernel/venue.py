"""The venue's state: books, prices, accounts, the block in progress and the counters that name things.

Owns what the other parts of the kernel share, and the numbering: order ids, hashes and trade ids follow from
counters, so the same calls give the same bytes. It decides nothing about orders.
"""

from dataclasses import dataclass
from decimal import Decimal
from hashlib import blake2b

from tidegate.localnet.kernel.accounts import Account
from tidegate.localnet.kernel.block import Block
from tidegate.localnet.kernel.book import Book
from tidegate.localnet.kernel.budgets import FREE_REQUESTS
from tidegate.localnet.kernel.margin import Market
from tidegate.localnet.kernel.numbers import ZERO, wire
from tidegate.localnet.kernel.orders import Order, update_row
from tidegate.localnet.kernel.prices import Prices
from tidegate.localnet.kernel.universe import Universe

FIRST_OID = 100_000_000_001
HOUSE_MAKER = "0x6c6f63616c6e65742d686f7573652d6d616b6572"  # the ASCII of "localnet-house-maker"
HOUSE_TAKER = "0x6c6f63616c6e65742d686f7573652d74616b6572"  # the ASCII of "localnet-house-taker"
TID_BITS = 50
VALID_UNTIL = " valid_until "
AGENT_NAME_MAX = 16
NAMED_AGENTS_MAX = 3


@dataclass(frozen=True, slots=True)
class Agent:
    """A key that signs for an account; it cannot move money."""

    master: str
    name: str
    valid_until_ms: int | None = None

    def expired(self, now_ms: int) -> bool:
        """Say whether its time is over."""
        return self.valid_until_ms is not None and self.valid_until_ms <= now_ms


class Venue:
    """Everything that stands when no call is in progress."""

    def __init__(self, universe: Universe, start_ms: int) -> None:
        self.universe = universe
        self.now_ms = start_ms
        self.block = Block()
        self.books: dict[str, Book] = {rule.name: Book() for rule in universe.perps}
        self.prices: dict[str, Prices] = {
            rule.name: Prices(rule, self.books[rule.name], start_ms) for rule in universe.perps
        }
        self.accounts: dict[str, Account] = {}
        self.agents: dict[str, Agent] = {}  # by the agent's address
        self.house = Account("house", is_house=True)  # both house addresses are this account
        self.fees = ZERO  # what all accounts have paid
        self.free_requests = FREE_REQUESTS
        self.armed: dict[str, dict[int, Order]] = {rule.name: {} for rule in universe.perps}
        self._next_oid = FIRST_OID
        self._events = 0

    @property
    def market(self) -> Market:
        """Prices by coin, in asset order."""
        return self.prices

    def next_oid(self) -> int:
        """A new order id."""
        oid = self._next_oid
        self._next_oid += 1
        return oid

    def next_hash(self) -> str:
        """A new transaction hash."""
        self._events += 1
        return "0x" + blake2b(b"tx%d" % self._events, digest_size=32).hexdigest()

    def next_tid(self) -> int:
        """A new trade id of 50 bits."""
        self._events += 1
        digest = blake2b(b"tid%d" % self._events, digest_size=8).digest()
        return int.from_bytes(digest) >> (64 - TID_BITS)

    def account(self, user: str) -> Account | None:
        """The account of a lowercase address."""
        return self.accounts.get(user)

    def open_account(self, user: str) -> Account:
        """The account of a lowercase address, made when there is none."""
        account = self.accounts.get(user)
        if account is None:
            account = self.accounts[user] = Account(user, first_ms=self.now_ms)
        return account

    def deposit(self, user: str, usdc: Decimal) -> Account:
        """Give USDC to an address; returns its account."""
        account = self.open_account(user)
        account.deposit(usdc, self.now_ms, self.next_hash())
        return account

    def agents_of(self, master: str) -> dict[str, Agent]:
        """An account's agents by address, oldest first."""
        return {address: agent for address, agent in self.agents.items() if agent.master == master}

    def approve_agent(self, account: Account, address: str, name: str) -> str | None:
        """Let `address` sign for an account; returns the refusal. A name may end in " valid_until <ms>".

        One unnamed and three named agents (section 3.7); the same name replaces, and an address that is an
        account or an agent already cannot become one.
        """
        plain, _, until = name.partition(VALID_UNTIL)
        if (until and not until.isdigit()) or len(plain) > AGENT_NAME_MAX:
            return "Invalid agent name."
        if address in self.accounts or address in self.agents:
            return "Extra agent already used."
        mine = self.agents_of(account.user)
        replaced = [old for old, agent in mine.items() if agent.name == plain]
        if plain and not replaced and sum(1 for agent in mine.values() if agent.name) >= NAMED_AGENTS_MAX:
            return "Too many extra agents."
        for old in replaced:
            del self.agents[old]
        self.agents[address] = Agent(account.user, plain, int(until) if until else None)
        return None

    def open_interest(self, coin: str) -> Decimal:
        """Base units held long, by the rest of the world and by the accounts here."""
        held = sum((max(account.position_size(coin), ZERO) for account in self.accounts.values()), ZERO)
        return self.prices[coin].rule.open_interest + held + max(self.house.position_size(coin), ZERO)

    def note(self, order: Order, status: str, sz: Decimal | None = None) -> None:
        """Give an order its status, keep it in the history and tell its owner.

        `sz` is told instead of what remains: a taker is announced as open with all its size, then as filled.
        """
        order.status = status
        order.status_ms = self.now_ms
        self.accounts[order.user].note_order(order)
        row = update_row(order)
        if sz is not None:
            row["order"]["sz"] = wire(sz)
        self.block.order_update(order.user, row)
