"""How much of which coin fits into the exchange's limits: everything, only its prints, or nothing."""

from collections.abc import Iterable


def rooms(coins: Iterable[str], room: int, types: int) -> tuple[list[str], list[str], list[str]]:
    """Of coins, the most important first: those streamed wholly (`types` subscriptions each), those of which only the
    prints are (one each), and those left out.

    As many as possible are streamed at all; what room is left gives the first ones everything.
    """
    ranked = list(dict.fromkeys(coins))
    streamed, left_out = ranked[:room], ranked[room:]
    whole = min(len(streamed), (room - len(streamed)) // (types - 1))
    return streamed[:whole], streamed[whole:], left_out
