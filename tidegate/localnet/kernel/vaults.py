"""Vaults: accounts that a leader trades with the money of many (sections 2.14 and 3.7).

Owns shares: what a deposit buys, what a withdrawal pays, the leader's part of the profit. Money only moves between
accounts, so none is made: shares are worth their part of the vault's equity. What a follower withdraws beyond the
vault's free margin is raised by canceling the vault's orders and closing its positions in proportion. The
exchange's own vaults (HLP), parents and children are not modelled.
"""

from decimal import ROUND_UP, Decimal

from tidegate.localnet.kernel import wealth
from tidegate.localnet.kernel.accounts import DAY_MS, Account
from tidegate.localnet.kernel.lifecycle import conclude, finish
from tidegate.localnet.kernel.matching import Taker, sweep
from tidegate.localnet.kernel.numbers import ONE, ZERO, micro, round_price, wire
from tidegate.localnet.kernel.orders import IOC, VAULT_WITHDRAWAL_CANCELED, Order
from tidegate.localnet.kernel.people import Follower, Vault, derived_address
from tidegate.localnet.kernel.venue import Row, Venue

YEAR_DAYS = 365
COMMISSION = Decimal("0.1")  # of a follower's profit, to the leader
LEADER_SHARE_MIN = Decimal("0.05")
LOCKUP_MS = DAY_MS
FIRST_DEPOSIT_MIN = Decimal(100)
CREATION_FEE = Decimal(100)
DEPOSIT_MIN = Decimal(5)
NAME_MIN, NAME_MAX = 3, 50
DESCRIPTION_MAX = 250
CLOSING_TOLERANCE = Decimal("0.1")  # how far from the mark a position is closed


def equity(venue: Venue, vault: Vault) -> Decimal:
    """What a vault is worth in USDC."""
    return wealth.equity(venue, venue.accounts[vault.user])


def worth(venue: Venue, vault: Vault, user: str) -> Decimal:
    """What a follower's shares are worth; zero for who has none."""
    follower, shares = vault.followers.get(user), vault.shares
    if follower is None or not shares:
        return ZERO
    return max(ZERO, micro(equity(venue, vault) * follower.shares / shares))


def free(venue: Venue, vault: Vault) -> Decimal:
    """What a vault could pay out without closing anything."""
    return wealth.free_usdc(venue, venue.accounts[vault.user])


def create(venue: Venue, leader: Account, name: str, description: str, usdc: Decimal) -> Vault | str:
    """Make a vault with the leader's first deposit; costs CREATION_FEE. Returns it, or the refusal (our words)."""
    if not NAME_MIN <= len(name) <= NAME_MAX:
        return f"Vault name must have {NAME_MIN} to {NAME_MAX} characters."
    if len(description) > DESCRIPTION_MAX:
        return f"Vault description must have at most {DESCRIPTION_MAX} characters."
    if leader.user in venue.people.vaults or leader.user in venue.people.sub_accounts:
        return "Only a master account can create a vault."
    if usdc < FIRST_DEPOSIT_MIN:
        return f"Initial vault deposit must be at least ${FIRST_DEPOSIT_MIN}."
    if usdc + CREATION_FEE > wealth.free_usdc(venue, leader):
        return "Insufficient balance for withdrawal"
    user = derived_address("vault", (leader.user, str(len(venue.people.vaults))))
    vault = venue.people.vaults[user] = Vault(user, leader.user, name, description, venue.now_ms)
    account = venue.open_account(user)
    leader.raw_usd -= CREATION_FEE
    venue.fees += CREATION_FEE
    _pay_in(venue, vault, leader, usdc)
    _tell(venue, leader, {"type": "vaultCreate", "vault": user, "usdc": wire(usdc), "fee": wire(CREATION_FEE)})
    account.ledger.append(leader.ledger[-1])
    return vault


def deposit(venue: Venue, vault: Vault, account: Account, usdc: Decimal) -> str | None:
    """Buy shares; returns the refusal."""
    if vault.is_closed or (not vault.allow_deposits and account.user != vault.leader):
        return "Vault does not accept deposits."
    if usdc < DEPOSIT_MIN:
        return f"Vault deposits must be at least ${DEPOSIT_MIN}."
    if usdc > wealth.free_usdc(venue, account):
        return "Insufficient balance for withdrawal"
    before = equity(venue, vault)
    if before <= 0 and vault.shares:
        return "Vault does not accept deposits."
    leading = worth(venue, vault, vault.leader)
    if account.user != vault.leader and leading < LEADER_SHARE_MIN * (before + usdc):
        return "Deposit causes leader share to drop below 5%."
    _pay_in(venue, vault, account, usdc)
    _tell(venue, account, {"type": "vaultDeposit", "vault": vault.user, "usdc": wire(usdc)})
    return None


def withdraw(venue: Venue, vault: Vault, account: Account, usdc: Decimal) -> str | None:
    """Sell shares worth `usdc` (zero: all of them) for what is left after the leader's commission."""
    owned = worth(venue, vault, account.user)
    if not owned:
        return "Cannot withdraw with zero balance in vault."
    follower = vault.followers[account.user]
    if venue.now_ms < follower.locked_until_ms:
        return "Cannot withdraw during lockup period after depositing."
    asked = usdc or owned
    if not ZERO < asked <= owned:
        return "Insufficient balance for withdrawal"
    before = equity(venue, vault)
    if _leader_leaves_too_much(venue, vault, account, asked, before):
        return "Withdrawal causes leader share to drop below 5%."
    cost = _raise_cash(venue, vault, asked, before)
    paid = min(asked - cost, free(venue, vault))
    if paid <= 0:
        return "Insufficient balance for withdrawal"
    basis = follower.basis if asked == owned else micro(follower.basis * asked / owned)
    _sell(vault, account.user, follower, asked / owned, basis, paid)
    commission = ZERO if account.user == vault.leader else micro(max(ZERO, paid - basis) * COMMISSION)
    wealth.give(venue.accounts[vault.user], -paid)
    wealth.give(account, paid - commission)
    row = {
        "type": "vaultWithdraw",
        "vault": vault.user,
        "user": account.user,
        "requestedUsd": wire(asked),
        "commission": wire(commission),
        "closingCost": wire(cost),
        "basis": wire(basis),
        "netWithdrawnUsd": wire(paid - commission),
    }
    _tell(venue, account, row)
    if commission:
        leader = venue.accounts[vault.leader]
        wealth.give(leader, commission)
        _tell(venue, leader, {"type": "vaultLeaderCommission", "user": account.user, "usdc": wire(commission)})
    return None


def distribute(venue: Venue, vault: Vault, usdc: Decimal) -> str | None:
    """Pay `usdc` out to all followers by their shares; zero closes the vault and pays everything out."""
    account = venue.accounts[vault.user]
    closing = not usdc
    if closing and (account.positions or account.live):
        return "Cannot close a vault with open positions or orders."
    amount = free(venue, vault) if closing else usdc
    if not ZERO <= amount <= free(venue, vault):
        return "Insufficient balance for withdrawal"
    shares, left = vault.shares, amount
    users = list(vault.followers) or [vault.leader]  # who is the last to leave may leave dust behind
    for user in users:
        follower = vault.followers.get(user)
        part = left if user == users[-1] or follower is None else micro(amount * follower.shares / shares)
        left -= part
        if follower is not None:
            follower.basis -= min(part, follower.basis)
        receiver = venue.accounts[user]
        wealth.give(receiver, part)
        _tell(venue, receiver, {"type": "vaultDistribution", "vault": vault.user, "usdc": wire(part)})
    wealth.give(account, -amount)
    if closing:
        vault.is_closed, vault.allow_deposits = True, False
        vault.followers.clear()
    return None


def _pay_in(venue: Venue, vault: Vault, account: Account, usdc: Decimal) -> None:
    before, shares = equity(venue, vault), vault.shares
    bought = usdc if not shares else usdc * shares / before
    wealth.give(account, -usdc)
    wealth.give(venue.accounts[vault.user], usdc)
    locked_until_ms = venue.now_ms + LOCKUP_MS
    follower = vault.followers.get(account.user)
    if follower is None:
        vault.followers[account.user] = Follower(bought, usdc, venue.now_ms, locked_until_ms)
        return
    follower.shares += bought
    follower.basis += usdc
    follower.locked_until_ms = locked_until_ms


def _sell(vault: Vault, user: str, follower: Follower, part: Decimal, basis: Decimal, paid: Decimal) -> None:
    follower.earned += paid - basis
    follower.basis -= basis
    follower.shares -= follower.shares * part
    if part == ONE:
        del vault.followers[user]


def _leader_leaves_too_much(venue: Venue, vault: Vault, account: Account, asked: Decimal, before: Decimal) -> bool:
    if account.user != vault.leader or len(vault.followers) == 1:
        return False
    return worth(venue, vault, vault.leader) - asked < LEADER_SHARE_MIN * (before - asked)


def _raise_cash(venue: Venue, vault: Vault, usdc: Decimal, before: Decimal) -> Decimal:
    """Make `usdc` free: cancel the vault's orders, then close its positions in proportion; returns what that cost."""
    account = venue.accounts[vault.user]
    if free(venue, vault) < usdc:
        for order in tuple(account.live.values()):
            if order.is_live and not order.reduce_only:
                finish(venue, order, VAULT_WITHDRAWAL_CANCELED, by_system=True)
    if free(venue, vault) < usdc or vault.always_close_on_withdraw:
        for coin in tuple(account.positions):
            _close_part(venue, account, coin, usdc / before)
    return max(ZERO, before - equity(venue, vault))


def _close_part(venue: Venue, account: Account, coin: str, part: Decimal) -> None:
    prices = venue.prices[coin]
    szi = account.position_size(coin)
    step = ONE.scaleb(-prices.rule.sz_decimals)
    sz = min(abs(szi), (abs(szi) * part).quantize(step, rounding=ROUND_UP))
    is_buy = szi < 0
    bound = prices.mark * (1 + CLOSING_TOLERANCE if is_buy else 1 - CLOSING_TOLERANCE)
    limit_px = round_price(bound, prices.rule.sz_decimals)
    order = Order(
        oid=venue.next_oid(),
        user=account.user,
        coin=coin,
        asset=venue.universe.asset_ids[coin],
        is_buy=is_buy,
        limit_px=limit_px,
        sz=sz,
        orig_sz=sz,
        reduce_only=True,
        timestamp_ms=venue.now_ms,
        tif=IOC,
    )
    venue.note(order, "open")
    sweep(venue, Taker(coin, is_buy, limit_px, sz, order))
    conclude(venue, order, rests=False)


def _tell(venue: Venue, account: Account, delta: Row) -> None:
    account.ledger.append({"time": venue.now_ms, "hash": venue.next_hash(), "delta": delta})
