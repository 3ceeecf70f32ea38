"""Faults in what /info tells: candles, account state, metadata (rows 55 to 61). The exchange itself stays as it is.

Each changes the decoded answer to the request it names; answers of another shape pass unchanged.
"""

import copy
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

from tidegate.localnet.faults.asked import Asked
from tidegate.localnet.faults.course import Answered, Choose, Course
from tidegate.localnet.faults.fault import Args, Fault, Kind, Parameter, Place, Table

Rows = list[dict[str, Any]]
CANDLES, STATE, META, CONTEXTS = "candleSnapshot", "clearinghouseState", "meta", "metaAndAssetCtxs"
NEW_COIN = "NEWCOIN"
PRICES = ("o", "c", "h", "l")
META_FIELDS = (("szDecimals", "sz_decimals"), ("maxLeverage", "max_leverage"))


def _changing(kinds: tuple[str, ...], change: Callable[[Asked, Any], Any]) -> Choose:
    """A course that changes the body of the answers to these requests."""

    def answered(asked: Asked, answer: Answered) -> Answered:
        return answer._replace(body=change(asked, copy.deepcopy(answer.body)))

    return lambda asked: Course(change=answered) if asked.type in kinds else None


def _candles(change: Callable[[Rows], Rows]) -> Choose:
    return _changing((CANDLES,), lambda _asked, rows: change(rows) if isinstance(rows, list) and rows else rows)


def _gap(args: Args) -> Choose:
    """Without `count` candles that end `back` candles before the newest."""

    def without(rows: Rows) -> Rows:
        end = max(len(rows) - args["back"], 0)
        return rows[: max(end - args["count"], 0)] + rows[end:]

    return _candles(without)


def _revise(args: Args) -> Choose:
    """The last closed candle with another close and another volume: what was told before is no longer true."""

    def revised(rows: Rows) -> Rows:
        if len(rows) > 1:
            row = rows[-2]
            row["c"] = _scaled(row["c"], 1 + args["by"])
            row["h"] = max(row["h"], row["c"], key=Decimal)
            row["l"] = min(row["l"], row["c"], key=Decimal)
            row["v"] = _scaled(row["v"], 2)
        return rows

    return _candles(revised)


def _duplicate(rows: Rows) -> Rows:
    return [*rows, dict(rows[-1])]


def _unsorted(rows: Rows) -> Rows:
    return rows[::-1]


def _prices(value: str) -> Callable[[Rows], Rows]:
    def spoiled(rows: Rows) -> Rows:
        rows[-1] |= dict.fromkeys(PRICES, value)
        return rows

    return spoiled


def _negative(rows: Rows) -> Rows:
    rows[-1] |= {key: "-" + rows[-1][key] for key in PRICES}
    return rows


def _crossed(rows: Rows) -> Rows:
    rows[-1]["h"], rows[-1]["l"] = rows[-1]["l"], rows[-1]["h"]
    if rows[-1]["h"] == rows[-1]["l"]:
        rows[-1]["h"] = _scaled(rows[-1]["l"], 0.9)
    return rows


def _empty_volume(rows: Rows) -> Rows:
    rows[-1] |= {"v": "0.0", "n": 0}
    return rows


BAD: dict[str, Callable[[Rows], Rows]] = {
    "duplicate": _duplicate,
    "unsorted": _unsorted,
    "nan": _prices("NaN"),
    "zero": _prices("0.0"),
    "negative": _negative,
    "crossed": _crossed,
    "volume": _empty_volume,
}


def _stale(args: Args) -> Choose:
    """The first answer to each body again and again; `times` or `for_s` of the rule end it."""
    first: dict[str, Answered] = {}

    def again(asked: Asked, answer: Answered) -> Answered:
        return first.setdefault(repr(asked.body), answer)

    return lambda asked: Course(change=again) if asked.type == args["request"] else None


def _empty(_args: Args) -> Choose:
    """An account without positions and without money, at the right time."""

    def emptied(_asked: Asked, body: Any) -> Any:
        if isinstance(body, dict) and "assetPositions" in body:
            nothing = dict.fromkeys(("accountValue", "totalNtlPos", "totalRawUsd", "totalMarginUsed"), "0.0")
            body |= {"marginSummary": nothing, "crossMarginSummary": dict(nothing), "assetPositions": []}
            body |= {"crossMaintenanceMarginUsed": "0.0", "withdrawable": "0.0"}
        return body

    return _changing((STATE,), emptied)


def _meta_changed(args: Args) -> Choose:
    def changed(_asked: Asked, body: Any) -> Any:
        for row in _universe(body):
            if row["name"] == args["coin"]:
                row |= {key: args[name] for key, name in META_FIELDS if args[name] >= 0}
        return body

    return _changing((META, CONTEXTS), changed)


def _meta_shift(args: Args) -> Choose:
    """One coin more, at place `at`: all coins behind it have another index than the exchange gives them."""

    def shifted(_asked: Asked, body: Any) -> Any:
        universe = _universe(body)
        if universe:
            at = min(args["at"], len(universe)) if args["at"] >= 0 else len(universe)
            universe.insert(at, universe[0] | {"name": NEW_COIN})
            if isinstance(body, list):
                body[1].insert(at, dict(body[1][0]))
        return body

    return _changing((META, CONTEXTS), shifted)


def _universe(body: Any) -> Rows:
    inner = body[0] if isinstance(body, list) and body else body
    universe = inner.get("universe") if isinstance(inner, dict) else None
    return universe if isinstance(universe, list) else []


def _scaled(text: str, factor: float) -> str:
    """A number in the exchange's spelling, scaled, with the decimals it had."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        return text
    step = Decimal(1).scaleb(min(int(value.as_tuple().exponent), -1))
    return format((value * Decimal(repr(factor))).quantize(step), "f")


def _fault(says: str, make: Callable[[Args], Choose], *rows: int, parameters: tuple[Parameter, ...] = ()) -> Fault:
    return Fault(Place.REQUEST, says, rows, make, parameters)


COIN = Parameter("coin", Kind.TEXT)

FAULTS: Table = {
    "candle.gap": _fault(
        "candles are missing: `count` of them, ending `back` candles before the newest",
        _gap,
        55,
        parameters=(
            Parameter("count", Kind.WHOLE, default=1, least=1, most=5_000),
            Parameter("back", Kind.WHOLE, default=1, least=0, most=5_000),
        ),
    ),
    "candle.revise": _fault(
        "the last closed candle is told otherwise: match the n-th request by after",
        _revise,
        57,
        parameters=(Parameter("by", Kind.NUMBER, default=0.002, least=-0.9, most=9),),
    ),
    "candle.bad": _fault(
        "candles that cannot be: duplicate, unsorted, nan, zero, negative, crossed (high below low), volume (zero)",
        lambda args: _candles(BAD[args["how"]]),
        55,
        58,
        parameters=(Parameter("how", Kind.TEXT, default="crossed", allowed=tuple(BAD)),),
    ),
    "state.stale": _fault(
        "the first answer is repeated",
        _stale,
        59,
        parameters=(Parameter("request", Kind.TEXT, default=STATE),),
    )._replace(times=None),
    "state.empty": _fault("the account shows no position and no money", _empty, 59),
    "meta.changed": _fault(
        "a coin's szDecimals or maxLeverage are told otherwise (-1: as it is); the exchange judges by its own",
        _meta_changed,
        40,
        61,
        parameters=(
            COIN,
            Parameter("sz_decimals", Kind.WHOLE, default=-1, least=-1, most=8),
            Parameter("max_leverage", Kind.WHOLE, default=-1, least=-1, most=50),
        ),
    ),
    "meta.shift": _fault(
        "a new coin is listed, in front of others when `at` says so (-1: at the end)",
        _meta_shift,
        61,
        parameters=(Parameter("at", Kind.WHOLE, default=-1, least=-1, most=1_000),),
    ),
}
