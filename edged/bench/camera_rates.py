"""Rates of each camera, from the counters in the daemon's health reports. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from edged.bench.recording import HealthArrival
from edged.clock import NS_PER_S
from edged.errors import EdgedError

_MIN_REPORTS = 2


@dataclass(frozen=True, slots=True)
class CameraRates:
    """Rates of one camera.

    Attributes:
        fps: frames that it delivered, per second.
        inferred_fps: frames on which the model ran, per second.
    """

    fps: float
    inferred_fps: float


def compute_rates(
    reports: Sequence[HealthArrival], began_ns: int, ended_ns: int
) -> dict[str, CameraRates]:
    """Return the rates of each camera between the first and the last report of a time.

    Args:
        reports: the reports, in order.
        began_ns: begin of the time, monotonic ns.
        ended_ns: its end, monotonic ns.

    Raises:
        EdgedError: fewer than two reports arrived in it.
    """
    inside = [one for one in reports if began_ns <= one.arrived_ns <= ended_ns]
    if len(inside) < _MIN_REPORTS or inside[-1].arrived_ns == inside[0].arrived_ns:
        raise EdgedError("the daemon reported its health too seldom: measure for at least 3 s")
    first, last = inside[0], inside[-1]
    span_s = (last.arrived_ns - first.arrived_ns) / NS_PER_S
    return {
        name: CameraRates(
            fps=(camera.frames - first.cameras[name].frames) / span_s,
            inferred_fps=(camera.inferred - first.cameras[name].inferred) / span_s,
        )
        for name, camera in last.cameras.items()
        if name in first.cameras
    }
