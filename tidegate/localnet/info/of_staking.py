"""Requests about staking and multi-sig, of which a trading client asks at most whether there is any.

Nothing is delegated here: an account may have undelegated stake, which its operator gave it for priority fees, and that
is all there is to tell.
"""

from tidegate.localnet.info.desk import Desk, Request, constant
from tidegate.localnet.info.shapes import UserRequest
from tidegate.localnet.kernel.numbers import ZERO, wire
from tidegate.localnet.kernel.reply import Reply, ok


def delegator_summary(desk: Desk, request: UserRequest) -> Reply:
    """What an account has staked: all of it undelegated."""
    stake = desk.venue.restrictions.stakes.get(request.user.lower(), ZERO)
    return ok(
        {
            "delegated": wire(ZERO),
            "undelegated": wire(stake),
            "totalPendingWithdrawal": wire(ZERO),
            "nPendingWithdrawals": 0,
        }
    )


REQUESTS: dict[str, Request] = {
    "delegatorSummary": (UserRequest, delegator_summary),
    "delegations": (UserRequest, constant([])),
    "delegatorHistory": (UserRequest, constant([])),
    "delegatorRewards": (UserRequest, constant([])),
    "userToMultiSigSigners": (UserRequest, constant(None)),
}
