"""How a connection to a broker ended."""

from dataclasses import dataclass

from edged.host.certificates import describe_alert
from edged.publishers.mqtt_acknowledgements import Answer, SentMessage
from edged.publishers.mqtt_settings import MqttSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEnd:
    """How a connection ended.

    Attributes:
        reason: why, in words.
        reason_code: the broker's reason; None if it gave none.
        is_unanswered: True if nothing came from the broker any more.
        first_unconfirmed: the first message that the broker had not answered; None if there is none.
        last_answer: the broker's answer to a message just before the end; None if there is none.
    """

    reason: str
    reason_code: int | None = None
    is_unanswered: bool = False
    first_unconfirmed: SentMessage | None = None
    last_answer: Answer | None = None


def describe_loss(settings: MqttSettings, error: str | None, *, is_accepted: bool) -> str:
    """Return in words that a connection was closed without a reason.

    Args:
        settings: the keys of [mqtt].
        error: paho's words for the error of the network or of TLS; None if there was none.
        is_accepted: whether the broker had accepted the connection.
    """
    cause = f" ({error})" if error else ""
    if is_accepted:
        return f"the connection was lost{cause}"
    return f"the connection was closed before the broker answered{cause}{describe_hints(settings, error)}"


def describe_hints(settings: MqttSettings, error: str | None) -> str:
    """Return what may be wrong if a broker does not answer CONNECT; the arguments are those of `describe_loss`."""
    if alert := describe_alert(error or ""):
        return f"; the broker says that {alert}; check mqtt.tls.cert and mqtt.tls.key"
    hints = []
    if settings.tls is None:
        hints.append("if the broker expects TLS, add [mqtt.tls]")
    if settings.protocol == "5":
        hints.append('if the broker supports only MQTT 3.1.1, set mqtt.protocol = "3.1.1"')
    return "".join(f"; {hint}" for hint in hints)
