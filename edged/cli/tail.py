"""``edged tail``: a live view of devices."""

import argparse
import sys
from typing import Any

import msgspec
from msgspec import Struct

from edged.cli.broker_option import add_broker_options, read_broker_options
from edged.cli.tail_lines import TailLines
from edged.client import EdgedClient, LinkDown, LinkUp, Notice, PictureReceived
from edged.clock import Deadline, SystemClock
from edged.errors import PublishError
from edged.publishers.mqtt_settings import broker_url
from edged.terminal.numbers import number_in_range

_QUIET_S = 10.0
_STEP_S = 0.5
_TOPICS = (
    "status",
    "info",
    "health",
    "model",
    "gap",
    "reply",
    "camera/+/events",
    "camera/+/state",
    "camera/+/switches",
    "camera/+/snapshot",
)
_DETECTIONS = "camera/+/detections"


class _Picture(Struct, frozen=True, kw_only=True, tag_field="kind", tag="picture"):
    """A picture in the output of --json: its size in place of its bytes."""

    topic: str
    device: str
    camera: str
    retained: bool
    size_bytes: int


def add_parser(subparsers: Any) -> None:
    """Add this command to the command line."""
    parser = subparsers.add_parser(
        "tail",
        help="show what devices publish, live",
        description="Shows events, states, health, lost messages and whether devices are online, until Ctrl-C. Needs a user that may read"
        " edged/v1/DEVICE/up/#; a device's own login often may not. Messages that arrive again are left out.",
    )
    add_broker_options(parser)
    parser.add_argument(
        "--device",
        action="append",
        metavar="NAME",
        help="only this device; can be repeated; default: all",
    )
    parser.add_argument("--detections", action="store_true", help="also the detections of frames")
    parser.add_argument(
        "--seconds",
        type=number_in_range(min_value=0, exclude_min=True),
        metavar="S",
        help="end after S seconds; the exit code is 1 if there was no connection",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object a line")
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Print what arrives.

    Raises:
        ConfigError: the options name no broker.
        PublishError: a file of the login cannot be used, or there was no connection in the time of --seconds.
    """
    settings = read_broker_options(args)
    topics = (*_TOPICS, _DETECTIONS) if args.detections else _TOPICS
    tail = _Tail(as_json=args.json)
    deadline = Deadline(SystemClock(), args.seconds) if args.seconds else None
    with EdgedClient(settings, devices=args.device or ("+",), topics=topics) as client:
        while deadline is None or not deadline.expired:
            wait_s = _STEP_S if deadline is None else min(_STEP_S, deadline.remaining_s)
            tail.show(client.receive(wait_s))
    if not tail.was_connected:
        raise PublishError(f"no connection to {broker_url(settings)}: {tail.reason or 'no answer'}")
    return 0


class _Tail:
    """Prints notices."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._lines = TailLines()
        self._quiet: Deadline | None = None
        self.was_connected = False
        self.reason = ""

    def show(self, notice: Notice | None) -> None:
        """Print a notice; None: there was none for a while."""
        if notice is None:
            self._warn_if_quiet()
            return
        self._watch(notice)
        line = _format_json(notice) if self._as_json else self._lines.format(notice)
        if line is not None:
            print(line, flush=True)

    def _watch(self, notice: Notice) -> None:
        match notice:
            case LinkUp():
                if not self.was_connected:
                    self._quiet = Deadline(SystemClock(), _QUIET_S)
                self.was_connected = True
            case LinkDown(reason=reason):
                self.reason = reason
            case _:
                self._quiet = None

    def _warn_if_quiet(self) -> None:
        if self._quiet is not None and self._quiet.expired:
            self._quiet = None
            print(
                "edged: nothing so far: is the device's name right, and may this user read edged/v1/DEVICE/up/#? "
                "A broker may withhold messages without saying so",
                file=sys.stderr,
            )


def _format_json(notice: Notice) -> str:
    if isinstance(notice, PictureReceived):
        return msgspec.json.encode(
            _Picture(
                topic=notice.topic,
                device=notice.device,
                camera=notice.camera,
                retained=notice.retained,
                size_bytes=len(notice.jpeg),
            )
        ).decode()
    return msgspec.json.encode(notice).decode()
