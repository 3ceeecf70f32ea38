"""All faults by name: the tables of the subjects, merged."""

from tidegate.localnet.faults import (
    of_accounts,
    of_answers,
    of_frames,
    of_lines,
    of_markets,
    of_refusals,
    of_requests,
    of_wire,
)
from tidegate.localnet.faults.fault import Table

FAULTS: Table = {
    **of_requests.FAULTS,
    **of_refusals.FAULTS,
    **of_answers.FAULTS,
    **of_frames.FAULTS,
    **of_lines.FAULTS,
    **of_wire.FAULTS,
    **of_markets.FAULTS,
    **of_accounts.FAULTS,
}
