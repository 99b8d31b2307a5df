"""The messages of the contract in words, one line each, for ``edged tail``. Pure."""

from collections.abc import Iterable
from functools import singledispatch

from edged.demo.update import format_model_state
from edged.messaging.contract.commands import CameraSwitches, Reply
from edged.messaging.contract.device import DeviceHealth, DeviceInfo
from edged.messaging.contract.header import Header
from edged.messaging.contract.messages import (
    CameraState,
    Counts,
    Event,
    FrameDetections,
    Gap,
    OnlineStatus,
)
from edged.messaging.contract.model import ModelState

_MARKS = {"start": "+", "update": "~", "end": "-"}


@singledispatch
def describe_message(message: Header) -> str:
    """Return a message in words, without device and camera; control characters are still in it."""
    return type(message).__name__


@describe_message.register
def _(status: OnlineStatus) -> str:
    return status.status


@describe_message.register
def _(event: Event) -> str:
    zones = f", in {', '.join(event.zones)}" if event.zones else ""
    rest = ", stationary" if event.stationary else ""
    number = event.id.rpartition("-")[2]
    mark = _MARKS[event.type]
    return (
        f"{mark} {event.label} {event.score:.2f}  {event.duration_s:.1f} s{zones}{rest}  #{number}"
    )


@describe_message.register
def _(state: CameraState) -> str:
    if not state.online:
        return "camera offline"
    zones = "".join(
        f"; {zone}: {_format_counts(counts)}" for zone, counts in state.zones.items() if counts
    )
    motion = ", motion" if state.motion else ""
    return f"{_format_counts(state.counts)}{motion}{zones}"


@describe_message.register
def _(health: DeviceHealth) -> str:
    conditions = "; ".join(
        f"{one.name} ({one.detail})" if one.detail else one.name for one in health.degradations
    )
    return f"health {health.overall}{': ' if conditions else ''}{conditions}"


@describe_message.register
def _(info: DeviceInfo) -> str:
    return f"edged {info.version} on {info.board or info.system}, {info.model or 'no model'}"


@describe_message.register
def _(model: ModelState) -> str:
    return format_model_state(model)


@describe_message.register
def _(gap: Gap) -> str:
    number = "an unknown number of" if gap.count is None else str(gap.count)
    return f"lost {number} messages ({gap.reason}): {format_ranges(gap.ranges)}"


@describe_message.register
def _(frame: FrameDetections) -> str:
    found = ", ".join(f"{one.label} {one.score:.2f}" for one in frame.detections)
    return f"frame {frame.frame}: {found or 'nothing'}"


@describe_message.register
def _(reply: Reply) -> str:
    outcome = "done" if reply.error is None else f"{reply.error.code}: {reply.error.message}"
    return f"command {reply.verb} ({reply.id}): {outcome}"


@describe_message.register
def _(switches: CameraSwitches) -> str:
    named = {"detect": switches.detect}
    named |= {f"zone {name}": is_on for name, is_on in switches.zones.items()}
    named |= {f"mask {name}": is_on for name, is_on in switches.masks.items()}
    off = [name for name, is_on in named.items() if not is_on]
    scores = "".join(f", {label} {score:.2f}" for label, score in switches.thresholds.items())
    return f"{', '.join(off) or 'nothing'} switched off; threshold {switches.threshold:.2f}{scores}"


def format_ranges(ranges: Iterable[tuple[int, int]]) -> str:
    """Format ranges of sequence numbers, as ``7, 9-12``."""
    return ", ".join(f"{first}" if first == last else f"{first}-{last}" for first, last in ranges)


def _format_counts(counts: Counts) -> str:
    present = ", ".join(f"{count} {label}" for label, count in counts.items() if count)
    return present or "nothing"
