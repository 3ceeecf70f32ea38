"""The venue's state: books, prices, accounts, the block in progress and the counters that name things.

Owns what the other parts of the kernel share, and the numbering: order ids, hashes and trade ids follow from
counters, so the same calls give the same bytes. It decides nothing about orders.
"""

from decimal import Decimal
from hashlib import blake2b
from typing import Any, NamedTuple

from tidegate.localnet.kernel.accounts import Account
from tidegate.localnet.kernel.alarms import Alarms
from tidegate.localnet.kernel.block import Block
from tidegate.localnet.kernel.book import Book
from tidegate.localnet.kernel.budgets import FREE_REQUESTS
from tidegate.localnet.kernel.margin import Market
from tidegate.localnet.kernel.margin_watch import MarginWatch
from tidegate.localnet.kernel.nonces import Nonces
from tidegate.localnet.kernel.numbers import ZERO, wire
from tidegate.localnet.kernel.oracle_hour import OracleHour
from tidegate.localnet.kernel.orders import Order, update_row
from tidegate.localnet.kernel.people import Agent, People
from tidegate.localnet.kernel.prices import Prices
from tidegate.localnet.kernel.restrictions import Restrictions
from tidegate.localnet.kernel.spot import PairPrices
from tidegate.localnet.kernel.twap_records import Twaps
from tidegate.localnet.kernel.universe import Universe

Row = dict[str, Any]

FIRST_OID = 100_000_000_001
HOUSE_MAKER = "0x6c6f63616c6e65742d686f7573652d6d616b6572"  # the ASCII of "localnet-house-maker"
HOUSE_TAKER = "0x6c6f63616c6e65742d686f7573652d74616b6572"  # the ASCII of "localnet-house-taker"
TID_BITS = 50
ZERO_HASH = "0x" + "0" * 64  # of what no action did


class Clearing(NamedTuple):
    """What the functions of `margin` take: the account that has the cash, and the perps that it margins."""

    account: Account
    market: Market


class Venue:
    """Everything that stands when no call is in progress."""

    def __init__(self, universe: Universe, start_ms: int) -> None:
        self.universe = universe
        self.now_ms = start_ms
        self.block = Block()
        self.books: dict[str, Book] = {coin: Book() for coin in (*universe.by_name, *universe.spot_by_name)}
        self.prices: dict[str, Prices] = {  # of the perps of every dex
            coin: Prices(rule, self.books[coin], start_ms) for coin, rule in universe.by_name.items()
        }
        self.spots: dict[str, PairPrices] = {
            coin: PairPrices(pair, self.books[coin], start_ms) for coin, pair in universe.spot_by_name.items()
        }
        self.tickers: dict[str, Prices | PairPrices] = {**self.prices, **self.spots}
        self.markets: dict[str, Market] = {  # by dex
            dex: {rule.name: self.prices[rule.name] for rule in rules} for dex, rules in universe.by_dex.items()
        }
        self.accounts: dict[str, Account] = {}
        self.people = People()
        self.nonces = Nonces()
        self.alarms = Alarms()
        self.twaps = Twaps()
        self.house = Account("house", is_house=True)  # both house addresses are this account
        self.fees = ZERO  # what all accounts have paid
        self.day_volumes: dict[int, Decimal] = {}  # USD printed by UTC day
        self.spot_fees: dict[int, Decimal] = {}  # by token index
        self.free_requests = FREE_REQUESTS
        self.restrictions = Restrictions()
        self.margin_watch = MarginWatch()
        self.oracle_hours: dict[str, OracleHour] = {}
        self.armed: dict[str, dict[int, Order]] = {coin: {} for coin in self.books}
        self._next_oid = FIRST_OID
        self._events = 0

    @property
    def agents(self) -> dict[str, Agent]:
        """Agents by their address."""
        return self.people.agents

    @property
    def market(self) -> Market:
        """Prices of the first dex by coin, in asset order."""
        return self.markets[""]

    def clearing(self, account: Account, coin: str) -> Clearing:
        """The cash and the market by which a perp of an account is margined: its dex's, or all when it is unified."""
        if account.is_unified:
            return Clearing(account, self.prices)
        dex = self.prices[coin].rule.dex
        return Clearing(account.on(dex), self.markets[dex])

    def clearings(self, account: Account) -> list[Clearing]:
        """Every cash of an account with what it margins: one for a unified account, else one a dex it has used."""
        if account.is_unified:
            return [Clearing(account, self.prices)]
        parts = (Clearing(part, self.markets[dex]) for dex, part in account.dexs.items())
        return [Clearing(account, self.market), *parts]

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

    def skip_prints(self, count: int) -> None:
        """So many prints of the house with itself were played without rows: names go on behind theirs."""
        self._events += 2 * count

    def last_print(self) -> tuple[str, int]:
        """Hash and trade id of the last of the prints that were skipped."""
        self._events -= 2
        return self.next_hash(), self.next_tid()

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
        return {address: agent for address, agent in self.people.agents.items() if agent.master == master}

    def note_fill(self, order: Order, row: Row) -> None:
        """Keep a fill and tell its owner; a slice of a TWAP is told apart from the other fills (section 2.14)."""
        account = self.accounts[order.user]
        if order.twap_id is None:
            account.note_fill(row)
            self.block.fill(account.user, row)
            return
        slice_row = self.twaps.note_slice(order.user, order.twap_id, row)
        self.block.user_event(account.user, {"twapSliceFills": [slice_row]})

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
