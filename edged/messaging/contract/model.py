"""The payload about the device's models: the active one, the candidate, and the outcome of the last deployment."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from edged.messaging.contract.header import Header, Timestamp
from edged.messaging.contract.messages import Count, Fraction, Seconds


class ModelVersion(Struct, frozen=True, kw_only=True):
    """One model on the device."""

    name: Annotated[str, Meta(description="name@version.")]
    sha256: Annotated[str, Meta(description="sha256 of the model file.")]
    family: Annotated[str, Meta(description="Model family: how its outputs are decoded.")] = ""
    digest: Annotated[
        str,
        Meta(
            description="sha256 of the bundle's manifest, the same on every device that has this version; empty for a model"
            " without a bundle, such as the factory model."
        ),
    ] = ""
    counter: Annotated[
        Count, Meta(description="Counter that orders the versions of one name; 0 without a bundle.")
    ] = 0
    epoch: Annotated[Count, Meta(description="Security epoch; 0 without a bundle.")] = 0


class Candidate(Struct, frozen=True, kw_only=True):
    """The model that is being installed or tried."""

    id: Annotated[str, Meta(description="Id of this deployment, for `edged model wait`.")]
    version: Annotated[
        ModelVersion | None, Meta(description="The model; null until its signatures are verified.")
    ] = None
    requested_by: Annotated[
        Literal["operator", "drop-folder", "channel"],
        Meta(
            description="Source of the request. operator: a command on the device; drop-folder: a file in the drop folder; channel: the"
            " update channel."
        ),
    ] = "operator"
    state: Annotated[
        Literal["fetching", "staged", "verified", "self-tested", "trial"],
        Meta(description="The last completed step; fetching and trial are steps in progress."),
    ]
    progress: Annotated[
        Fraction, Meta(description="Progress within this state, 0..1, in steps of a hundredth.")
    ] = 0.0
    since: Annotated[
        Timestamp,
        Meta(
            description="When this state began, or when the daemon started in it, whichever is later."
        ),
    ]
    blocked_reason: Annotated[
        str,
        Meta(
            description="Why the deployment is blocked, or its trial suspended, at the moment; it goes on by itself; empty if it is not blocked."
        ),
    ] = ""
    deaths: Annotated[
        Count, Meta(description="Crashes of the daemon during the trial; the third ends the trial.")
    ] = 0
    boots: Annotated[
        Count, Meta(description="Boots of the host during the trial; the fifth ends the trial.")
    ] = 0


class DeploymentResult(Struct, frozen=True, kw_only=True):
    """A deployment that has ended."""

    id: Annotated[str, Meta(description="Id of the deployment.")]
    title: Annotated[
        str, Meta(description="name@version; empty if the bundle was never verified.")
    ] = ""
    digest: Annotated[
        str,
        Meta(
            description="sha256 of the bundle's manifest; empty if the bundle was never verified."
        ),
    ] = ""
    outcome: Annotated[
        Literal["committed", "rolled-back", "rejected"],
        Meta(
            description="committed: the model passed its trial and is kept; rolled-back: it was on trial or active, and the previous"
            " model is active again; rejected: it never ran on live frames."
        ),
    ]
    cause: Annotated[
        Literal[
            "bundle-refused",
            "self-test-failed",
            "trial-failed",
            "trial-interrupted",
            "attempts-exhausted",
            "operator",
            "crash-loop",
        ]
        | None,
        Meta(
            description="Cause of a rejection or rollback; null after a commit. bundle-refused: the bundle cannot be fetched, is not trusted,"
            " or is not for this device; trial-interrupted: the trial could not be finished for reasons outside the model: crashes of the daemon,"
            " reboots, lost workers, or an accelerator that could not be used;"
            " attempts-exhausted: the deployment took too many steps; crash-loop: the daemon kept failing, and `edged rescue` fell back."
        ),
    ] = None
    reason: Annotated[
        str, Meta(description="The cause in words, with details; empty for a plain commit.")
    ] = ""
    flagged: Annotated[
        bool,
        Meta(
            description="Committed without the evidence that a trial requires; reason says what was missing."
        ),
    ] = False
    denied: Annotated[
        bool,
        Meta(
            description="The model itself failed: the device does not install this version again, unless an operator forces it."
        ),
    ] = False
    time: Annotated[Timestamp, Meta(description="When the deployment ended.")]


class ChannelState(Struct, frozen=True, kw_only=True):
    """State of the update channel, which carries the desired state."""

    sequence: Annotated[
        Count,
        Meta(
            description="Sequence number of the latest desired state that was followed; 0 if there was none."
        ),
    ] = 0
    offered: Annotated[
        str,
        Meta(
            description="name@version in the channel's latest message, whose signatures are verified only when it is followed; empty if"
            " none has come since the daemon's start."
        ),
    ] = ""
    stale: Annotated[
        bool,
        Meta(
            description="No new desired state for longer than [updates] stale_h, or than the channel itself promised."
        ),
    ] = False
    age_s: Annotated[
        Seconds,
        Meta(
            description="Seconds of running time since the last new desired state, or since the daemon started; in whole hours."
        ),
    ] = 0.0


class ModelFailure(Struct, frozen=True, kw_only=True):
    """A model that could not be loaded."""

    name: Annotated[str, Meta(description="name@version, or the path of the model file.")]
    time: Annotated[Timestamp, Meta(description="When loading failed.")]
    reason: Annotated[str, Meta(description="Why loading failed.")]


class ModelState(Header, frozen=True, kw_only=True, tag_field="schema", tag="edged.model/1"):
    """The active model, and the candidate that is being installed or tried. Retained.

    During a trial the candidate runs on every frame, and the installed model beside it on some; `up/info` then names the candidate.
    """

    installed: Annotated[
        ModelVersion | None, Meta(description="The installed model; null if none runs.")
    ]
    previous: Annotated[
        ModelVersion | None, Meta(description="The model to roll back to; null if there is none.")
    ] = None
    candidate: Annotated[
        Candidate | None,
        Meta(description="The model that is being installed or tried; null if there is none."),
    ] = None
    last: Annotated[
        DeploymentResult | None,
        Meta(description="The latest deployment that has ended; null if there is none."),
    ] = None
    epoch: Annotated[
        Count, Meta(description="Security floor: models of a lower epoch are refused.")
    ] = 0
    channel: Annotated[
        ChannelState | None,
        Meta(description="The update channel; null if the device follows none."),
    ] = None
    last_failure: Annotated[
        ModelFailure | None,
        Meta(
            description="The latest model that could not be loaded since the daemon's start; null if there is none."
        ),
    ] = None
