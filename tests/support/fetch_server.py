"""A web server on this machine with the faults of bad networks; each path has its own sequence of behaviours."""

import base64
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Behaviour = Callable[["SiteRequest", bytes], None]
ETAG = '"one"'
DATE = "Sat, 21 Nov 2026 08:00:00 GMT"


@dataclass
class Site:
    """The files of the server, and the requests that it received.

    Attributes:
        url: without a slash at the end.
        files: content by path.
        behaviours: by path; each request takes the next, and the last one stays. Without any the server is a good one.
        requests: path, Range and If-Range of every request.
    credentials: ``user:password`` of every request; "" if it came without.
        credentials: ``user:password`` of every request; "" if it came without.
    """

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    behaviours: dict[str, list[Behaviour]] = field(default_factory=dict)
    requests: list[tuple[str, str, str]] = field(default_factory=list)
    credentials: list[str] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)


class SiteRequest(BaseHTTPRequestHandler):
    """The handler of one request."""

    protocol_version = "HTTP/1.1"
    site: Site

    def do_GET(self) -> None:
        """Answer with the path's next behaviour."""
        wanted, if_range = self.headers.get("Range", ""), self.headers.get("If-Range", "")
        path = self.path.partition("?")[0]
        self.site.requests.append((path, wanted, if_range))
        secret = self.headers.get("Authorization", "").removeprefix("Basic ")
        self.site.credentials.append(base64.b64decode(secret).decode())
        if path not in self.site.files:
            self.start_response(404, 0)
            return
        habits = self.site.behaviours.get(path, [])
        habit = habits.pop(0) if len(habits) > 1 else habits[0] if habits else well_behaved
        habit(self, self.site.files[path])

    def handle(self) -> None:
        """Serve one connection, which the client may close at any time."""
        with suppress(OSError):
            super().handle()

    def finish(self) -> None:
        """Finish one connection, which the client may close at any time."""
        with suppress(OSError):
            super().finish()

    def log_message(self, *_: object) -> None:
        """Log nothing."""

    def start_response(self, status: int, length: int | None, **headers: str) -> None:
        """Send the status line and headers."""
        self.send_response(status)
        if length is not None:
            self.send_header("Content-Length", str(length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def drop_connection(self) -> None:
        """Close the connection in the middle of the response."""
        self.wfile.flush()
        self.close_connection = True


def with_etag(etag: str, *, ranges: bool = True) -> Behaviour:
    """Return a behaviour with ranges, ETag and If-Range as in RFC 9110, or without ranges."""

    def habit(handler: SiteRequest, content: bytes) -> None:
        wanted = handler.headers.get("Range", "") if ranges else ""
        if not wanted or handler.headers.get("If-Range", etag) != etag:
            handler.start_response(200, len(content), ETag=etag)
            handler.wfile.write(content)
            return
        start = _range_start(wanted)
        if start >= len(content):
            handler.start_response(416, 0, Content_Range=f"bytes */{len(content)}")
            return
        where = f"bytes {start}-{len(content) - 1}/{len(content)}"
        handler.start_response(206, len(content) - start, ETag=etag, Content_Range=where)
        handler.wfile.write(content[start:])

    return habit


def well_behaved(request: SiteRequest, content: bytes) -> None:
    """Send the file correctly."""
    with_etag(ETAG)(request, content)


def cuts_range_after(count: int) -> Behaviour:
    """Answer a range correctly, and close the connection after so many bytes."""

    def habit(handler: SiteRequest, content: bytes) -> None:
        start = _range_start(handler.headers["Range"])
        where = f"bytes {start}-{len(content) - 1}/{len(content)}"
        handler.start_response(206, len(content) - start, ETag=ETAG, Content_Range=where)
        handler.wfile.write(content[start : start + count])
        handler.drop_connection()

    return habit


def cuts_after(count: int, **headers: str) -> Behaviour:
    """Announce the whole file, send so many bytes, and close the connection."""

    def habit(handler: SiteRequest, content: bytes) -> None:
        handler.start_response(200, len(content), **(headers or {"ETag": ETAG}))
        handler.wfile.write(content[:count])
        handler.drop_connection()

    return habit


def stalls_after(count: int) -> Behaviour:
    """Send so many bytes, and then nothing while the test runs."""

    def habit(handler: SiteRequest, content: bytes) -> None:
        handler.start_response(200, len(content), ETag=ETAG)
        handler.wfile.write(content[:count])
        handler.wfile.flush()
        handler.site.stopped.wait(10.0)
        handler.drop_connection()

    return habit


def ignores_ranges(request: SiteRequest, content: bytes) -> None:
    """Always send the whole file, without ranges."""
    request.start_response(200, len(content))
    request.wfile.write(content)


def ignores_if_range(etag: str) -> Behaviour:
    """Send the requested range of the current file, without checking If-Range."""

    def habit(handler: SiteRequest, content: bytes) -> None:
        start = _range_start(handler.headers["Range"])
        where = f"bytes {start}-{len(content) - 1}/{len(content)}"
        handler.start_response(206, len(content) - start, ETag=etag, Content_Range=where)
        handler.wfile.write(content[start:])

    return habit


def with_last_modified(request: SiteRequest, content: bytes) -> None:
    """Send the file correctly, with a date instead of an ETag."""
    wanted = request.headers.get("Range", "")
    if not wanted or request.headers.get("If-Range", DATE) != DATE:
        request.start_response(200, len(content), Last_Modified=DATE, ETag='W/"weak"')
        request.wfile.write(content)
        return
    start = _range_start(wanted)
    where = f"bytes {start}-{len(content) - 1}/{len(content)}"
    request.start_response(206, len(content) - start, Content_Range=where)
    request.wfile.write(content[start:])


def trickles(request: SiteRequest, content: bytes) -> None:
    """Send one byte at a time."""
    request.start_response(200, len(content), ETag=ETAG)
    for at in range(len(content)):
        request.wfile.write(content[at : at + 1])
        request.wfile.flush()
        if request.site.stopped.wait(0.01):
            return


def responds_with(status: int, **headers: str) -> Behaviour:
    """Send only a status."""

    def habit(handler: SiteRequest, _: bytes) -> None:
        handler.start_response(status, 0, **headers)

    return habit


def with_content_length(length: int) -> Behaviour:
    """Send a wrong length, and the file."""

    def habit(handler: SiteRequest, content: bytes) -> None:
        handler.start_response(200, length)
        handler.wfile.write(content)
        handler.drop_connection()

    return habit


def endless(request: SiteRequest, content: bytes) -> None:
    """Send no length, and data without end."""
    request.start_response(200, None, Connection="close")
    request.close_connection = True
    while not request.site.stopped.is_set():
        request.wfile.write(content)


def wrong_range(request: SiteRequest, content: bytes) -> None:
    """Send another part than the requested one."""
    where = f"bytes 0-{len(content) - 1}/{len(content)}"
    request.start_response(206, len(content), Content_Range=where)
    request.wfile.write(content)


def _range_start(wanted: str) -> int:
    return int(wanted.removeprefix("bytes=").removesuffix("-"))


@contextmanager
def serve_site(tls: ssl.SSLContext | None = None) -> Iterator[Site]:
    """Serve a site on a random port of the loopback interface."""
    site = Site()
    handler = type("OfThisSite", (SiteRequest,), {"site": site})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    site.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield site
    finally:
        site.stopped.set()
        server.shutdown()
        server.server_close()
        thread.join()
