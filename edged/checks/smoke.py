"""Uses everything that a configuration names once, without a daemon: the model, each camera, the publisher."""

import os
import queue
from collections.abc import Iterator
from contextlib import suppress
from queue import SimpleQueue

from msgspec import Struct

from edged import registry
from edged.clock import Clock, Deadline
from edged.config.problems import Fault
from edged.config.settings import CameraSettings, ModelSettings, Settings
from edged.errors import EdgedError
from edged.interfaces import Camera, CameraInfo, Link, Notice, Publisher
from edged.selftest.process import try_model
from edged.types import Frame

FIRST_FRAME_S = 10.0
LINK_S = 15.0
_CLOSE_S = 2.0


def rehearse(settings: Settings, *, clock: Clock) -> Iterator[Fault]:
    """A fault for each part that did not work, with the driver's own reason."""
    yield from _model(settings.model)
    for name, camera in settings.camera.items():
        if camera.enabled:
            yield from _camera(name, camera, clock)
    if settings.publisher is not None:
        yield from _publisher(*settings.publisher, clock)


def _model(settings: ModelSettings) -> Iterator[Fault]:
    try:
        try_model(settings)
    except EdgedError as error:
        at = ("model",) if settings.path is None else ("model", "path")
        yield Fault(at=at, message=str(error))


def look_through(name: str, settings: CameraSettings, clock: Clock) -> tuple[CameraInfo, Frame]:
    """Open a camera, take one picture, and close it.

    Raises:
        CameraError: it could not be opened, or gave none.
        EndOfStreamError: a finite source has none.
        RegistryError: its library is not installed.
    """
    driver = registry.load(registry.CAMERAS, settings.source)
    camera: Camera = driver(name, settings.driver, clock)
    try:
        return camera.open(), camera.grab(FIRST_FRAME_S)
    finally:
        camera.close()


def connect_once(name: str, settings: Struct, clock: Clock) -> str:
    """Why a publisher does not get through; "" if it does."""
    heard: SimpleQueue[Notice] = SimpleQueue()
    publisher: Publisher = registry.load(
        registry.PUBLISHERS, name
    )(
        settings,
        device=f"rehearsal-{os.getpid()}",  # not the daemon's name: a broker would throw out one of the two
        birth=lambda: (),
        will=None,
        notify=heard.put,
    )
    publisher.start()
    try:
        link = _first_link(heard, Deadline(clock, LINK_S))
    finally:
        publisher.close((), _CLOSE_S)
    if link is None:
        return f"no connection within {LINK_S:g} s"
    return "" if link.up else link.reason


def _camera(name: str, settings: CameraSettings, clock: Clock) -> Iterator[Fault]:
    try:
        look_through(name, settings, clock)
    except EdgedError as error:
        yield Fault(at=("camera", name), message=str(error))


def _publisher(name: str, settings: Struct, clock: Clock) -> Iterator[Fault]:
    if reason := connect_once(name, settings, clock):
        yield Fault(at=(name,), message=reason)


def _first_link(heard: SimpleQueue[Notice], deadline: Deadline) -> Link | None:
    with suppress(queue.Empty):
        while True:
            said = heard.get(timeout=deadline.remaining_s)
            if isinstance(said, Link):
                return said
    return None
