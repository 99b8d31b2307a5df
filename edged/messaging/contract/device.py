"""The payloads that tell of the device itself: what it is, and how it is."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from edged.health import condition_name_pattern
from edged.messaging.contract.header import Header, Timestamp
from edged.messaging.contract.messages import Count, Pixels, Seconds


class CameraEntry(Struct, frozen=True, kw_only=True):
    """One camera in `DeviceInfo`."""

    name: Annotated[str, Meta(description="As in the config.")]
    source: Annotated[str, Meta(description="Its driver.")]
    description: Annotated[str, Meta(description="The device, in words.")] = ""
    width: Annotated[
        Pixels | None, Meta(description="Of its frames, in pixels; null until it is open.")
    ] = None
    height: Annotated[
        Pixels | None, Meta(description="Of its frames, in pixels; null until it is open.")
    ] = None
    fps: Annotated[
        Seconds | None, Meta(description="Frames a second it means to deliver; null if unknown.")
    ] = None


class DeviceInfo(Header, frozen=True, kw_only=True, tag_field="schema", tag="edged.info/1"):
    """What the device is. Retained; changes seldom."""

    version: Annotated[str, Meta(description="Of edged.")]
    python: Annotated[str, Meta(description="Version of Python.")]
    system: Annotated[str, Meta(description="Operating system and its release.")]
    board: Annotated[str, Meta(description="As the board names itself.")]
    runtime: Annotated[str, Meta(description="Interpreter and version; empty until one runs.")] = ""
    delegate: Annotated[
        str, Meta(description="What the model's graph runs on; empty: reference kernels.")
    ] = ""
    model: Annotated[
        str,
        Meta(
            description="The model that looks, in a trial the new one: name@version; empty until one runs."
        ),
    ] = ""
    cameras: Annotated[tuple[CameraEntry, ...], Meta(description="In the config's order.")] = ()


class HealthCondition(Struct, frozen=True, kw_only=True):
    """One thing that is not as it should be."""

    name: Annotated[
        str,
        Meta(
            description="A fixed name, such as camera.front; docs/mqtt.md lists them.",
            pattern=condition_name_pattern(),
        ),
    ]
    since: Annotated[Timestamp, Meta(description="Since when.")]
    severity: Annotated[
        Literal["degraded", "failed"], Meta(description="What it makes of the whole.")
    ] = "degraded"
    detail: Annotated[str, Meta(description="What is wrong and what to do, in words.")] = ""


class ThrottlingHealth(Struct, frozen=True, kw_only=True):
    """The firmware's flags of a Raspberry Pi."""

    under_voltage: Annotated[bool, Meta(description="The supply is too low now.")]
    frequency_capped: Annotated[bool, Meta(description="The clock rate is capped now.")]
    throttled: Annotated[bool, Meta(description="The processor is throttled now.")]
    soft_temp_limit: Annotated[bool, Meta(description="The soft temperature limit holds now.")]
    under_voltage_occurred: Annotated[bool, Meta(description="It has been, since boot.")]
    throttled_occurred: Annotated[bool, Meta(description="It has been, since boot.")]


class MemoryHealth(Struct, frozen=True, kw_only=True):
    """Memory, in MiB."""

    total_mb: Annotated[float, Meta(description="Of the host.")]
    available_mb: Annotated[float, Meta(description="Left for new use.")]
    rss_mb: Annotated[dict[str, float], Meta(description="Resident, of each process of edged.")]


class DiskHealth(Struct, frozen=True, kw_only=True):
    """The file system that holds the state directory, in MiB."""

    total_mb: Annotated[float, Meta(description="Its size.")]
    free_mb: Annotated[float, Meta(description="Left for edged.")]
    written_mb: Annotated[
        float | None,
        Meta(
            description="To any disk, by all of edged's processes since the daemon's start; null if the kernel does not count."
        ),
    ] = None


class SpoolState(Struct, frozen=True, kw_only=True):
    """What waits for the broker's acknowledgement."""

    depth: Annotated[Count, Meta(description="Messages.")]
    size_bytes: Annotated[Count, Meta(description="Of their payloads.")]
    oldest_age_s: Annotated[
        Seconds | None, Meta(description="Running time since the oldest was made; null if none.")
    ]
    fault: Annotated[str, Meta(description="Why the disk is not in use; empty if it is.")] = ""


class LinkState(Struct, frozen=True, kw_only=True):
    """The way to the broker, as it has been."""

    connects: Annotated[Count, Meta(description="Connections since the daemon's start.")]
    last_error: Annotated[
        str, Meta(description="The last refusal or loss, in words; empty if none.")
    ] = ""


class Percentiles(Struct, frozen=True, kw_only=True):
    """Of a stage's time, in seconds, over the last reporting interval."""

    p50: Annotated[Seconds, Meta(description="Half of the frames were no slower.")]
    p95: Annotated[Seconds, Meta(description="95 of 100 frames were no slower.")]
    p99: Annotated[Seconds, Meta(description="99 of 100 frames were no slower.")]


class CameraHealth(Struct, frozen=True, kw_only=True):
    """How one camera does."""

    online: Annotated[bool, Meta(description="It delivers frames.")]
    fps_in: Annotated[float, Meta(description="Frames a second that arrive.")]
    fps_inferred: Annotated[float, Meta(description="Frames a second that the model sees.")]
    frames: Annotated[Count, Meta(description="Arrived, since the daemon's start.")]
    inferred: Annotated[Count, Meta(description="Seen by the model, since the daemon's start.")]
    dropped: Annotated[
        Count, Meta(description="Left out for a newer one, since the daemon's start.")
    ]
    last_frame_age_s: Annotated[
        Seconds | None, Meta(description="Since the last frame arrived; null if none has.")
    ]
    latency_s: Annotated[
        dict[str, Percentiles], Meta(description="By stage; total is arrival to message.")
    ] = field(default_factory=dict)


class DeviceHealth(Header, frozen=True, kw_only=True, tag_field="schema", tag="edged.health/1"):
    """How the device is. Retained; sent at an interval and on every change."""

    overall: Annotated[
        Literal["ok", "degraded", "failed"], Meta(description="The worst of what follows.")
    ]
    degradations: Annotated[
        tuple[HealthCondition, ...], Meta(description="What is wrong, oldest first.")
    ] = ()
    uptime_s: Annotated[Seconds, Meta(description="Since the daemon's start.")]
    worker_restarts: Annotated[Count, Meta(description="Since the daemon's start.")] = 0
    last_worker_loss: Annotated[
        str, Meta(description="Why a worker was last replaced; empty if none was.")
    ] = ""
    throttling: Annotated[
        ThrottlingHealth | None, Meta(description="null where the board does not tell.")
    ] = None
    soc_temperature_c: Annotated[
        float | None, Meta(description="null where the board does not tell.")
    ] = None
    memory: Annotated[MemoryHealth | None, Meta(description="null if it cannot be read.")] = None
    disk: Annotated[DiskHealth | None, Meta(description="null if it cannot be read.")] = None
    spool: SpoolState
    link: LinkState
    cameras: Annotated[dict[str, CameraHealth], Meta(description="By name.")] = field(
        default_factory=dict
    )
