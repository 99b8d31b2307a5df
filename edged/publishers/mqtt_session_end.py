"""How a connection to a broker ended."""

import time
from dataclasses import dataclass

from edged.host.certificates import describe_alert
from edged.publishers.mqtt_acknowledgements import Acknowledgements, Answer, SentMessage
from edged.publishers.mqtt_client import describe_reason_code
from edged.publishers.mqtt_reports import PahoReports
from edged.publishers.mqtt_settings import MqttSettings, broker_url

_ANSWER_AGE_S = 1.0
"""A message whose answer is that old has nothing to do with the end of the connection."""


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


def make_session_end(
    settings: MqttSettings,
    reports: PahoReports,
    acknowledgements: Acknowledgements,
    *,
    reason: str | None,
    reason_code: int | None,
    is_accepted: bool,
) -> SessionEnd:
    """Return how a connection has ended just now.

    Args:
        settings: the keys of [mqtt].
        reports: what paho has reported.
        acknowledgements: the connection's messages and answers.
        reason: why it has ended, in words, as far as we know; None if only `reports` may tell.
        reason_code: the broker's reason for refusing the connection; None if it did not.
        is_accepted: whether the broker had accepted the connection.
    """
    if reports.broker_reason is not None:
        reason_code = reports.broker_reason[0].value
        reason = f"the broker closed the connection: {describe_reason_code(*reports.broker_reason)}"
    reason = reason or describe_loss(settings, reports.last_error, is_accepted=is_accepted)
    return SessionEnd(
        reason=f"{broker_url(settings)}: {reason}",
        reason_code=reason_code,
        is_unanswered=reports.is_unanswered,
        first_unconfirmed=acknowledgements.first_unconfirmed,
        last_answer=acknowledgements.find_answer_since(time.monotonic() - _ANSWER_AGE_S),
    )


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
