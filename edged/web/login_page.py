"""The form that asks for the token."""

import msgspec
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from edged.web.guard import COOKIE, refuse, refuse_for
from edged.web.login import COOKIE_DAYS, Gatekeeper
from edged.web.page import STATIC, read_body


class _Login(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The content of the form.

    Attributes:
        token: what a person typed.
    """

    token: str


class LoginPage:
    """The routes of the login."""

    def __init__(self, gatekeeper: Gatekeeper, *, has_tls: bool) -> None:
        """Serve nothing yet.

        Args:
            gatekeeper: checks tokens, and makes cookies.
            has_tls: the cookie is sent over TLS only.
        """
        self._gatekeeper = gatekeeper
        self._has_tls = has_tls

    @property
    def routes(self) -> list[Route]:
        """The routes."""
        return [
            Route("/login", self._show),
            Route("/login", self._log_in, methods=["POST"]),
            Route("/logout", self._log_out, methods=["POST"]),
        ]

    async def _show(self, _: Request) -> Response:
        return FileResponse(STATIC / "login.html")

    async def _log_in(self, request: Request) -> Response:
        address = request.client.host if request.client else ""
        if wait_s := self._gatekeeper.wait_s(address):
            return refuse_for(wait_s)
        try:
            login = await read_body(request, _Login)
        except ValueError as error:
            return refuse(422, f"not valid: {error}")
        if not self._gatekeeper.check_token(login.token.strip(), address):
            return refuse(401, "this is not the token")
        response = JSONResponse({"ok": True})
        response.set_cookie(
            COOKIE,
            self._gatekeeper.make_cookie(),
            max_age=COOKIE_DAYS * 86_400,
            secure=self._has_tls,
            httponly=True,
            samesite="strict",
        )
        return response

    async def _log_out(self, _: Request) -> Response:
        response = JSONResponse({"ok": True})
        response.delete_cookie(COOKIE, httponly=True, samesite="strict", secure=self._has_tls)
        return response
