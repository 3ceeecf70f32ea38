"""A universe from recorded metadata: the instruments of the real exchange on one day, under their real ids.

Reads answers of `meta`, `metaAndAssetCtxs`, `spotMeta` and `spotMetaAndAssetCtxs` (bare, or under "response"), as JSON,
plain or gzipped. Prices and figures come from the contexts; without them a coin that is known here starts from its
usual price and any other from one dollar. A pair whose token is missing is left out, and said.
"""

import gzip
import json
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from tidegate.errors import ConfigError
from tidegate.localnet.kernel.instruments import TABLES_FROM, MarginTable, MarginTier, PerpRule, SpotPair, Token
from tidegate.localnet.kernel.universe import USDC, Universe, default_universe, flat_table

ONE = Decimal(1)


class _Tier(Struct, rename="camel"):
    lower_bound: Decimal
    max_leverage: int


class _Table(Struct, rename="camel"):
    margin_tiers: list[_Tier]
    description: str = ""


class _Perp(Struct, rename="camel"):
    name: str
    sz_decimals: int
    max_leverage: int
    margin_table_id: int = 0
    is_delisted: bool = False
    margin_mode: str | None = None


class _Meta(Struct, rename="camel"):
    universe: list[_Perp]
    margin_tables: list[tuple[int, _Table]] = []


class _Contract(Struct):
    address: str
    evm_extra_wei_decimals: int = 0


class _Token(Struct, rename="camel"):
    name: str
    sz_decimals: int
    wei_decimals: int
    index: int
    token_id: str
    is_canonical: bool = False
    full_name: str | None = None
    evm_contract: _Contract | None = None


class _Pair(Struct, rename="camel"):
    name: str
    index: int
    tokens: tuple[int, int]
    is_canonical: bool = False


class _SpotMeta(Struct):
    universe: list[_Pair]
    tokens: list[_Token]


class _Context(Struct, rename="camel"):
    mark_px: Decimal | None = None
    open_interest: Decimal = Decimal(0)
    day_base_vlm: Decimal = Decimal(0)
    funding: Decimal = Decimal(0)
    coin: str | None = None
    circulating_supply: Decimal = Decimal(0)


class Listing(Struct, frozen=True):
    """A universe, and what of the recording was left out of it, in words."""

    universe: Universe
    left_out: tuple[str, ...] = ()


def read_listing(paths: Sequence[Path]) -> Listing:
    """The universe of these files; what they do not speak of (perps or spot) is the usual one's.

    Raises ConfigError with every problem: a file that cannot be read, or that is none of the four answers.
    """
    usual = default_universe()
    problems: list[str] = []
    left_out: list[str] = []
    perps, spots, tokens = usual.perps, usual.spots, usual.tokens
    for path in paths:
        try:
            body = _loaded(path)
            meta, contexts = (body[0], body[1]) if isinstance(body, list) and len(body) == 2 else (body, [])
            if isinstance(meta, dict) and "tokens" in meta:
                found = msgspec.convert(meta, _SpotMeta, strict=False)
                tokens = tuple(_token(each) for each in found.tokens)
                rows = msgspec.convert(contexts, list[_Context], strict=False)
                spots = tuple(_pairs(found.universe, tokens, rows, left_out))
            else:
                listed = msgspec.convert(meta, _Meta, strict=False)
                perps = tuple(_perps(listed, msgspec.convert(contexts, list[_Context], strict=False)))
        except (OSError, EOFError, ValueError, msgspec.MsgspecError) as error:
            words = " ".join(str(error).split())[:160]
            problems.append(f"--universe {path}: expected a recorded answer of meta or spotMeta (JSON, .gz): {words}")
    if problems:
        raise ConfigError(problems)
    known = {token.index for token in tokens}
    if USDC.index not in known:
        tokens = (USDC, *tokens)
    dexs = usual.dexs if {dex.collateral_token for dex in usual.dexs} <= known | {USDC.index} else ()
    return Listing(Universe(perps=perps, spots=spots, tokens=tokens, dexs=dexs), tuple(left_out))


def _loaded(path: Path) -> Any:
    data = path.read_bytes()
    body = json.loads(gzip.decompress(data) if path.suffix == ".gz" else data)
    return body["response"] if isinstance(body, dict) and "response" in body else body


def _perps(meta: _Meta, contexts: Sequence[_Context]) -> Iterator[PerpRule]:
    usual = default_universe().by_name
    tables = {number: _margin_table(number, table) for number, table in meta.margin_tables}
    for place, row in enumerate(meta.universe):
        context = contexts[place] if place < len(contexts) else _Context()
        known = usual.get(row.name)
        yield PerpRule(
            name=row.name,
            sz_decimals=row.sz_decimals,
            max_leverage=row.max_leverage,
            margin_table=tables.get(row.margin_table_id)
            or flat_table(row.margin_table_id if 0 < row.margin_table_id < TABLES_FROM else row.max_leverage),
            reference_px=context.mark_px or (known.reference_px if known else ONE),
            open_interest=context.open_interest,
            day_volume=context.day_base_vlm,
            funding=context.funding,
            is_delisted=row.is_delisted,
            margin_mode=row.margin_mode,
        )


def _margin_table(number: int, table: _Table) -> MarginTable:
    tiers = tuple(MarginTier(tier.lower_bound, tier.max_leverage) for tier in table.margin_tiers)
    return MarginTable(number, table.description, tiers)


def _token(row: _Token) -> Token:
    known = row.evm_contract
    contract = None if known is None else (known.address, known.evm_extra_wei_decimals)
    return Token(
        row.name,
        row.sz_decimals,
        row.wei_decimals,
        row.index,
        row.token_id,
        row.is_canonical,
        row.full_name,
        contract,
    )


def _pairs(
    rows: Iterable[_Pair], tokens: Iterable[Token], contexts: Iterable[_Context], left_out: list[str]
) -> Iterator[SpotPair]:
    by_index = {token.index: token for token in tokens}
    by_coin = {context.coin: context for context in contexts}
    usual = default_universe().spot_by_name
    for row in rows:
        base, quote = (by_index.get(index) for index in row.tokens)
        if base is None or quote is None:
            left_out.append(f"{row.name}: token {row.tokens[0] if base is None else row.tokens[1]} is not in the list")
            continue
        context, known = by_coin.get(row.name, _Context()), usual.get(row.name)
        yield SpotPair(
            row.name,
            row.index,
            base,
            quote,
            row.is_canonical,
            context.mark_px or (known.reference_px if known else ONE),
            context.circulating_supply,
            context.day_base_vlm,
        )
