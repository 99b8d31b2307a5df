"""The payload that tells which model the device runs, which is on its way in, and how the last one fared."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from edged.messaging.contract.header import Header, Timestamp
from edged.messaging.contract.messages import Count, Fraction, Seconds


class ModelVersion(Struct, frozen=True, kw_only=True):
    """One model on the device."""

    name: Annotated[str, Meta(description="name@version.")]
    sha256: Annotated[str, Meta(description="Of its file.")]
    family: Annotated[str, Meta(description="How its outputs are read.")] = ""
    digest: Annotated[
        str,
        Meta(
            description="sha256 of its bundle's manifest: the same on every device that has this version; empty for a model"
            " without a bundle, such as the factory model."
        ),
    ] = ""
    counter: Annotated[
        Count, Meta(description="Orders the versions of one name; 0 without a bundle.")
    ] = 0
    epoch: Annotated[Count, Meta(description="Its security epoch; 0 without a bundle.")] = 0


class Candidate(Struct, frozen=True, kw_only=True):
    """A model on its way in."""

    id: Annotated[str, Meta(description="Of this deployment; `edged model wait` takes it.")]
    version: Annotated[
        ModelVersion | None, Meta(description="null until its signatures are verified.")
    ] = None
    requested_by: Annotated[
        Literal["operator", "spool", "channel"],
        Meta(
            description="Who wants it: a command on the device, a file in the folder, the channel."
        ),
    ] = "operator"
    state: Annotated[
        Literal["fetching", "staged", "verified", "self-tested", "trial"],
        Meta(description="What has been done; fetching and trial are going on."),
    ]
    progress: Annotated[
        Fraction, Meta(description="Of what is being done in this state, in hundredths.")
    ] = 0.0
    since: Annotated[
        Timestamp,
        Meta(description="When this state began, or the daemon started in it, whichever is later."),
    ]
    blocked_reason: Annotated[
        str,
        Meta(
            description="Why it does not go on at the moment; it is tried again; empty if it does."
        ),
    ] = ""
    deaths: Annotated[
        Count, Meta(description="Of the daemon in its trial; the third ends that.")
    ] = 0
    boots: Annotated[Count, Meta(description="Of the host in its trial; the fifth ends that.")] = 0


class DeploymentResult(Struct, frozen=True, kw_only=True):
    """A deployment that is over."""

    id: Annotated[str, Meta(description="Of the deployment.")]
    title: Annotated[str, Meta(description="name@version; empty if that was never verified.")] = ""
    digest: Annotated[
        str, Meta(description="sha256 of the bundle's manifest; empty if that was never verified.")
    ] = ""
    outcome: Annotated[
        Literal["committed", "rolled-back", "rejected"],
        Meta(
            description="committed: it is kept; rolled-back: it was on trial, or in use, and the model before it looks again;"
            " rejected: it never looked."
        ),
    ]
    reason: Annotated[str, Meta(description="Why, in words; empty for a plain commit.")] = ""
    flagged: Annotated[
        bool,
        Meta(
            description="Committed without the evidence that a trial wants; reason says what was lacking."
        ),
    ] = False
    denied: Annotated[
        bool,
        Meta(
            description="It failed by itself: the device does not take this version again, unless an operator insists."
        ),
    ] = False
    time: Annotated[Timestamp, Meta(description="When it was over.")]


class ChannelState(Struct, frozen=True, kw_only=True):
    """How the device follows the channel that says which model is to run."""

    sequence: Annotated[
        Count, Meta(description="Of the latest message that was followed; 0 if there was none.")
    ] = 0
    stale: Annotated[
        bool,
        Meta(
            description="Nothing new for longer than [updates] stale_h, or the channel itself, allows."
        ),
    ] = False
    age_s: Annotated[
        Seconds,
        Meta(
            description="Running time since something new was heard, or the daemon started; in whole hours."
        ),
    ] = 0.0


class ModelFailure(Struct, frozen=True, kw_only=True):
    """Why a model is not in use."""

    name: Annotated[str, Meta(description="name@version, or the file as it was given.")]
    time: Annotated[Timestamp, Meta(description="When.")]
    reason: Annotated[str, Meta(description="In words.")]


class ModelState(Header, frozen=True, kw_only=True, tag_field="schema", tag="edged.model/1"):
    """Which model the device runs, and which is on its way in. Retained.

    In a trial `candidate` looks, and `installed` beside it; `up/info` names the one that looks.
    """

    installed: Annotated[
        ModelVersion | None, Meta(description="The one that is kept; null if none runs.")
    ]
    previous: Annotated[
        ModelVersion | None, Meta(description="The one before it, to go back to; null if none.")
    ] = None
    candidate: Annotated[
        Candidate | None, Meta(description="On its way in; null if nothing is.")
    ] = None
    last: Annotated[
        DeploymentResult | None,
        Meta(description="The latest deployment that is over; null if none."),
    ] = None
    epoch: Annotated[
        Count, Meta(description="The security floor: no model of a lower epoch is taken.")
    ] = 0
    channel: Annotated[
        ChannelState | None, Meta(description="null where no channel is followed.")
    ] = None
    last_failure: Annotated[
        ModelFailure | None,
        Meta(
            description="The latest model that could not be loaded since the daemon's start; null if none."
        ),
    ] = None
