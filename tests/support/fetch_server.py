"""A web server on loopback with the faults of real ones; each path has its own, one request after the other."""

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
        behaviours: behaviours by path; each request takes the next, and the last one stays; `well_behaved` by default.
        requests: path, Range and If-Range of every request.
        credentials: ``user:password`` of every request; "" for none.
        stopped: set when the server stops.
    """

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    behaviours: dict[str, list[Behaviour]] = field(default_factory=dict)
    requests: list[tuple[str, str, str]] = field(default_factory=list)
    credentials: list[str] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)


class SiteRequest(BaseHTTPRequestHandler):
    """One request to the site."""

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
        behaviours = self.site.behaviours.get(path, [well_behaved])
        behave = behaviours.pop(0) if len(behaviours) > 1 else behaviours[0]
        behave(self, self.site.files[path])

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
        """Send status line and headers.

        Args:
            status: the HTTP status.
            length: Content-Length; None for none.
            headers: further headers, by name with _ for -.
        """
        self.send_response(status)
        if length is not None:
            self.send_header("Content-Length", str(length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def drop_connection(self) -> None:
        """Close the connection in the middle of a response."""
        self.wfile.flush()
        self.close_connection = True


def with_etag(etag: str, *, ranges: bool = True) -> Behaviour:
    """Return a behaviour by RFC 9110: with ETag and If-Range, and ranges if wanted."""

    def behave(request: SiteRequest, content: bytes) -> None:
        wanted = request.headers.get("Range", "") if ranges else ""
        if not wanted or request.headers.get("If-Range", etag) != etag:
            request.start_response(200, len(content), ETag=etag)
            request.wfile.write(content)
            return
        start = _range_start(wanted)
        if start >= len(content):
            request.start_response(416, 0, Content_Range=f"bytes */{len(content)}")
            return
        where = f"bytes {start}-{len(content) - 1}/{len(content)}"
        request.start_response(206, len(content) - start, ETag=etag, Content_Range=where)
        request.wfile.write(content[start:])

    return behave


def well_behaved(request: SiteRequest, content: bytes) -> None:
    """Answer by RFC 9110."""
    with_etag(ETAG)(request, content)


def cuts_range_after(count: int) -> Behaviour:
    """Return a behaviour that honours ranges, and closes the connection after so many bytes."""

    def behave(request: SiteRequest, content: bytes) -> None:
        start = _range_start(request.headers["Range"])
        where = f"bytes {start}-{len(content) - 1}/{len(content)}"
        request.start_response(206, len(content) - start, ETag=ETAG, Content_Range=where)
        request.wfile.write(content[start : start + count])
        request.drop_connection()

    return behave


def cuts_after(count: int, **headers: str) -> Behaviour:
    """Return a behaviour that announces the whole file, and closes the connection after so many bytes."""

    def behave(request: SiteRequest, content: bytes) -> None:
        request.start_response(200, len(content), **(headers or {"ETag": ETAG}))
        request.wfile.write(content[:count])
        request.drop_connection()

    return behave


def stalls_after(count: int) -> Behaviour:
    """Return a behaviour that sends so many bytes, and then nothing more while the connection stays open."""

    def behave(request: SiteRequest, content: bytes) -> None:
        request.start_response(200, len(content), ETag=ETAG)
        request.wfile.write(content[:count])
        request.wfile.flush()
        request.site.stopped.wait(10.0)
        request.drop_connection()

    return behave


def ignores_ranges(request: SiteRequest, content: bytes) -> None:
    """Send the whole file to every request."""
    request.start_response(200, len(content))
    request.wfile.write(content)


def ignores_if_range(etag: str) -> Behaviour:
    """Return a behaviour that sends the requested range although the file has changed."""

    def behave(request: SiteRequest, content: bytes) -> None:
        start = _range_start(request.headers["Range"])
        where = f"bytes {start}-{len(content) - 1}/{len(content)}"
        request.start_response(206, len(content) - start, ETag=etag, Content_Range=where)
        request.wfile.write(content[start:])

    return behave


def with_last_modified(request: SiteRequest, content: bytes) -> None:
    """Answer by RFC 9110 with Last-Modified and without an ETag."""
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
    """Return a behaviour that sends this status without content."""

    def behave(request: SiteRequest, _: bytes) -> None:
        request.start_response(status, 0, **headers)

    return behave


def with_content_length(length: int) -> Behaviour:
    """Return a behaviour that announces a wrong length, and sends the whole file."""

    def behave(request: SiteRequest, content: bytes) -> None:
        request.start_response(200, length)
        request.wfile.write(content)
        request.drop_connection()

    return behave


def endless(request: SiteRequest, content: bytes) -> None:
    """Send content without a length and without an end."""
    request.start_response(200, None, Connection="close")
    request.close_connection = True
    while not request.site.stopped.is_set():
        request.wfile.write(content)


def wrong_range(request: SiteRequest, content: bytes) -> None:
    """Send another range than the requested one."""
    where = f"bytes 0-{len(content) - 1}/{len(content)}"
    request.start_response(206, len(content), Content_Range=where)
    request.wfile.write(content)


def _range_start(wanted: str) -> int:
    return int(wanted.removeprefix("bytes=").removesuffix("-"))


@contextmanager
def serve_site(tls: ssl.SSLContext | None = None) -> Iterator[Site]:
    """Serve a site on a random loopback port."""
    site = Site()
    request_class = type("RequestToThisSite", (SiteRequest,), {"site": site})
    server = ThreadingHTTPServer(("127.0.0.1", 0), request_class)
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
