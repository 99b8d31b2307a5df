"""Check of a camera: a frame from it, or the daemon's report on it."""

from collections.abc import Iterator

import numpy as np

from edged.checks.doctor.finding import Finding, fail, ok, warn
from edged.checks.smoke import grab_single_frame
from edged.clock import Clock
from edged.config.settings import CameraSettings
from edged.errors import EdgedError
from edged.health import ConditionKind
from edged.messaging.contract.camera_health import CameraHealth
from edged.messaging.contract.device import HealthCondition
from edged.types import Frame

MIN_CONTRAST = 2.0
"""Standard deviation of the grey levels, 0..255."""
_ADVICE = "docs/cameras.md lists what each kind of camera needs"


def part_name(camera: str) -> str:
    """Return the name of a camera's part, which is also the name of its condition."""
    return ConditionKind.CAMERA.name_of(camera)


def check_camera(name: str, settings: CameraSettings, clock: Clock) -> Iterator[Finding]:
    """Grab a frame from a camera that no daemon uses.

    Args:
        name: name of the camera.
        settings: its settings.
        clock: the clock of its driver.
    """
    try:
        info, frame = grab_single_frame(name, settings, clock)
    except EdgedError as error:
        yield fail(part_name(name), str(error), _ADVICE)
        return
    source = f"{info.width} x {info.height} from {info.description or 'the camera'}"
    yield assess_picture(part_name(name), source, contrast=_contrast(frame))


def assess_picture(part: str, source: str, *, contrast: float) -> Finding:
    """Assess a frame.

    Args:
        part: name of the camera's part.
        source: size and device of the frame, for people.
        contrast: standard deviation of the grey levels, 0..255.
    """
    if contrast < MIN_CONTRAST:
        advice = "check that the lens is not covered, and that the scene is lit"
        return warn(part, f"{source}: the picture has a single colour", advice)
    return ok(part, source)


def assess_camera_health(
    name: str, health: CameraHealth | None, condition: HealthCondition | None
) -> Finding:
    """Assess the daemon's report on a camera.

    Args:
        name: name of the camera.
        health: its part of ``up/health``; None if the daemon has not opened it.
        condition: its condition; None if the daemon reports none.
    """
    part = part_name(name)
    if condition is not None:
        return fail(part, condition.detail, _ADVICE)
    if health is None:
        return fail(part, "the daemon has not opened it", "systemctl reload edged")
    if not health.online:  # a camera that failed has a condition: this one is being opened
        return warn(part, "no frames yet", "check again in 30 s")
    return ok(part, f"{health.fps_in:g} frames/s, {health.fps_inferred:g} frames/s inferred")


def _contrast(frame: Frame) -> float:
    greys = frame.pixels[: frame.height, : frame.width]
    return float(np.std(greys[::4, ::4]))
