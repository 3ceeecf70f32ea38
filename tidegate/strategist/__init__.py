"""The strategist: turns newly closed bars into signals, in a process of its own.

`Strategist` (process.py) is the bot's half: it starts the child, hands it bars and puts what comes back into the
inbox as facts. `InlineStrategist` (inline.py) is the same without a process, for simulations and tests. The child
(`python -m tidegate.strategist`) holds pandas, the strategy's file and the bars; it never sees a key, an order or a
socket. Both halves evaluate with evaluator.py, so what is tested inline is what trades.
"""

from tidegate.strategist.inline import InlineStrategist
from tidegate.strategist.limits import Limits
from tidegate.strategist.process import Strategist

__all__ = ["InlineStrategist", "Limits", "Strategist"]
