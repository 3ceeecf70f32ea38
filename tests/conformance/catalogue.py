"""Every case, in the order of its number."""

from operator import attrgetter

from tests.conformance import (
    case_account_reads,
    case_agents,
    case_cancels,
    case_errors,
    case_families,
    case_limits,
    case_margin,
    case_market_data,
    case_orders,
    case_spot,
    case_streams,
    case_triggers,
    case_twap,
    ccxt_accounts,
    ccxt_orders,
    ccxt_streams,
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
    case_agents,
    case_families,
    case_twap,
    case_spot,
    case_streams,
    case_limits,
    ccxt_orders,
    ccxt_accounts,
    ccxt_streams,
)


def catalogue() -> list[Case]:
    """All cases."""
    return sorted(CASES, key=attrgetter("number"))
