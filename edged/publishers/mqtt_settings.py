"""The keys of [mqtt], and what follows from them."""

import ssl
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

from edged.errors import PublishError

_PORT, _TLS_PORT = 1883, 8883


class TlsSettings(Struct, frozen=True, kw_only=True):
    """[mqtt.tls]; present, even if empty: the connection is encrypted."""

    ca: Annotated[
        Path | None,
        Meta(
            description="The authority that signed the broker's certificate; the system's if not set."
        ),
    ] = None
    cert: Annotated[Path | None, Meta(description="This device's certificate (with key).")] = None
    key: Annotated[Path | None, Meta(description="The key of cert.")] = None
    insecure: Annotated[
        bool,
        Meta(
            description="Accept any certificate: anybody on the way can read and forge everything. For a bench only."
        ),
    ] = False


class MqttSettings(Struct, frozen=True, kw_only=True):
    """[mqtt]."""

    host: Annotated[str, Meta(min_length=1, description="Name or address of the broker.")]
    port: Annotated[
        Annotated[int, Meta(ge=1, le=65535)] | None,
        Meta(description="1883, or 8883 with TLS, if not set."),
    ] = None
    protocol: Annotated[
        Literal["5", "3.1.1"],
        Meta(
            description='MQTT version. With "3.1.1" a broker cannot say that it refused a message, and it is lost.'
        ),
    ] = "5"
    client_id: Annotated[
        Annotated[str, Meta(min_length=1, max_length=256)] | None,
        Meta(
            description='"edged-" and the device\'s name if not set. Two clients with one id throw each other out.'
        ),
    ] = None
    username: Annotated[str | None, Meta(description="For a broker that asks for one.")] = None
    password_file: Annotated[
        Path | None,
        Meta(
            description="A file that holds the password. A systemd credential of the same file name comes first; so for tls."
        ),
    ] = None
    keepalive_s: Annotated[
        int,
        Meta(ge=5, le=3600, description="A dead connection is noticed within twice this time."),
    ] = 30
    connect_timeout_s: Annotated[
        float, Meta(gt=0, le=120, description="For each of: connecting, TLS, the broker's answer.")
    ] = 10.0
    max_retry_s: Annotated[
        float,
        Meta(
            ge=0.2,
            le=3600,
            description="Longest pause between two attempts to connect; they begin at about a second, and vary.",
        ),
    ] = 30.0
    tls: TlsSettings | None = None


def broker_port(settings: MqttSettings) -> int:
    """The port to connect to."""
    return settings.port or (_PORT if settings.tls is None else _TLS_PORT)


def broker_url(settings: MqttSettings) -> str:
    """The broker as a URL, for messages."""
    scheme = "mqtt" if settings.tls is None else "mqtts"
    return f"{scheme}://{settings.host}:{broker_port(settings)}"


def read_password(settings: MqttSettings) -> str | None:
    """The password, read anew each time so that it can be changed.

    Raises:
        PublishError: the file cannot be read.
    """
    if settings.password_file is None:
        return None
    try:
        return settings.password_file.read_text("utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise PublishError(f"mqtt.password_file {settings.password_file}: {error}") from error


def make_tls_context(tls: TlsSettings) -> ssl.SSLContext:
    """What the TLS settings come to.

    Raises:
        PublishError: a file cannot be read or is no certificate or key.
    """
    named = {"ca": tls.ca, "cert": tls.cert, "key": tls.key}
    found = {name: path for name, path in named.items() if path is not None}
    try:
        context = ssl.create_default_context(cafile=found.get("ca"))
        context.sslsocket_class = _SelfClosingSocket
        if "cert" in found:
            context.load_cert_chain(found["cert"], found.get("key"))
    except (OSError, ssl.SSLError) as error:
        files = ", ".join(f"{name} = {path}" for name, path in found.items())
        raise PublishError(f"mqtt.tls: {files}: {error}") from error
    if tls.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


class _SelfClosingSocket(ssl.SSLSocket):
    """Closes itself when the handshake fails, which paho leaves to the garbage collector."""

    def do_handshake(self, block: bool = False) -> None:  # noqa: FBT001, FBT002 (the standard library's signature)
        try:
            super().do_handshake(block)
        except OSError:
            self.close()
            raise
