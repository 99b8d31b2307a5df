"""The metrics: a device's messages and counts as families of Prometheus. No I/O.

Names and units follow Prometheus' conventions: base units, ``_total`` for what only rises. Labels have few values: cameras, zones and stages come from the
configuration, conditions from a fixed list, and of the labels of objects only those that are present.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self, TypeVar

import msgspec
from prometheus_client.metrics_core import Metric

from edged.messaging.contract.device import DeviceHealth, DeviceInfo
from edged.messaging.contract.header import Header
from edged.messaging.contract.messages import CameraState
from edged.messaging.contract.model import ModelState
from edged.web.metrics_camera import make_camera_metrics
from edged.web.metrics_device import make_health_metrics, make_info_metrics, make_model_metrics
from edged.web.metrics_messages import MetricsSample

_MessageT = TypeVar("_MessageT", bound=Header)


@dataclass(frozen=True, slots=True)
class NewestMessages:
    """The newest messages of the device; None for what it has not published yet.

    Attributes:
        info: its description.
        health: its health.
        model: its models.
        states: its cameras' states, by the camera's name.
    """

    info: DeviceInfo | None
    health: DeviceHealth | None
    model: ModelState | None
    states: dict[str, CameraState]

    @classmethod
    def read(cls, find: Callable[[str], Mapping[str, Any] | None], cameras: Iterable[str]) -> Self:
        """Find and decode them.

        Args:
            find: returns the newest message of a topic below ``up/``.
            cameras: names of the cameras.
        """
        states = {name: _convert(find(f"camera/{name}/state"), CameraState) for name in cameras}
        return cls(
            info=_convert(find("info"), DeviceInfo),
            health=_convert(find("health"), DeviceHealth),
            model=_convert(find("model"), ModelState),
            states={name: state for name, state in states.items() if state is not None},
        )


def make_metrics(sample: MetricsSample, messages: NewestMessages) -> Iterator[Metric]:
    """Return every metric of the device.

    Args:
        sample: what the supervisor has counted.
        messages: what the device has published.
    """
    if messages.info is not None:
        yield from make_info_metrics(messages.info)
    if messages.health is not None:
        yield from make_health_metrics(messages.health)
    if messages.model is not None:
        yield from make_model_metrics(messages.model)
    yield from make_camera_metrics(sample.cameras, messages.states)


def _convert(message: Mapping[str, Any] | None, kind: type[_MessageT]) -> _MessageT | None:
    return None if message is None else msgspec.convert(message, kind)
