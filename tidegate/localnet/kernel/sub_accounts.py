"""Sub-accounts: accounts without keys, which their master signs for (section 3.7).

Owns making them and moving money between them and their master. Which account a request names is decided in admission.
The texts of the volume gate, of a wrong sub-account and of unified mode are recorded, the others are ours.
"""

from decimal import Decimal

from tidegate.localnet.kernel import spot, transfers, wealth
from tidegate.localnet.kernel.accounts import Account
from tidegate.localnet.kernel.numbers import wire
from tidegate.localnet.kernel.people import SubAccount, derived_address
from tidegate.localnet.kernel.venue import Row, Venue

SUB_ACCOUNTS_FIRST = 10
USD_PER_FURTHER_ONE = Decimal(100_000_000)
SUB_ACCOUNTS_MAX = 50
NAME_MAX = 16


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
        return transfers.NO_BALANCE_TO_WITHDRAW
    wealth.give(giver, -usdc)
    wealth.give(taker, usdc)
    delta = {"type": "subAccountTransfer", "usdc": wire(usdc), "user": giver.user, "destination": taker.user}
    _tell(venue, giver, taker, delta)
    return None


def move_token(venue: Venue, master: Account, user: str, token_id: str, text: str, *, is_deposit: bool) -> str | None:
    """Move a spot token ("PURR:0x..") to a sub-account, or back; returns the refusal."""
    ends = _ends(venue, master, user, is_deposit=is_deposit)
    if isinstance(ends, str):
        return ends
    giver, taker = ends
    token = venue.universe.token_by_wire_id.get(token_id)
    amount = None if token is None else transfers.read_amount(text, token)
    if token is None or amount is None:
        return transfers.INVALID_SEND
    if amount > spot.free(giver, token.index, venue.market):
        return transfers.NO_BALANCE_TO_SEND
    value = transfers.usdc_value(venue, token.index, amount)
    spot.move_out(giver, token.index, amount)
    spot.move_in(taker, token.index, amount, value)
    delta = {
        "type": "spotTransfer",
        "token": token.name,
        "amount": wire(amount),
        "usdcValue": wire(value),
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
        return transfers.UNIFIED_REFUSES
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
