"""The fault table, row by row: the faults that cause each row, or why it is none of the exchange's.

Rows 1 to 70 are those of the project's list of faults. What a row expects of the bot is not said here.
"""

NOT_OURS: dict[int, str] = {
    15: "a name in the bot's own settings: start it with a coin that does not exist",
    16: "the bot's own slowness: block its main thread",
    21: "a thread of the bot's own",
    22: "the environment of the bot's process",
    56: "no fault: candleSnapshot always ends with the running candle",
}
"""Rows that no exchange can cause, and how they come about."""

BY_THEMSELVES: dict[int, str] = {
    10: "every subscription to trades begins with a replay of about 30 older ones",
    39: "an order under 10 dollars is refused",
    40: "a price off the tick or a size off the lot is refused",
    41: "an order beyond the account's margin is refused",
    42: "a reduce-only order that would increase is refused",
    46: "a trigger that the mark has passed is refused",
    48: "a cancel of what is not open is refused",
    53: "an order that would meet one's own cancels it",
    54: "the thousandth open order is refused",
    32: "a nonce that was used is refused",
    33: "a nonce outside the window is refused",
    34: "an action after its expiresAfter is refused",
    28: "an address that has used up its actions is refused",
    27: "an address that has used up its weight gets 429",
    50: "a batch refused before its orders are looked at gets one error for all",
}
"""Rows that the exchange brings about as a matter of course when a client deserves it."""


def causes(row: int) -> list[str]:
    """The names of the faults that cause a row."""
    from tidegate.localnet.faults.catalogue import FAULTS

    return [name for name, fault in FAULTS.items() if row in fault.rows]
