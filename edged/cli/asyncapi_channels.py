"""The topics of the contract, one a channel of the AsyncAPI document."""

from dataclasses import dataclass

from edged.messaging.contract.topics import Topics

DEVICE, CAMERA = "{device}", "{camera}"
_TOPICS = Topics(DEVICE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportChannel:
    """A topic that devices write.

    Attributes:
        address: the topic, with parameters in braces.
        is_retained: whether the broker keeps the newest message.
        qos: 0 or 1.
        when: when a message is sent.
    """

    address: str
    is_retained: bool
    qos: int
    when: str


REPORTS = {
    "status": ReportChannel(
        address=f"{_TOPICS.up}/status",
        is_retained=True,
        qos=1,
        when="On every connection, when the daemon begins to stop, and when it has stopped; offline is also the last will.",
    ),
    "info": ReportChannel(
        address=f"{_TOPICS.up}/info", is_retained=True, qos=1, when="When it changes."
    ),
    "health": ReportChannel(
        address=f"{_TOPICS.up}/health",
        is_retained=True,
        qos=1,
        when="Every [health] interval_s, and when a condition begins or ends.",
    ),
    "model": ReportChannel(
        address=f"{_TOPICS.up}/model", is_retained=True, qos=1, when="When it changes."
    ),
    "event": ReportChannel(
        address=f"{_TOPICS.up}/camera/{CAMERA}/events",
        is_retained=False,
        qos=1,
        when="When a tracked object appears, changes or disappears; spooled: delivered at least once.",
    ),
    "state": ReportChannel(
        address=f"{_TOPICS.up}/camera/{CAMERA}/state",
        is_retained=True,
        qos=1,
        when="When it changes, and when the daemon starts and stops.",
    ),
    "switches": ReportChannel(
        address=f"{_TOPICS.up}/camera/{CAMERA}/switches",
        is_retained=True,
        qos=1,
        when="When it changes, while commands are enabled.",
    ),
    "detections": ReportChannel(
        address=_TOPICS.detections_of(CAMERA),
        is_retained=False,
        qos=0,
        when="For every inferred frame with detections, up to a rate, and once without when the scene becomes empty.",
    ),
    "reply": ReportChannel(
        address=f"{_TOPICS.up}/reply",
        is_retained=False,
        qos=1,
        when="For every command; also on the response topic of an MQTT 5 command.",
    ),
    "gap": ReportChannel(
        address=f"{_TOPICS.up}/gap",
        is_retained=False,
        qos=1,
        when="When messages are lost; spooled: delivered at least once.",
    ),
}
"""By the name in the payload's ``schema`` field."""

PICTURE = ReportChannel(
    address=f"{_TOPICS.up}/camera/{CAMERA}/snapshot",
    is_retained=False,
    qos=1,
    when="When the command snapshot asks for it, or for the best picture of an object; only if [images] policy permits it, and retained if [images] retain says so.",
)
DESIRED_ADDRESS = _TOPICS.desired


def command_address(verb: str) -> str:
    """Return the topic of a command."""
    return f"{_TOPICS.down}/cmd/{verb}"
