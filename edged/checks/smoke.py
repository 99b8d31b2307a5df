"""The smoke check: use the model, each camera and the publisher of a configuration once, without a daemon."""

import os
from collections.abc import Iterator

from msgspec import Struct

from edged import registry
from edged.clock import Clock, Deadline
from edged.config.label_names import check_label_names, class_names
from edged.config.problems import KeyProblem
from edged.config.settings import CameraSettings, Settings
from edged.errors import EdgedError, list_notes
from edged.event_loop import EventLoop
from edged.interfaces import Camera, CameraInfo, LinkChanged, Notice, Publisher
from edged.selftest.process import self_test_model
from edged.types import Frame

FIRST_FRAME_TIMEOUT_S = 10.0
CONNECT_TIMEOUT_S = 15.0
_CLOSE_TIMEOUT_S = 2.0


def run_smoke_check(settings: Settings, *, clock: Clock) -> Iterator[KeyProblem]:
    """Yield a problem for each part that does not work, with the reason that its driver gives."""
    yield from _check_model(settings)
    for name, camera in settings.camera.items():
        if camera.enabled:
            yield from _check_camera(name, camera, clock)
    if settings.publisher is not None:
        yield from _check_publisher(*settings.publisher, clock)


def grab_single_frame(
    name: str, settings: CameraSettings, clock: Clock
) -> tuple[CameraInfo, Frame]:
    """Open a camera, grab one frame, and close the camera.

    Args:
        name: name of the camera.
        settings: its settings.
        clock: the clock of its driver.

    Raises:
        CameraError: the camera cannot be opened, or delivers no frame in time.
        EndOfStreamError: the source is finite and has no frame.
        RegistryError: the driver is unknown, or its library is not installed.
    """
    driver = registry.load_driver(registry.CAMERAS, settings.source)
    camera: Camera = driver(name, settings.driver, clock)
    try:
        return camera.open(), camera.grab(FIRST_FRAME_TIMEOUT_S)
    finally:
        camera.close()


def connect_once(name: str, settings: Struct, clock: Clock) -> str | None:
    """Connect a publisher, and disconnect it without publishing anything.

    Args:
        name: name of the publisher.
        settings: its settings.
        clock: the clock of the time limit.

    Returns:
        Why the publisher cannot connect; None if it can.

    Raises:
        RegistryError: the driver is unknown, or its library is not installed.
    """
    links: list[LinkChanged] = []

    def take(notice: Notice) -> None:
        if isinstance(notice, LinkChanged):
            links.append(notice)

    with EventLoop(clock) as loop:
        publisher: Publisher = registry.load_driver(
            registry.PUBLISHERS, name
        )(
            settings,
            loop=loop,
            device=f"smoke-check-{os.getpid()}",  # not the daemon's name: the broker would disconnect one of the two
            birth=lambda: (),
            will=None,
            on_notice=take,
        )
        publisher.start()
        deadline = Deadline(clock, CONNECT_TIMEOUT_S)
        try:
            while not (links or deadline.expired):
                loop.run_once(deadline.remaining_s)
        finally:
            publisher.close((), _CLOSE_TIMEOUT_S)
    return links[0].reason if links else f"no connection within {CONNECT_TIMEOUT_S:g} s"


def _check_model(settings: Settings) -> Iterator[KeyProblem]:
    try:
        report = self_test_model(settings.model)
    except EdgedError as error:
        key_path = ("model",) if settings.model.path is None else ("model", "path")
        yield KeyProblem(key_path=key_path, message=str(error), details=list_notes(error))
        return
    if settings.updates.trust is None:  # otherwise an update may bring those labels
        yield from check_label_names(settings, class_names(report.labels))


def _check_camera(name: str, settings: CameraSettings, clock: Clock) -> Iterator[KeyProblem]:
    try:
        grab_single_frame(name, settings, clock)
    except EdgedError as error:
        yield KeyProblem(key_path=("camera", name), message=str(error))


def _check_publisher(name: str, settings: Struct, clock: Clock) -> Iterator[KeyProblem]:
    error = connect_once(name, settings, clock)
    if error is not None:
        yield KeyProblem(key_path=(name,), message=error)
