"""The door between a strategy's floats and the bot's Decimals: one row of wishes becomes one Signal.

Nothing passes that is not a positive finite number. An entry whose stop or size fraction is unusable is no entry:
the strategy meant a protected position, and a number that an unfinished indicator gave protects nobody. A
take-profit or a trail that is unusable is left away, and said. Never looks at more than one row.
"""

from collections.abc import Mapping
from decimal import Context, Decimal
from math import isfinite, isnan
from numbers import Real

from tidegate.model.signals import Signal, Want

# Beyond any price grid (five figures) and short of the noise of binary fractions (sixteen).
DOOR_DIGITS = Context(prec=12)
REASON_LENGTH_MAX = 200


def signal_of(row: Mapping[str, object], close: Decimal) -> tuple[Signal, tuple[str, ...]]:
    """The signal that a row of `Strategy.wishes` means at `close`, and what was left away or refused, in words.

    Raises ValueError when the row is no row of wishes.
    """
    want = _want(row.get("want"))
    reason = _one_line(row.get("reason"))
    if want.direction == 0 and want is not Want.ADD:
        return Signal(want=want, reason=reason, close=close), ()
    if problem := _entry_problem(row):
        return Signal(want=Want.HOLD, reason=f"no entry: {problem}", close=close), (problem,)
    if want is Want.ADD:
        return Signal(want=want, reason=reason, close=close, size_fraction=_fraction(row)), ()
    complaints = [
        f"{name} {_number(row.get(name))} is not a positive price and was left away"
        for name in ("take_profit", "trail_by")
        if _unusable(_number(row.get(name)))
    ]
    signal = Signal(
        want=want,
        reason=reason,
        close=close,
        stop=_price(row.get("stop")),
        take_profit=_price(row.get("take_profit")),
        trail_by=_price(row.get("trail_by")),
        size_fraction=_fraction(row),
    )
    return signal, tuple(complaints)


def _entry_problem(row: Mapping[str, object]) -> str | None:
    stop = _number(row.get("stop"))
    if _unusable(stop):
        return f"stop {stop} is not a positive price"
    fraction = _number(row.get("size_fraction"), 1.0)
    if not 0 < fraction <= 1:
        return f"size_fraction {fraction} is not in (0, 1]"
    return None


def _fraction(row: Mapping[str, object]) -> Decimal:
    return _decimal(_number(row.get("size_fraction"), 1.0))


def _want(value: object) -> Want:
    try:
        return Want(value)
    except ValueError:
        allowed = ", ".join(want.value for want in Want)
        raise ValueError(f"want must be one of {allowed}, not {value!r}") from None


def _one_line(value: object) -> str:
    text = " ".join(str(value).split()) if isinstance(value, str) else ""
    return text if len(text) <= REASON_LENGTH_MAX else text[: REASON_LENGTH_MAX - 1] + "…"


def _number(value: object, missing: float = float("nan")) -> float:
    if value is None:
        return missing
    if isinstance(value, Real | Decimal):
        return float(value)
    raise ValueError(f"expected a number, got {value!r}")


def _unusable(number: float) -> bool:
    """Whether a number that was given cannot be a price; NaN is how a frame says that none was given."""
    return not isnan(number) and not (isfinite(number) and number > 0)


def _price(value: object) -> Decimal | None:
    number = _number(value)
    return _decimal(number) if isfinite(number) and number > 0 else None


def _decimal(number: float) -> Decimal:
    rounded = DOOR_DIGITS.create_decimal(repr(number)).normalize(DOOR_DIGITS)
    # Written out, so that a round price is 105000 and not 1.05E+5 in every log line after this.
    return Decimal(f"{rounded:f}")
