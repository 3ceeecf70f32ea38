"""The start: a hiccup of the exchange is waited out, an outage ends it with the reason."""

from decimal import Decimal

import pytest

from tidegate import logs
from tidegate.errors import ExchangeError, Refused, Unintelligible, Unreachable
from tidegate.hyperliquid.reads import Leverage
from tidegate.model.fees import Fees
from tidegate.model.settings import Settings
from tidegate.opening import LEVERAGES_ASKED_MAX, START_LIMIT_S, Patience, fees, leverages


class Time:
    """Seconds that pass only while somebody waits."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.waits: list[float] = []

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now_s += seconds


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def patient(time: Time) -> Patience:
    return Patience(monotonic=lambda: time.now_s, wait=time.wait)


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr(logs, "log", lambda _topic, text, _level="INFO": lines.append(text))
    return lines


class Failing:
    """A read that fails so many times before it answers."""

    def __init__(self, *failures: ExchangeError) -> None:
        self.failures = list(failures)
        self.asked = 0

    def __call__(self) -> str:
        self.asked += 1
        if self.failures:
            raise self.failures.pop(0)
        return "the answer"


def test_what_is_answered_at_once_is_not_waited_for(patient: Patience, time: Time, said: list[str]) -> None:
    assert patient("the account", Failing()) == "the answer"
    assert (time.waits, said) == ([], [])


def test_a_page_of_html_and_a_502_are_waited_out_with_one_line(patient: Patience, said: list[str]) -> None:
    read = Failing(Unintelligible("clearinghouseState: not JSON"), Unreachable("clearinghouseState: HTTP 502"))
    assert patient("the account", read) == "the answer"
    assert read.asked == 3
    assert said == [
        "the account cannot be read yet, trying on for up to 30 s: clearinghouseState: not JSON",
    ]


@pytest.mark.parametrize("kind", [Unreachable, Unintelligible])
def test_an_outage_ends_the_start_within_its_budget_and_says_why(
    patient: Patience, time: Time, said: list[str], kind: type[ExchangeError]
) -> None:
    with pytest.raises(kind, match=r"the account could not be read at the start, .* within 30 s; HTTP 502"):
        patient("the account", Failing(*[kind("HTTP 502")] * 1000))
    assert sum(time.waits) <= START_LIMIT_S
    assert len(said) == 1


def test_all_reads_of_a_start_share_one_budget(patient: Patience, time: Time, said: list[str]) -> None:
    with pytest.raises(Unreachable):
        patient("metadata", Failing(*[Unreachable("HTTP 502")] * 1000))
    read = Failing(*[Unreachable("HTTP 502")] * 1000)
    with pytest.raises(Unreachable):
        patient("the account", read)
    assert read.asked <= 3
    assert sum(time.waits) <= START_LIMIT_S
    assert said


def test_a_refusal_is_final(patient: Patience, time: Time) -> None:
    read = Failing(Refused("HTTP 422"))
    with pytest.raises(Refused):
        patient("the account", read)
    assert (read.asked, time.waits) == (1, [])


class Account:
    """A client that knows the leverage of every coin but one."""

    def leverage(self, _user: str, coin: str) -> Leverage:
        if coin == "ETH":
            raise Unreachable("HTTP 502")
        return Leverage(20, is_cross=True)


def test_a_leverage_that_cannot_be_read_is_simply_not_known() -> None:
    assert leverages(Account(), "0x0", ("BTC", "ETH")) == {"BTC": Leverage(20, is_cross=True)}  # type: ignore[arg-type]


def test_of_very_many_coins_no_leverage_is_asked_for() -> None:
    many = tuple(f"C{number}" for number in range(LEVERAGES_ASKED_MAX + 1))
    assert leverages(Account(), "0x0", many) == {}  # type: ignore[arg-type]


D = Decimal
SET = Settings(taker_fee_pct=D("0.05"), maker_fee_pct=D("0.02"))


def test_the_exchanges_own_rates_go_before_those_of_the_settings(said: list[str]) -> None:
    theirs = Fees(taker=D("0.00045"), maker=D("0.00015"))
    assert fees(lambda: theirs, SET) == theirs
    assert said == []


def test_where_the_exchange_gives_no_rates_those_of_the_settings_count_and_that_is_said(said: list[str]) -> None:
    def nothing() -> Fees:
        raise Unintelligible("userFees: null")

    assert fees(nothing, SET) == Fees(taker=D("0.0005"), maker=D("0.0002"))
    assert "TAKER_FEE_PCT and MAKER_FEE_PCT count" in said[0]
    with pytest.raises(Unintelligible):
        fees(nothing, Settings())


def test_an_exchange_that_cannot_be_reached_is_not_one_without_rates() -> None:
    def silent() -> Fees:
        raise Unreachable("no answer")

    with pytest.raises(Unreachable):
        fees(silent, SET)
