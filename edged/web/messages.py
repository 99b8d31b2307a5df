"""The messages of the supervisor and the web process: every one is declared here, and crosses as JSON."""

from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from edged.config.settings import PageSettings
from edged.ipc.packets import PacketCodec
from edged.web.metrics_messages import MetricsSample, MetricsWanted

MAX_PACKET_BYTES = 131_072
MAX_CHUNK_BYTES = 60 * 1024
"""Bytes of a picture in one packet, which carries them as base64."""

WEB_MODULE = "edged.web"


class Listener(Struct, frozen=True, kw_only=True):
    """A listening socket that the web process inherits.

    Attributes:
        purpose: what is served on it.
        descriptor: its number, the same in both processes.
    """

    purpose: Literal["page", "metrics"]
    descriptor: int


class WebJob(Struct, frozen=True, kw_only=True, tag="job"):
    """Supervisor to web process, its first message.

    Attributes:
        config: the configuration's main file.
        device: name of the device.
        page: the settings of the page, as they were at the daemon's start.
        listeners: the sockets to serve.
        state_dir: the device's state directory.
        log_level: lowest level that is logged.
        idle_s: seconds without a request after which the process ends.
    """

    config: Path
    device: str
    page: PageSettings
    listeners: tuple[Listener, ...]
    state_dir: Path
    log_level: str = "info"
    idle_s: float = 60.0


class Published(Struct, frozen=True, kw_only=True, tag="published"):
    """Supervisor to web process: a message that the device publishes; at first, all retained ones.

    Attributes:
        topic: the topic below ``up/``, as ``camera/front/state``; ``log`` for a line of the daemon's log.
        message: the payload, a JSON object.
    """

    topic: str
    message: msgspec.Raw


class CommandReply(Struct, frozen=True, kw_only=True, tag="reply"):
    """Supervisor to web process: the reply to a `CommandCall`.

    Attributes:
        number: that of the call.
        reply: the reply's fields, a JSON object.
    """

    number: int
    reply: msgspec.Raw


class PicturePart(Struct, frozen=True, kw_only=True, tag="picture"):
    """Supervisor to web process: a part of a picture, in order.

    Attributes:
        number: that of the request.
        jpeg: at most `MAX_CHUNK_BYTES` of the JPEG.
        is_last: no part follows.
    """

    number: int
    jpeg: bytes
    is_last: bool


class PictureRefused(Struct, frozen=True, kw_only=True, tag="refused"):
    """Supervisor to web process: there is no picture.

    Attributes:
        number: that of the request.
        code: a fixed word, as ``policy``.
        reason: why, in words.
    """

    number: int
    code: str
    reason: str


class Pong(Struct, frozen=True, kw_only=True, tag="pong"):
    """Supervisor to web process: the answer to a `Ping`.

    Attributes:
        number: that of the `Ping`.
    """

    number: int


class WebReady(Struct, frozen=True, kw_only=True, tag="ready"):
    """Web process to supervisor, once: it serves.

    Attributes:
        faults: what it cannot serve, and why, in words.
    """

    faults: tuple[str, ...]


class CommandCall(Struct, frozen=True, kw_only=True, tag="command"):
    """Web process to supervisor: execute a command.

    Attributes:
        number: chosen by the web process, and never reused.
        verb: the command's name.
        args: its arguments, a JSON object.
    """

    number: int
    verb: str
    args: msgspec.Raw


class PictureWanted(Struct, frozen=True, kw_only=True, tag="picture"):
    """Web process to supervisor: take a picture.

    Attributes:
        number: chosen by the web process, and never reused.
        camera: name of the camera.
        annotate: draw boxes and labels.
        max_width: largest width, pixels.
        quality: quality of the JPEG, 1..100.
    """

    number: int
    camera: str
    annotate: bool = True
    max_width: int = 960
    quality: int = 70


class StoredPictureWanted(Struct, frozen=True, kw_only=True, tag="stored"):
    """Web process to supervisor: the kept picture of an object; answered as a `PictureWanted` is.

    Attributes:
        number: chosen by the web process, and never reused.
        event_id: id of the object, as in its events.
    """

    number: int
    event_id: str


class Ping(Struct, frozen=True, kw_only=True, tag="ping"):
    """Web process to supervisor: answer, if you work.

    Attributes:
        number: chosen by the web process, and never reused.
    """

    number: int


ToWeb = WebJob | Published | CommandReply | PicturePart | PictureRefused | Pong | MetricsSample
WebRequest = CommandCall | PictureWanted | StoredPictureWanted | Ping | MetricsWanted
FromWeb = WebRequest | WebReady

TO_WEB: PacketCodec[ToWeb] = PacketCodec(ToWeb, max_bytes=MAX_PACKET_BYTES)
FROM_WEB: PacketCodec[FromWeb] = PacketCodec(FromWeb, max_bytes=MAX_PACKET_BYTES)
