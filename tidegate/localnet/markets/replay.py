"""Recordings played as if they happened now: the door to candles, ticks and frames.

Owns which kind a file is, which coin it holds, where a replay starts and how far its times are shifted (see `clock`).
`candle_replay`, `tick_replay` and `frame_replay` play them.
"""

import re
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

import numpy as np

from tidegate.localnet.clock import tape_shift_ms
from tidegate.localnet.kernel.universe import Universe
from tidegate.localnet.markets.candle_replay import CandleReplay
from tidegate.localnet.markets.candles import HOUR_MS, Bars
from tidegate.localnet.markets.frame_replay import FrameReplay
from tidegate.localnet.markets.frame_tape import read_frames
from tidegate.localnet.markets.house import Grid, all_grids, grids
from tidegate.localnet.markets.table import Kind
from tidegate.localnet.markets.tape import LENGTHS, BadRecording, read_candles, utc
from tidegate.localnet.markets.tick_replay import TickReplay
from tidegate.localnet.markets.tick_tape import TickTape, read_ticks, tick_kind

WARM_UP_CANDLES = 1000  # left as history when nobody says from where to play; of a short recording a quarter
QUOTES = ("USDT", "USDC", "USD")


def open_replay(
    paths: Sequence[Path],
    universe: Universe,
    *,
    wall_ms: int | None,
    from_ms: int | None = None,
    align_ms: int | None = None,
    coins: Sequence[str] | None = None,
) -> CandleReplay | FrameReplay | TickReplay:
    """Open recordings of one kind: candles or ticks (`.parquet`, `.csv`, `.csv.gz`) or frames (`.jsonl`, `.jsonl.gz`).

    `from_ms` is a recorded time; without it a replay of candles leaves itself some days of history. `coins` names
    the coin of each file of candles or ticks, in order, or the coins to play of a file of frames. `wall_ms` is where
    the start is moved to, by a multiple of `align_ms`; without it recorded times stay as they are. Raises
    BadRecording with every problem found.
    """
    if not paths:
        raise BadRecording(["replay: no file given; expected candles or recorded frames"])
    frames = [path for path in paths if path.name.endswith((".jsonl", ".jsonl.gz"))]
    problems = [
        f"{path}: no such file; expected a recording; check the path" for path in paths if not path.is_file()
    ] + [
        f"{path}: unknown kind of file; expected .parquet, .csv, .csv.gz, .jsonl or .jsonl.gz"
        for path in paths
        if path not in frames and not path.name.endswith((".parquet", ".csv", ".csv.gz"))
    ]
    if frames and len(paths) > 1:
        problems.append(
            "replay: recorded frames come in one file, without others; replay one file of frames or candles"
        )
    if problems:
        raise BadRecording(problems)
    if frames:
        tape = read_frames(frames[0], all_grids(universe), from_ms, coins)
        align_ms = align_ms or HOUR_MS
        return FrameReplay(tape, _shift_ms(tape.start_ms, wall_ms, align_ms))
    kinds = {path: tick_kind(path) for path in paths}
    if any(kinds.values()):
        return _open_ticks(kinds, all_grids(universe), wall_ms, from_ms, align_ms, coins)
    return _open_candles(paths, grids(universe), wall_ms, from_ms, align_ms, coins)


def _open_candles(
    paths: Sequence[Path],
    known: dict[str, Grid],
    wall_ms: int | None,
    from_ms: int | None,
    align_ms: int | None,
    coins: Sequence[str] | None,
) -> CandleReplay:
    problems: list[str] = []
    if coins is not None and len(coins) != len(paths):
        problems.append(
            f"replay: {len(coins)} coins ({', '.join(coins)}) for {len(paths)} files; expected a coin for each file"
        )
        coins = None
    tapes: dict[str, Bars] = {}
    for path, coin in zip(paths, coins or [_coin_of(path, known) for path in paths], strict=True):
        bars, found = read_candles(path)
        if coin not in known:
            found.append(_unknown(path, coin, known))
        elif coin in tapes:
            found.append(f"{path}: a second file of {coin}; expected one file a coin; replay them one after the other")
        problems += found
        if bars is not None:
            tapes[coin] = bars
    if not problems:
        problems += _span_problems(tapes, from_ms)
    if problems:
        raise BadRecording(problems)
    start_ms = _start_ms(tapes, from_ms)
    longest_ms = max(bars.interval_ms for bars in tapes.values())
    shift_ms = _shift_ms(start_ms, wall_ms, max(align_ms or HOUR_MS, longest_ms))
    spans = ", ".join(f"{coin} {LENGTHS[bars.interval_ms]}" for coin, bars in tapes.items())
    end_ms = max(int(bars.time_ms[-1]) + bars.interval_ms for bars in tapes.values())
    says = f"replay of recorded candles: {spans}, from {utc(start_ms)} to {utc(end_ms)} UTC"
    return CandleReplay(tapes, known, start_ms + shift_ms, shift_ms, says)


def _open_ticks(
    kinds: dict[Path, Kind | None],
    known: dict[str, Grid],
    wall_ms: int | None,
    from_ms: int | None,
    align_ms: int | None,
    coins: Sequence[str] | None,
) -> TickReplay:
    problems: list[str] = []
    if coins is not None and len(coins) != len(kinds):
        problems.append(
            f"replay: {len(coins)} coins ({', '.join(coins)}) for {len(kinds)} files; expected a coin for each file"
        )
        coins = None
    tapes: dict[str, list[TickTape]] = {}
    for (path, kind), coin in zip(kinds.items(), coins or [_coin_of(path, known) for path in kinds], strict=True):
        if kind is None:
            problems.append(f"{path}: holds no ticks, unlike others; replay files of ticks or of candles")
            continue
        tape, found = read_ticks(path, kind)
        problems += found
        if coin not in known:
            problems.append(_unknown(path, coin, known))
        elif tape is not None and any(other.kind is kind for other in tapes.get(coin, ())):
            problems.append(f"{path}: a second file of {kind.name} of {coin}; expected one; replay one after the other")
        elif tape is not None:
            tapes.setdefault(coin, []).append(tape)
    if not problems:
        first_ms = min(int(tape.time_ms[0]) for own in tapes.values() for tape in own)
        last_ms = max(int(tape.time_ms[-1]) for own in tapes.values() for tape in own)
        if from_ms is not None and not first_ms <= from_ms <= last_ms:
            span = f"{utc(first_ms)} to {utc(last_ms)} UTC"
            problems.append(f"replay: the ticks span {span}; expected a start in it, found {utc(from_ms)}")
    if problems:
        raise BadRecording(problems)
    start_ms = first_ms if from_ms is None else from_ms
    return TickReplay(tapes, start_ms, _shift_ms(start_ms, wall_ms, align_ms or HOUR_MS))


def _unknown(path: Path, coin: str, known: dict[str, Grid]) -> str:
    by_lower = {name.lower(): name for name in known}
    near = get_close_matches(coin.lower(), by_lower, 1)
    hint = f", did you mean {by_lower[near[0]]}" if near else ""
    return (
        f"{path}: unknown coin {coin!r}{hint}; expected one of {', '.join(known)};"
        " name the file BTC_1m_... or say which coin it holds"
    )


def _shift_ms(recorded_ms: int, wall_ms: int | None, align_ms: int) -> int:
    return 0 if wall_ms is None else tape_shift_ms(recorded_ms, wall_ms, align_ms)


def _coin_of(path: Path, known: dict[str, Grid]) -> str:
    word = re.split(r"[_\-.]", path.name)[0]
    if word not in known:
        for quote in QUOTES:
            if word.endswith(quote) and word.removesuffix(quote) in known:
                return word.removesuffix(quote)
    return word


def _span_problems(tapes: dict[str, Bars], from_ms: int | None) -> list[str]:
    """What keeps the files from being played together from `from_ms`."""
    problems = []
    for coin, bars in tapes.items():
        first_ms, end_ms = int(bars.time_ms[0]), int(bars.time_ms[-1]) + bars.interval_ms
        span = f"{utc(first_ms)} to {utc(end_ms)} UTC"
        if from_ms is not None and not first_ms <= from_ms < end_ms:
            problems.append(f"replay: the candles of {coin} span {span}; expected a start in it, found {utc(from_ms)}")
        elif not (bars.volume[bars.time_ms >= (from_ms or 0)] > 0).any():
            problems.append(
                f"replay: the candles of {coin} from {utc(from_ms or first_ms)} on hold no volume, so nothing would"
                " trade; expected base units; take a recording with volume"
            )
    latest = max(int(bars.time_ms[0]) for bars in tapes.values())
    earliest_end = min(int(bars.time_ms[-1]) for bars in tapes.values())
    if from_ms is None and latest > earliest_end:
        problems.append(f"replay: the files do not overlap (one begins {utc(latest)}, one ends {utc(earliest_end)})")
    return problems


def _start_ms(tapes: dict[str, Bars], from_ms: int | None) -> int:
    """The open of the candle in which the replay starts (or of the next one, in a gap), in recorded time."""
    first_ms = max(int(bars.time_ms[0]) for bars in tapes.values())
    last_ms = min(int(bars.time_ms[-1]) for bars in tapes.values())
    warm_up_ms = WARM_UP_CANDLES * max(bars.interval_ms for bars in tapes.values())
    wanted_ms = from_ms if from_ms is not None else first_ms + min(warm_up_ms, (last_ms - first_ms) // 4)
    opens = [
        int(bars.time_ms[int(np.searchsorted(bars.time_ms + bars.interval_ms, wanted_ms, side="right"))])
        for bars in tapes.values()
    ]
    return min(opens)
