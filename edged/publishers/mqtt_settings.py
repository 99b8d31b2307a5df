"""The keys of [mqtt], and the values that are derived from them."""

import ssl
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

from edged.config.addresses import HOST_NAME
from edged.errors import PublishError
from edged.text import TextError, read_text

_PORT, _TLS_PORT = 1883, 8883


class TlsSettings(Struct, frozen=True, kw_only=True):
    """[mqtt.tls]; if the table is present, even empty, the connection is encrypted."""

    ca: Annotated[
        Path | None,
        Meta(
            description="Certificate of the authority that signed the broker's certificate; the system's authorities if not set."
        ),
    ] = None
    cert: Annotated[
        Path | None, Meta(description="This device's certificate; it needs key, too.")
    ] = None
    key: Annotated[Path | None, Meta(description="The private key of cert.")] = None
    insecure: Annotated[
        bool,
        Meta(
            description="Accept any certificate, so that anyone on the network path can read and forge all messages. For tests only."
        ),
    ] = False


class MqttSettings(Struct, frozen=True, kw_only=True):
    """[mqtt]."""

    host: Annotated[
        str,
        Meta(
            min_length=1,
            extra=HOST_NAME,
            description="Name or address of the broker, without a port.",
        ),
    ]
    port: Annotated[
        Annotated[int, Meta(ge=1, le=65535)] | None,
        Meta(description="Port of the broker; 1883, or 8883 with TLS, if not set."),
    ] = None
    protocol: Annotated[
        Literal["5", "3.1.1"],
        Meta(
            description='MQTT version. With "3.1.1" a broker cannot report that it refused a message, and the message is lost.'
        ),
    ] = "5"
    client_id: Annotated[
        Annotated[str, Meta(min_length=1, max_length=256)] | None,
        Meta(
            description='Client id; "edged-" and the device\'s name if not set. Two clients with the same id disconnect each other.'
        ),
    ] = None
    username: Annotated[
        str | None, Meta(description="User name at the broker; no login if not set.")
    ] = None
    password_file: Annotated[
        Path | None,
        Meta(
            description="A file that contains the password. A systemd credential of the same file name has priority, as for the files of tls."
        ),
    ] = None
    keepalive_s: Annotated[
        int,
        Meta(
            ge=5,
            le=3600,
            description="Keep-alive interval, seconds; a dead connection is detected within twice this time.",
        ),
    ] = 30
    connect_timeout_s: Annotated[
        float,
        Meta(
            gt=0,
            le=120,
            description="Longest time for each of: connecting, TLS, the broker's answer, seconds.",
        ),
    ] = 10.0
    max_retry_s: Annotated[
        float,
        Meta(
            ge=0.2,
            le=3600,
            description="Longest pause between two attempts to connect, seconds; the first are about a second long, with jitter.",
        ),
    ] = 30.0
    tls: TlsSettings | None = None


def broker_port(settings: MqttSettings) -> int:
    """Return the port to connect to."""
    return settings.port or (_PORT if settings.tls is None else _TLS_PORT)


def broker_url(settings: MqttSettings) -> str:
    """Return the broker as a URL, for messages."""
    scheme = "mqtt" if settings.tls is None else "mqtts"
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"{scheme}://{host}:{broker_port(settings)}"


def read_password(settings: MqttSettings) -> str | None:
    """Return the password, or None if none is set; the file is read each time so that it can be changed.

    Raises:
        PublishError: the file cannot be read.
    """
    if settings.password_file is None:
        return None
    try:
        return read_text(settings.password_file).rstrip("\r\n")
    except (OSError, TextError) as error:
        raise PublishError(f"mqtt.password_file {settings.password_file}: {error}") from error


def make_tls_context(tls: TlsSettings) -> ssl.SSLContext:
    """Create the TLS context that the settings describe.

    Raises:
        PublishError: a file cannot be read, or is not a certificate or key.
    """
    all_files = {"ca": tls.ca, "cert": tls.cert, "key": tls.key}
    files = {name: path for name, path in all_files.items() if path is not None}
    try:
        context = ssl.create_default_context(cafile=files.get("ca"))
        context.sslsocket_class = _SelfClosingSocket
        if "cert" in files:
            context.load_cert_chain(files["cert"], files.get("key"), _refuse_passphrase)
    except (OSError, ssl.SSLError, ValueError) as error:
        listed = ", ".join(f"{name} = {path}" for name, path in files.items())
        raise PublishError(f"mqtt.tls: {listed}: {error}") from error
    if tls.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _refuse_passphrase() -> str:
    """Refuse an encrypted key, for which OpenSSL would otherwise ask on the terminal, and wait."""
    raise ValueError(
        "the key is encrypted: store it without a passphrase, in a file that only edged can read"
    )


class _SelfClosingSocket(ssl.SSLSocket):
    """A socket that closes itself when the handshake fails, which paho leaves to the garbage collector."""

    def do_handshake(self, block: bool = False) -> None:  # noqa: FBT001, FBT002 (the standard library's signature)
        try:
            super().do_handshake(block)
        except OSError:
            self.close()
            raise
