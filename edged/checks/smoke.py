"""Uses everything that a configuration names once, without a daemon: the model, each camera, the publisher."""

import os
import queue
from collections.abc import Iterator
from contextlib import suppress
from queue import SimpleQueue

from msgspec import Struct

from edged import registry
from edged.clock import Clock, Deadline
from edged.config.problems import KeyProblem
from edged.config.settings import CameraSettings, ModelSettings, Settings
from edged.errors import EdgedError
from edged.interfaces import Camera, CameraInfo, LinkChanged, Notice, Publisher
from edged.selftest.process import self_test_model
from edged.types import Frame

FIRST_FRAME_TIMEOUT_S = 10.0
CONNECT_TIMEOUT_S = 15.0
_CLOSE_TIMEOUT_S = 2.0


def run_smoke_check(settings: Settings, *, clock: Clock) -> Iterator[KeyProblem]:
    """A fault for each part that did not work, with the driver's own reason."""
    yield from _check_model(settings.model)
    for name, camera in settings.camera.items():
        if camera.enabled:
            yield from _check_camera(name, camera, clock)
    if settings.publisher is not None:
        yield from _check_publisher(*settings.publisher, clock)


def _check_model(settings: ModelSettings) -> Iterator[KeyProblem]:
    try:
        self_test_model(settings)
    except EdgedError as error:
        at = ("model",) if settings.path is None else ("model", "path")
        yield KeyProblem(key_path=at, message=str(error))


def grab_single_frame(
    name: str, settings: CameraSettings, clock: Clock
) -> tuple[CameraInfo, Frame]:
    """Open a camera, take one picture, and close it.

    Raises:
        CameraError: it could not be opened, or gave none.
        EndOfStreamError: a finite source has none.
        RegistryError: its library is not installed.
    """
    driver = registry.load_driver(registry.CAMERAS, settings.source)
    camera: Camera = driver(name, settings.driver, clock)
    try:
        return camera.open(), camera.grab(FIRST_FRAME_TIMEOUT_S)
    finally:
        camera.close()


def connect_once(name: str, settings: Struct, clock: Clock) -> str:
    """Why a publisher does not get through; "" if it does."""
    heard: SimpleQueue[Notice] = SimpleQueue()
    publisher: Publisher = registry.load_driver(
        registry.PUBLISHERS, name
    )(
        settings,
        device=f"rehearsal-{os.getpid()}",  # not the daemon's name: a broker would throw out one of the two
        birth=lambda: (),
        will=None,
        on_notice=heard.put,
    )
    publisher.start()
    try:
        link = _wait_for_link(heard, Deadline(clock, CONNECT_TIMEOUT_S))
    finally:
        publisher.close((), _CLOSE_TIMEOUT_S)
    if link is None:
        return f"no connection within {CONNECT_TIMEOUT_S:g} s"
    return "" if link.up else link.reason


def _check_camera(name: str, settings: CameraSettings, clock: Clock) -> Iterator[KeyProblem]:
    try:
        grab_single_frame(name, settings, clock)
    except EdgedError as error:
        yield KeyProblem(key_path=("camera", name), message=str(error))


def _check_publisher(name: str, settings: Struct, clock: Clock) -> Iterator[KeyProblem]:
    if reason := connect_once(name, settings, clock):
        yield KeyProblem(key_path=(name,), message=reason)


def _wait_for_link(notices: SimpleQueue[Notice], deadline: Deadline) -> LinkChanged | None:
    with suppress(queue.Empty):
        while True:
            said = notices.get(timeout=deadline.remaining_s)
            if isinstance(said, LinkChanged):
                return said
    return None
