"""What a mirror asks the venue once, before it opens: instruments, contexts, candles, books and recent trades (REST).

Owns the requests and the making of a `Universe` and of `Bars` from their answers. Public pages only: it knows no key
and sends no action. It asks few enough things to stay within one minute's weight (section 7.1).
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, TypeVar

import msgspec
import numpy as np
import requests

from tidegate.localnet.kernel.instruments import MarginTable, MarginTier, PerpRule, SpotPair, Token, flat_table
from tidegate.localnet.kernel.universe import Universe
from tidegate.localnet.markets.candles import INTERVALS, Bars
from tidegate.localnet.mirror.frames import Book, CannotMirror, Trade
from tidegate.localnet.mirror.stream import is_loopback

TIMEOUT_S = 10
T = TypeVar("T")


class _Perp(msgspec.Struct, rename="camel"):
    name: str
    sz_decimals: int
    max_leverage: int
    margin_table_id: int = 0
    is_delisted: bool = False
    only_isolated: bool = False
    margin_mode: str | None = None


class _Tier(msgspec.Struct, rename="camel"):
    lower_bound: Decimal
    max_leverage: int


class _Table(msgspec.Struct, rename="camel"):
    description: str
    margin_tiers: list[_Tier]


class _Meta(msgspec.Struct, rename="camel"):
    universe: list[_Perp]
    margin_tables: list[tuple[int, _Table]] = []
    collateral_token: int = 0


class _Context(msgspec.Struct, rename="camel"):
    mark_px: Decimal
    prev_day_px: Decimal
    day_ntl_vlm: Decimal = Decimal(0)
    day_base_vlm: Decimal = Decimal(0)
    open_interest: Decimal = Decimal(0)
    funding: Decimal = Decimal(0)
    oracle_px: Decimal | None = None
    circulating_supply: Decimal = Decimal(0)
    coin: str = ""


class _Token(msgspec.Struct, rename="camel"):
    name: str
    sz_decimals: int
    wei_decimals: int
    index: int
    token_id: str
    is_canonical: bool = False
    full_name: str | None = None


class _Pair(msgspec.Struct, rename="camel"):
    name: str
    index: int
    tokens: tuple[int, int]
    is_canonical: bool = False


class _SpotMeta(msgspec.Struct):
    universe: list[_Pair]
    tokens: list[_Token]


class _Candle(msgspec.Struct):
    t: int
    o: float
    h: float
    l: float  # noqa: E741 - the wire's name
    c: float
    v: float
    n: int


class Listing(msgspec.Struct, frozen=True):
    """What the venue lists: its instruments, and of each coin the price and the day's volume in USD."""

    universe: Universe
    prices: dict[str, Decimal]
    day_usd: dict[str, Decimal]

    def busiest(self, count: int) -> tuple[str, ...]:
        """The perps that traded most today."""
        perps = [rule.name for rule in self.universe.perps if not rule.is_delisted]
        return tuple(sorted(perps, key=lambda coin: -self.day_usd[coin])[:count])


class Pages:
    """The venue's public /info page; `url` is its base, without a slash at the end."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._session = requests.Session()
        self._session.trust_env = not is_loopback(url)

    def listing(self) -> Listing:
        """Perps of the first dex and spot pairs, delisted ones included; pairs of unknown tokens are left out."""
        meta, contexts = self._ask(tuple[_Meta, list[_Context]], {"type": "metaAndAssetCtxs"})
        spot, spot_contexts = self._ask(tuple[_SpotMeta, list[_Context]], {"type": "spotMetaAndAssetCtxs"})
        tables = dict(meta.margin_tables)
        perps = tuple(_perp(perp, context, tables) for perp, context in zip(meta.universe, contexts, strict=False))
        tokens = {token.index: Token(**msgspec.structs.asdict(token)) for token in spot.tokens}
        context_of = {context.coin: context for context in spot_contexts}
        spots = tuple(
            _pair(pair, context_of[pair.name], tokens)
            for pair in spot.universe
            if pair.name in context_of and set(pair.tokens) <= tokens.keys()
        )
        of_perps = {rule.name: context for rule, context in zip(perps, contexts, strict=False)}
        of_all = of_perps | {pair.name: context_of[pair.name] for pair in spots}
        return Listing(
            Universe(perps, spots, tuple(tokens.values()), meta.collateral_token),
            {coin: context.oracle_px or context.mark_px for coin, context in of_all.items()},
            {coin: context.day_ntl_vlm for coin, context in of_all.items()},
        )

    def candles(self, coin: str, interval: str, count: int, now_ms: int) -> Bars:
        """The newest `count` candles of an interval, ascending; the last may still be forming."""
        length_ms = INTERVALS[interval]
        request = {"coin": coin, "interval": interval, "startTime": now_ms - count * length_ms, "endTime": now_ms}
        rows = self._ask(list[_Candle], {"type": "candleSnapshot", "req": request})
        times = np.array([row.t for row in rows], dtype=np.int64)
        figures = np.array([(row.o, row.h, row.l, row.c, row.v) for row in rows], dtype=np.float64).reshape(-1, 5)
        trades = np.array([row.n for row in rows], dtype=np.int64)
        open_, high, low, close, volume = (np.ascontiguousarray(column) for column in figures.T)
        return Bars(length_ms, times, open_, high, low, close, volume, trades)

    def book(self, coin: str) -> Book:
        """The book of a coin, 20 levels a side."""
        return self._ask(Book, {"type": "l2Book", "coin": coin})

    def recent_trades(self, coin: str) -> Sequence[Trade]:
        """The last trades of a coin."""
        return self._ask(list[Trade], {"type": "recentTrades", "coin": coin})

    def _ask(self, kind: type[T], body: dict[str, Any]) -> T:
        try:
            answer = self._session.post(f"{self.url}/info", json=body, timeout=TIMEOUT_S)
            answer.raise_for_status()
            return msgspec.json.decode(answer.content, type=kind, strict=False)  # numbers come as strings
        except (requests.RequestException, msgspec.MsgspecError) as error:
            reason = " ".join(str(error).split())[:160]
            raise CannotMirror(
                f"cannot mirror {self.url}: {body['type']} failed ({reason}); expected a venue that speaks"
                " Hyperliquid's protocol; check the address and your connection, or start without a mirror"
            ) from error


def _perp(perp: _Perp, context: _Context, tables: dict[int, _Table]) -> PerpRule:
    table = tables.get(perp.margin_table_id)
    if table is None:
        margin_table = flat_table(perp.margin_table_id or perp.max_leverage)
    else:
        tiers = tuple(MarginTier(tier.lower_bound, tier.max_leverage) for tier in table.margin_tiers)
        margin_table = MarginTable(perp.margin_table_id, table.description, tiers)
    return PerpRule(
        name=perp.name,
        sz_decimals=perp.sz_decimals,
        max_leverage=perp.max_leverage,
        margin_table=margin_table,
        reference_px=context.prev_day_px or context.mark_px,
        open_interest=context.open_interest,
        day_volume=context.day_base_vlm,
        funding=context.funding,
        is_delisted=perp.is_delisted,
        margin_mode=perp.margin_mode or ("strictIsolated" if perp.only_isolated else None),
    )


def _pair(pair: _Pair, context: _Context, tokens: dict[int, Token]) -> SpotPair:
    base, quote = (tokens[index] for index in pair.tokens)
    return SpotPair(
        name=pair.name,
        index=pair.index,
        base=base,
        quote=quote,
        is_canonical=pair.is_canonical,
        reference_px=context.mark_px,
        circulating_supply=context.circulating_supply,
        day_volume=context.day_base_vlm,
    )
