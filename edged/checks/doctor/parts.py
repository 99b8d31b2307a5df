"""Uses each part that the configuration names once, while no daemon has it."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from msgspec import Struct

from edged.checks import smoke as rehearsal
from edged.checks.doctor import rules as judging
from edged.checks.doctor.finding import Finding, fail, ok, warn
from edged.clock import Clock
from edged.config.settings import CameraSettings, ModelSettings
from edged.errors import DelegateError, EdgedError
from edged.selftest.process import self_test_model
from edged.types import Frame

_MODEL_TIMEOUT_S = 25.0


def check_camera(name: str, settings: CameraSettings, clock: Clock) -> Iterator[Finding]:
    """A picture from it."""
    part = f"camera.{name}"
    try:
        info, frame = rehearsal.grab_single_frame(name, settings, clock)
    except EdgedError as error:
        yield fail(part, str(error), "docs/cameras.md has what each kind needs")
        return
    yield judging.assess_picture(
        part,
        device=info.description,
        width=info.width,
        height=info.height,
        contrast=_contrast(frame),
    )


def check_model(settings: ModelSettings) -> Iterator[Finding]:
    """Loaded, tried and timed, in a process of its own."""
    try:
        report = self_test_model(settings, timeout_s=_MODEL_TIMEOUT_S)
    except DelegateError as error:
        yield fail("model", str(error), "is the accelerator plugged in, and its library installed?")
    except EdgedError as error:
        yield fail("model", str(error), f"edged inspect {settings.resolve_file()} says more")
    else:
        yield judging.assess_model_latency(
            report.name,
            p50_ms=report.invoke_ms_p50,
            p95_ms=report.invoke_ms_p95,
            runtime=report.runtime,
            delegate=report.delegate,
        )


def check_publisher(name: str, settings: Struct, clock: Clock) -> Iterator[Finding]:
    """Connected, and gone again; nothing is published."""
    for secret in _unreadable_secrets(settings):
        yield warn(
            name,
            f"{secret} cannot be read here, so the connection is not tried",
            "if it is a credential of the service: start edged, and ask again",
        )
        return
    if reason := rehearsal.connect_once(name, settings, clock):
        yield fail(
            name, reason, "is it running, reachable, and are name, password and certificate right?"
        )
    else:
        yield ok(name, "connected")


def _contrast(frame: Frame) -> float:
    greys = frame.pixels[: frame.height, : frame.width]
    return float(np.std(greys[::4, ::4]))


def _unreadable_secrets(table: Struct) -> Iterator[Path]:
    for key in table.__struct_encode_fields__:
        value = getattr(table, key)
        if isinstance(value, Struct):
            yield from _unreadable_secrets(value)
        elif (
            isinstance(value, Path) and key in {"password_file", "key"} and not _is_readable(value)
        ):
            yield value


def _is_readable(path: Path) -> bool:
    try:
        with path.open("rb"):
            return True
    except OSError:
        return False
