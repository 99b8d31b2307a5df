"""The applications of the two listeners: the page, and the metrics."""

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.types import ASGIApp

from edged.clock import SystemClock
from edged.web.activity import Activity, ActivityMiddleware
from edged.web.feed import MessageFeed
from edged.web.guard import Guard
from edged.web.live_pictures import LivePictures
from edged.web.login import Gatekeeper, read_token
from edged.web.login_page import LoginPage
from edged.web.messages import WebJob
from edged.web.page import LocalPage
from edged.web.probes import make_probe_routes
from edged.web.supervisor_link import SupervisorLink


def make_page_app(
    job: WebJob, *, link: SupervisorLink, feed: MessageFeed, activity: Activity
) -> ASGIApp:
    """Return the application of the page.

    Args:
        job: the process's job.
        link: the channel to the supervisor.
        feed: what the device publishes.
        activity: counts requests.

    Raises:
        TokenError: the token's file cannot be used.
    """
    clock = SystemClock()
    token_file = job.page.token_file
    gatekeeper = Gatekeeper(read_token(token_file), clock) if token_file else None
    page = LocalPage(job, link=link, feed=feed, pictures=LivePictures(link, clock))
    has_tls = job.page.tls_certificate is not None
    login = LoginPage(gatekeeper, has_tls=has_tls).routes if gatekeeper else []
    return Starlette(
        routes=[*make_probe_routes(link, feed), *login, *page.routes],
        middleware=[
            Middleware(ActivityMiddleware, activity=activity),
            Middleware(Guard, gatekeeper=gatekeeper),
        ],
    )


def make_metrics_app(*, link: SupervisorLink, feed: MessageFeed, activity: Activity) -> ASGIApp:
    """Return the application of the metrics.

    Args:
        link: the channel to the supervisor.
        feed: what the device publishes.
        activity: counts requests.
    """
    from edged.web.metrics_route import make_metrics_route

    return Starlette(
        routes=[*make_probe_routes(link, feed), make_metrics_route(link, feed)],
        middleware=[Middleware(ActivityMiddleware, activity=activity)],
    )
