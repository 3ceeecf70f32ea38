"""The words in which the exchange refuses one order, and the status it then has (sections 2.12 and 3.10).

Owns the catalogue; when each of them is said is the business of `checks` and `open_interest`.
"""

from typing import NamedTuple


class Refusal(NamedTuple):
    """Why an order was not taken: the status it ends with, the text without its asset."""

    status: str
    text: str
    names_asset: bool = True

    def at(self, asset: int) -> str:
        """The text as the wire has it."""
        return f"{self.text} asset={asset}" if self.names_asset else self.text


TICK = Refusal("tickRejected", "Price must be divisible by tick size.")
MIN_VALUE = Refusal("minTradeNtlRejected", "Order must have minimum value of $10.")
MARGIN = Refusal("perpMarginRejected", "Insufficient margin to place order.")
REDUCE_ONLY = Refusal("reduceOnlyRejected", "Reduce only order would increase position.")
IOC_UNMATCHED = Refusal("iocCancelRejected", "Order could not immediately match against any resting orders.")
BAD_TRIGGER = Refusal("badTriggerPxRejected", "Invalid TP/SL price.")
NO_LIQUIDITY = Refusal("marketOrderNoLiquidityRejected", "No liquidity available for market order.")
INCREASE_AT_CAP = Refusal(
    "positionIncreaseAtOpenInterestCapRejected", "Order would increase open interest while open interest is capped."
)
FLIP_AT_CAP = INCREASE_AT_CAP._replace(status="positionFlipAtOpenInterestCapRejected")
TOO_AGGRESSIVE_AT_CAP = Refusal(
    "tooAggressiveAtOpenInterestCapRejected",
    "Order rejected due to price more aggressive than oracle while at open interest cap.",
)
INCREASE_TOO_QUICK = Refusal("openInterestIncreaseRejected", "Order would increase open interest too quickly.")
NO_SPOT_BALANCE = Refusal("insufficientSpotBalanceRejected", "Insufficient spot balance")
FAR_FROM_ORACLE = Refusal("oracleRejected", "Price too far from oracle")
BEYOND_TIER = Refusal(
    "perpMaxPositionRejected", "Order would cause position to exceed margin tier limit at current leverage."
)
TOO_MANY_ORDERS = Refusal("tooManyOpenOrdersRejected", "Too many open orders.")
# No source names the status of this one; "rejected" is the one that no other text has.
POST_ONLY_PERIOD = Refusal(
    "rejected", "Only post-only orders allowed immediately after a network upgrade", names_asset=False
)


def bad_alo(bbo: str) -> Refusal:
    """A post-only order that would have taken; `bbo` is "bid@ask"."""
    return Refusal("badAloPxRejected", f"Post only order would have immediately matched, bbo was {bbo}.")
