"""An exchange that does nothing but print: so many trades a second of fifty coins, over one socket, in a process of
its own. What it prints is drawn from a seed, so that whoever knows it knows every price without having heard it."""

import asyncio
import random
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection

import msgspec
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

COINS = tuple(f"T{number:02}" for number in range(50))
TICK_S = 0.01
PONG = '{"channel":"pong"}'


def prices(count: int) -> Iterator[tuple[str, str]]:
    """The prints in order, the coins in turn: (coin, price)."""
    chance = random.Random(26)
    for number in range(count):
        yield COINS[number % len(COINS)], f"{chance.randint(1, 99_999_999) / 100:.2f}"


class Torrent:
    """One listener, and `count` prints for it, `per_s` a second."""

    def __init__(self, conn: Connection, count: int, per_s: int) -> None:
        self._conn, self._count, self._per_s = conn, count, per_s
        self._asked: set[str] = set()
        self._all_asked = asyncio.Event()

    async def run(self) -> None:
        """Serve one listener until it leaves, then end."""
        over = asyncio.Event()

        async def listen(connection: ServerConnection) -> None:
            try:
                await self._listen(connection)
            except ConnectionClosed:
                pass
            finally:
                over.set()

        async with serve(listen, "127.0.0.1", 0, compression=None, ping_interval=None) as server:
            self._conn.send(next(iter(server.sockets)).getsockname()[1])
            await over.wait()

    async def _listen(self, connection: ServerConnection) -> None:
        pouring = asyncio.ensure_future(self._pour(connection))
        try:
            async for message in connection:
                said = msgspec.json.decode(message)
                if said["method"] == "ping":
                    await connection.send(PONG)
                else:
                    self._asked.add(said["subscription"]["coin"])
                    answer = {"channel": "subscriptionResponse", "data": said}
                    await connection.send(msgspec.json.encode(answer).decode())
                    if len(self._asked) == len(COINS):
                        self._all_asked.set()
        finally:
            pouring.cancel()

    async def _pour(self, connection: ServerConnection) -> None:
        await self._all_asked.wait()
        await asyncio.sleep(0.1)  # the last acknowledgement is on its way
        tape, sent, began_s = prices(self._count), 0, time.monotonic()
        while sent < self._count:
            due = min(self._count, int((time.monotonic() - began_s) * self._per_s) + 1)
            now_ms = time.time_ns() // 1_000_000
            frames = [self._frame(*next(tape), now_ms, number) for number in range(sent + 1, due + 1)]
            connection.transport.write(b"".join(frames))
            sent = due
            await asyncio.sleep(TICK_S)
        self._conn.send(time.monotonic() - began_s)

    def _frame(self, coin: str, px: str, now_ms: int, number: int) -> bytes:
        said = '{"channel":"trades","data":[{"coin":"%s","side":"B","px":"%s","sz":"1","time":%d,"tid":%d}]}'
        return Frame(Opcode.TEXT, (said % (coin, px, now_ms, number)).encode()).serialize(mask=False)


def run(conn: Connection, count: int, per_s: int) -> None:
    """The process."""
    asyncio.run(Torrent(conn, count, per_s).run())
