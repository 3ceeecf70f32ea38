"""Tells the operator: alerts, and the recap of a protective exit, as log lines a person can read at a glance."""

from datetime import UTC, datetime
from typing import Protocol

from tidegate.logs import log
from tidegate.model.brackets import ExitReason
from tidegate.model.intents import Alert, Recap


class Sends(Protocol):
    """A way to somebody who does not read the log."""

    def send(self, text: str) -> None:
        """Have a text delivered; never waits, never raises."""


class LogTeller:
    """Writes alerts and recaps to the log, and hands alerts on. `speed`: exchange seconds per second of ours."""

    def __init__(self, speed: float = 1.0, beyond: Sends | None = None) -> None:
        self._speed, self._beyond = speed, beyond

    def alert(self, wish: Alert) -> None:
        """One loud line, and a message where that was asked for."""
        log("risk", f"ALERT {wish.text}", "WARNING")
        if self._beyond is not None:
            self._beyond.send(wish.text)

    def recap(self, wish: Recap) -> None:
        """A protective exit from touch to fill, in a few lines."""
        for line in recap_lines(wish, self._speed):
            log("recap", line)


def recap_lines(wish: Recap, speed: float = 1.0) -> list[str]:
    """The recap as text: what touched what, when each thing happened, what it brought."""
    closed = wish.closed
    side = "long" if closed.size > 0 else "short"
    net = closed.pnl - closed.fees
    since_poll_s = (wish.touched_ms - wish.last_poll_ms) / 1000
    before_poll_s = (wish.next_poll_ms - wish.touched_ms) / 1000
    return [
        f"---- {closed.coin} {side} {abs(closed.size)} left by {closed.reason.value.replace('_', ' ')} ----",
        _touched(wish),
        _sent(wish),
        _filled(wish, speed),
        f"polls     between two polls: {since_poll_s:.1f} s after the last, {before_poll_s:.1f} s before the next",
        f"result    entry {closed.entry_price:.8g}, profit {net:+.2f} USD after {closed.fees:.2f} USD of fees",
        *_slipped(wish),
    ]


def _slipped(wish: Recap) -> list[str]:
    """What the fills were worse than the prices that were decided on; nothing where none is known."""
    sides = {"entry": wish.entry_slippage, "exit": wish.exit_slippage}
    told = [f"{name} {each.usd:+.2f} USD ({each.pct:+.3f} %)" for name, each in sides.items() if each is not None]
    return [f"slippage  {', '.join(told)}, counted from the prices decided on"] if told else []


def _touched(wish: Recap) -> str:
    if wish.touch_price is None:
        return f"touched   {clock_time(wish.touched_ms)}  the mark price reached {wish.level} on the exchange"
    falls = (wish.closed.size > 0) is (wish.closed.reason is not ExitReason.TAKE_PROFIT)
    how = "fell" if falls else "rose"
    return f"touched   {clock_time(wish.touched_ms)}  the price {how} to {wish.touch_price}, the level was {wish.level}"


def _sent(wish: Recap) -> str:
    if wish.touch_to_sent_ms is not None:
        took = f"{wish.touch_to_sent_ms:.2f} ms after the frame arrived"
        return f"sent      a signed reduce-only order was on the wire {took}"
    if wish.by_resting:
        what = "take-profit" if wish.closed.reason is ExitReason.TAKE_PROFIT else "stop"
        return f"sent      nothing: the {what} resting on the exchange had done it already"
    return "sent      a signed reduce-only order (a repeated try, or a touch that REST told: no frame to time it from)"


def _filled(wish: Recap, speed: float) -> str:
    at = f"filled    {clock_time(wish.filled_ms)}  at {wish.closed.exit_price:.8g} on average"
    if wish.by_resting:
        return f"{at}, by the order resting on the exchange"
    if wish.sent_to_filled_ms is None:
        return at
    return f"{at}, known here {wish.sent_to_filled_ms / speed:.0f} ms after the order was sent"


def clock_time(time_ms: int) -> str:
    """A moment as HH:MM:SS.mmm UTC."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%H:%M:%S.%f")[:-3]
