"""The HTTP application: the protocol's two paths straight to the gate, localnet's own pages through FastAPI.

Owns the pages under `/localnet/`: clock, counters, fund, gates, stop. No OpenAPI pages, no middleware in front of
trading.
"""

from collections.abc import Callable
from decimal import Decimal
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.types import Receive, Scope, Send

from tidegate.localnet.doors.fault_pages import add_fault_pages
from tidegate.localnet.doors.gate import BODY_BYTES_MAX, HttpAnswer
from tidegate.localnet.doors.localnet import Localnet
from tidegate.localnet.doors.subscriptions import ADDRESS

CONTROL_PREFIX = "/localnet/"
FUNDING_MAX = Decimal(10**15)


class Funding(BaseModel):
    """Body of `POST /localnet/fund`: give `usdc` to the perp account of `user`."""

    user: Annotated[str, Field(pattern=ADDRESS.pattern.replace(r"\Z", "$"))]
    usdc: Annotated[Decimal, Field(gt=0, le=FUNDING_MAX, decimal_places=6, allow_inf_nan=False)]


class Gates(BaseModel):
    """Body of `POST /localnet/gates`: whether some actions ask for a traded volume first."""

    volume: bool


class Front:
    """The ASGI application. `requests` counts what came in, for those who wait for the last client to go."""

    def __init__(self, localnet: Localnet, control: FastAPI) -> None:
        self.requests = 0
        self._gate = localnet.gate
        self._control = control

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        self.requests += 1
        path: str = scope["path"]
        if path.startswith(CONTROL_PREFIX):
            await self._control(scope, receive, send)
            return
        body = await _body(receive)
        content_type = next((value for name, value in scope["headers"] if name == b"content-type"), b"")
        await _answer(send, self._gate.http(scope["method"], path, content_type.decode("latin-1"), body))


def control_app(localnet: Localnet, stop: Callable[[], None]) -> FastAPI:
    """The pages by which a localnet is watched, funded and stopped."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)

    @app.exception_handler(RequestValidationError)
    async def refuse(_request: Request, error: RequestValidationError) -> JSONResponse:
        """All problems, as the faults' page tells them; what was sent is not repeated: it may be no JSON (1e400)."""
        problems = [".".join(str(part) for part in each["loc"][1:]) + f": {each['msg']}" for each in error.errors()]
        return JSONResponse({"problems": problems}, HTTPStatus.UNPROCESSABLE_ENTITY)

    @app.get("/localnet/clock")
    async def clock() -> dict[str, Any]:
        return localnet.clock_page()

    @app.get("/localnet/counters")
    async def counters() -> dict[str, Any]:
        return localnet.counters_page()

    @app.post("/localnet/fund")
    async def fund(funding: Funding) -> dict[str, Any]:
        localnet.driver.catch_up()
        localnet.exchange.fund(funding.user.lower(), funding.usdc)
        return {"user": funding.user.lower(), "usdc": f"{funding.usdc:f}"}

    @app.post("/localnet/gates")
    async def gates(wanted: Gates) -> dict[str, bool]:
        localnet.exchange.volume_gates = wanted.volume
        return {"volume": wanted.volume}

    @app.post("/localnet/stop")
    async def stop_server() -> dict[str, Any]:
        stop()
        return {"stopping": True}

    add_fault_pages(app, localnet.watch)
    return app


async def _body(receive: Receive) -> bytes:
    """Read the body; of one that is too long, only as much as shows that it is."""
    parts: list[bytes] = []
    length = 0
    while length <= BODY_BYTES_MAX:
        message = await receive()
        part: bytes = message.get("body", b"")
        parts.append(part)
        length += len(part)
        if not message.get("more_body", False):
            break
    return parts[0] if len(parts) == 1 else b"".join(parts)


async def _answer(send: Send, answer: HttpAnswer) -> None:
    headers = [(b"content-length", str(len(answer.body)).encode())]
    if answer.content_type:
        headers.append((b"content-type", answer.content_type.encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
