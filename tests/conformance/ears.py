"""What a case hears: frames in the order in which they came, through either door.

An `Ear` collects and is asked; nobody sleeps. `BareLine` is a WebSocket without the SDK, for what the SDK neither
says nor passes on: error frames, acks, posts and the streams that it does not know.
"""

import contextlib
import json
import threading
from collections.abc import Callable
from typing import Any, Protocol

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tidegate.localnet.doors.streams import Streams
from tidegate.localnet.doors.transport import LocalnetSocket

PATIENCE_S = 8.0

Frame = dict[str, Any]


class Ear:
    """Frames as they were heard. `pump` brings what is on its way; `patience_s` is how long to wait for more."""

    def __init__(self, pump: Callable[[], object] = lambda: None, patience_s: float = PATIENCE_S) -> None:
        self.frames: list[Frame] = []
        self.is_cut = False
        self._pump = pump
        self._patience_s = patience_s
        self._changed = threading.Condition()

    def hear(self, frame: Frame) -> None:
        """Note one frame."""
        with self._changed:
            self.frames.append(frame)
            self._changed.notify_all()

    def cut(self) -> None:
        """Note that the line is gone."""
        with self._changed:
            self.is_cut = True
            self._changed.notify_all()

    def take(self, channel: str, where: Callable[[Any], object] = lambda _data: True) -> Any:
        """The data of the next frame on `channel` that `where` agrees to; it and what came before it is forgotten."""
        return self.take_until(channel, where)[-1].get("data")

    def take_until(self, channel: str, where: Callable[[Any], object] = lambda _data: True) -> list[Frame]:
        """The frames up to and including the next one on `channel` that `where` agrees to."""
        self._pump()

        def place() -> int | None:
            for index, frame in enumerate(self.frames):
                if frame["channel"] == channel and where(frame.get("data")):
                    return index
            return None

        with self._changed:
            self._changed.wait_for(lambda: place() is not None, self._patience_s)
            index = place()
            heard = [frame["channel"] for frame in self.frames]
            assert index is not None, f"nothing fitting on {channel}; heard {heard or 'nothing'}"
            frames = self.frames[: index + 1]
            del self.frames[: index + 1]
        return frames

    def wait_cut(self) -> bool:
        """Whether the line is gone, at the latest when patience ends."""
        self._pump()
        with self._changed:
            return self._changed.wait_for(lambda: self.is_cut, self._patience_s)


class BareLine(Protocol):
    """One WebSocket connection: `ear` hears, `say` speaks, `close` hangs up."""

    ear: Ear

    def say(self, message: Any) -> None:
        """Send a message as JSON, or text as it is."""

    def close(self) -> None:
        """Hang up."""


class LocalLine:
    """A bare line in this process."""

    def __init__(self, streams: Streams) -> None:
        self.ear = Ear(self._pump, 0.0)
        self._socket = LocalnetSocket(streams, lambda _socket, text: self.ear.hear(json.loads(text)))

    def say(self, message: Any) -> None:
        self._socket.send(written(message))
        self._pump()

    def close(self) -> None:
        self._socket.close()

    def _pump(self) -> None:
        self._socket.deliver()
        if not self._socket.keep_running:
            self.ear.cut()


class WiredLine:
    """A bare line over TCP, read by a thread of its own."""

    def __init__(self, url: str) -> None:
        self.ear = Ear()
        self._open = contextlib.ExitStack()
        self._connection = self._open.enter_context(
            connect(url, open_timeout=PATIENCE_S, ping_interval=None, compression=None, proxy=None)
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def say(self, message: Any) -> None:
        with contextlib.suppress(ConnectionClosed):
            self._connection.send(written(message))

    def close(self) -> None:
        self._open.close()
        self._reader.join(PATIENCE_S)

    def _read(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            for raw in self._connection:
                self.ear.hear(json.loads(raw))
        self.ear.cut()


def written(message: Any) -> str:
    """The text of a message; text is sent as it is."""
    return message if isinstance(message, str) else json.dumps(message, separators=(",", ":"))


def until_pong(line: BareLine) -> list[Frame]:
    """Everything heard so far: a ping is answered after all that was sent before it."""
    line.say({"method": "ping"})
    return line.ear.take_until("pong")[:-1]
