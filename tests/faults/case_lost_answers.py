"""Answers that are lost, late, broken or false: nobody knows what became of the order (23 to 27, 30 to 35, 50, 51)."""

from tests.faults.cases import case
from tests.faults.scene import COIN, Scene

IN_DOUBT = r"\[order\] BTC entry .* is in doubt"
ENTRY_KNOWN = r"\[order\] BTC entry buy .* filled"
NEVER = r"\[order\] BTC entry .* rejected: it never arrived"
ORDER = {"action": "order"}
REST = {"ORDER_TRANSPORT": "rest"}
ONE = "in doubt, asked for by cloid, known; one entry, covered"
AGAIN = "unknown to the exchange: the same bytes again; one entry, covered"


def entry_in_doubt(scene: Scene, do: str, **rule: object) -> None:
    """The answer to the entry goes wrong: the doubt is settled, there is one entry and it is covered."""
    number = scene.fault(do, match=ORDER, **rule)
    scene.start()
    scene.struck(number)
    scene.hear(ENTRY_KNOWN)
    scene.covered()
    scene.recovered()
    assert len(scene.sees.entries) == 1
    assert len({fill["oid"] for fill in scene.sees.fills}) == 1


TIMEOUT = "read timeout after acceptance"


@case(23, TIMEOUT, done="entry carried out, never answered", expected=ONE, short=True)
def accepted_without_an_answer(scene: Scene) -> None:
    entry_in_doubt(scene, "accept_then_timeout")


@case(23, TIMEOUT, done="the same by REST", expected=ONE, **REST)
def accepted_without_an_answer_by_rest(scene: Scene) -> None:
    entry_in_doubt(scene, "accept_then_timeout")


@case(23, TIMEOUT, done="exit carried out, never answered", expected="flat by its fill, nothing is sent twice")
def exit_accepted_without_an_answer(scene: Scene) -> None:
    scene.start_covered()
    number = scene.fault("accept_then_timeout", match=ORDER)
    scene.touch_the_stop()
    scene.struck(number)
    scene.flat()
    scene.hear(r"\[exit\] BTC closed by stop_loss")
    scene.recovered()
    assert len(scene.sees.exits) == 1


@case(24, "read timeout, not accepted", done="entry lost on its way, once", expected=AGAIN)
def lost_once(scene: Scene) -> None:
    entry_in_doubt(scene, "drop_request")


@case(24, "read timeout, not accepted", done="entry lost once, by REST", expected=AGAIN, **REST)
def lost_once_by_rest(scene: Scene) -> None:
    entry_in_doubt(scene, "drop_request")


@case(
    24,
    "read timeout, not accepted",
    done="entry and all its repetitions lost",
    expected="final once its expiry has passed: never arrived; no phantom",
)
def lost_for_good(scene: Scene) -> None:
    number = scene.fault("drop_request", match=ORDER, for_s=25)
    scene.start()
    scene.struck(number)
    scene.hear(IN_DOUBT)
    scene.hear(NEVER)
    scene.recovered()
    assert not scene.sees.entries
    assert not scene.sees.sizes


BODY = "an answer that is none"


@case(25, BODY, done="JSON broken off in its middle, by REST", expected=ONE, **REST)
def body_cut(scene: Scene) -> None:
    entry_in_doubt(scene, "body.cut")


@case(25, BODY, done="`null`, by REST", expected=ONE, **REST)
def body_null(scene: Scene) -> None:
    entry_in_doubt(scene, "body.null")


@case(25, BODY, done="`null`, over the socket", expected=ONE, short=True)
def body_null_by_socket(scene: Scene) -> None:
    entry_in_doubt(scene, "body.null")


@case(25, BODY, done="status 200 with HTML, by REST", expected=ONE, **REST)
def body_html(scene: Scene) -> None:
    entry_in_doubt(scene, "body.html")


GATEWAY = "5xx with or without acceptance"


@case(26, GATEWAY, done="500, carried out, by REST", expected=ONE, **REST)
def status_500_accepted(scene: Scene) -> None:
    entry_in_doubt(scene, "status 500 accepted=true")


@case(26, GATEWAY, done="502 with a page, carried out, by REST", expected=ONE, short=True, **REST)
def status_502_accepted(scene: Scene) -> None:
    entry_in_doubt(scene, "status 502 accepted=true")


@case(26, GATEWAY, done="502, carried out, over the socket", expected=ONE)
def status_502_accepted_by_socket(scene: Scene) -> None:
    entry_in_doubt(scene, "status 502 accepted=true")


@case(26, GATEWAY, done="503, not carried out, by REST", expected=AGAIN, **REST)
def status_503_not_accepted(scene: Scene) -> None:
    entry_in_doubt(scene, "status 503")


@case(26, GATEWAY, done="504, not carried out, over the socket", expected=AGAIN)
def status_504_not_accepted_by_socket(scene: Scene) -> None:
    entry_in_doubt(scene, "status 504")


@case(27, "429 on an action", done="entry answered 429, by REST", expected=AGAIN, **REST)
def too_many_requests(scene: Scene) -> None:
    entry_in_doubt(scene, "status 429")


@case(27, "429 on an action", done="entry answered 429, over the socket", expected=AGAIN)
def too_many_requests_by_socket(scene: Scene) -> None:
    entry_in_doubt(scene, "status 429")


@case(30, "connection refused or reset", done="reset instead of an answer, carried out", expected=ONE, **REST)
def reset_accepted(scene: Scene) -> None:
    entry_in_doubt(scene, "reset accepted=true")


@case(30, "connection refused or reset", done="reset, not carried out", expected=AGAIN, **REST)
def reset_not_accepted(scene: Scene) -> None:
    entry_in_doubt(scene, "reset")


@case(
    30,
    "connection refused or reset",
    done="for 4 s REST connections are reset and new ones refused; the stop is touched meanwhile; orders go by REST",
    expected="tried again until the exchange is reachable; flat, one close",
    **REST,
)
def nothing_gets_through(scene: Scene) -> None:
    scene.start_covered(scene.proxy())
    scene.fault("proxy.refuse", for_s=4)
    scene.fault("proxy.rst way=up", match={"door": "http"}, for_s=4, at_once=True)
    scene.touch_the_stop()
    scene.flat()
    scene.hear(r"\[exit\] BTC closed by stop_loss")
    scene.recovered()


@case(31, "idle keep-alive closed", done="closed without an answer, not carried out", expected=AGAIN, **REST)
def keep_alive_closed(scene: Scene) -> None:
    entry_in_doubt(scene, "close_idle")


@case(31, "idle keep-alive closed", done="closed without an answer, carried out", expected=ONE, **REST)
def keep_alive_closed_accepted(scene: Scene) -> None:
    entry_in_doubt(scene, "close_idle accepted=true")


@case(32, "duplicate nonce", done="entry refused as a duplicate that it is not", expected=AGAIN)
def duplicate_nonce(scene: Scene) -> None:
    entry_in_doubt(scene, "nonce.dup")


@case(35, "delayed acceptance", done="entry lands 12 s after it left", expected=f"{AGAIN}, the late one is refused")
def lands_late(scene: Scene) -> None:
    entry_in_doubt(scene, "delay_accept 12")


@case(
    34,
    "action already expired",
    done="entry delayed beyond its expiry, repetitions lost",
    expected="refused by the exchange as expired; never arrived; no position",
)
def lands_after_its_expiry(scene: Scene) -> None:
    late = scene.fault("delay_accept 17", match=ORDER)
    scene.fault("drop_request", match=ORDER, for_s=30)
    scene.start()
    scene.struck(late)
    scene.hear(IN_DOUBT)
    scene.hear(NEVER)
    scene.recovered()
    assert not scene.sees.sizes
    assert not scene.sees.entries


@case(50, "batch reply shorter than the batch", done="one status for three orders", expected="each asked for; covered")
def short_batch(scene: Scene) -> None:
    entry_in_doubt(scene, "batch.short 1")


@case(51, "order dropped with 200 ok", done="the entry 'rests', and does not exist", expected=AGAIN)
def lying_answer(scene: Scene) -> None:
    entry_in_doubt(scene, "ack_lie")


@case(
    51,
    "order dropped with 200 ok",
    done="a stop is lost, its replacement 'rests' and does not exist",
    expected="found by the cover check, placed again",
)
def lying_answer_to_a_stop(scene: Scene) -> None:
    scene.start_covered()
    number = scene.fault("ack_lie", match=ORDER)
    scene.fault("kill_stop")
    scene.struck(number)
    scene.covered()
    scene.hear(r"\[risk\] BTC: the exchange confirms a resting stop")
    scene.recovered()
    assert scene.sees.is_covered(COIN)
