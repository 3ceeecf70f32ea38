"""Every case, in the order of its number."""

from operator import attrgetter

from tests.conformance import (
    case_account_reads,
    case_cancels,
    case_errors,
    case_limits,
    case_margin,
    case_market_data,
    case_orders,
    case_people,
    case_spot,
    case_streams,
    case_triggers,
    case_twap,
    ccxt_streams,
    ccxt_trading,
)
from tests.conformance.cases import CASES, Case

MODULES = (
    case_market_data,
    case_account_reads,
    case_orders,
    case_triggers,
    case_cancels,
    case_margin,
    case_errors,
    case_people,
    case_twap,
    case_spot,
    case_streams,
    case_limits,
    ccxt_trading,
    ccxt_streams,
)


def catalogue() -> list[Case]:
    """All cases."""
    return sorted(CASES, key=attrgetter("number"))
