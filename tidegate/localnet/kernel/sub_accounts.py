"""Sub-accounts: accounts without keys, which their master signs for (section 3.7).

Owns making them and moving money between them and their master. Which account a request names is decided in admission.
The texts of the volume gate, of a wrong sub-account and of unified mode are recorded, the others are ours.
"""

from decimal import Decimal

from tidegate.localnet.kernel import spot, wealth
from tidegate.localnet.kernel.accounts import USDC_INDEX, Account
from tidegate.localnet.kernel.instruments import Token
from tidegate.localnet.kernel.numbers import ONE, ZERO, wire
from tidegate.localnet.kernel.people import SubAccount, derived_address
from tidegate.localnet.kernel.venue import Row, Venue

SUB_ACCOUNTS_FIRST = 10
USD_PER_FURTHER_ONE = Decimal(100_000_000)
SUB_ACCOUNTS_MAX = 50
NAME_MAX = 16
UNIFIED = "Action disabled when unified account is active"


def create(venue: Venue, master: Account, name: str) -> SubAccount | str:
    """Make a sub-account; returns it, or the refusal."""
    people = venue.people
    mine = people.sub_accounts_of(master.user)
    if master.user in people.sub_accounts or master.user in people.vaults:
        return "Only a master account can create sub-accounts."
    if not name or len(name) > NAME_MAX:
        return f"Sub-account name must have 1 to {NAME_MAX} characters."
    if any(each.name == name for each in mine):
        return "Sub-account name already in use."
    further = int(master.volume // USD_PER_FURTHER_ONE)
    if len(mine) >= min(SUB_ACCOUNTS_FIRST + further, SUB_ACCOUNTS_MAX):
        return "Too many sub-accounts."
    user = derived_address("sub-account", (master.user, str(len(mine))))
    made = people.sub_accounts[user] = SubAccount(user, master.user, name)
    venue.open_account(user)
    return made


def rename(venue: Venue, master: Account, user: str, name: str) -> str | None:
    """Give a sub-account another name; returns the refusal."""
    sub_account = venue.people.sub_accounts.get(user)
    if sub_account is None or sub_account.master != master.user:
        return f"Invalid sub-account: {user}"
    if not name or len(name) > NAME_MAX:
        return f"Sub-account name must have 1 to {NAME_MAX} characters."
    sub_account.name = name
    return None


def move_usdc(venue: Venue, master: Account, user: str, usdc: Decimal, *, is_deposit: bool) -> str | None:
    """Move perp cash to a sub-account, or back; returns the refusal."""
    ends = _ends(venue, master, user, is_deposit=is_deposit)
    if isinstance(ends, str):
        return ends
    giver, taker = ends
    if usdc <= 0 or usdc > wealth.free_usdc(venue, giver):
        return "Insufficient balance for withdrawal"
    giver.raw_usd -= usdc
    taker.raw_usd += usdc
    delta = {"type": "subAccountTransfer", "usdc": wire(usdc), "user": giver.user, "destination": taker.user}
    _tell(venue, giver, taker, delta)
    return None


def move_token(
    venue: Venue, master: Account, user: str, token_id: str, amount: Decimal, *, is_deposit: bool
) -> str | None:
    """Move a spot token ("PURR:0x..") to a sub-account, or back; returns the refusal."""
    token = venue.universe.token_by_wire_id.get(token_id)
    ends = _ends(venue, master, user, is_deposit=is_deposit)
    if isinstance(ends, str):
        return ends
    giver, taker = ends
    if token is None or amount <= 0 or spot.cut(amount, token) != amount:
        return "Invalid send"
    if amount > spot.free(giver, token.index, venue.market):
        return "Insufficient balance for token transfer"
    giver.add(token.index, -amount)
    taker.add(token.index, amount)
    delta = {
        "type": "spotTransfer",
        "token": token.name,
        "amount": wire(amount),
        "usdcValue": wire(_usd(venue, token) * amount),
        "user": giver.user,
        "destination": taker.user,
        "fee": "0.0",
        "nativeTokenFee": "0.0",
        "nonce": None,
        "feeToken": "",
    }
    _tell(venue, giver, taker, delta)
    return None


def _ends(venue: Venue, master: Account, user: str, *, is_deposit: bool) -> tuple[Account, Account] | str:
    """Who gives and who takes, or why neither."""
    if master.is_unified:
        return UNIFIED
    sub_account = venue.people.sub_accounts.get(user)
    if sub_account is None or sub_account.master != master.user:
        giver, taker = (master.user, user) if is_deposit else (user, master.user)
        return f"Invalid sub-account transfer from {giver} to {taker}"
    account = venue.accounts[user]
    return (master, account) if is_deposit else (account, master)


def _tell(venue: Venue, giver: Account, taker: Account, delta: Row) -> None:
    row = {"time": venue.now_ms, "hash": venue.next_hash(), "delta": delta}
    giver.ledger.append(row)
    taker.ledger.append(row)


def _usd(venue: Venue, token: Token) -> Decimal:
    """What one token is worth in USDC; nothing without a pair."""
    if token.index == USDC_INDEX:
        return ONE
    pairs = (pair for pair in venue.universe.spots if (pair.base.index, pair.quote.index) == (token.index, USDC_INDEX))
    pair = next(pairs, None)
    return ZERO if pair is None else venue.spots[pair.name].mark
