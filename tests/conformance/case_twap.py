"""Cases: TWAP orders (protocol sections 3.6, 2.14)."""

import pytest

from tests.conformance.cases import subject
from tests.conformance.desk import D, Desk
from tests.conformance.sdk import Trader

case = subject("TWAP")


def twap(trader: Trader, *, sz: str = "1", minutes: int = 5, buy: bool = True, reduce_only: bool = False) -> dict:
    """The status of a TWAP order on BTC."""
    order = {"a": 0, "b": buy, "s": sz, "r": reduce_only, "m": minutes, "t": False}
    answer = trader.act({"type": "twapOrder", "twap": order})
    assert (answer["status"], answer["response"]["type"]) == ("ok", "twapOrder"), answer
    return answer["response"]["data"]["status"]


@case("twapOrder answers with a running id")
def running(desk: Desk) -> None:
    assert isinstance(twap(Trader(desk))["running"]["twapId"], int)


@case("its slices are spread over its minutes and fill all of it")
def slices(desk: Desk) -> None:
    trader = Trader(desk)
    twap(trader)
    desk.wait(150)
    half = D(trader.position("BTC")["szi"])
    assert D("0.3") < half < D("0.7")
    desk.wait(200)
    assert D(trader.position("BTC")["szi"]) == pytest.approx(D(1), abs=D("0.05"))


@case("userTwapSliceFills: fills with a zero hash under their twapId")
def slice_fills(desk: Desk) -> None:
    trader = Trader(desk)
    number = twap(trader)["running"]["twapId"]
    desk.wait(120)
    rows = desk.info.user_twap_slice_fills(trader.address)
    assert list(rows[0]) == ["fill", "twapId"]
    assert {row["twapId"] for row in rows} == {number}
    assert rows[0]["fill"]["hash"] == "0x" + "0" * 64


@case("twapHistory: activated, then finished; time in seconds")
def history(desk: Desk) -> None:
    trader = Trader(desk)
    twap(trader)
    began_ms = desk.now_ms
    desk.wait(400)
    rows = trader.ask("twapHistory")
    assert {row["status"]["status"] for row in rows} == {"activated", "finished"}
    assert abs(rows[-1]["time"] - began_ms // 1000) <= 400
    assert rows[0]["state"]["coin"] == "BTC"


@case("too short a duration is refused inside an answer that is ok")
def too_short(desk: Desk) -> None:
    assert twap(Trader(desk), minutes=1) == {"error": "Invalid TWAP duration: 1 min(s)"}


@case("twapCancel: success, then never again")
def cancel(desk: Desk) -> None:
    trader = Trader(desk)
    number = twap(trader)["running"]["twapId"]
    action = {"type": "twapCancel", "a": 0, "t": number}
    answer = trader.act(action)
    assert answer == {"status": "ok", "response": {"type": "twapCancel", "data": {"status": "success"}}}
    gone = trader.act(action)["response"]["data"]["status"]
    assert gone == {"error": "TWAP was never placed, already canceled, or filled."}
    assert {row["status"]["status"] for row in trader.ask("twapHistory")} == {"activated", "terminated"}


@case("a canceled TWAP trades no more")
def canceled_stops(desk: Desk) -> None:
    trader = Trader(desk)
    number = twap(trader)["running"]["twapId"]
    desk.wait(60)
    trader.act({"type": "twapCancel", "a": 0, "t": number})
    before = trader.position("BTC")["szi"]
    desk.wait(300)
    assert trader.position("BTC")["szi"] == before


@case("a reduce-only TWAP closes and does not flip")
def reduce_only(desk: Desk) -> None:
    trader = Trader(desk)
    trader.take("BTC", "B", 0.5)
    twap(trader, sz="1", buy=False, reduce_only=True)
    desk.wait(400)
    assert trader.position("BTC") is None
