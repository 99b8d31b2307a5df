"""The payloads about the device itself: its description and its health."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from edged.health import condition_name_pattern
from edged.messaging.contract.camera_health import CameraHealth
from edged.messaging.contract.header import Header, Timestamp
from edged.messaging.contract.messages import Count, Pixels, Seconds


class CameraEntry(Struct, frozen=True, kw_only=True):
    """One camera in `DeviceInfo`."""

    name: Annotated[str, Meta(description="The camera's name in the configuration.")]
    source: Annotated[str, Meta(description="The camera driver.")]
    description: Annotated[
        str, Meta(description="The camera device, as its driver describes it.")
    ] = ""
    width: Annotated[
        Pixels | None,
        Meta(description="Width of its frames in pixels; null until the camera is open."),
    ] = None
    height: Annotated[
        Pixels | None,
        Meta(description="Height of its frames in pixels; null until the camera is open."),
    ] = None
    fps: Annotated[
        Seconds | None,
        Meta(description="Nominal frame rate, in frames per second; null if unknown."),
    ] = None


class DeviceInfo(Header, frozen=True, kw_only=True, tag_field="schema", tag="edged.info/1"):
    """Description of the device. Retained; changes seldom."""

    version: Annotated[str, Meta(description="Version of edged.")]
    python: Annotated[str, Meta(description="Version of Python.")]
    system: Annotated[str, Meta(description="Operating system and its release.")]
    board: Annotated[str, Meta(description="Name of the board, as its device tree has it.")]
    runtime: Annotated[
        str,
        Meta(description="Name and version of the model runtime; empty until a model is loaded."),
    ] = ""
    delegate: Annotated[
        str,
        Meta(
            description="Delegate that runs the model's operators, and how many of them; empty if the runtime's reference kernels run them."
        ),
    ] = ""
    model: Annotated[
        str,
        Meta(
            description="The active model, or the candidate during its trial: name@version; empty until a model is loaded."
        ),
    ] = ""
    cameras: Annotated[
        tuple[CameraEntry, ...], Meta(description="The cameras, in the order of the configuration.")
    ] = ()


class HealthCondition(Struct, frozen=True, kw_only=True):
    """One active condition: something that is wrong now."""

    name: Annotated[
        str,
        Meta(
            description="A fixed name, such as camera.front; docs/mqtt.md lists all.",
            pattern=condition_name_pattern(),
        ),
    ]
    since: Annotated[Timestamp, Meta(description="When the condition began.")]
    severity: Annotated[Literal["degraded", "failed"], Meta(description="How serious it is.")] = (
        "degraded"
    )
    detail: Annotated[str, Meta(description="Description of the problem and of what to do.")] = ""


class ThrottlingHealth(Struct, frozen=True, kw_only=True):
    """The flags of a Raspberry Pi's firmware."""

    under_voltage: Annotated[bool, Meta(description="The supply voltage is too low now.")]
    frequency_capped: Annotated[bool, Meta(description="The clock rate is capped now.")]
    throttled: Annotated[bool, Meta(description="The processor is throttled now.")]
    soft_temp_limit: Annotated[bool, Meta(description="The soft temperature limit is active now.")]
    under_voltage_occurred: Annotated[
        bool, Meta(description="The supply voltage has been too low since boot.")
    ]
    throttled_occurred: Annotated[
        bool, Meta(description="The processor has been throttled since boot.")
    ]


class MemoryHealth(Struct, frozen=True, kw_only=True):
    """Memory, in MiB."""

    total_mb: Annotated[float, Meta(description="Memory of the host.")]
    available_mb: Annotated[
        float, Meta(description="Memory available to new work without swapping.")
    ]
    rss_mb: Annotated[
        dict[str, float], Meta(description="Resident memory of each process of edged, by process.")
    ]


class DiskHealth(Struct, frozen=True, kw_only=True):
    """The file system that holds the state directory, in MiB."""

    total_mb: Annotated[float, Meta(description="Size of the file system.")]
    free_mb: Annotated[float, Meta(description="Space that edged can still write.")]
    written_mb: Annotated[
        float | None,
        Meta(
            description="Written to disks by all processes of edged since the daemon's start; null if the kernel does not count it."
        ),
    ] = None


class SpoolState(Struct, frozen=True, kw_only=True):
    """The queue of messages that wait for the broker's acknowledgement."""

    depth: Annotated[Count, Meta(description="Number of waiting messages.")]
    size_bytes: Annotated[Count, Meta(description="Bytes of their payloads.")]
    oldest_age_s: Annotated[
        Seconds | None,
        Meta(
            description="Age of the oldest waiting message, in seconds of running time; null if none waits."
        ),
    ]
    fault: Annotated[
        str, Meta(description="Why the queue is not stored on disk; empty if it is.")
    ] = ""


class LinkState(Struct, frozen=True, kw_only=True):
    """The history of the connection to the broker."""

    connects: Annotated[Count, Meta(description="Number of connections since the daemon's start.")]
    last_error: Annotated[
        str,
        Meta(description="Reason of the last refusal or lost connection; empty if there was none."),
    ] = ""
    detections_dropped: Annotated[
        Count,
        Meta(
            description="Number of detections messages that were dropped since the daemon's start, because there was no connection, or because the broker did not take or answer them for so long that they would have arrived late."
        ),
    ] = 0


class LoopHealth(Struct, frozen=True, kw_only=True):
    """The supervisor's event loop over the last reporting interval, in seconds."""

    lag_s: Annotated[
        Seconds,
        Meta(
            description="Longest time by which it was late: it had no processor, or was busy with something else."
        ),
    ]
    longest_call_s: Annotated[Seconds, Meta(description="Longest time that one step of it took.")]


class ExampleHealth(Struct, frozen=True, kw_only=True):
    """Hard examples, which are kept for training and calibration."""

    kept: Annotated[Count, Meta(description="Hard examples on disk.")] = 0
    failed: Annotated[
        Count,
        Meta(
            description="Hard examples since the daemon's start that were lost, because the disk failed or did not keep up."
        ),
    ] = 0


class DeviceHealth(Header, frozen=True, kw_only=True, tag_field="schema", tag="edged.health/1"):
    """Health of the device. Retained; sent at an interval and on every change."""

    overall: Annotated[
        Literal["ok", "degraded", "failed"],
        Meta(description="The highest severity of all conditions."),
    ]
    degradations: Annotated[
        tuple[HealthCondition, ...], Meta(description="The active conditions, oldest first.")
    ] = ()
    uptime_s: Annotated[Seconds, Meta(description="Seconds since the daemon's start.")]
    worker_restarts: Annotated[
        Count, Meta(description="Workers replaced since the daemon's start.")
    ] = 0
    last_worker_loss: Annotated[
        str, Meta(description="Reason why a worker was last replaced; empty if none was.")
    ] = ""
    throttling: Annotated[
        ThrottlingHealth | None,
        Meta(description="Flags of the Raspberry Pi's firmware; null if the board has none."),
    ] = None
    soc_temperature_c: Annotated[
        float | None,
        Meta(
            description="Temperature of the SoC in degrees Celsius; null if the board has no sensor."
        ),
    ] = None
    memory: Annotated[
        MemoryHealth | None, Meta(description="Memory; null if it cannot be read.")
    ] = None
    disk: Annotated[
        DiskHealth | None,
        Meta(description="File system of the state directory; null if it cannot be read."),
    ] = None
    disk_silent_s: Annotated[
        dict[str, Seconds],
        Meta(
            description="Seconds for which a disk has kept edged waiting, by what waits: the spool, the store of models, files (the configuration, local bundles) or space (of the state directory). 0 if nothing waits."
        ),
    ] = field(default_factory=dict)
    loop: Annotated[
        LoopHealth | None, Meta(description="The supervisor's event loop; null if not measured.")
    ] = None
    collected: Annotated[
        ExampleHealth | None,
        Meta(description="Hard examples on disk; null if the configuration keeps none."),
    ] = None
    spool: Annotated[SpoolState, Meta(description="The queue of messages.")]
    link: Annotated[LinkState, Meta(description="The connection to the broker.")]
    cameras: Annotated[dict[str, CameraHealth], Meta(description="The cameras, by name.")] = field(
        default_factory=dict
    )
