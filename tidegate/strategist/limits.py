"""How long a strategy may take, how often its process is started anew, how much of its printing is shown."""

from msgspec import Struct

MINUTE_S = 60.0


class Limits(Struct, frozen=True, kw_only=True):
    """How long and how much; seconds unless the name says otherwise."""

    start_s: float = 30.0
    evaluation_s: float = 10.0
    # The child ends itself so much earlier and says where it hung; what cannot even do that is killed by the bot.
    grace_s: float = 2.0
    first_pause_s: float = 0.5
    longest_pause_s: float = 60.0
    # After so long without trouble the next trouble is a first one again.
    healthy_s: float = 300.0
    waiting_wishes: int = 1000
    printed_lines_a_minute: int = 60


class Pauses:
    """The pauses between two children: each twice the one before, up to a longest one."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._next_s = limits.first_pause_s

    def after(self, lived_s: float) -> float:
        """How long to wait after a child that served for `lived_s`."""
        if lived_s > self._limits.healthy_s:
            self._next_s = self._limits.first_pause_s
        pause_s = min(self._next_s, self._limits.longest_pause_s)
        self._next_s = pause_s * 2
        return pause_s


class Ration:
    """So many lines a minute."""

    def __init__(self, lines_a_minute: int) -> None:
        self._most = lines_a_minute
        self._since_s = float("-inf")
        self._count = 0

    def share(self, text: str, now_s: float) -> str | None:
        """What to show of a line: itself, one word on the silence that follows, or nothing."""
        if now_s - self._since_s >= MINUTE_S:
            self._since_s, self._count = now_s, 0
        self._count += 1
        if self._count <= self._most:
            return text
        return "more was printed; not shown for a minute" if self._count == self._most + 1 else None
