"""Counts requests, so that the web process ends when nobody looks."""

from starlette.types import ASGIApp, Receive, Scope, Send

from edged.clock import NS_PER_S, Clock


class Activity:
    """The time since the last request."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._open_count = 0
        self._last_ns = clock.monotonic_ns()

    @property
    def idle_s(self) -> float:
        """Seconds since the last request ended; 0.0 while one goes on."""
        if self._open_count:
            return 0.0
        return (self._clock.monotonic_ns() - self._last_ns) / NS_PER_S

    def begin(self) -> None:
        """Count a request that begins."""
        self._open_count += 1

    def end(self) -> None:
        """Count its end."""
        self._open_count -= 1
        self._last_ns = self._clock.monotonic_ns()


class ActivityMiddleware:
    """Reports each request to an `Activity`, streams for as long as they last."""

    def __init__(self, app: ASGIApp, activity: Activity) -> None:
        self._app = app
        self._activity = activity

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, and count it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        self._activity.begin()
        try:
            await self._app(scope, receive, send)
        finally:
            self._activity.end()
