"""What the subscriber's process has recorded."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import msgspec

from edged.bench.arrivals import READY_LINE
from edged.bench.cores import CoreSplit, move_to
from edged.clock import NS_PER_S, Clock, Deadline
from edged.demo.run_folder import RunFolder, ended_with_parent
from edged.errors import EdgedError
from edged.messaging.contract.camera_health import CameraHealth

_READY_TIMEOUT_S = 15.0
_POLL_S = 0.02
DETECTIONS_SUFFIX = "/detections"
_HEALTH_SUFFIX = "/health"


class Arrival(NamedTuple):
    """A message as it arrived.

    Attributes:
        arrived_ns: time of arrival, monotonic ns.
        topic: its topic.
        payload: its payload.
    """

    arrived_ns: int
    topic: str
    payload: bytes


class FrameArrival(msgspec.Struct, frozen=True, kw_only=True):
    """The detections of one frame, of the daemon or of the tutorial loop.

    Attributes:
        frame: number of the frame.
        received_ns: when the program received the frame, monotonic ns.
        arrived_ns: when its detections arrived at the subscriber, monotonic ns.
        detections: the detections, as JSON.
    """

    frame: int
    received_ns: int
    arrived_ns: int = 0
    detections: tuple[msgspec.Raw, ...] = ()

    @property
    def latency_s(self) -> float:
        """Time from the frame's arrival to that of its detections, in seconds."""
        return (self.arrived_ns - self.received_ns) / NS_PER_S


class HealthArrival(msgspec.Struct, frozen=True, kw_only=True):
    """The cameras in one ``up/health``.

    Attributes:
        cameras: the cameras, by name.
        arrived_ns: time of arrival, monotonic ns.
    """

    cameras: dict[str, CameraHealth] = {}
    arrived_ns: int = 0


def parse_arrivals(recorded: bytes) -> list[Arrival]:
    """Return the messages in a recording; a last line that is not complete is left out."""
    lines = recorded.split(b"\n")[:-1]
    messages = []
    for line in lines:
        at, _, rest = line.partition(b" ")
        topic, found, payload = rest.partition(b" ")
        if found and at.isdigit():
            messages.append(Arrival(int(at), topic.decode(), payload))
    return messages


def select_frames(arrivals: Sequence[Arrival]) -> list[FrameArrival]:
    """Return the detections among the messages, in order of arrival."""
    decoder = msgspec.json.Decoder(FrameArrival)
    return [
        msgspec.structs.replace(decoder.decode(one.payload), arrived_ns=one.arrived_ns)
        for one in arrivals
        if one.topic.endswith(DETECTIONS_SUFFIX)
    ]


def select_health(arrivals: Sequence[Arrival]) -> list[HealthArrival]:
    """Return the health reports among the messages, in order of arrival."""
    decoder = msgspec.json.Decoder(HealthArrival)
    return [
        msgspec.structs.replace(decoder.decode(one.payload), arrived_ns=one.arrived_ns)
        for one in arrivals
        if one.topic.endswith(_HEALTH_SUFFIX)
    ]


@dataclass(frozen=True, slots=True)
class Recording:
    """The file of a subscriber that is running, or has run."""

    path: Path
    clock: Clock

    def read(self) -> list[Arrival]:
        """Return the messages so far."""
        return parse_arrivals(self.path.read_bytes())

    def wait_for_detections(
        self, timeout_s: float, program: subprocess.Popen[bytes]
    ) -> FrameArrival | None:
        """Return the first detections, or None if the time is over or the program has ended before."""
        deadline = Deadline(self.clock, timeout_s)
        while not deadline.expired:
            has_ended = program.poll() is not None
            if frames := select_frames(self.read()):
                return frames[0]
            if has_ended:
                return None
            self.clock.sleep(_POLL_S)
        return None


@contextmanager
def recording(
    folder: RunFolder, port: int, topic_filter: str, cores: CoreSplit, clock: Clock
) -> Iterator[Recording]:
    """Yield the recording of a subscriber that is subscribed; it ends with the context.

    Args:
        folder: the run's folder.
        port: the broker's TCP port, on loopback.
        topic_filter: the MQTT topic filter.
        cores: the cores of the subscriber are its `others`.
        clock: the clock of the time limit.

    Raises:
        EdgedError: the subscriber did not connect.
    """
    path = folder.path / "arrivals"
    path.unlink(missing_ok=True)
    arguments = [str(port), topic_filter, str(path)]
    child = subprocess.Popen(
        ended_with_parent([sys.executable, "-m", "edged.bench.arrivals", *arguments]),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        pass_fds=(folder.guard_fd,),
    )
    try:
        move_to(child.pid, cores.others)
        _wait_until_ready(child, path, clock)
        yield Recording(path, clock)
    finally:
        child.kill()
        child.communicate()


def _wait_until_ready(child: subprocess.Popen[bytes], path: Path, clock: Clock) -> None:
    deadline = Deadline(clock, _READY_TIMEOUT_S)
    while child.poll() is None and not deadline.expired:
        if path.exists() and path.read_bytes().startswith(READY_LINE):
            return
        clock.sleep(_POLL_S)
    child.kill()
    _, errors = child.communicate()
    raise EdgedError(
        f"the benchmark's subscriber did not connect: {errors.decode(errors='replace')[-300:]}"
    )


def find_stages(reports: Sequence[HealthArrival]) -> dict[str, float]:
    """Return the median time of each stage in the latest health report that has them, in seconds."""
    for report in reversed(reports):
        for camera in report.cameras.values():
            if camera.latency_s:
                return {stage: times.p50 for stage, times in camera.latency_s.items()}
    return {}


def inferred_share(reports: Sequence[HealthArrival]) -> float:
    """Return the share of the cameras' frames on which the model ran, by the latest health report; 1.0 if none counts frames."""
    for report in reversed(reports):
        if frames := sum(camera.frames for camera in report.cameras.values()):
            inferred = sum(camera.inferred for camera in report.cameras.values())
            return min(inferred / frames, 1.0)
    return 1.0
