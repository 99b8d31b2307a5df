"""/metrics, in the text format of Prometheus or in OpenMetrics, as the scraper asks for."""

from collections.abc import Iterable

from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector, CollectorRegistry
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from edged.web.feed import MessageFeed
from edged.web.metrics import NewestMessages, make_metrics
from edged.web.supervisor_link import SupervisorLink, SupervisorSilentError

_UNAVAILABLE = 503


class _Metrics(Collector):
    """Metrics that were made beforehand."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        """Return them."""
        return self._metrics


def make_metrics_route(link: SupervisorLink, feed: MessageFeed) -> Route:
    """Return the route.

    Args:
        link: the channel to the supervisor.
        feed: what the device publishes.
    """

    async def answer(request: Request) -> Response:
        try:
            sample = await link.sample_metrics()
        except SupervisorSilentError as error:
            return PlainTextResponse(f"{error}\n", _UNAVAILABLE)
        registry = CollectorRegistry(auto_describe=False)
        registry.register(
            _Metrics(make_metrics(sample, NewestMessages.read(feed.find, sample.cameras)))
        )
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(registry), media_type=content_type)

    return Route("/metrics", answer)
