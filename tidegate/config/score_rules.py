"""How the table of leverages by score is read."""

from decimal import Decimal

from tidegate.config.rules import Rule
from tidegate.config.wording import fragment

STEPS_MAX = 10
LEVERAGE_MAX = 50


def steps(example: str) -> Rule:
    """Steps `score:leverage` separated by commas, both growing; or nothing."""

    def read(text: str) -> tuple[str, ...]:
        parts = tuple(part.strip() for part in text.split(",")) if text else ()
        if len(parts) > STEPS_MAX:
            raise ValueError(f"more than {STEPS_MAX} steps")
        before = (Decimal(0), 0)
        for part in parts:
            before = _after(before, part)
        return parts

    allowed = (
        f"score:leverage, scores above 0 and at most 1, leverages from 1 to {LEVERAGE_MAX}, both growing; or nothing"
    )
    return Rule(read, allowed, example, empty=True)


def _after(before: tuple[Decimal, int], part: str) -> tuple[Decimal, int]:
    score, _, leverage = part.partition(":")
    if not (score.replace(".", "", 1).isascii() and score.replace(".", "", 1).isdigit() and leverage.isdigit()):
        raise ValueError(f"{fragment(part)} is not score:leverage")
    found = Decimal(score), int(leverage)
    if not (before[0] < found[0] <= 1 and before[1] < found[1] <= LEVERAGE_MAX):
        raise ValueError(f"{fragment(part)} is not above the step before it, or beyond 1 and {LEVERAGE_MAX}")
    return found
