"""A real vision worker process, as the supervisor would have it: its job, its plans, and all that it says."""

import json
import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self, TypeVar

import msgspec

from edged.config.settings import ModelSettings
from edged.ipc import child
from edged.vision import messages as protocol
from edged.vision.messages import (
    CameraJob,
    FromWorker,
    Observation,
    VisionJob,
    WorkerPlan,
    WorkerReport,
)

_Message = TypeVar("_Message", bound=FromWorker)


class TimedMessage(NamedTuple):
    """A message, and when it came, monotonic."""

    at_ns: int
    message: FromWorker


def simulated_model(
    folder: Path,
    name: str,
    faults: Mapping[str, float] | None = None,
    *,
    labels: tuple[str, ...] = (),
    delegate: str | None = None,
    **more_faults: float,
) -> ModelSettings:
    """A model of that name that needs no runtime, and does wrong what it is told to."""
    file = folder / f"{name}.tflite"
    made = {"name": name, "faults": {**(faults or {}), **more_faults}}
    file.write_text(json.dumps(made | ({"labels": labels} if labels else {})))
    return ModelSettings(path=file, runtime="simulated", delegate=delegate)


def camera_job(name: str = "cam", source: str = "synthetic", **settings: object) -> CameraJob:
    """What a worker is told of a camera."""
    driver = msgspec.Raw(msgspec.json.encode(settings))
    return CameraJob(name=name, source=source, isolation="thread", driver_settings=driver)


def live_camera(frames: int = 0, name: str = "cam") -> CameraJob:
    """A camera of two hundred frames a second, each with something red and something blue in it."""
    return camera_job(name, fps=200, cycle=16, every_s=0.5, frames=frames)


LIVE_CAMERA = live_camera()


def make_plan(number: int, model: ModelSettings, *, cameras: int = 1, **more: object) -> WorkerPlan:
    """A plan for so many cameras."""
    return WorkerPlan(number=number, model=model, min_scores=(0.3,) * cameras, **more)  # type: ignore[arg-type] # any field, by name


def reported_ns(seen: Observation) -> int:
    """When it was known what the frame shows."""
    return seen.received_ns + seen.wait_ns + seen.encode_ns + seen.invoke_ns + seen.decode_ns


class WorkerUnderTest:
    """Started on entering; asked to end on leaving, and killed if it does not."""

    def __init__(
        self, plan: WorkerPlan, *cameras: CameraJob, report_interval_s: float = 0.05
    ) -> None:
        self._job = VisionJob(
            plan=plan, cameras=cameras, log_level="warning", report_interval_s=report_interval_s
        )
        self.messages: list[TimedMessage] = []

    def __enter__(self) -> Self:
        self._process, self._channel = child.spawn("edged.vision.worker.main")
        self._channel.send(protocol.pack(self._job))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.wait()
        self._channel.close()

    def send_plan(self, plan: WorkerPlan) -> None:
        """Send a plan."""
        self._channel.send(protocol.pack(plan))

    def read_message(self, timeout_s: float = 20.0) -> FromWorker | None:
        """The next message; None if it has ended."""
        self._channel.settimeout(timeout_s)
        try:
            packet = self._channel.recv(protocol.MAX_PACKET_BYTES)
        except ConnectionResetError:
            return None
        if not packet:
            return None
        message = protocol.unpack(packet)
        self.messages.append(TimedMessage(time.monotonic_ns(), message))
        return message

    def read_until(
        self,
        kind: type[_Message],
        matches: Callable[[_Message], bool] = lambda _: True,
        *,
        timeout_s: float = 20.0,
    ) -> _Message:
        """Read on until it says this."""
        end_s = time.monotonic() + timeout_s
        while time.monotonic() < end_s:
            message = self.read_message(timeout_s)
            assert message is not None, f"it ended; it had said {self.status_messages()[-5:]}"
            if isinstance(message, kind) and matches(message):
                return message
        raise AssertionError(
            f"no {kind.__name__} within {timeout_s:g} s: {self.status_messages()[-5:]}"
        )

    def read_observations(self, count: int) -> list[Observation]:
        """Read so many more observations."""
        return [self.read_until(Observation) for _ in range(count)]

    def read_until_ended(self, names: tuple[str, ...] = ("cam",)) -> WorkerReport:
        """Read on until all these cameras, which are finite, have ended."""
        return self.read_until(
            WorkerReport,
            lambda report: all(one.state == "ended" for one in report.cameras if one.name in names),
            timeout_s=60.0,
        )

    def status_messages(self) -> list[FromWorker]:
        """Everything but observations and reports, in order."""
        return [
            heard.message
            for heard in self.messages
            if not isinstance(heard.message, Observation | WorkerReport)
        ]

    def observations(self) -> list[Observation]:
        """All that were heard so far."""
        return [heard.message for heard in self.messages if isinstance(heard.message, Observation)]

    def stop(self, timeout_s: float = 5.0) -> tuple[int, float]:
        """Close our direction; its exit code, and after how many seconds."""
        began_s = time.monotonic()
        self._channel.shutdown(socket.SHUT_WR)
        while self.read_message() is not None:
            pass
        return self._process.wait(timeout_s), time.monotonic() - began_s
