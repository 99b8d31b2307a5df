"""/healthz and /readyz, which both listeners serve."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from edged.web.feed import MessageFeed
from edged.web.readiness import find_obstacles
from edged.web.supervisor_link import SupervisorLink, SupervisorSilentError

_UNAVAILABLE = 503


def make_probe_routes(link: SupervisorLink, feed: MessageFeed) -> list[Route]:
    """Return the routes.

    Args:
        link: the channel to the supervisor.
        feed: what the device publishes.
    """

    async def answer_health(_: Request) -> Response:
        try:
            await link.ping()
        except SupervisorSilentError as error:
            return JSONResponse({"ok": False, "reasons": [str(error)]}, _UNAVAILABLE)
        return JSONResponse({"ok": True})

    async def answer_readiness(_: Request) -> Response:
        try:
            await link.ping()
        except SupervisorSilentError as error:
            reasons = [str(error)]
        else:
            reasons = find_obstacles(feed.find("health"))
        status = _UNAVAILABLE if reasons else 200
        return JSONResponse({"ok": not reasons, "reasons": reasons}, status)

    return [Route("/healthz", answer_health), Route("/readyz", answer_readiness)]
