"""The checks before every request: the name of this host, the origin, the login; and the headers of every answer."""

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edged.web.login import Gatekeeper

COOKIE = "edged-page"
_OPEN_PATHS = frozenset({"/login", "/healthz", "/readyz", "/static/style.css", "/static/login.js"})
_NO_HOST = re.compile(r"[@/?#\\]")
"""What ends a host in a URL, and so belongs to none."""
_SAFE_METHODS = frozenset({"GET", "HEAD"})
_HEADERS = {
    "content-security-policy": "default-src 'self'; img-src 'self' blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


class Guard:
    """Refuses what no browser of this page sends.

    - A request under the name of another host comes from a page that points its own name at this device (DNS rebinding). Without a token
      only loopback's names are served. With one, the cookie belongs to the name under which it was given.
    - A change comes with the origin of this page (cross-site request forgery).
    - With a token, everything but the login needs the cookie, or the token as ``Authorization: Bearer``.
    """

    def __init__(self, app: ASGIApp, gatekeeper: Gatekeeper | None) -> None:
        """Guard `app`.

        Args:
            app: what is guarded.
            gatekeeper: checks tokens; None if the page has none.
        """
        self._app = app
        self._gatekeeper = gatekeeper

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve or refuse a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("cache-control", "no-store")
            await send(message)

        request = Request(scope)
        refusal = self._find_refusal(request)
        await (refusal or self._app)(scope, receive, send_with_headers)

    def _find_refusal(self, request: Request) -> Response | None:
        if self._gatekeeper is None and not is_loopback_name(request.headers.get("host", "")):
            return refuse(
                421,
                "this page is served to this device only: open http://127.0.0.1 or http://localhost",
            )
        if request.method not in _SAFE_METHODS and not has_own_origin(request.headers):
            return refuse(403, "a change must come from this page itself")
        if self._gatekeeper is None or request.url.path in _OPEN_PATHS:
            return None
        return self._check_login(request, self._gatekeeper)

    def _check_login(self, request: Request, gatekeeper: Gatekeeper) -> Response | None:
        if gatekeeper.check_cookie(request.cookies.get(COOKIE, "")):
            return None
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            address = request.client.host if request.client else ""
            if wait_s := gatekeeper.wait_s(address):
                return refuse_for(wait_s)
            if gatekeeper.check_token(token.strip(), address):
                return None
        if request.method == "GET" and request.url.path == "/":
            return RedirectResponse("/login", 303)
        return refuse(401, "log in first")


def refuse(status: int, message: str) -> JSONResponse:
    """Return a refusal with its reason."""
    return JSONResponse({"error": message}, status)


def refuse_for(wait_s: float) -> JSONResponse:
    """Return the refusal of a token after too many wrong ones."""
    seconds = int(wait_s) + 1
    return JSONResponse(
        {"error": f"too many wrong tokens: wait {seconds} s"}, 429, {"retry-after": str(seconds)}
    )


def is_loopback_name(host: str) -> bool:
    """Return whether a Host header names this device to itself alone."""
    if not host.isprintable() or _NO_HOST.search(host):
        return False
    try:
        name = urlsplit(f"//{host}").hostname
        return name == "localhost" or (name is not None and ip_address(name).is_loopback)
    except ValueError:  # also urlsplit's, of a bracket alone
        return False


def has_own_origin(headers: Headers) -> bool:
    """Return whether a change comes from this page; a program that is no browser sends no origin."""
    site = headers.get("sec-fetch-site")
    if site is not None and site != "same-origin":
        return False
    origin = headers.get("origin")
    try:
        return origin is None or urlsplit(origin).netloc == headers.get("host", "")
    except ValueError:  # a bracket alone
        return False
