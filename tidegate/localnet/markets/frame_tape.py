"""Recorded WebSocket frames read from a file: one JSON object a line, `recv_ns` and the frame in `raw`.

Owns the shapes of the channels that can be replayed (l2Book, bbo, trades; others are ignored) and the checks: every
problem is told at once. Keeps the frames as bytes, because decoded books of an hour would fill the memory.
"""

import gzip
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from tidegate.localnet.markets.house import Grid, Level, Side
from tidegate.localnet.markets.tape import BadRecording, utc

FRAMES_IN_FILE_MAX = 5_000_000
BAD_LINES_SHOWN = 3
Channel = Literal["l2Book", "bbo", "trades"]
CHANNELS: tuple[Channel, ...] = ("l2Book", "bbo", "trades")


class RecordedLevel(msgspec.Struct):
    """A level; `n` is 0 where the recorder did not keep the number of orders."""

    px: Decimal
    sz: Decimal
    n: int = 0

    def level(self) -> Level:
        """As the house quotes it."""
        return self.px, self.sz, max(1, self.n)


class RecordedBook(msgspec.Struct):
    """Data of an l2Book frame."""

    coin: str
    levels: tuple[list[RecordedLevel], list[RecordedLevel]]


class RecordedTouch(msgspec.Struct):
    """Data of a bbo frame."""

    coin: str
    bbo: tuple[RecordedLevel | None, RecordedLevel | None]


class RecordedTrade(msgspec.Struct):
    """One entry of a trades frame; `side` is the taker's."""

    coin: str
    side: Side
    px: Decimal
    sz: Decimal
    time: int
    tid: int


class _Frame(msgspec.Struct):
    channel: str = ""
    data: msgspec.Raw = msgspec.Raw(b"null")


class _Line(msgspec.Struct):
    recv_ns: int
    raw: _Frame


_line = msgspec.json.Decoder(_Line).decode
decode_book = msgspec.json.Decoder(RecordedBook).decode
decode_touch = msgspec.json.Decoder(RecordedTouch).decode
decode_trades = msgspec.json.Decoder(list[RecordedTrade]).decode


class Frame(NamedTuple):
    """One recorded frame: receive time, channel, coins in it, and its data as bytes (decoded when it is played)."""

    time_ms: int
    channel: Channel
    data: bytes


@dataclass(frozen=True)
class FrameTape:
    """A judged recording. `before` are the frames that were received before the start."""

    path: Path
    coins: tuple[str, ...]
    start_ms: int
    before: list[Frame]
    frames: list[Frame]
    says: str


def read_frames(path: Path, known: Mapping[str, Grid], from_ms: int | None, coins: Sequence[str] | None) -> FrameTape:
    """Read and judge a recording; `from_ms` is a recorded receive time. Raises BadRecording with every problem."""
    frames, seen, problems = _read(path)
    wanted = tuple(coins) if coins is not None else tuple(seen)
    problems += [
        f"{path}: unknown coin {coin!r}; expected coins among {', '.join(known)}; name the coins to play without it"
        for coin in wanted
        if coin in seen and coin not in known
    ]
    played = tuple(coin for coin in wanted if coin in seen and coin in known)
    if not frames and not problems:
        problems.append(f"{path}: holds no l2Book, bbo or trades frames of Hyperliquid; expected at least one")
    elif not played and not problems:
        problems.append(f"{path}: holds frames of {', '.join(seen)}; expected one of {', '.join(wanted)}; name others")
    elif frames and from_ms is not None and not frames[0].time_ms <= from_ms <= frames[-1].time_ms:
        span = f"{utc(frames[0].time_ms)} to {utc(frames[-1].time_ms)} UTC"
        problems.append(f"{path}: the frames span {span}; expected a start in it, found {utc(from_ms)}")
    if problems:
        raise BadRecording(problems)
    start_ms = frames[0].time_ms if from_ms is None else from_ms
    first = next((index for index, frame in enumerate(frames) if frame.time_ms >= start_ms), len(frames))
    says = (
        f"replay of recorded frames: {', '.join(played)}, {utc(start_ms)} to {utc(frames[-1].time_ms)} UTC"
        f" ({len(frames) - first} frames)"
    )
    return FrameTape(path, played, start_ms, frames[:first], frames[first:], says)


def _read(path: Path) -> tuple[list[Frame], dict[str, None], list[str]]:
    """The frames of the known channels, the coins in order of appearance, and the problems."""
    frames: list[Frame] = []
    coins: dict[str, None] = {}
    bad: list[str] = []
    bad_lines, backwards, last_ns = 0, 0, 0
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as lines:
            for number, text in enumerate(lines, start=1):
                try:
                    line = _line(text)
                    if line.raw.channel not in CHANNELS:
                        continue
                    frame = Frame(line.recv_ns // 1_000_000, line.raw.channel, bytes(line.raw.data))
                    coins |= dict.fromkeys(_coins_in(frame))
                except (msgspec.MsgspecError, ValueError) as error:
                    bad_lines += 1
                    if len(bad) < BAD_LINES_SHOWN:
                        bad.append(f"line {number}: {' '.join(str(error).split())[:100]}")
                    continue
                backwards += line.recv_ns < last_ns
                last_ns = max(last_ns, line.recv_ns)
                frames.append(frame)
                if len(frames) > FRAMES_IN_FILE_MAX:
                    return [], coins, [f"{path}: more than {FRAMES_IN_FILE_MAX} frames; cut the recording"]
    except (OSError, EOFError, zlib.error) as error:
        return [], coins, [f"{path}: cannot be read ({error}); expected JSON lines, gzipped if it ends in .gz"]
    problems = []
    if bad_lines:
        problems.append(
            f"{path}: {bad_lines} lines are no frames of a Hyperliquid market channel ({'; '.join(bad)}); expected"
            ' {"recv_ns": ns, "raw": {"channel": ..., "data": ...}}; repair or remove them'
        )
    if backwards:
        problems.append(
            f"{path}: {backwards} lines are older than one before; expected ascending recv_ns; sort the lines"
        )
    return frames, coins, problems


def _coins_in(frame: Frame) -> Iterable[str]:
    """The coins of a frame; raises ValueError when a price or size is not positive and finite."""
    if frame.channel == "trades":
        trades = decode_trades(frame.data)
        _check(number for trade in trades for number in (trade.px, trade.sz))
        return [trade.coin for trade in trades]
    if frame.channel == "bbo":
        touch = decode_touch(frame.data)
        _check(number for level in touch.bbo if level for number in (level.px, level.sz))
        return [touch.coin]
    book = decode_book(frame.data)
    for side in book.levels:
        _check(number for level in side for number in (level.px, level.sz))
    bids, asks = ([level.px for level in side] for side in book.levels)
    if bids != sorted(set(bids), reverse=True) or asks != sorted(set(asks)) or (bids and asks and bids[0] >= asks[0]):
        raise ValueError("levels are crossed or not in order of price")
    return [book.coin]


def _check(numbers: Iterable[Decimal]) -> None:
    for number in numbers:
        if not number.is_finite() or number <= 0:
            raise ValueError(f"{number} is no price or size")
