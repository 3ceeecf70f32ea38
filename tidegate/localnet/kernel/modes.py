"""Account modes: whether an account has one collateral or several (section 8.7).

Owns switching between them. A unified account has all its USDC in one cash, which margins the perps of every dex and
pays for spot; portfolio margin is the same here, since nothing is lent. Who leaves the unified mode finds the USDC in
the spot balance, and may have neither positions nor orders; the exchange's own condition is not documented.
"""

from tidegate.localnet.kernel.accounts import PORTFOLIO_MARGIN, STANDARD, UNIFIED, USDC_INDEX, Account
from tidegate.localnet.kernel.numbers import ZERO

MODES = (STANDARD, UNIFIED, PORTFOLIO_MARGIN)
NOT_FLAT = "Cannot disable unified account with open positions or orders."


def switch(account: Account, mode: str) -> str | None:
    """Set an account's mode; returns the refusal."""
    was_unified = account.is_unified
    if was_unified and mode == STANDARD:
        if account.positions or account.live:
            return NOT_FLAT
        usdc, account.raw_usd = account.raw_usd, ZERO
        account.deposits -= usdc
        account.mode = mode
        account.add(USDC_INDEX, usdc)
        return None
    if not was_unified and mode != STANDARD:
        usdc = account.balance_of(USDC_INDEX) + sum((part.raw_usd for part in account.dexs.values()), ZERO)
        account.spot.pop(USDC_INDEX, None)
        account.dexs.clear()
        account.raw_usd += usdc
        account.deposits += usdc
    account.mode = mode
    return None
