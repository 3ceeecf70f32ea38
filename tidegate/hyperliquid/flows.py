"""Deposits, withdrawals and transfers, as money that came into or went out of the balance that the bot trades with.

Pure parsing. A row of a kind that is not known moves nothing: the daily loss is then a little off, not the bot blind.

Source: Hyperliquid docs, "Info endpoint", `userNonFundingLedgerUpdates`; recorded answers.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from msgspec import Struct

from tidegate.errors import Unintelligible
from tidegate.hyperliquid.reads import DOLLAR
from tidegate.hyperliquid.shapes import ZERO, Millis, is_number, typed
from tidegate.model.brakes import Flow

PERPS, SPOT = "", "spot"


class _Row(Struct):
    time: Millis
    delta: dict[str, Any]


def flows_of(body: object, user: str, *, unified: bool) -> tuple[Flow, ...]:
    """The answer to userNonFundingLedgerUpdates, oldest first; `unified`: spot dollars are the same balance."""
    found: list[Flow] = []
    for raw in typed(body, list[Any], "ledger updates"):
        try:
            row: _Row = typed(raw, _Row, "ledger update")
            usd = sum(_moved(row.delta, user.lower(), unified=unified), ZERO)
        except (Unintelligible, ArithmeticError, ValueError):
            continue
        if usd and is_number(usd):
            found.append(Flow(time_ms=row.time, usd=usd))
    return tuple(sorted(found, key=lambda flow: flow.time_ms))


def _moved(delta: dict[str, Any], user: str, *, unified: bool) -> Iterator[Decimal]:
    """What one row did to the balance."""
    kind = delta.get("type")
    match kind:
        case "deposit":
            yield _usd(delta, "usdc")
        case "withdraw":
            yield -_usd(delta, "usdc") - _usd(delta, "fee")
        case "accountClassTransfer" if not unified:
            yield _usd(delta, "usdc") if delta.get("toPerp") else -_usd(delta, "usdc")
        case "internalTransfer" | "subAccountTransfer":
            yield from _between(delta, user, _usd(delta, "usdc"), comes=True, goes=True)
        case "vaultDeposit" | "vaultCreate":
            yield -_usd(delta, "usdc") - _usd(delta, "fee")
        case "vaultWithdraw":
            yield _usd(delta, "netWithdrawnUsd")
        case "spotTransfer" if unified and delta.get("token") == DOLLAR:
            yield from _between(delta, user, _usd(delta, "amount"), comes=True, goes=True)
        case "send" if delta.get("token") == DOLLAR:
            books = (PERPS, SPOT) if unified else (PERPS,)
            comes, goes = delta.get("destinationDex") in books, delta.get("sourceDex") in books
            yield from _between(delta, user, _usd(delta, "amount"), comes=comes, goes=goes)


def _between(delta: dict[str, Any], user: str, usd: Decimal, *, comes: bool, goes: bool) -> Iterator[Decimal]:
    if comes and str(delta.get("destination", "")).lower() == user:
        yield usd
    if goes and str(delta.get("user", "")).lower() == user:
        yield -usd - _usd(delta, "fee")


def _usd(delta: dict[str, Any], name: str) -> Decimal:
    return Decimal(str(delta.get(name) or "0"))
