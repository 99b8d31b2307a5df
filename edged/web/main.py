"""The web process: it serves the page and the metrics on sockets that it inherits, and ends when nobody looks.

``python -m edged.web FD`` expects its `WebJob` as the first packet. It ends when the supervisor closes its end, or after a time without requests.
"""

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Iterator

import uvicorn
from starlette.types import ASGIApp

from edged import logs
from edged.clock import SystemClock
from edged.ipc import child
from edged.web.activity import Activity
from edged.web.applications import make_metrics_app, make_page_app
from edged.web.feed import MessageFeed
from edged.web.login import TokenError
from edged.web.messages import MAX_PACKET_BYTES, TO_WEB, Listener, WebJob
from edged.web.supervisor_link import SupervisorLink

_log = logging.getLogger(__name__)

_CHECK_S = 1.0
_NICENESS = 10
"""Frames come first: on a busy device the page waits, not the model."""
_END_TIMEOUT_S = 2


class WebServer(uvicorn.Server):
    """A server on one inherited socket; the process's signals are the supervisor's business."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


class WebProcess:
    """The servers, and what they share."""

    def __init__(self, job: WebJob, channel: socket.socket) -> None:
        """Serve nothing yet.

        Args:
            job: what to serve.
            channel: the channel to the supervisor, not blocking.
        """
        self._job = job
        self._feed = MessageFeed()
        self._link = SupervisorLink(channel, self._feed, self._end_now)
        self._activity = Activity(SystemClock())
        self._servers: list[WebServer] = []
        self._faults: list[str] = []

    async def run(self) -> None:
        """Serve until nobody has looked for a while, or the supervisor closes its end."""
        self._link.start()
        sockets = []
        for listener in self._job.listeners:
            one = socket.socket(fileno=listener.descriptor)
            config = self._load_config(listener)
            if config is None:
                await asyncio.start_server(lambda _, writer: writer.close(), sock=one)
            else:
                self._servers.append(WebServer(config))
                sockets.append(one)
        self._link.report_ready(self._faults)
        self._check_idle()
        served = zip(self._servers, sockets, strict=True)
        await asyncio.gather(*(server.serve(sockets=[one]) for server, one in served))
        if not self._servers:
            await asyncio.sleep(self._job.idle_s)

    def _load_config(self, listener: Listener) -> uvicorn.Config | None:
        """Return what a server needs; None if a file of the page cannot be used, which is reported."""
        try:
            config = self._make_config(listener)
            config.load()
        except TokenError as error:
            reason = str(error)
        except (OSError, ValueError) as error:  # an SSLError is an OSError
            page = self._job.page
            reason = f"page.tls_certificate {page.tls_certificate} and page.tls_key {page.tls_key} cannot be used: {error}"
        else:
            return config
        _log.error("%s", reason)
        self._faults.append(reason)
        return None

    def _make_app(self, listener: Listener) -> ASGIApp:
        if listener.purpose == "page":
            return make_page_app(
                self._job, link=self._link, feed=self._feed, activity=self._activity
            )
        return make_metrics_app(link=self._link, feed=self._feed, activity=self._activity)

    def _make_config(self, listener: Listener) -> uvicorn.Config:
        page = self._job.page
        has_tls = listener.purpose == "page" and page.tls_certificate is not None
        return uvicorn.Config(
            self._make_app(listener),
            http="h11",
            ws="none",
            loop="asyncio",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=64,
            timeout_graceful_shutdown=_END_TIMEOUT_S,
            ssl_certfile=page.tls_certificate if has_tls else None,
            ssl_keyfile=page.tls_key if has_tls else None,
        )

    def _check_idle(self) -> None:
        if self._activity.idle_s < self._job.idle_s:
            asyncio.get_running_loop().call_later(_CHECK_S, self._check_idle)
            return
        for server in self._servers:
            server.should_exit = True

    def _end_now(self) -> None:
        self._feed.close()
        for server in self._servers:
            server.should_exit = server.force_exit = True


def main(argv: list[str]) -> int:
    """Run the web process; return its exit status."""
    child.bind_lifetime_to_parent()
    channel = child.adopt_socket(int(argv[1]))
    job = TO_WEB.decode(channel.recv(MAX_PACKET_BYTES))
    if not isinstance(job, WebJob):
        raise SystemExit("the first packet is no job")
    logs.configure(job.log_level)
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    for name in ("uvicorn", "uvicorn.error"):  # its warnings are one for each odd request
        logging.getLogger(name).setLevel(logging.ERROR)
    os.nice(_NICENESS)
    channel.setblocking(False)  # noqa: FBT003 (the standard library's)
    asyncio.run(WebProcess(job, channel).run())
    return 0
