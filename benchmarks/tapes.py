"""What is streamed to every listener alike: frames as recorded from mainnet, and frames made up here.

Owns their content. A frame's `time` is replaced when it is played: it numbers the frames, so that whoever hears one can
say which. Only `trades` and `l2Book` are used, for those are what all three listeners can subscribe to.
"""

import gzip
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

SHARED = Path(__file__).resolve().parents[2] / "shared"
RECORDING = SHARED / "data" / "ws" / "hyperliquid" / "20250904_1946_BTC-ETH-SOL_l2-bbo-trades.jsonl.gz"
CHANNELS = ("trades", "l2Book")
SYNTHETIC_COINS = 50
SYNTHETIC_LEVELS = 5
TRADES_SHARE = 0.7
HASH = "0x" + "ab7ac612399342b1acf4041c880dcd01" * 2
USERS = ["0x" + "76" * 20, "0x" + "bb" * 20]
"""The recording lacks these two; the true frames have them, and every listener has to read past them."""

Frame = dict[str, Any]


class Tape(msgspec.Struct, frozen=True):
    """Frames of some coins, in order; `lacking` says why there are none."""

    name: str
    coins: tuple[str, ...]
    frames: tuple[Frame, ...]
    lacking: str = ""


def recorded(count: int, path: Path = RECORDING) -> Tape:
    """The first so many frames of a recording of mainnet: three coins, books of twenty levels."""
    name = "recorded, 3 coins"
    if not path.is_file():
        return Tape(name, (), (), f"{path.name} is not there")
    frames: list[Frame] = []
    with gzip.open(path) as lines:
        for line in lines:
            frame = msgspec.json.decode(line)["raw"]
            if isinstance(frame, str):
                frame = msgspec.json.decode(frame)
            if frame.get("channel") in CHANNELS and frame["data"]:
                frames.append(frame)
                if len(frames) == count:
                    break
    return Tape(name, tuple(sorted({coin_of(frame) for frame in frames})), tuple(frames))


def synthetic(count: int, seed: int = 1) -> Tape:
    """So many frames of fifty coins that walk at random: two prints a frame, and books of five levels."""
    rng = random.Random(seed)
    coins = tuple(f"C{number:02}" for number in range(SYNTHETIC_COINS))
    prices = {coin: rng.randint(1_000, 90_000) for coin in coins}
    frames: list[Frame] = []
    for _ in range(count):
        coin = rng.choice(coins)
        prices[coin] += rng.randint(-3, 3)
        frames.append(_trades(rng, coin, prices) if rng.random() < TRADES_SHARE else _book(rng, coin, prices[coin]))
    return Tape(f"synthetic, {SYNTHETIC_COINS} coins", coins, tuple(frames))


def coin_of(frame: Frame) -> str:
    """Whose frame it is."""
    data = frame["data"]
    return str((data[0] if isinstance(data, list) else data)["coin"])


def numbered(tape: Tape, first_ms: int) -> list[bytes]:
    """The frames as bytes, timed `first_ms` and up by one; behind them a print, by which listeners know the end."""
    end = _trades(random.Random(0), tape.coins[0], dict.fromkeys(tape.coins, 1_000))
    return [msgspec.json.encode(_timed(frame, first_ms + number)) for number, frame in enumerate((*tape.frames, end))]


def _timed(frame: Frame, time_ms: int) -> Frame:
    if frame["channel"] == "trades":
        prints = [
            {**row, "time": time_ms, "tid": time_ms * 1_000 + place, "hash": HASH, "users": USERS}
            for place, row in enumerate(frame["data"])
        ]
        return {**frame, "data": prints}
    return {**frame, "data": {**frame["data"], "time": time_ms}}


def _trades(rng: random.Random, coin: str, prices: dict[str, int]) -> Frame:
    rows = [
        {"coin": coin, "side": rng.choice("AB"), "px": f"{prices[coin] + step}.0", "sz": f"0.{rng.randint(1, 999):03}"}
        for step in range(2)
    ]
    return {"channel": "trades", "data": rows}


def _book(rng: random.Random, coin: str, price: int) -> Frame:
    def side(sign: int) -> Sequence[dict[str, object]]:
        return [
            {"px": f"{price + sign * step}.0", "sz": f"{rng.randint(1, 99)}.5", "n": rng.randint(1, 9)}
            for step in range(1, SYNTHETIC_LEVELS + 1)
        ]

    return {"channel": "l2Book", "data": {"coin": coin, "levels": [side(-1), side(1)]}}
