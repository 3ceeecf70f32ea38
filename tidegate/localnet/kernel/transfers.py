"""Money that moves without a trade: between an account's places, to other accounts, out of the exchange (section 3.7).

Owns usdClassTransfer, usdSend, spotSend, sendAsset and withdraw3 with their ledger rows. Each function returns the
exchange's refusal, or None when it has done what was asked. A place is a perp dex ("" is the first) or "spot". Nobody
pays for a transfer here, not even for one that opens the destination's account; a withdrawal costs its dollar.
"""

from decimal import Decimal
from typing import Any, NamedTuple

from tidegate.localnet.kernel import margin, spot
from tidegate.localnet.kernel.accounts import USDC_INDEX, Account
from tidegate.localnet.kernel.instruments import Token
from tidegate.localnet.kernel.numbers import ZERO, micro, parse, wire
from tidegate.localnet.kernel.venue import Venue

FIRST_DEX, SPOT = "", "spot"
WITHDRAWAL_FEE = Decimal(1)
NONCE_UNITS = 1_000  # the bridge counts in microseconds
NO_BALANCE_TO_WITHDRAW = "Insufficient balance for withdrawal"
NO_BALANCE_TO_SEND = "Insufficient balance for token transfer"
INVALID_SEND = "Invalid send"
UNIFIED_REFUSES = "Action disabled when unified account is active"


class Send(NamedTuple):
    """A transfer of a token; `nonce` is the action's time in ms."""

    destination: str
    token: Token
    amount: Decimal
    nonce: int
    source: str = SPOT
    target: str = SPOT


def read_amount(text: str, token: Token) -> Decimal | None:
    """A positive amount that the token can express, or None."""
    amount = parse(text)
    return amount if amount is not None and amount > 0 and spot.cut(amount, token) == amount else None


def class_transfer(venue: Venue, account: Account, amount: Decimal, *, to_perp: bool) -> str | None:
    """Move USDC between an account's spot balance and its first dex."""
    if account.is_unified:
        return UNIFIED_REFUSES
    source, target = (SPOT, FIRST_DEX) if to_perp else (FIRST_DEX, SPOT)
    if amount > _free(venue, account, source, USDC_INDEX):
        return NO_BALANCE_TO_SEND if to_perp else NO_BALANCE_TO_WITHDRAW
    _take(account, source, USDC_INDEX, amount)
    _put(venue, account, target, USDC_INDEX, amount)
    _note(venue, {"type": "accountClassTransfer", "usdc": wire(amount), "toPerp": to_perp}, account)
    return None


def usd_send(venue: Venue, account: Account, destination: str, amount: Decimal) -> str | None:
    """Send USDC from the first dex to another account's."""
    if account.is_unified:
        return UNIFIED_REFUSES
    if destination == account.user:
        return INVALID_SEND
    if amount > _free(venue, account, FIRST_DEX, USDC_INDEX):
        return NO_BALANCE_TO_WITHDRAW
    receiver = venue.open_account(destination)
    _take(account, FIRST_DEX, USDC_INDEX, amount)
    _put(venue, receiver, FIRST_DEX, USDC_INDEX, amount)
    delta = {
        "type": "internalTransfer",
        "usdc": wire(amount),
        "user": account.user,
        "destination": destination,
        "fee": wire(ZERO),
    }
    _note(venue, delta, account, receiver)
    return None


def spot_send(venue: Venue, account: Account, send: Send) -> str | None:
    """Send spot tokens to another account."""
    if account.is_unified:
        return UNIFIED_REFUSES
    return _send(venue, account, send, {"type": "spotTransfer"})


def send_asset(venue: Venue, account: Account, send: Send) -> str | None:
    """Send a token between two places, of one account or of two; a perp dex takes its collateral only."""
    for place in (send.source, send.target):
        if place != SPOT and _collateral(venue, place) != send.token.index:
            return INVALID_SEND
    places = {"sourceDex": send.source, "destinationDex": send.target}
    return _send(venue, account, send, {"type": "send", **places})


def withdraw(venue: Venue, account: Account, amount: Decimal, nonce: int) -> str | None:
    """Take USDC out of the exchange; the dollar it costs is part of the amount."""
    if amount <= WITHDRAWAL_FEE or amount > _free(venue, account, FIRST_DEX, USDC_INDEX):
        return NO_BALANCE_TO_WITHDRAW
    _take(account, FIRST_DEX, USDC_INDEX, amount)
    delta = {
        "type": "withdraw",
        "usdc": wire(amount - WITHDRAWAL_FEE),
        "nonce": nonce * NONCE_UNITS,
        "fee": wire(WITHDRAWAL_FEE),
    }
    _note(venue, delta, account)
    return None


def usdc_value(venue: Venue, token: int, amount: Decimal) -> Decimal:
    """What an amount of a token is worth at its USDC pair's mark; zero for a token without such a pair."""
    if token == USDC_INDEX:
        return amount
    for prices in venue.spots.values():
        if prices.pair.base.index == token and prices.pair.quote.index == USDC_INDEX:
            return micro(amount * prices.mark)
    return ZERO


def _send(venue: Venue, account: Account, send: Send, kind: dict[str, Any]) -> str | None:
    """Move a token; the row is `kind` with what all rows of transfers tell, in the exchange's key order."""
    same_place = send.source == send.target or account.is_unified
    if send.destination == account.user and same_place:
        return INVALID_SEND
    if send.amount > _free(venue, account, send.source, send.token.index):
        return NO_BALANCE_TO_SEND
    receiver = venue.open_account(send.destination)
    _take(account, send.source, send.token.index, send.amount)
    _put(venue, receiver, send.target, send.token.index, send.amount)
    amounts = {
        "token": send.token.name,
        "amount": wire(send.amount),
        "usdcValue": wire(usdc_value(venue, send.token.index, send.amount)),
    }
    parties = {"user": account.user, "destination": send.destination}
    fees = {"fee": wire(ZERO), "nativeTokenFee": wire(ZERO), "nonce": send.nonce, "feeToken": ""}
    row = {**kind, **amounts, **parties} if kind["type"] == "spotTransfer" else _send_row(kind, parties, amounts)
    _note(venue, {**row, **fees}, account, receiver)
    return None


def _send_row(kind: dict[str, Any], parties: dict[str, Any], amounts: dict[str, Any]) -> dict[str, Any]:
    places = {key: value for key, value in kind.items() if key != "type"}
    return {"type": kind["type"], **parties, **places, **amounts}


def _collateral(venue: Venue, dex: str) -> int | None:
    """The token a perp dex is margined in; None for a dex that does not exist."""
    if dex == FIRST_DEX:
        return venue.universe.collateral_token
    builder = venue.universe.dex_by_name.get(dex)
    return None if builder is None else builder.collateral_token


def _free(venue: Venue, account: Account, place: str, token: int) -> Decimal:
    """What may leave a place."""
    market = venue.prices if account.is_unified else venue.markets[FIRST_DEX if place == SPOT else place]
    if place == SPOT:
        return spot.free(account, token, market)
    return margin.withdrawable(account.on(place), market)


def _take(account: Account, place: str, token: int, amount: Decimal) -> None:
    if place == SPOT:
        spot.move_out(account, token, amount)
        return
    cash = account.on(place)
    cash.raw_usd -= amount
    cash.deposits -= amount


def _put(venue: Venue, account: Account, place: str, token: int, amount: Decimal) -> None:
    if place == SPOT:
        spot.move_in(account, token, amount, usdc_value(venue, token, amount))
        return
    cash = account.on(place)
    cash.raw_usd += amount
    cash.deposits += amount


def _note(venue: Venue, delta: dict[str, Any], *accounts: Account) -> None:
    """Write one row into the ledger of everybody concerned, once each."""
    row = {"time": venue.now_ms, "hash": venue.next_hash(), "delta": delta}
    for account in dict.fromkeys(accounts):
        account.ledger.append(row)
