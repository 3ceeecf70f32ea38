"""Faults on the way of a request: answers that are lost, late, broken or false (rows 23 to 35, 49 to 51 and 62)."""

from http import HTTPStatus
from typing import Any

from tidegate.localnet.faults.asked import Asked
from tidegate.localnet.faults.course import HTML, Answered, Choose, Course, Ending
from tidegate.localnet.faults.fault import Args, Fault, Kind, Parameter, Place, Table

PAGE = "<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center></body></html>"
UNREADABLE = "Failed to deserialize the JSON body into the target type"
TEXT = "text/plain; charset=utf-8"
SECONDS_MAX = 3_600
FIRST_LIE = 990_000_000_000  # ids of orders that do not exist

REACHES = Parameter("accepted", Kind.FLAG, default=False)


def _always(course: Course) -> Choose:
    return lambda _asked: course


def _lost(ending: Ending) -> Fault:
    """The request may reach the exchange; the answer never comes."""
    told = {
        Ending.SILENCE: "no answer comes and the connection stays",
        Ending.CLOSE: "the connection is closed instead of an answer",
        Ending.RESET: "the connection is reset instead of an answer",
    }[ending]
    rows = {Ending.SILENCE: (23, 24), Ending.CLOSE: (31,), Ending.RESET: (23, 30)}[ending]
    return Fault(
        Place.REQUEST,
        f"{told}; with accepted=true the exchange has carried the request out",
        rows,
        lambda args: _always(Course(carried_out=args["accepted"], ending=ending)),
        (REACHES,),
    )


def _slow(args: Args) -> Choose:
    return _always(Course(after_s=args["seconds"]))


def _late(args: Args) -> Choose:
    return _always(Course(before_s=args["seconds"]))


def _status(args: Args) -> Choose:
    status: int = args["status"]

    def change(_asked: Asked, _answered: Answered) -> Answered:
        if status == HTTPStatus.TOO_MANY_REQUESTS or args["body"] == "null":
            return Answered(status, None)
        if status == HTTPStatus.UNPROCESSABLE_ENTITY:
            return Answered(status, args["body"] or UNREADABLE, TEXT)
        return Answered(status, args["body"] or PAGE, HTML)

    return _always(Course(carried_out=args["accepted"], change=change))


def _replaced(answer: Answered) -> Choose:
    return _always(Course(change=lambda _asked, _answered: answer))


def _short(args: Args) -> Choose:
    """Statuses of a batch cut to `length`; with an error text to that one error."""

    def change(_asked: Asked, answered: Answered) -> Answered:
        statuses = _statuses(answered.body)
        if statuses is not None:
            del statuses[args["length"] :]
        return answered

    return lambda asked: Course(change=change) if len(asked.rows) > args["length"] else None


def _lie(_args: Args) -> Choose:
    """Every order gets a resting status with an id that no order has; the nonce is not used either."""
    told = 0

    def choose(asked: Asked) -> Course | None:
        nonlocal told
        if asked.type != "order":
            return None
        statuses: list[Any] = []
        for row in asked.orders:
            told += 1
            cloid = {"cloid": row["c"]} if "c" in row else {}
            statuses.append({"resting": {"oid": FIRST_LIE + told, **cloid}})
        body = {"status": "ok", "response": {"type": "order", "data": {"statuses": statuses}}}
        return Course(carried_out=False, change=lambda _asked, _answered: Answered(HTTPStatus.OK, body))

    return choose


def _unanswered_modify(asked: Asked) -> Course | None:
    return Course(ending=Ending.SILENCE) if asked.type in ("modify", "batchModify") else None


def _statuses(body: Any) -> list[Any] | None:
    match body:
        case {"response": {"data": {"statuses": list(statuses)}}}:
            return statuses
    return None


SECONDS = Parameter("seconds", Kind.SECONDS, least=0, most=SECONDS_MAX)

FAULTS: Table = {
    "accept_then_timeout": Fault(
        Place.REQUEST,
        "the exchange carries the request out and never answers",
        (23, 49),
        lambda _: _always(Course(ending=Ending.SILENCE)),
    ),
    "modify.race": Fault(
        Place.REQUEST,
        "a modification is carried out and never answered: only the streams and the cloid tell",
        (49,),
        lambda _: _unanswered_modify,
    ),
    "drop_request": Fault(
        Place.REQUEST,
        "the request is lost on its way: not carried out, not answered",
        (24,),
        lambda _: _always(Course(carried_out=False, ending=Ending.SILENCE)),
    ),
    "silence": _lost(Ending.SILENCE),
    "close_idle": _lost(Ending.CLOSE),
    "reset": _lost(Ending.RESET),
    "delay": Fault(
        Place.REQUEST, "the request is carried out at once and the answer comes late", (34, 62), _slow, (SECONDS,)
    ),
    "info.slow": Fault(Place.REQUEST, "the answer comes late", (62,), _slow, (SECONDS._replace(default=8.0),)),
    "delay_accept": Fault(
        Place.REQUEST,
        "the request reaches the exchange late, as after a stay in the mempool",
        (34, 35),
        _late,
        (SECONDS._replace(default=12.0),),
    ),
    "status": Fault(
        Place.REQUEST,
        "an HTTP error: 429 with null, 422 with the exchange's text, others with a proxy's page unless body is given",
        (26, 27, 29, 62),
        _status,
        (
            Parameter("status", Kind.WHOLE, least=400, most=599),
            REACHES,
            Parameter("body", Kind.TEXT, default=""),
        ),
    ),
    "body.cut": Fault(
        Place.REQUEST,
        "the answer breaks off in its middle",
        (25,),
        lambda _: _always(Course(ending=Ending.CUT)),
    ),
    "body.null": Fault(
        Place.REQUEST, "status 200 with null", (25,), lambda _: _replaced(Answered(HTTPStatus.OK, None))
    ),
    "body.html": Fault(
        Place.REQUEST,
        "status 200 with a page in HTML",
        (25,),
        lambda _: _replaced(Answered(HTTPStatus.OK, PAGE, HTML)),
    ),
    "batch.short": Fault(
        Place.REQUEST,
        "the answer to a batch has fewer statuses than the batch has orders",
        (50,),
        _short,
        (Parameter("length", Kind.WHOLE, default=1, least=0, most=200),),
    ),
    "ack_lie": Fault(Place.REQUEST, "orders are acknowledged as resting and do not exist", (51,), _lie),
}
