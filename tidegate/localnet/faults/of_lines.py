"""Faults of connections: refused, closed, cut, deaf, spoiled on the wire (rows 1 to 7, 14, 18).

Those of open connections happen to all of them at once; with a channel, coin or user in `match` they happen to the
connection on which such a frame is sent, in the place of the frame.
"""

from collections.abc import Callable

from tidegate.localnet.faults.fault import Args, Fault, Kind, Parameter, Place, Table
from tidegate.localnet.faults.lines import Line, Opening, Rejection

FIN_TEXT, RESERVED_OPCODE = 0x81, 0x83
LENGTH_IN_8_BYTES = 127
OVERSIZE = (1 << 40).to_bytes(8)
NO_PROTOCOL = b"HTTP/1.1 400 Bad Request\r\nServer: nginx\r\nConnection: close\r\n\r\n" + b"\x00\xff" * 100

GARBAGE: dict[str, bytes] = {
    "opcode": bytes((RESERVED_OPCODE, 2)) + b"{}",
    "utf8": bytes((FIN_TEXT, 4)) + b"\xff\xfe\xfd\xfc",
    "oversize": bytes((FIN_TEXT, LENGTH_IN_8_BYTES)) + OVERSIZE,
    "http": NO_PROTOCOL,
}


def _line(says: str, do: Callable[[Line, Args], None], *rows: int, parameters: tuple[Parameter, ...] = ()) -> Fault:
    return Fault(Place.LINE, says, rows, lambda args: lambda line: do(line, args), parameters)


def _handshake(says: str, make: Callable[[Args], Opening], *rows: int, parameters: tuple[Parameter, ...]) -> Fault:
    return Fault(Place.HANDSHAKE, says, rows, make, parameters)


FAULTS: Table = {
    "ws.close": _line(
        "a close frame",
        lambda line, args: line.close_with(args["code"]),
        1,
        parameters=(Parameter("code", Kind.WHOLE, default=1000, least=1000, most=4999),),
    ),
    "ws.rst": _line("a TCP reset", lambda line, _: line.reset(), 2),
    "ws.truncate": _line("a frame breaks off, and with it the connection", lambda line, _: line.break_off(), 2),
    "ws.blackhole": _line("nothing goes either way, the connection stays open", lambda line, _: line.go_deaf(), 3),
    "ws.garbage": _line(
        "bytes that are no frame: a reserved opcode, bad UTF-8, a header of a terabyte, HTTP",
        lambda line, args: line.send_bytes(GARBAGE[args["how"]]),
        7,
        parameters=(Parameter("how", Kind.TEXT, default="opcode", allowed=tuple(GARBAGE)),),
    ),
    "ws.handshake": _handshake(
        "the handshake is refused",
        lambda args: Opening(status=args["status"]),
        6,
        parameters=(Parameter("status", Kind.WHOLE, default=429, least=400, most=599),),
    ),
    "ws.idle_close": _handshake(
        "a connection is cut without a close frame some time after it opened, however much it pings",
        lambda args: Opening(close_after_s=args["seconds"]),
        4,
        parameters=(Parameter("seconds", Kind.SECONDS, default=60.0, least=0, most=3_600),),
    ),
    "ws.flap": _handshake(
        "every connection is cut soon after it opened",
        lambda args: Opening(close_after_s=args["seconds"]),
        18,
        parameters=(Parameter("seconds", Kind.SECONDS, default=1.0, least=0, most=3_600),),
    )._replace(times=None),
    "ws.sub_reject": Fault(
        Place.MESSAGE,
        "a subscription is answered with an error, or with nothing when the text is empty",
        (14,),
        lambda args: Rejection(args["text"] or None),
        (Parameter("text", Kind.TEXT, default="Error subscribing to channel"),),
    ),
}
