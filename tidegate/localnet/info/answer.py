"""/info: from a decoded body to the exchange's answer (section 2). It changes nothing, whatever is asked."""

from typing import Any

import msgspec

from tidegate.localnet.info import (
    of_absent,
    of_account,
    of_dexs,
    of_fees,
    of_funding,
    of_market,
    of_people,
    of_spot,
    of_staking,
)
from tidegate.localnet.info.desk import Desk, Request
from tidegate.localnet.kernel.reply import NOTHING, UNPROCESSABLE, Reply

REQUESTS: dict[str, Request] = {
    **of_market.REQUESTS,
    **of_spot.REQUESTS,
    **of_dexs.REQUESTS,
    **of_account.REQUESTS,
    **of_funding.REQUESTS,
    **of_fees.REQUESTS,
    **of_people.REQUESTS,
    **of_staking.REQUESTS,
    **of_absent.REQUESTS,
}


def answer(desk: Desk, body: Any) -> Reply:
    """Answer a decoded body; 422 for an unknown type or missing and ill-typed fields."""
    kind = body.get("type") if isinstance(body, dict) else None
    if not isinstance(kind, str) or kind not in REQUESTS:
        return UNPROCESSABLE
    shape, give = REQUESTS[kind]
    try:
        request: Any = msgspec.convert(body, shape)
    except (msgspec.ValidationError, RecursionError):
        return UNPROCESSABLE
    if (getattr(request, "dex", None) or "") not in desk.venue.markets:
        return NOTHING
    return give(desk, request)
