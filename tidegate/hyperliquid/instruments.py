"""The exchange's metadata as instruments, and the names people use as the exchange's own.

Owns the mapping of names; asks nothing. A row that cannot be read costs that coin, never the others.

Source: Hyperliquid docs, "Perpetuals", "Spot", "Asset IDs", "Tick and lot size".
"""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

import msgspec
from msgspec import Struct

from tidegate.hyperliquid.shapes import typed
from tidegate.model.instruments import Book, Instrument

SPOT_ASSETS_FROM = 10_000
# What other venues and frameworks write behind the name of a perp.
_SUFFIXES = ("USDT", "USDC", "USD", "-PERP", "-USD", "-USDC", "-USDT", "-USD-PERP")
_CCXT_SUFFIXES = ("/USDC:USDC", "/USDT:USDT", "/USD:USDC")


_WITHOUT_CROSS = ("strictIsolated", "noCross")


class _PerpRow(Struct, rename="camel"):
    name: str
    sz_decimals: int
    max_leverage: int
    is_delisted: bool = False
    only_isolated: bool = False
    margin_mode: str | None = None

    @property
    def isolated_only(self) -> bool:
        """Whether cross margin is refused here; `onlyIsolated` is the older way of saying so."""
        return self.only_isolated or self.margin_mode in _WITHOUT_CROSS


class _PairRow(Struct):
    name: str
    index: int
    tokens: tuple[int, int]


class _TokenRow(Struct, rename="camel"):
    index: int
    sz_decimals: int


def instruments_of(meta: object, spot_meta: object = None) -> tuple[dict[str, Instrument], list[str]]:
    """Instruments by coin, and one line for each row that could not be read.

    `meta` and `spot_meta` are the answers to those requests; an answer that is no metadata at all raises
    Unintelligible. The asset number of a perp is its place in the list, unreadable and delisted ones included.
    """
    found: dict[str, Instrument] = {}
    warnings: list[str] = []
    for place, raw in enumerate(typed(meta, dict[str, Any], "meta").get("universe") or ()):
        row = _row(raw, _PerpRow, f"perp {place}", warnings)
        if row is not None and _is_sound(row.sz_decimals, row.max_leverage, row.name, warnings):
            found[row.name] = Instrument(
                coin=row.name,
                asset=place,
                size_decimals=row.sz_decimals,
                leverage_max=row.max_leverage,
                delisted=row.is_delisted,
                isolated_only=row.isolated_only,
            )
    if spot_meta is not None:
        found.update(_spot_of(typed(spot_meta, dict[str, Any], "spotMeta"), warnings))
    return found, warnings


def resolve(name: str, instruments: Mapping[str, Instrument]) -> str | None:
    """The exchange's name of what someone calls `BTC`, `btc`, `BTCUSDT`, `BTC-PERP` or `BTC/USDC:USDC`.

    `BTC/USDC` is how a spot pair is written, and none of these. Exact names win; the rest goes through a table made of
    the names that exist, so `kPEPE`, `@107` and `xyz:TSLA` stay what they are. None when nothing, or more than one
    thing, is called so.
    """
    wanted = name.strip()
    if wanted in instruments:
        return wanted
    called = _names(instruments).get(wanted.upper(), set())
    return next(iter(called)) if len(called) == 1 else None


def unified_name(instrument: Instrument) -> str:
    """How ccxt and frameworks upon it write an instrument: `BTC/USDC:USDC`; a spot pair keeps the exchange's name."""
    return f"{instrument.coin}/USDC:USDC" if instrument.book is Book.PERPS else instrument.coin


def compact_name(instrument: Instrument) -> str:
    """The same in one word, as charts write it: `BTCUSDC`; a spot pair keeps the exchange's name."""
    return f"{instrument.coin}USDC" if instrument.book is Book.PERPS else instrument.coin


def nearest(name: str, instruments: Mapping[str, Instrument]) -> str | None:
    """The coin whose name looks most like `name`, for the message that says it does not exist."""
    table = _names(instruments)
    matches = get_close_matches(name.strip().upper(), table, n=1, cutoff=0.5)
    return min(table[matches[0]]) if matches else None


def _names(instruments: Mapping[str, Instrument]) -> dict[str, set[str]]:
    """Upper-case names and the coins they may mean; a coin's own name keeps all others away."""
    own: dict[str, set[str]] = {}
    for coin in instruments:
        own.setdefault(coin.upper(), set()).add(coin)
    derived: dict[str, set[str]] = {}
    for coin, instrument in instruments.items():
        if instrument.book is Book.PERPS:
            for suffix in _SUFFIXES + _CCXT_SUFFIXES:
                derived.setdefault(coin.upper() + suffix, set()).add(coin)
    return derived | own


def _spot_of(spot_meta: dict[str, Any], warnings: list[str]) -> dict[str, Instrument]:
    # Tokens are joined by their index, which is not their place in the list; pairs may name tokens not listed yet.
    tokens: dict[int, int] = {}
    for place, raw in enumerate(spot_meta.get("tokens") or ()):
        token = _row(raw, _TokenRow, f"token {place}", warnings)
        if token is not None:
            tokens[token.index] = token.sz_decimals
    found: dict[str, Instrument] = {}
    for place, raw in enumerate(spot_meta.get("universe") or ()):
        pair = _row(raw, _PairRow, f"spot pair {place}", warnings)
        if pair is None:
            continue
        decimals = tokens.get(pair.tokens[0])
        if decimals is None:
            warnings.append(f"spot pair {pair.name}: its token {pair.tokens[0]} is not listed")
        elif _is_sound(decimals, 1, pair.name, warnings):
            found[pair.name] = Instrument(
                coin=pair.name,
                asset=SPOT_ASSETS_FROM + pair.index,
                size_decimals=decimals,
                leverage_max=1,
                book=Book.SPOT,
            )
    return found


def _row(raw: object, shape: Any, what: str, warnings: list[str]) -> Any:
    try:
        return msgspec.convert(raw, shape)
    except msgspec.ValidationError as error:
        warnings.append(f"{what}: {error}")
        return None


def _is_sound(size_decimals: int, leverage_max: int, coin: str, warnings: list[str]) -> bool:
    if 0 <= size_decimals <= 8 and leverage_max >= 1:
        return True
    warnings.append(f"{coin}: {size_decimals} size decimals, leverage up to {leverage_max}")
    return False
