"""Which requests reach the page: by the name of the host, the origin, and the login."""

import asyncio

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from edged.web.guard import COOKIE, Guard, is_loopback_name
from edged.web.login import Gatekeeper
from support.clock import FakeClock

TOKEN = "correct-horse-battery"  # noqa: S105 (made up)


async def answer(_: Request) -> Response:
    return PlainTextResponse("reached")


def call(
    gatekeeper: Gatekeeper | None, method: str = "GET", path: str = "/x", **headers: str
) -> httpx.Response:
    methods = ["GET", "POST"]
    routes = [Route(one, answer, methods=methods) for one in ("/x", "/", "/login", "/healthz")]
    app = Guard(Starlette(routes=routes), gatekeeper)
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as one:
            return await one.request(method, path, headers=named)

    return asyncio.run(ask())


@pytest.fixture
def gatekeeper() -> Gatekeeper:
    return Gatekeeper(TOKEN, FakeClock())


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost", "LOCALHOST:1", "[::1]:8080"])
def test_names_of_loopback_are_served(host: str) -> None:
    assert is_loopback_name(host)
    assert call(None, host=host).text == "reached"


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "evil.example:8080", "192.0.2.1", "127.0.0.1.evil.example", ""),
        *("a@localhost", "[", "[::1", "x]"),
        *("127.0.0.1/x", "127.0.0.1#x", "127.0.0.1?x", "127.0.0.1\\x"),
    ],
)
def test_another_name_is_refused_without_a_token(host: str) -> None:
    assert not is_loopback_name(host)
    assert call(None, host=host).status_code == 421


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://["},
        {"origin": "http://127.0.0.1:9"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site", "origin": "http://127.0.0.1:8080"},
    ],
)
def test_a_change_from_another_origin_is_refused(headers: dict[str, str]) -> None:
    assert call(None, "POST", **headers).status_code == 403
    assert call(None, "GET", **headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [{}, {"origin": "http://127.0.0.1:8080"}, {"sec_fetch_site": "same-origin"}],
)
def test_a_change_from_the_page_or_from_no_browser_is_served(headers: dict[str, str]) -> None:
    assert call(None, "POST", **headers).status_code == 200


def test_a_login_is_asked_for(gatekeeper: Gatekeeper) -> None:
    assert call(gatekeeper).status_code == 401
    assert call(gatekeeper, "POST").status_code == 401
    assert call(gatekeeper, path="/").headers["location"] == "/login"
    assert call(gatekeeper, path="/login").status_code == 200
    assert call(gatekeeper, path="/healthz").status_code == 200
    assert call(gatekeeper, cookie=f"{COOKIE}=wrong").status_code == 401
    assert call(gatekeeper, cookie=f"{COOKIE}={gatekeeper.make_cookie()}").status_code == 200
    assert call(gatekeeper, authorization=f"Bearer {TOKEN}").status_code == 200


def test_wrong_bearer_tokens_are_limited(gatekeeper: Gatekeeper) -> None:
    wrong = [call(gatekeeper, authorization="Bearer no").status_code for _ in range(6)]
    assert wrong == [401] * 5 + [429]
    response = call(gatekeeper, authorization=f"Bearer {TOKEN}")
    assert response.status_code == 429
    assert 1 <= int(response.headers["retry-after"]) <= 61


def test_every_answer_forbids_foreign_content(gatekeeper: Gatekeeper) -> None:
    for response in (call(gatekeeper), call(gatekeeper, path="/login"), call(None, path="/none")):
        assert response.headers["content-security-policy"].startswith("default-src 'self';")
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["cache-control"] == "no-store"
