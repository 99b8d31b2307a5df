"""A simple network camera: JPEGs without end in one HTTP response (multipart/x-mixed-replace)."""

import contextlib
import http.server
import threading
from typing import Self

import cv2
import numpy as np

_FPS = 25


class _Stream(http.server.BaseHTTPRequestHandler):
    server: "MjpegServer"

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=next")
        self.end_headers()
        part = b"--next\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n"
        with contextlib.suppress(OSError):
            while not self.server.ending.wait(1 / _FPS):
                self.wfile.write(part % (len(self.server.jpeg), self.server.jpeg))

    def log_message(self, *_: object) -> None:
        """Log nothing."""


class MjpegServer(http.server.ThreadingHTTPServer):
    """The camera, a context manager: it sends one grey picture of `size` again and again."""

    def __init__(self, size: tuple[int, int]) -> None:
        super().__init__(("127.0.0.1", 0), _Stream)
        self.url = f"http://127.0.0.1:{self.server_address[1]}/video.mjpg"
        self.ending = threading.Event()
        picture = np.full((size[1], size[0], 3), 90, np.uint8)
        self.jpeg = cv2.imencode(".jpg", picture)[1].tobytes()
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ending.set()
        self.shutdown()
        self._thread.join()
        self.server_close()
