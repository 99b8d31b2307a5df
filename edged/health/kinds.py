"""Every kind of condition that the daemon can report.

The table in docs/mqtt.md, the JSON Schema of `up/health` and the Ansible collection follow it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class ConditionKind(StrEnum):
    """A kind of condition; the value is the name that `up/health` publishes."""

    MODEL = "model"
    CAMERA = "camera"
    WORKER = "worker"
    LABELS = "labels"
    MODEL_FALLBACK = "model.fallback"
    UPDATE = "update"
    DROP_FOLDER = "drop_folder"
    CHANNEL = "channel"
    CHANNEL_STALE = "channel.stale"
    CONFIG = "config"
    CONFIG_RESTART = "config.restart"
    PUBLISH_REFUSED = "publish_refused"
    PUBLISH_LIMITED = "publish_limited"
    SUBSCRIPTION_REFUSED = "subscription_refused"
    SPOOL = "spool"
    PICTURES = "pictures"
    EXAMPLES = "examples"
    DISK_SILENT = "disk.silent"
    LATE = "late"
    WEB = "web"
    STOPPED = "stopped"
    UNDER_VOLTAGE = "board.under_voltage"
    THROTTLED = "board.throttled"

    def name_of(self, subject: object = None) -> str:
        """Return the published name: the value, with the subject after a dot if there is one."""
        return self.value if subject is None else f"{self.value}.{subject}"


@dataclass(frozen=True, slots=True)
class ConditionDescription:
    """A kind of condition, described for the documentation.

    Attributes:
        severity: how grave it is.
        meaning: what is wrong, and what the daemon does about it.
        subject: a placeholder for what the condition is about (NAME of a camera, N of a worker); None if the device has only one.
    """

    severity: str
    meaning: str
    subject: str | None = None


CONDITIONS: Mapping[ConditionKind, ConditionDescription] = {
    ConditionKind.MODEL: ConditionDescription(
        "failed",
        "the model, its delegate or its runtime cannot be loaded; the worker retries with growing pauses, and at once on SIGHUP. Or the model store's disk has not answered since the start; the workers start when it does",
    ),
    ConditionKind.CAMERA: ConditionDescription(
        "failed if it is the only camera, otherwise degraded",
        "the camera cannot be opened, was lost, or delivers no frames; the worker reopens it without limit",
        "NAME",
    ),
    ConditionKind.WORKER: ConditionDescription(
        "failed if there is only one camera, otherwise degraded",
        "the worker process exited or hung, and is being replaced; `last_worker_loss` keeps the reason",
        "N",
    ),
    ConditionKind.LABELS: ConditionDescription(
        "degraded",
        "a setting of that camera names a label that the model does not have, or the model reports a class beyond its label list",
        "NAME",
    ),
    ConditionKind.MODEL_FALLBACK: ConditionDescription(
        "degraded",
        "the committed model does not work; an older one, which `up/info` names, is active",
    ),
    ConditionKind.UPDATE: ConditionDescription(
        "degraded",
        "an update is blocked, by the network or the disk for example; the daemon retries with growing pauses",
    ),
    ConditionKind.DROP_FOLDER: ConditionDescription(
        "degraded",
        "something in the drop folder cannot be installed, such as a link to nothing or an interrupted copy; other bundles are",
    ),
    ConditionKind.CHANNEL: ConditionDescription(
        "degraded",
        "the device does not follow the desired state on the update channel: it has no valid signature, is too old, or cannot be read",
    ),
    ConditionKind.CHANNEL_STALE: ConditionDescription(
        "degraded",
        "no new desired state for longer than `[updates] stale_h`, or than the channel itself promised; inference continues",
    ),
    ConditionKind.CONFIG: ConditionDescription(
        "degraded", "the configuration to reload is invalid; the last good one stays in use"
    ),
    ConditionKind.CONFIG_RESTART: ConditionDescription(
        "degraded", "a changed setting takes effect only after a restart"
    ),
    ConditionKind.PUBLISH_REFUSED: ConditionDescription(
        "degraded", "the broker refuses messages; they stay queued"
    ),
    ConditionKind.PUBLISH_LIMITED: ConditionDescription(
        "degraded",
        "the broker does not accept some messages (its size limit), or not as they should be sent (no retained messages, no QoS 1); the detail names the topics",
    ),
    ConditionKind.SUBSCRIPTION_REFUSED: ConditionDescription(
        "degraded",
        "the broker refuses a subscription; the device receives nothing on that topic",
    ),
    ConditionKind.SPOOL: ConditionDescription(
        "degraded",
        "the disk cannot be written or does not answer, and messages wait in memory; or, until the next start, a damaged spool file was quarantined",
    ),
    ConditionKind.PICTURES: ConditionDescription(
        "degraded",
        "the pictures of objects cannot be stored; events go on, and pictures are still published",
    ),
    ConditionKind.EXAMPLES: ConditionDescription(
        "degraded",
        "hard examples cannot be stored; everything else goes on, and `collected` in `up/health` counts those that were lost",
    ),
    ConditionKind.DISK_SILENT: ConditionDescription(
        "degraded",
        "a disk has not answered for more than 10 s; frames and messages go on without it, and updates wait",
    ),
    ConditionKind.LATE: ConditionDescription(
        "degraded",
        "the supervisor decides more than 0.5 s late, because it gets too little of the processor; it ends after 10 s without a lag of more than 0.25 s",
    ),
    ConditionKind.WEB: ConditionDescription(
        "degraded",
        "the page or the metrics cannot be served: their address is in use or none of this device, or their process does not start; the daemon retries",
    ),
    ConditionKind.STOPPED: ConditionDescription(
        "failed",
        "the daemon has stopped in order, and no camera is watched; only in the last `up/health` of a session",
    ),
    ConditionKind.UNDER_VOLTAGE: ConditionDescription(
        "degraded", "the Raspberry Pi's firmware reports that the supply voltage is too low"
    ),
    ConditionKind.THROTTLED: ConditionDescription(
        "degraded", "the Raspberry Pi's firmware reports that it throttles the processor"
    ),
}
"""Every condition that the daemon can report."""


def condition_name_pattern() -> str:
    """Return a regular expression that matches every name a condition can have."""
    names = (
        kind.value.replace(".", r"\.") + (r"\..+" if described.subject else "")
        for kind, described in CONDITIONS.items()
    )
    return f"^({'|'.join(names)})$"
