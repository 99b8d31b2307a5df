"""Functions that create a paho client, release it, and put its errors into words."""

import contextlib
import socket
import ssl
from typing import TYPE_CHECKING

from edged.host.certificates import describe_certificate_error
from edged.interfaces import OutgoingMessage
from edged.publishers.mqtt_limits import quote
from edged.publishers.mqtt_settings import MqttSettings, make_tls_context, read_password

if TYPE_CHECKING:
    from paho.mqtt.client import Client
    from paho.mqtt.properties import Properties
    from paho.mqtt.reasoncodes import ReasonCode

MAX_PACKET_BYTES = 1 << 20
"""Largest packet that the broker may send; only MQTT 5 can tell the broker so."""

_HINTS = {
    "Unsupported protocol version": 'set mqtt.protocol = "3.1.1"',
    "Bad user name or password": "check mqtt.username and mqtt.password_file",
    "Not authorized": "check mqtt.username, mqtt.password_file, mqtt.tls.cert and the broker's access rules",
    "Client identifier not valid": "set mqtt.client_id",
    "Session taken over": "another client has the same id: give each device its own [device] name or mqtt.client_id",
    "Use another server": "set mqtt.host to the server that the broker names",
    "Server moved": "set mqtt.host to the server that the broker names",
    "Packet too large": "raise the broker's limit; its messages are left out until then",
}


def make_properties(correlation: bytes | None) -> "Properties | None":
    """Return the MQTT 5 properties of a message; None if it has none."""
    if correlation is None:
        return None
    from paho.mqtt.packettypes import PacketTypes
    from paho.mqtt.properties import Properties

    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    properties.CorrelationData = correlation
    return properties


def make_client(
    settings: MqttSettings,
    *,
    client_id: str,
    will: OutgoingMessage | None,
    max_in_flight: int,
    clean_session: bool = True,
) -> "Client":
    """Create a client that does not reconnect by itself; it is not connected yet.

    It writes nothing by itself: whoever owns it calls `loop_write`, `loop_read` and `loop_misc`.

    Args:
        settings: the keys of [mqtt].
        client_id: the client id.
        will: the message that the broker publishes when the connection is lost; None for none.
        max_in_flight: largest number of unacknowledged messages.
        clean_session: with MQTT 3.1.1, whether the broker forgets the client when it disconnects; MQTT 5 says that in CONNECT.

    Raises:
        PublishError: a password, certificate or key file cannot be used.
    """
    from paho.mqtt import client as paho
    from paho.mqtt.enums import CallbackAPIVersion

    v5 = settings.protocol == "5"
    client = paho.Client(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        clean_session=None if v5 else clean_session,
        protocol=paho.MQTTv5 if v5 else paho.MQTTv311,
        reconnect_on_failure=False,
    )
    client.connect_timeout = settings.connect_timeout_s
    client.max_inflight_messages_set(max_in_flight)
    if settings.username is not None:
        client.username_pw_set(settings.username, read_password(settings))
    if settings.tls is not None:
        client.tls_set_context(make_tls_context(settings.tls))
    if will is not None:
        client.will_set(will.topic, will.payload, will.qos, will.retain)
    # Without this callback paho writes to the socket from within `publish` and its own callbacks.
    client.on_socket_register_write = lambda *_: None
    return client


def connect_properties(settings: MqttSettings) -> "Properties | None":
    """Return the properties of CONNECT; None with MQTT 3.1.1."""
    if settings.protocol != "5":
        return None
    from paho.mqtt.packettypes import PacketTypes
    from paho.mqtt.properties import Properties

    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho's, untyped
    properties.MaximumPacketSize = MAX_PACKET_BYTES
    _accept_size_refusals()
    return properties


def _accept_size_refusals() -> None:
    """Let paho accept the reason "Packet too large" in PUBACK.

    MQTT 5 has it only in CONNACK and DISCONNECT, but mosquitto sends it for a payload above its `message_size_limit`, and paho then takes the
    packet for malformed and does not report it.
    """
    from paho.mqtt.packettypes import PacketTypes
    from paho.mqtt.reasoncodes import ReasonCode

    (packet_types,) = ReasonCode.names[0x95].values()
    if PacketTypes.PUBACK not in packet_types:
        packet_types.append(PacketTypes.PUBACK)


def release_client(client: "Client") -> None:
    """Close the socket and break the reference cycle, so that the client is freed without the garbage collector."""
    client.on_connect = client.on_disconnect = client.on_publish = None
    client.on_subscribe = client.on_message = None
    client.on_socket_register_write = client.on_socket_close = None
    client.disable_logger()
    connection = client.socket()
    if connection is not None:
        connection.close()


def disconnect_with_will(client: "Client", protocol: str) -> None:
    """End the connection so that the broker publishes the will: with MQTT 3.1.1 by closing the socket."""
    from paho.mqtt.packettypes import PacketTypes
    from paho.mqtt.reasoncodes import ReasonCode

    if protocol == "5":
        client.disconnect(ReasonCode(PacketTypes.DISCONNECT, identifier=0x04))
        return
    connection = client.socket()
    if isinstance(connection, socket.socket):
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)


def describe_reason_code(reason: "ReasonCode", properties: "Properties | None" = None) -> str:
    """Return a reason code in words, with the broker's own words, followed by what to do about it if that is known."""
    words = str(reason)
    own = [getattr(properties, name, None) for name in ("ReasonString", "ServerReference")]
    quoted = "".join(f" ({quote(text)})" for text in own if text)
    hint = _HINTS.get(words)
    return f"{words}{quoted}: {hint}" if hint else f"{words}{quoted}"


def describe_error(error: Exception) -> str:
    """Return an error of the network or of TLS in words, without its number."""
    if isinstance(error, ssl.SSLCertVerificationError):
        reason = describe_certificate_error(error, authority="mqtt.tls.ca", host="mqtt.host")
        return f"the broker's certificate was not accepted: {reason}"
    if isinstance(error, TimeoutError):
        return "the broker did not answer in time"
    return str(getattr(error, "strerror", None) or error)
