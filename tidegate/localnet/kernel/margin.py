"""What an account is worth and what it may still do, at the current mark prices.

Owns the identities of section 2.10, the liquidation price of section 8.2 and the wire shapes of
clearinghouseState and activeAssetData. Amounts are cut to a millionth of a dollar position by position, as
the recordings show. It changes nothing.
"""

from collections.abc import Mapping
from decimal import ROUND_DOWN, Decimal
from typing import Any, NamedTuple

from tidegate.localnet.kernel.accounts import USDC_INDEX, Account, Leverage, Position
from tidegate.localnet.kernel.numbers import (
    ONE,
    ZERO,
    micro,
    price_decimals,
    round_size,
    wire,
    wire_ratio,
    wire_usd,
)
from tidegate.localnet.kernel.orders import Order, Stage
from tidegate.localnet.kernel.prices import Prices
from tidegate.localnet.kernel.universe import MarginTable, PerpRule

MIN_MARGIN_SHARE = Decimal("0.1")  # of the notional: what must stay behind when margin is taken out

Row = dict[str, Any]
Market = Mapping[str, Prices]  # by coin


class Cross(NamedTuple):
    """The cross side of an account, in USD."""

    value: Decimal
    notional: Decimal
    used: Decimal
    maintenance: Decimal


class Fill(NamedTuple):
    """A trade that may come: what it would need is asked before it happens."""

    coin: str
    is_buy: bool
    sz: Decimal
    px: Decimal


def leverage_of(account: Account, rule: PerpRule) -> Leverage:
    """What the account trades a coin with; isolated-only coins start isolated."""
    chosen = account.leverages.get(rule.name)
    return chosen or Leverage(rule.default_leverage, is_cross=rule.margin_mode is None)


def cross(account: Account, market: Market) -> Cross:
    """Value, notional, used and maintenance margin of the cross positions."""
    value, notional, used, maintenance = account.raw_usd, ZERO, ZERO, ZERO
    for coin, position in account.positions.items():
        if not position.leverage.is_cross or coin not in market:
            continue
        prices = market[coin]
        worth = position.szi * prices.mark
        size = abs(worth)
        value += worth
        notional += size
        used += micro(size / position.leverage.value)
        maintenance += micro(prices.rule.margin_table.maintenance(size))
    return Cross(value, notional, used, maintenance)


def isolated(position: Position, prices: Prices) -> tuple[Decimal, Decimal]:
    """Value and maintenance margin of an isolated position."""
    worth = position.szi * prices.mark
    return position.isolated_usd + worth, micro(prices.rule.margin_table.maintenance(abs(worth)))


def held_by_orders(account: Account, market: Market) -> Decimal:
    """Margin that resting orders reserve: limit price * size / leverage, reduce-only ones nothing."""
    held = ZERO
    for order in account.live.values():
        if order.pair is not None:
            held += order.hold_of(USDC_INDEX) if account.is_unified else ZERO
        elif order.stage is Stage.RESTING and not order.reduce_only and order.coin in market:
            leverage = leverage_of(account, market[order.coin].rule)
            held += micro(order.limit_px * order.sz / leverage.value)
    return held


def available(account: Account, market: Market) -> Decimal:
    """Margin free for new orders; may be negative."""
    figures = cross(account, market)
    return figures.value - figures.used - held_by_orders(account, market)


def withdrawable(account: Account, market: Market) -> Decimal:
    """What could leave the account; never negative."""
    figures = cross(account, market)
    return max(ZERO, figures.value - kept(figures) - held_by_orders(account, market))


def kept(figures: Cross) -> Decimal:
    """What cross positions keep back when margin is taken out: their initial margin, at least a tenth of them."""
    return max(figures.used, micro(MIN_MARGIN_SHARE * figures.notional))


def needed(account: Account, prices: Prices, fill: Fill) -> Decimal:
    """Initial margin that a fill would add; what closes a position needs none."""
    leverage = leverage_of(account, prices.rule)
    start = account.position_size(fill.coin)
    if not start or (start > 0) == fill.is_buy:
        return micro(fill.sz * fill.px / leverage.value)
    turned = fill.sz - abs(start)
    if turned <= 0:
        return ZERO
    freed = micro(abs(start) * prices.mark / leverage.value)
    return max(ZERO, micro(turned * fill.px / leverage.value) - freed)


def expected_fill(order: Order, prices: Prices) -> Fill:
    """An order as its margin is judged: at its limit, but no worse than the market that a taker would meet.

    The limit of a market order is only a bound, often 5 % away.
    """
    bid, ask = prices.book.touch()
    if order.is_buy:
        px = min(order.limit_px, max(prices.mark, ask or prices.mark))
    else:
        px = max(order.limit_px, min(prices.mark, bid or prices.mark))
    return Fill(order.coin, order.is_buy, order.sz, px)


def equity(account: Account, market: Market) -> Decimal:
    """Account value, isolated positions included."""
    total = account.raw_usd
    for coin, position in account.positions.items():
        if coin in market:
            total += position.isolated_usd + position.szi * market[coin].mark
    return total


def liquidation_px(account: Account, coin: str, market: Market) -> Decimal | None:
    """The mark at which the account (isolated: the position) meets its maintenance margin; None if never.

    Section 8.2 solved tier by tier: value(p) = maintenance(p), with the other positions where they are.
    """
    position, prices = account.positions[coin], market[coin]
    worth = position.szi * prices.mark
    if position.leverage.is_cross:
        figures = cross(account, market)
        table = prices.rule.margin_table
        others = figures.maintenance - micro(table.maintenance(abs(worth)))
        free = figures.value - worth - others
    else:
        free = position.isolated_usd
    return _solve_liquidation(free, position.szi, prices.rule.margin_table)


def _solve_liquidation(free: Decimal, szi: Decimal, table: MarginTable) -> Decimal | None:
    size = abs(szi)
    for place, tier in enumerate(table.tiers):
        rate = ONE / (2 * tier.max_leverage)
        deduction = tier.lower_bound * rate - table.maintenance(tier.lower_bound)
        divisor = size * rate - szi
        px = (free + deduction) / divisor
        upper = table.tiers[place + 1].lower_bound if place + 1 < len(table.tiers) else None
        if px > 0 and size * px >= tier.lower_bound and (upper is None or size * px < upper):
            return px
    return None


def clearinghouse_state(account: Account | None, market: Market, now_ms: int) -> Row:
    """The body of clearinghouseState; an unknown account is all zeros."""
    account = account or Account("")
    figures = cross(account, market)
    positions = account.positions
    isolated = [coin for coin in positions if coin in market and not positions[coin].leverage.is_cross]
    raw = account.raw_usd
    value, notional, used = figures.value, figures.notional, figures.used
    for coin in isolated:
        position = account.positions[coin]
        worth = position.szi * market[coin].mark
        raw += position.isolated_usd
        value += position.isolated_usd + worth
        notional += abs(worth)
        used += position.isolated_usd + worth
    coins = [coin for coin in market if coin in account.positions]  # the exchange lists them by asset id
    return {
        "marginSummary": _summary(value, notional, raw, used),
        "crossMarginSummary": _summary(figures.value, figures.notional, account.raw_usd, figures.used),
        "crossMaintenanceMarginUsed": wire_usd(figures.maintenance),
        "withdrawable": wire_usd(withdrawable(account, market)),
        "assetPositions": [_asset_position(account, coin, market) for coin in coins],
        "time": now_ms,
    }


def active_asset_data(account: Account | None, user: str, coin: str, market: Market) -> Row:
    """The body of activeAssetData: leverage and what could be traded, [buy, sell]."""
    prices = market[coin]
    account = account or Account(user)
    leverage = leverage_of(account, prices.rule)
    start = account.position_size(coin)
    free = max(ZERO, available(account, market))
    turned = 2 * micro(abs(start) * prices.mark / leverage.value)  # closing frees once, turning needs once
    to_trade = [free + turned if start < 0 else free, free + turned if start > 0 else free]
    sizes = [round_size(usd * leverage.value / prices.mark, prices.rule.sz_decimals) for usd in to_trade]
    position = account.positions.get(coin)
    return {
        "user": user,
        "coin": coin,
        "leverage": _leverage_row(leverage, position),
        "maxTradeSzs": [wire(sz) for sz in sizes],
        "availableToTrade": [wire_usd(usd) for usd in to_trade],
        "markPx": wire(prices.mark),
    }


def entry_px(position: Position, rule: PerpRule) -> Decimal:
    """Average entry price, cut to the decimals a price of the coin may have (80516.48 -> 80516.4)."""
    step = ONE.scaleb(-price_decimals(rule.sz_decimals))
    return (position.cost / position.szi).quantize(step, rounding=ROUND_DOWN)


def _summary(value: Decimal, notional: Decimal, raw: Decimal, used: Decimal) -> Row:
    return {
        "accountValue": wire_usd(value),
        "totalNtlPos": wire_usd(notional),
        "totalRawUsd": wire_usd(raw),
        "totalMarginUsed": wire_usd(used),
    }


def _asset_position(account: Account, coin: str, market: Market) -> Row:
    position, prices = account.positions[coin], market[coin]
    rule, mark = prices.rule, prices.mark
    worth = position.szi * mark
    unrealized = position.unrealized(mark)
    leverage = position.leverage
    used = abs(worth) / leverage.value if leverage.is_cross else position.isolated_usd + worth
    liquidation = liquidation_px(account, coin, market)
    return {
        "type": "oneWay",
        "position": {
            "coin": coin,
            "szi": wire(position.szi),
            "leverage": _leverage_row(leverage, position),
            "entryPx": wire(entry_px(position, rule)),
            "positionValue": wire_usd(abs(worth)),
            "unrealizedPnl": wire_usd(unrealized),
            "returnOnEquity": wire_ratio(unrealized * leverage.value / abs(position.cost)),
            "liquidationPx": None if liquidation is None else wire_ratio(liquidation),
            "marginUsed": wire_usd(used),
            "maxLeverage": rule.max_leverage,
            "cumFunding": {
                "allTime": wire(account.funding_paid.get(coin, ZERO)),
                "sinceOpen": wire(position.funding_since_open),
                "sinceChange": wire(position.funding_since_change),
            },
        },
    }


def _leverage_row(leverage: Leverage, position: Position | None) -> Row:
    if leverage.is_cross:
        return {"type": "cross", "value": leverage.value}
    row: Row = {"type": "isolated", "value": leverage.value}
    if position is not None:
        row["rawUsd"] = wire_usd(position.isolated_usd)
    return row
