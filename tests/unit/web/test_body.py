"""Bodies of requests: what is not JSON of the expected type is refused with its reason."""

import asyncio
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from edged.web.page import read_body


async def answer(request: Request) -> Response:
    try:
        return JSONResponse(await read_body(request, dict[str, Any]))
    except ValueError as error:
        return Response(str(error), 422)


def send(content: bytes, content_type: str = "application/json") -> httpx.Response:
    app = Starlette(routes=[Route("/", answer, methods=["POST"])])

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            headers = {"content-type": content_type}
            return await client.post("/", content=content, headers=headers)

    return asyncio.run(ask())


def test_json_is_decoded() -> None:
    assert send(b'{"a": [1]}', "Application/JSON; charset=utf-8").json() == {"a": [1]}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "truncated"),
        (b"[]", "Expected `object`, got `array`"),
        (b'{"a": NaN}', "malformed"),
        (b'{"a": 1e999}', "out of range"),
        (b'{"a": "\xff"}', "can't decode"),
        (b'{"a":' * 15_000, "recursion"),
        (b" " * 200_000, "more than 100000 bytes"),
    ],
    ids=["nothing", "list", "NaN", "1e999", "no text", "deep", "huge"],
)
def test_anything_else_is_refused(content: bytes, reason: str) -> None:
    response = send(content)
    assert (response.status_code, reason in response.text) == (422, True), response.text


def test_a_form_is_refused() -> None:
    assert "application/json" in send(b"a=1", "application/x-www-form-urlencoded").text
