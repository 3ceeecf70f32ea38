"""Who is whose, and on what terms: answers that are not the plain truth are not believed."""

from decimal import Decimal

import pytest

from tidegate.errors import Unintelligible
from tidegate.hyperliquid.people import fees_of
from tidegate.model.fees import Fees


def test_the_rates_of_an_account_are_the_ones_that_it_pays_itself() -> None:
    body = {"userCrossRate": "0.00045", "userAddRate": "0.00015", "userSpotCrossRate": "0.0007", "dailyUserVlm": []}
    assert fees_of(body) == Fees(taker=Decimal("0.00045"), maker=Decimal("0.00015"))


def test_a_rebate_is_a_negative_rate() -> None:
    assert fees_of({"userCrossRate": "0.00024", "userAddRate": "-0.00003"}).maker == Decimal("-0.00003")


@pytest.mark.parametrize(
    "body",
    [None, [], {}, {"userCrossRate": "NaN", "userAddRate": "0"}, {"userCrossRate": "0.5", "userAddRate": "0"}],
)
def test_rates_that_cannot_be_are_not_believed(body: object) -> None:
    with pytest.raises(Unintelligible):
        fees_of(body)
