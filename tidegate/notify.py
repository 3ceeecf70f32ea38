"""Tells the operator: alerts, and the recap of a protective exit, as log lines a person can read at a glance."""

from datetime import UTC, datetime

from tidegate.logs import log
from tidegate.model.brackets import ExitReason
from tidegate.model.intents import Alert, Recap


class LogTeller:
    """Writes alerts and recaps to the log. `speed`: exchange seconds per second of ours."""

    def __init__(self, speed: float = 1.0) -> None:
        self._speed = speed

    def alert(self, wish: Alert) -> None:
        """One loud line."""
        log("risk", f"ALERT {wish.text}", "WARNING")

    def recap(self, wish: Recap) -> None:
        """A protective exit from touch to fill, in a few lines."""
        for line in recap_lines(wish, self._speed):
            log("recap", line)


def recap_lines(wish: Recap, speed: float = 1.0) -> list[str]:
    """The recap as text: what touched what, when each thing happened, what it brought."""
    closed = wish.closed
    side = "long" if closed.size > 0 else "short"
    beyond = "fell to" if (closed.size > 0) is (closed.reason is not ExitReason.TAKE_PROFIT) else "rose to"
    net = closed.pnl - closed.fees
    since_poll_s = (wish.touched_ms - wish.last_poll_ms) / 1000
    before_poll_s = (wish.next_poll_ms - wish.touched_ms) / 1000
    sent = "by an order whose way was not timed"
    if wish.touch_to_sent_ms is not None:
        sent = f"{wish.touch_to_sent_ms:.2f} ms after the frame arrived"
    filled = ""
    if wish.sent_to_filled_ms is not None:
        filled = f", {wish.sent_to_filled_ms / speed:.0f} ms after it was sent"
    return [
        f"---- {closed.coin} {side} {abs(closed.size)} left by {closed.reason.value.replace('_', ' ')} ----",
        f"touched   {clock_time(wish.touched_ms)}  the price {beyond} {wish.touch_price}, the level was {wish.level}",
        f"sent      a reduce-only order left {sent}",
        f"filled    {clock_time(wish.filled_ms)}  at {closed.exit_price:.8g} on average{filled}",
        f"between two polls: {since_poll_s:.1f} s after the last, {before_poll_s:.1f} s before the next",
        f"result    entry {closed.entry_price:.8g}, profit {net:+.2f} USD after {closed.fees:.2f} USD of fees",
    ]


def clock_time(time_ms: int) -> str:
    """A moment as HH:MM:SS.mmm UTC."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%H:%M:%S.%f")[:-3]
