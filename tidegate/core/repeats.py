"""Lines that say the same again, but for their numbers: the first one is for everybody, the others are for DEBUG.

A strategy speaks about every coin at every bar. What it says anew is worth a line; that nothing has changed is not.
"""

from tidegate.core.state import State
from tidegate.model.intents import Decision, Note, Topic

NUMBERS = str.maketrans("", "", "0123456789.,+-")


def told(state: State, coin: str, topic: Topic, text: str) -> Decision:
    """The line about a coin: at INFO when it is news."""
    state.bars_told += 1
    plain = text.translate(NUMBERS)
    if state.said.get(coin) == plain:
        return Decision(notes=(Note(topic=topic, text=text, level="DEBUG"),))
    state.said[coin] = plain
    return Decision(notes=(Note(topic=topic, text=text),))
