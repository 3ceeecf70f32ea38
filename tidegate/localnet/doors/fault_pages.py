"""The pages by which faults are asked for, looked at and taken back, and by which the proxy is opened.

Owns the pages' shapes. What a fault is, and what it does, is said in `tidegate.localnet.faults`.
"""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Body, FastAPI, Request
from fastapi.responses import JSONResponse

from tidegate.localnet.doors.proxy import TcpProxy
from tidegate.localnet.doors.watch import Watch
from tidegate.localnet.faults.catalogue import FAULTS
from tidegate.localnet.faults.fault import Fault
from tidegate.localnet.faults.rules import BadRule, read_rule, read_rules


def add_fault_pages(app: FastAPI, watch: Watch) -> None:
    """Give `app` the pages `/localnet/fault`, `/localnet/faults` and `/localnet/proxy`."""
    faults = watch.faults
    coins = faults.coins

    @app.get("/localnet/faults")
    async def catalogue() -> dict[str, Any]:
        return {name: describe(fault) for name, fault in FAULTS.items()}

    @app.get("/localnet/fault")
    async def standing() -> list[dict[str, Any]]:
        return faults.pages()

    @app.post("/localnet/fault")
    async def ask(rule: Annotated[Any, Body()]) -> Any:
        try:
            rules = read_rules(rule, coins) if isinstance(rule, list) else [read_rule(rule, coins)]
        except BadRule as error:
            return JSONResponse({"problems": error.problems}, HTTPStatus.UNPROCESSABLE_ENTITY)
        numbers = [faults.add(each) for each in rules]
        return {"ids": numbers}

    @app.delete("/localnet/fault")
    async def take_back_all() -> dict[str, int]:
        return {"removed": faults.remove()}

    @app.delete("/localnet/fault/{number}")
    async def take_back(number: int) -> dict[str, int]:
        return {"removed": faults.remove(number)}

    @app.post("/localnet/proxy")
    async def proxy(request: Request) -> dict[str, str]:
        if watch.proxy is None:
            host, port = request.scope["server"]
            opened = TcpProxy((host, port), faults)
            await opened.open()
            watch.proxy = opened
        return {"url": watch.proxy.url}


def describe(fault: Fault) -> dict[str, Any]:
    """A fault as the catalogue page shows it."""
    parameters = {}
    for each in fault.parameters:
        default = "must be given" if each.default is None else f"default {each.default!r}"
        allowed = f" of {', '.join(each.allowed)}" if each.allowed else ""
        parameters[each.name] = f"{each.kind.value}{allowed}, {default}"
    return {"says": fault.says, "where": fault.place.value, "parameters": parameters, "rows": list(fault.rows)}
