"""Recordings played as if they happened now: the door to both kinds, and the replay of candles.

Owns where a replay starts, how far its times are shifted (see `clock`), and that nothing is invented: a gap in the
candles, or a candle without volume, has no prints and no book. `path` says what happens inside a candle and
`frame_replay` plays recorded frames.
"""

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from difflib import get_close_matches
from heapq import heapify, heappop, heapreplace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tidegate.localnet.clock import tape_shift_ms
from tidegate.localnet.kernel.universe import Universe
from tidegate.localnet.markets.candles import DAY_MS, HOUR_MS, Bars, CandleStore, exact
from tidegate.localnet.markets.frame_replay import FrameReplay
from tidegate.localnet.markets.frame_tape import read_frames
from tidegate.localnet.markets.house import Grid, Level, all_grids, grids
from tidegate.localnet.markets.path import Bar, Shelf, Stroke, strokes
from tidegate.localnet.markets.tape import LENGTHS, BadRecording, read_candles, utc

if TYPE_CHECKING:
    from tidegate.localnet.exchange import Exchange

HISTORY_MAX_MS = 30 * DAY_MS
HISTORY_CANDLES = 1000  # or that many, where they reach back further
WARM_UP_CANDLES = 1000  # left as history when nobody says from where to play; of a short recording a quarter
QUOTES = ("USDT", "USDC", "USD")
CHUNK = 512  # candles turned into exact numbers at a time


class Act(NamedTuple):
    """One thing the house does: it shows a book (an empty one withdraws it) and perhaps trades into it."""

    time_ms: int
    bids: Sequence[Level]
    asks: Sequence[Level]
    px: Decimal | None
    stroke: Stroke | None


class CandleReplay:
    """Recorded candles of several coins at their recorded distances."""

    def __init__(
        self, tapes: dict[str, Bars], grid_of: dict[str, Grid], start_ms: int, shift_ms: int, says: str
    ) -> None:
        """`start_ms` is exchange time; the tapes keep recorded times, `shift_ms` is added to each."""
        self.start_ms = start_ms
        self.says = says
        self.coins: tuple[str, ...] = tuple(tapes)
        self._history: dict[str, Bars] = {}
        self._seen: dict[str, Decimal] = {}
        self._acts: list[tuple[int, int, Act, Iterator[Act]]] = []
        for order, (coin, bars) in enumerate(tapes.items()):
            first = int(np.searchsorted(bars.time_ms, start_ms - shift_ms))
            reach_ms = max(HISTORY_MAX_MS, HISTORY_CANDLES * bars.interval_ms)
            oldest = int(np.searchsorted(bars.time_ms, start_ms - shift_ms - reach_ms))
            self._history[coin] = _shifted(bars.slice(oldest, first), shift_ms)
            acts = _acts(_shifted(bars.slice(first, len(bars)), shift_ms), grid_of[coin])
            opening = next(acts, None)
            if opening is not None:
                self._acts.append((opening.time_ms, order, opening, acts))
        heapify(self._acts)

    def prepare(self, exchange: "Exchange") -> None:
        """Load what was before the start."""
        for coin, bars in self._history.items():
            exchange.load_candles(coin, CandleStore(coin, bars))
            if len(bars):
                exchange.set_oracle(coin, exact(bars.close[-1]))

    def next_ms(self) -> int | None:
        """The next act, None after the last candle."""
        return self._acts[0][0] if self._acts else None

    def step(self, exchange: "Exchange") -> None:
        """Play every act that is due, the coins in the order of their files."""
        due_ms = self.next_ms()
        while self._acts and self._acts[0][0] == due_ms:
            _, order, act, acts = self._acts[0]
            self._play(exchange, self.coins[order], act)
            following = next(acts, None)
            if following is None:
                heappop(self._acts)
            else:
                heapreplace(self._acts, (following.time_ms, order, following, acts))

    def _play(self, exchange: "Exchange", coin: str, act: Act) -> None:
        """One act. The oracle follows other venues: it tells what was printed before this act, not what is to come."""
        seen = self._seen.pop(coin, None)
        if seen is not None:
            exchange.set_oracle(coin, seen)
        exchange.quote(coin, act.bids, act.asks)
        if act.stroke is not None:
            exchange.trade(coin, act.stroke.side, act.stroke.px, act.stroke.sz)
        if act.px is not None:
            self._seen[coin] = act.px


def open_replay(
    paths: Sequence[Path],
    universe: Universe,
    *,
    wall_ms: int | None,
    from_ms: int | None = None,
    align_ms: int | None = None,
    coins: Sequence[str] | None = None,
) -> "CandleReplay | FrameReplay":
    """Open recordings of one kind: candles (`.parquet`, `.csv`, `.csv.gz`) or frames (`.jsonl`, `.jsonl.gz`).

    `from_ms` is a recorded time; without it a replay of candles leaves itself some days of history. `coins` names
    the coin of each candle file, in order, or the coins to play of a file of frames. `wall_ms` is where the start is
    moved to, by a multiple of `align_ms`; without it recorded times stay as they are. Raises BadRecording with every
    problem found.
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
            by_lower = {name.lower(): name for name in known}
            near = get_close_matches(coin.lower(), by_lower, 1)
            hint = f", did you mean {by_lower[near[0]]}" if near else ""
            found.append(
                f"{path}: unknown coin {coin!r}{hint}; expected one of {', '.join(known)};"
                " name the file BTC_1m_... or say which coin it holds"
            )
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


def _shifted(bars: Bars, shift_ms: int) -> Bars:
    time_ms, *others = bars.columns()
    return Bars(bars.interval_ms, time_ms + shift_ms, *others)


def _acts(bars: Bars, grid: Grid) -> Iterator[Act]:
    """What the house does through these candles: a book at each open, the path, nothing where nothing was traded."""
    interval_ms = bars.interval_ms
    shown_until_ms: int | None = None
    for bar in _exactly(bars):
        if shown_until_ms is not None and (bar.time_ms != shown_until_ms or not bar.volume):
            yield Act(shown_until_ms, (), (), None, None)
            shown_until_ms = None
        if not bar.volume:
            continue
        shelf = Shelf(bar, grid)
        path = strokes(bar, interval_ms, grid)
        yield Act(bar.time_ms, *shelf.around(bar.open, path[0].side, Decimal(0)), bar.open, None)
        for stroke in path:
            yield Act(stroke.time_ms, *shelf.around(stroke.px, stroke.side, stroke.sz), stroke.px, stroke)
        shown_until_ms = bar.time_ms + interval_ms
    if shown_until_ms is not None:
        yield Act(shown_until_ms, (), (), None, None)


def _exactly(bars: Bars) -> Iterator[Bar]:
    for start in range(0, len(bars), CHUNK):
        time_ms, *columns, _ = bars.slice(start, start + CHUNK).columns()
        rows = zip(time_ms.tolist(), *([exact(value) for value in column.tolist()] for column in columns), strict=True)
        yield from (Bar(*row) for row in rows)
