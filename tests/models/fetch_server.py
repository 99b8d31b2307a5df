"""A web server on this machine that behaves as the net does at its worst; each path has its own bad habits, in turn."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ETAG = '"one"'


@dataclass
class Site:
    """What the server has, and what was asked of it.

    Attributes:
        url: without a slash at the end.
        files: content by path.
        habits: by path; each request takes the next, and the last one stays. Without any the server is a good one.
        asked: path, Range and If-Range of every request.
    """

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    habits: dict[str, list[Callable[["Handler", bytes], None]]] = field(default_factory=dict)
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)


class Handler(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    site: Site

    def do_GET(self) -> None:
        """Answer by the path's next habit."""
        wanted, if_range = self.headers.get("Range", ""), self.headers.get("If-Range", "")
        self.site.asked.append((self.path, wanted, if_range))
        habits = self.site.habits.get(self.path, [])
        habit = habits.pop(0) if len(habits) > 1 else habits[0] if habits else good
        try:
            habit(self, self.site.files[self.path])
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def begin(self, status: int, length: int | None, **headers: str) -> None:
        """Status line and headers."""
        self.send_response(status)
        if length is not None:
            self.send_header("Content-Length", str(length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def hang_up(self) -> None:
        """In the middle of it."""
        self.wfile.flush()
        self.close_connection = True


def good(handler: Handler, content: bytes) -> None:
    """Ranges, ETag, If-Range: as RFC 9110 has it."""
    wanted = handler.headers.get("Range", "")
    if not wanted or handler.headers.get("If-Range", ETAG) != ETAG:
        handler.begin(200, len(content), ETag=ETAG)
        handler.wfile.write(content)
        return
    start = int(wanted.removeprefix("bytes=").removesuffix("-"))
    if start >= len(content):
        handler.begin(416, 0, Content_Range=f"bytes */{len(content)}")
        return
    where = f"bytes {start}-{len(content) - 1}/{len(content)}"
    handler.begin(206, len(content) - start, ETag=ETAG, Content_Range=where)
    handler.wfile.write(content[start:])


def cuts_after(count: int) -> Callable[[Handler, bytes], None]:
    """Promises all, gives so many bytes, and hangs up."""

    def habit(handler: Handler, content: bytes) -> None:
        handler.begin(200, len(content), ETag=ETAG)
        handler.wfile.write(content[:count])
        handler.hang_up()

    return habit


def stalls_after(count: int) -> Callable[[Handler, bytes], None]:
    """Gives so many bytes, and then nothing, for as long as the test runs."""

    def habit(handler: Handler, content: bytes) -> None:
        handler.begin(200, len(content), ETag=ETAG)
        handler.wfile.write(content[:count])
        handler.wfile.flush()
        handler.site.over.wait(10.0)
        handler.hang_up()

    return habit


def ignores_ranges(handler: Handler, content: bytes) -> None:
    """Always all of it, without a word of ranges."""
    handler.begin(200, len(content))
    handler.wfile.write(content)


def answers(status: int, **headers: str) -> Callable[[Handler, bytes], None]:
    """A bare status."""

    def habit(handler: Handler, _: bytes) -> None:
        handler.begin(status, 0, **headers)

    return habit


def says_length(length: int) -> Callable[[Handler, bytes], None]:
    """Lies about the length, and gives what it has."""

    def habit(handler: Handler, content: bytes) -> None:
        handler.begin(200, length)
        handler.wfile.write(content)
        handler.hang_up()

    return habit


def endless(handler: Handler, content: bytes) -> None:
    """Gives no length, and goes on and on."""
    handler.begin(200, None, Connection="close")
    handler.close_connection = True
    while not handler.site.over.is_set():
        handler.wfile.write(content)


def from_elsewhere(handler: Handler, content: bytes) -> None:
    """A part, but not the one that was asked for."""
    where = f"bytes 0-{len(content) - 1}/{len(content)}"
    handler.begin(206, len(content), Content_Range=where)
    handler.wfile.write(content)


@contextmanager
def serving() -> Iterator[Site]:
    """A site on a random port of the loopback interface."""
    site = Site()
    handler = type("OfThisSite", (Handler,), {"site": site})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    site.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield site
    finally:
        site.over.set()
        server.shutdown()
        server.server_close()
        thread.join()
