"""An RTSP camera on loopback, with the faults that real ones have.

RTSP/1.0 (RFC 2326) over one TCP connection, H.264 as RTP in it (RFC 2326 section 10.12, RFC 6184), encoded by PyAV.
Each picture carries its number as sixteen black and white fields along its upper edge, from which its age follows.
"""

import base64
import contextlib
import fractions
import re
import socket
import socketserver
import struct
import threading
import time
from collections.abc import Iterator
from enum import StrEnum
from typing import Self

import av
import cv2
import numpy as np

from edged.types import Frame, PixelFormat

WIDTH, HEIGHT = 320, 240
FPS = 25
_FIELDS = 16
_FIELD_PX = WIDTH // _FIELDS
_PAYLOAD_TYPE = 96
_CLOCK_HZ = 90_000
_MAX_PAYLOAD = 1300
_NAL_IDR, _NAL_SPS, _NAL_PPS, _NAL_FU_A = 5, 7, 8, 28


class Mode(StrEnum):
    """How the camera behaves."""

    OK = "ok"
    FREEZE = "freeze"
    """Connections stay open, and nothing more is sent."""
    DROP = "drop"
    """The camera closes every connection."""
    MUTE = "mute"
    """Connections are accepted, and requests are not answered."""
    SILENT = "silent"
    """Requests are answered, and no picture is sent."""


def frame_number(frame: Frame) -> int:
    """Return the number that is drawn into the picture."""
    if frame.format is PixelFormat.YUV420P:
        luma = frame.pixels[: frame.height, : frame.width]
    else:
        luma = np.asarray(cv2.cvtColor(frame.pixels, cv2.COLOR_BGR2GRAY))
    middles = luma[8, _FIELD_PX // 2 :: _FIELD_PX]
    return sum(1 << bit for bit, value in enumerate(middles) if value > 127)


def _draw(count: int) -> av.VideoFrame:
    luma = np.full((HEIGHT * 3 // 2, WIDTH), 128, np.uint8)
    fields = [235 if count >> bit & 1 else 16 for bit in range(_FIELDS)]
    luma[:32, :] = np.repeat(np.array(fields, np.uint8), _FIELD_PX)
    picture = av.VideoFrame.from_ndarray(luma, format="yuv420p")
    picture.pts = count
    return picture


class _Encoder:
    def __init__(self, period_s: float) -> None:
        self._codec = av.CodecContext.create("libx264", "w")
        assert isinstance(self._codec, av.VideoCodecContext)
        self._codec.width, self._codec.height = WIDTH, HEIGHT
        self._codec.pix_fmt = "yuv420p"
        self._codec.time_base = fractions.Fraction(1, FPS)
        self._codec.framerate = fractions.Fraction(FPS)
        self._codec.gop_size = max(1, round(1 / 3 / period_s))
        self._codec.thread_count = 1
        self._codec.options = {
            "preset": "ultrafast",
            "tune": "zerolatency",
            "x264-params": "annexb=1:repeat-headers=1",
        }

    def units(self, count: int) -> list[bytes]:
        """Return the NAL units of picture `count`."""
        assert isinstance(self._codec, av.VideoCodecContext)
        stream = b"".join(bytes(packet) for packet in self._codec.encode(_draw(count)))
        return [unit for unit in re.split(b"\0?\0\0\1", stream) if unit]


def _payloads(unit: bytes) -> Iterator[bytes]:
    """Return a NAL unit as RTP payloads: whole, or in fragments (RFC 6184 section 5.8)."""
    if len(unit) <= _MAX_PAYLOAD:
        yield unit
        return
    header, body = unit[0], unit[1:]
    for start in range(0, len(body), _MAX_PAYLOAD):
        first = 0x80 if start == 0 else 0
        last = 0x40 if start + _MAX_PAYLOAD >= len(body) else 0
        head = bytes([header & 0xE0 | _NAL_FU_A, header & 0x1F | first | last])
        yield head + body[start : start + _MAX_PAYLOAD]


class _Connection(socketserver.StreamRequestHandler):
    """The connection of one client: it answers requests; after PLAY the server sends pictures."""

    server: "RtspServer"

    def setup(self) -> None:
        super().setup()
        self._rtp_seq = 0
        self._playing = False
        self._begun = False
        with self.server.lock:
            self.server.connections.append(self)

    def handle(self) -> None:
        with contextlib.suppress(OSError):
            while (request := self._request()) is not None:
                if self.server.mode is not Mode.MUTE:
                    self._answer(*request)

    def finish(self) -> None:
        with self.server.lock:
            self.server.connections.remove(self)
        with contextlib.suppress(OSError):
            super().finish()

    def hang_up(self) -> None:
        with contextlib.suppress(OSError):
            self.request.shutdown(socket.SHUT_RDWR)

    def send(self, units: list[bytes], count: int) -> None:
        """Send one picture to a client that plays; the first is a key frame."""
        self._begun |= any(unit[0] & 0x1F == _NAL_IDR for unit in units)
        if not (self._playing and self._begun):
            return
        stamp = round(count * self.server.period_s * _CLOCK_HZ) & 0xFFFFFFFF
        payloads = [payload for unit in units for payload in _payloads(unit)]
        for payload in payloads:
            marker = 0x80 if payload is payloads[-1] else 0
            head = struct.pack("!BBHII", 0x80, _PAYLOAD_TYPE | marker, self._rtp_seq, stamp, 1)
            self._rtp_seq = self._rtp_seq + 1 & 0xFFFF
            size = len(head) + len(payload)
            with contextlib.suppress(OSError):
                self.request.sendall(struct.pack("!cBH", b"$", 0, size) + head + payload)

    def _request(self) -> tuple[str, str, dict[str, str]] | None:
        """Return the next request's method, URL and headers; RTCP in between is skipped."""
        while (first := self.rfile.read(1)) == b"$":
            _channel, size = struct.unpack("!BH", self.rfile.read(3))
            self.rfile.read(size)
        if not first:
            return None
        method, url = (first + self.rfile.readline()).decode().split()[:2]
        headers = {}
        while line := self.rfile.readline().strip().decode():
            key, _, value = line.partition(": ")
            headers[key] = value
        return method, url, headers

    def _answer(self, method: str, url: str, headers: dict[str, str]) -> None:
        status, extra, body = "200 OK", ["Session: 1;timeout=60"], ""
        if self.server.login and headers.get("Authorization") != f"Basic {self.server.login}":
            status, extra = "401 Unauthorized", ['WWW-Authenticate: Basic realm="camera"']
        elif method == "OPTIONS":
            extra = ["Public: OPTIONS, DESCRIBE, SETUP, PLAY, GET_PARAMETER, TEARDOWN"]
        elif method == "DESCRIBE":
            body = self.server.description
            extra = [f"Content-Base: {self.server.url}/", "Content-Type: application/sdp"]
        elif method == "SETUP" and "TCP" not in headers.get("Transport", ""):
            status, extra = "461 Unsupported Transport", []
        elif method == "SETUP":
            self.server.set_up_tracks.append(url.rpartition("/")[2])
            extra.append("Transport: RTP/AVP/TCP;unicast;interleaved=0-1")
        lines = [f"RTSP/1.0 {status}", f"CSeq: {headers.get('CSeq', '0')}", *extra]
        lines += [f"Content-Length: {len(body)}", "", body]
        self.request.sendall("\r\n".join(lines).encode())
        self._playing |= method == "PLAY"


class RtspServer(socketserver.ThreadingTCPServer):
    """The camera, a context manager.

    Attributes:
        url: its URL.
        mode: its behaviour, which can be changed at any time.
        period_s: time between two pictures, seconds.
        set_up_tracks: the tracks that clients have asked for.
        count: number of the newest picture.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(
        self,
        *,
        port: int = 0,
        user: str = "",
        password: str = "",
        period_s: float = 1 / FPS,
        has_sound: bool = False,
    ) -> None:
        super().__init__(("127.0.0.1", port), _Connection)
        self.port: int = self.server_address[1]
        self.url = f"rtsp://127.0.0.1:{self.port}/cam"
        self.mode = Mode.OK
        self.count = 0
        self.period_s = period_s
        self.has_sound = has_sound
        self.set_up_tracks: list[str] = []
        self.login = base64.b64encode(f"{user}:{password}".encode()).decode() if user else ""
        self.lock = threading.Lock()
        self.connections: list[_Connection] = []
        self._encoder = _Encoder(period_s)
        self.description = self._describe(self._encoder.units(0))
        if has_sound:
            self.description += "m=audio 0 RTP/AVP 0\r\na=control:trackID=1\r\n"
        self._ending = threading.Event()
        self._own_threads = [
            threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}),
            threading.Thread(target=self._pump),
        ]

    def __enter__(self) -> Self:
        for thread in self._own_threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self.shutdown()
        for thread in self._own_threads:
            thread.join()
        self._hang_up_all()
        self.server_close()

    def _pump(self) -> None:
        due = time.monotonic()
        while not self._ending.wait(max(0.0, due - time.monotonic())):
            due += self.period_s
            self.count += 1
            units = self._encoder.units(self.count)
            if self.mode is Mode.DROP:
                self._hang_up_all()
            elif self.mode is Mode.OK:
                with self.lock:
                    connections = list(self.connections)
                for connection in connections:
                    connection.send(units, self.count)

    def _hang_up_all(self) -> None:
        with self.lock:
            for connection in self.connections:
                connection.hang_up()

    @staticmethod
    def _describe(units: list[bytes]) -> str:
        """Return the session description (SDP, RFC 4566) with the parameter sets."""
        sets = [unit for unit in units if unit[0] & 0x1F in (_NAL_SPS, _NAL_PPS)]
        sprop = ",".join(base64.b64encode(unit).decode() for unit in sets)
        lines = [
            "v=0",
            "o=- 0 0 IN IP4 127.0.0.1",
            "s=test",
            "c=IN IP4 0.0.0.0",
            "t=0 0",
            f"m=video 0 RTP/AVP {_PAYLOAD_TYPE}",
            f"a=rtpmap:{_PAYLOAD_TYPE} H264/{_CLOCK_HZ}",
            f"a=fmtp:{_PAYLOAD_TYPE} packetization-mode=1;sprop-parameter-sets={sprop}",
            "a=control:trackID=0",
        ]
        return "".join(line + "\r\n" for line in lines)
