"""Faults in what a WebSocket hears: lost, repeated, shuffled, stale and spoiled frames (rows 5, 8 to 14, 17 and 49).

The effect of each is a function from the frame that was to be sent to the frames that are sent instead.
"""

import copy
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from tidegate.localnet.faults.fault import Args, Fault, Kind, Parameter, Place, Table
from tidegate.localnet.faults.frames import Sent, encode

Turn = Callable[[Sent], list[bytes]]

GREETING = "Websocket connection established."
DEEP = 500
HUGE = 10**40  # beyond what 64 bits hold
BURST_MAX = 200_000
BURST_SPREAD = 0.01  # of the price, so that a burst has extremes to be missed


def _change(sent: Sent, change: Callable[[dict[str, Any]], Any]) -> list[bytes]:
    frame = copy.deepcopy(sent.frame)
    return [encode(change(frame))] if frame else [sent.raw]


def _drop(_args: Args) -> Turn:
    return lambda _sent: []


def _dup(args: Args) -> Turn:
    return lambda sent: [sent.raw] * (1 + args["copies"])


def _shuffle(_args: Args) -> Turn:
    """Hold every second frame back behind the one that follows it; the rows of one frame come in reverse."""
    held: list[bytes] = []

    def turn(sent: Sent) -> list[bytes]:
        data = sent.data
        raw = encode(sent.frame | {"data": data[::-1]}) if isinstance(data, list) else sent.raw
        if not held:
            held.append(raw)
            return []
        return [raw, held.pop()]

    return turn


def _older(args: Args) -> Turn:
    """Times of `seconds` ago and prices `by` away, as from a cache that was not told of the reconnect."""

    def age(value: Any) -> Any:
        if isinstance(value, list):
            return [age(each) for each in value]
        if not isinstance(value, dict):
            return value
        aged = {key: age(each) for key, each in value.items()}
        for key in ("time", "t", "T", "timestamp", "statusTimestamp"):
            if isinstance(aged.get(key), int):
                aged[key] -= int(args["seconds"] * 1000)
        for key in ("px", "markPx", "midPx", "oraclePx", "c"):
            if isinstance(aged.get(key), str):
                aged[key] = _moved(aged[key], args["by"])
        return aged

    return lambda sent: _change(sent, lambda frame: frame | {"data": age(frame.get("data"))})


def _raw(args: Args) -> Turn:
    """The text in front of the frame."""
    return lambda sent: [args["text"].encode(), sent.raw]


def _burst(args: Args) -> Turn:
    """The frame, then `count` of its kind; the prices of trades swing, and each print has an id of its own."""

    def turn(sent: Sent) -> list[bytes]:
        frames = [sent.raw]
        for number in range(1, args["count"] + 1):
            data = sent.data
            if sent.channel == "trades" and isinstance(data, list) and data:
                swing = BURST_SPREAD * ((number % 200) - 100) / 100
                row = data[-1] | {"px": _moved(data[-1]["px"], swing), "tid": data[-1]["tid"] ^ number}
                frames.append(encode({"channel": "trades", "data": [row]}))
            else:
                frames.append(sent.raw)
        return frames

    return turn


def _moved(px: str, by: float) -> str:
    value = Decimal(px)
    step = Decimal(1).scaleb(min(int(value.as_tuple().exponent), -1))
    return format((value * (1 + Decimal(repr(by)))).quantize(step), "f")


def _everywhere(spoil: Callable[[dict[str, Any]], None]) -> Callable[[dict[str, Any]], Any]:
    """Apply `spoil` to every object of the data that holds a price."""

    def visit(value: Any) -> None:
        if isinstance(value, list):
            for each in value:
                visit(each)
        elif isinstance(value, dict):
            if "px" in value:
                spoil(value)
            for each in value.values():
                visit(each)

    def change(frame: dict[str, Any]) -> Any:
        visit(frame.get("data"))
        return frame

    return change


def _px(value: Any) -> Callable[[dict[str, Any]], Any]:
    return _everywhere(lambda row: row.update(px=value))


def _nested(_frame: dict[str, Any]) -> Any:
    value: Any = {}
    for _ in range(DEEP):
        value = {"data": value}
    return value


MUTATIONS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "null": lambda _frame: None,
    "number": lambda _frame: 7,
    "list": lambda frame: [frame],
    "data_null": lambda frame: frame | {"data": None},
    "data_empty": lambda frame: frame | {"data": {}},
    "data_number": lambda frame: frame | {"data": 7},
    "no_data": lambda frame: {"channel": frame.get("channel")},
    "no_px": _everywhere(lambda row: row.pop("px")),
    "px_nan": _px("NaN"),
    "px_negative": _px("-1"),
    "px_infinite": _px("1e999"),
    "px_zero": _px("0"),
    "px_number": _px(1.5),
    "px_null": _px(None),
    "huge_number": _everywhere(lambda row: row.update(time=HUGE)),
    "unknown_channel": lambda frame: frame | {"channel": "noSuchChannel"},
    "deep": _nested,
}


def _mutate(args: Args) -> Turn:
    names = tuple(MUTATIONS)
    turns = 0

    def turn(sent: Sent) -> list[bytes]:
        nonlocal turns
        name = names[turns % len(names)] if args["how"] == "each" else args["how"]
        turns += 1
        return _change(sent, MUTATIONS[name])

    return turn


def _fault(says: str, make: Callable[[Args], Turn], *rows: int, parameters: tuple[Parameter, ...] = ()) -> Fault:
    return Fault(Place.FRAME, says, rows, make, parameters)


FAULTS: Table = {
    "ws.mute": _fault("frames are not sent; the connection lives on", _drop, 5, 13)._replace(times=None),
    "ws.drop": _fault("single frames are lost", _drop, 13, 14),
    "ws.dup": _fault(
        "frames come more than once",
        _dup,
        10,
        parameters=(Parameter("copies", Kind.WHOLE, default=1, least=1, most=100),),
    ),
    "ws.shuffle": _fault("pairs of frames change places, and the rows within one", _shuffle, 11, 49)._replace(
        times=None
    ),
    "ws.snapshot_age": _fault(
        "frames are older than they should be; match the first one of a channel by times 1",
        _older,
        12,
        parameters=(
            Parameter("seconds", Kind.SECONDS, default=60.0, least=0, most=86_400),
            Parameter("by", Kind.NUMBER, default=0.0, least=-0.9, most=9),
        ),
    ),
    "ws.raw": _fault(
        "a text that is no JSON comes in front of a frame",
        _raw,
        8,
        parameters=(Parameter("text", Kind.TEXT, default=GREETING),),
    ),
    "ws.mutate": _fault(
        f"frames are spoiled: each in turn, or one of {', '.join(MUTATIONS)}",
        _mutate,
        9,
        parameters=(Parameter("how", Kind.TEXT, default="each", allowed=("each", *MUTATIONS)),),
    ),
    "ws.burst": _fault(
        "a frame is followed by many of its kind at once; those of trades are prints of their own",
        _burst,
        17,
        parameters=(Parameter("count", Kind.WHOLE, default=50_000, least=1, most=BURST_MAX),),
    ),
}
