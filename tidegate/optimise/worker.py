"""A worker: `python -m tidegate.optimise.worker FD`, started by `Processes` and of no use to a person.

Reads where the candles are and then points from the socket it was given, answers each with its
row. Ends when the search is gone.
"""

import faulthandler
import os
import pickle
import sys
from multiprocessing.connection import Connection

from tidegate.optimise.judging import judged
from tidegate.optimise.processes import mapped

NICENESS = 5


def main(descriptor: int) -> int:
    """Judge until nobody asks any more."""
    faulthandler.enable()
    sys.stdout = sys.stderr
    os.nice(NICENESS)
    pipe = Connection(descriptor)
    try:
        histories = mapped(pickle.loads(pipe.recv_bytes()))
        while True:
            task, point = pickle.loads(pipe.recv_bytes())
            pipe.send_bytes(judged(task, histories, point).text().encode())
    except (EOFError, ConnectionError):
        return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
