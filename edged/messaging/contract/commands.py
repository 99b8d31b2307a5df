"""Commands: what a controller sends, the reply, and the state of what commands switch."""

import datetime as dt
from typing import Annotated, Any

from msgspec import Meta, Struct, field

from edged.interfaces.command import ErrorCode, ResultValue
from edged.messaging.contract.header import Header
from edged.messaging.contract.messages import Fraction

MAX_ID_CHARS = 128
DEFAULT_EXPIRES_S = 30.0


class CommandMessage(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A command, on ``down/cmd/<verb>``. A retained one is ignored."""

    id: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=MAX_ID_CHARS,
            description="Id that the sender chooses, another one for each command: a command that arrives again is answered again, and not executed again.",
        ),
    ]
    args: Annotated[dict[str, Any], Meta(description="The arguments of the verb.")] = field(
        default_factory=dict
    )
    expires_s: Annotated[
        float,
        Meta(
            gt=0,
            le=86400,
            description="Seconds after sent, or after its arrival, in which the command may begin.",
        ),
    ] = DEFAULT_EXPIRES_S
    sent: Annotated[
        Annotated[dt.datetime, Meta(tz=True)] | None,
        Meta(
            description="When it was sent, RFC 3339 with a time zone. A device whose clock is synchronised does not execute one that has expired."
        ),
    ] = None


class CommandError(Struct, frozen=True, kw_only=True):
    """The reason why a command was not executed, or failed."""

    code: Annotated[
        ErrorCode,
        Meta(
            description="malformed: the message is not a command; unknown_verb: there is no such command; not_allowed: [commands] verbs"
            " leaves it out; invalid_args: the arguments do not fit it; id_reused: the id belongs to another command; expired: it came too"
            " late; not_found: there is no such camera, zone, mask or label; refused: the device's state or settings do not permit it;"
            " busy: too many commands are being executed; failed: it was executed, and failed; timeout: it goes on, but takes longer"
            " than a reply waits."
        ),
    ]
    message: Annotated[str, Meta(description="The reason in words, and what to do.")]


class Reply(Header, frozen=True, kw_only=True, tag_field="schema", tag="edged.reply/1"):
    """The answer to a command: on up/reply, and on the response topic of an MQTT 5 command."""

    id: Annotated[str, Meta(description="Id of the command; empty if it has no valid one.")]
    verb: Annotated[str, Meta(description="The command, as in its topic.")]
    ok: Annotated[bool, Meta(description="The command was executed.")]
    error: Annotated[
        CommandError | None, Meta(description="What went wrong; null if ok is true.")
    ] = None
    result: Annotated[
        dict[str, ResultValue], Meta(description="What the command returns; see the verb.")
    ] = field(default_factory=dict)


class CameraSwitches(Header, frozen=True, kw_only=True, tag_field="schema", tag="edged.switches/1"):
    """The state of what commands can switch for one camera. Retained; published while commands are enabled."""

    camera: Annotated[str, Meta(description="Name of the camera in the configuration.")]
    detect: Annotated[bool, Meta(description="The model runs on the camera's frames.")]
    threshold: Annotated[
        Fraction,
        Meta(description="Smallest score of a detection, for labels without one of their own."),
    ]
    thresholds: Annotated[
        dict[str, Fraction], Meta(description="Smallest score by label, where a label has its own.")
    ] = field(default_factory=dict)
    zones: Annotated[dict[str, bool], Meta(description="Whether each zone is in use.")] = field(
        default_factory=dict
    )
    masks: Annotated[dict[str, bool], Meta(description="Whether each mask is in use.")] = field(
        default_factory=dict
    )
