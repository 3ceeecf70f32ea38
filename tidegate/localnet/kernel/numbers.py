"""How the exchange writes and judges numbers: decimal strings, ticks and lots.

Owns the wire format of decimals and the rules of section 5.1 of the protocol page (what a legal
price and a legal size are). It never knows an instrument by name and never rounds an order.
"""

import re
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal

ZERO = Decimal(0)
ONE = Decimal(1)
MICRO = Decimal("0.000001")
TEN_DIGITS = Decimal("0.0000000001")
MAX_SIGNIFICANT_FIGURES = 5
MAX_DECIMALS_PERP = 6
MAX_DECIMALS_SPOT = 8
MAX_DIGITS_ON_THE_WIRE = 40  # a number longer than this is no number anybody meant
PLAIN_DECIMAL = re.compile(r"[+-]?(?:0*[0-9]{1,15}(?:\.[0-9]*)?|\.[0-9]+)", re.ASCII)  # as much as 10^15 of anything


def wire(value: Decimal) -> str:
    """Write a decimal as the exchange does: no exponent, at least one fractional digit, no further zeros."""
    text = format(value, "f")
    if "." not in text:
        return text + ".0" if value else "0.0"
    if not value:
        return "0.0"
    text = text.rstrip("0")
    return text + "0" if text[-1] == "." else text


def wire_usd(value: Decimal) -> str:
    """Write an amount of USDC: six decimals, cut (not rounded), as every recorded margin figure is."""
    return wire(value.quantize(MICRO, rounding=ROUND_DOWN))


def wire_ratio(value: Decimal) -> str:
    """Write a ratio or a derived price: ten decimals, rounded, as returnOnEquity and liquidationPx are."""
    return wire(value.quantize(TEN_DIGITS, rounding=ROUND_HALF_EVEN))


def micro(value: Decimal) -> Decimal:
    """Cut an amount to a millionth of a dollar: the exchange's smallest unit of account."""
    return value.quantize(MICRO, rounding=ROUND_DOWN)


def parse(text: str) -> Decimal | None:
    """Read a plain decimal from the wire; None for anything else.

    The exchange counts in units of 64 bits: exponents, other alphabets' digits and numbers of sixteen digits and more
    before the point are none of its numbers.
    """
    is_one = len(text) <= MAX_DIGITS_ON_THE_WIRE and PLAIN_DECIMAL.fullmatch(text) is not None
    return Decimal(text) if is_one else None


def legal_price(px: Decimal, sz_decimals: int, *, spot: bool = False) -> bool:
    """Say whether `px` lies on the grid: integers always, else five figures and few enough decimals."""
    if px <= 0:
        return False
    if px == px.to_integral_value():
        return True
    figures = px.normalize().as_tuple()
    assert isinstance(figures.exponent, int)
    return len(figures.digits) <= MAX_SIGNIFICANT_FIGURES and -figures.exponent <= _max_decimals(spot) - sz_decimals


def legal_size(sz: Decimal, sz_decimals: int) -> bool:
    """Say whether `sz` has at most `sz_decimals` decimals."""
    exponent = sz.normalize().as_tuple().exponent
    assert isinstance(exponent, int)
    return -exponent <= sz_decimals


def round_price(px: Decimal, sz_decimals: int, rounding: str = ROUND_HALF_EVEN, *, spot: bool = False) -> Decimal:
    """Round a positive price onto the grid; the result may print with trailing zeros, see `wire`."""
    step_exponent = max(px.adjusted() - (MAX_SIGNIFICANT_FIGURES - 1), sz_decimals - _max_decimals(spot))
    if step_exponent >= 0:
        return px.to_integral_value(rounding)
    return px.quantize(ONE.scaleb(step_exponent), rounding=rounding)


def round_size(sz: Decimal, sz_decimals: int) -> Decimal:
    """Cut a size to the lot."""
    return sz.quantize(ONE.scaleb(-sz_decimals), rounding=ROUND_DOWN)


def price_decimals(sz_decimals: int, *, spot: bool = False) -> int:
    """The most decimals a price of this instrument may have (entry prices are shown with as many)."""
    return _max_decimals(spot) - sz_decimals


def _max_decimals(spot: bool) -> int:
    return MAX_DECIMALS_SPOT if spot else MAX_DECIMALS_PERP
