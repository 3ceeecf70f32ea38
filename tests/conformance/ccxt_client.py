"""ccxt's `hyperliquid`, unmodified, with its URLs pointed at localnet: REST and pro.

Sandbox mode makes it sign for testnet, which is what localnet verifies. Everything else is left at ccxt's defaults,
its own throttle aside: with each first order it asks for a builder fee and a referral, as it does on the exchange.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import ccxt
import ccxt.pro
from eth_account import Account

from tests.conformance.desk import Desk

BTC, ETH, PURR = "BTC/USDC:USDC", "ETH/USDC:USDC", "PURR/USDC"


class CcxtTrader:
    """One account and the ccxt client that acts for it; `usdc` is deposited to its perp account."""

    def __init__(self, desk: Desk, usdc: str = "100000") -> None:
        self.desk = desk
        wallet = Account.create()
        self.address = wallet.address.lower()
        desk.fund(self.address, usdc)
        self.client = ccxt.hyperliquid(settings(wallet))
        point(self.client, desk.door.url)
        self.client.load_markets()

    def limit(self, side: str, px: float, sz: float, symbol: str = BTC, **params: Any) -> dict[str, Any]:
        """A limit order in ccxt's shape; `side` is "buy" or "sell"."""
        return self.client.create_order(symbol, "limit", side, sz, px, params)

    def take(self, side: str, sz: float, symbol: str = BTC, **params: Any) -> dict[str, Any]:
        """A market order around the last price."""
        px = self.client.fetch_ticker(symbol)["last"]
        return self.client.create_order(symbol, "market", side, sz, px, params)

    def position(self, symbol: str = BTC) -> dict[str, Any] | None:
        """The open position of a symbol."""
        return next((row for row in self.client.fetch_positions([symbol]) if row["contracts"]), None)


@asynccontextmanager
async def pro(desk: Desk, usdc: str = "100000") -> AsyncIterator[Any]:
    """A ccxt.pro client of a fresh account."""
    wallet = Account.create()
    desk.fund(wallet.address.lower(), usdc)
    client = ccxt.pro.hyperliquid(settings(wallet))
    point(client, desk.door.url)
    client.urls["api"]["ws"] = {"public": f"ws{desk.door.url.removeprefix('http')}/ws"}
    try:
        await client.load_markets()
        yield client
    finally:
        await client.close()


def settings(wallet: Any) -> dict[str, Any]:
    """Who trades. The throttle would wait half a second for each read."""
    return {"walletAddress": wallet.address, "privateKey": wallet.key.hex(), "enableRateLimit": False}


def point(client: Any, url: str) -> None:
    """Let a client sign for testnet and talk to `url`."""
    client.set_sandbox_mode(True)
    client.urls["api"] = {"public": url, "private": url}
