"""``edged enroll``: get this device a certificate for its broker."""

import argparse
import sys
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from edged.checks.smoke import connect_once
from edged.cli.config_option import add_config_option
from edged.cli.verbs import add_verb, print_result
from edged.clock import SystemClock
from edged.config.load import LoadedConfig, load_config
from edged.config.toml_text import format_toml
from edged.errors import CertificateError, ConfigError, EdgedError
from edged.host.certificate_chain import check_client_certificate
from edged.host.device_certificate import CertificateFacts, describe, load_certificates
from edged.host.drop_in import DropIn
from edged.host.enrollment import Enrollment, DaemonUser
from edged.host.files import LocalFileSystem
from edged.host.paths import device_name, state_dir
from edged.publishers.mqtt_settings import MqttSettings

DROP_IN = "60-enrolled.toml"
_HEADER = "# Written by `edged enroll`; a renewal replaces it.\n"
_MAX_BYTES = 1 << 20


class EnrollStatus(Struct, frozen=True, kw_only=True):
    """The state of a device's enrollment.

    Attributes:
        device: the device's name.
        certificate: the certificate in use; None if there is none.
        file: its path; None if there is none.
        pending: whether a signing request waits for its certificate.
        changed: whether this command has changed anything.
    """

    device: str
    certificate: CertificateFacts | None = None
    file: Path | None = None
    pending: bool = False
    changed: bool = False


def add_parser(subparsers: Any) -> None:
    """Add this command to the command line."""
    parser = subparsers.add_parser(
        "enroll",
        help="get this device a certificate for its broker",
        description="Makes the device's key and signing request, and installs its certificate. The key never leaves the device.",
    )
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    _add_request_verb(verbs)
    _add_install_verb(verbs)
    status = add_verb(verbs, "status", _status, "show the certificate in use")
    add_config_option(status)


def _add_request_verb(verbs: Any) -> None:
    parser = add_verb(
        verbs,
        "request",
        _request,
        "make a key, unless one waits for its certificate, and print its signing request",
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the request to this file")
    parser.add_argument(
        "--new-key", action="store_true", help="make a new key in place of the one that waits"
    )
    add_config_option(parser)


def _add_install_verb(verbs: Any) -> None:
    parser = add_verb(
        verbs, "install", _install, "check a certificate, connect with it, and put it into use"
    )
    parser.add_argument("certificate", type=Path, metavar="FILE", help="the certificate, in PEM")
    parser.add_argument(
        "--ca",
        type=Path,
        metavar="FILE",
        help="the authority's certificate, also for the broker's; default: that of [mqtt.tls] ca",
    )
    parser.add_argument(
        "--no-connect",
        action="store_true",
        help="do not connect to the broker first; by default a certificate that it refuses is not used",
    )
    add_config_option(parser)


def _request(args: argparse.Namespace) -> int:
    loaded = load_config(args.config)
    name = device_name(loaded.settings)
    request = _open(args.config, loaded).request(name, new_key=args.new_key)
    if args.out is not None:
        try:
            args.out.write_bytes(request)
        except OSError as error:
            raise ConfigError(f"{args.out} cannot be written: {error.strerror}") from error
    text = request.decode()
    answer = {"device": name, "request": text, "file": args.out}
    if args.json:
        sys.stdout.write(msgspec.json.encode(answer, enc_hook=str).decode() + "\n")
    elif args.out is None:
        sys.stdout.write(text)
    else:
        sys.stdout.write(f'{args.out}: signing request of "{name}"; have it signed, then run '
                         "`edged enroll install CERTIFICATE --ca AUTHORITY`\n")  # fmt: skip
    return 0


def _install(args: argparse.Namespace) -> int:
    loaded = load_config(args.config)
    mqtt, name = _mqtt_settings(loaded), device_name(loaded.settings)
    tls = mqtt.tls
    certificate = _read(args.certificate)
    authority = None if args.ca is None else _read(args.ca)
    _check(args, certificate, authority, loaded)
    enrollment = _open(args.config, loaded)
    folder = enrollment.stage(certificate, authority, tls.key if tls else None)
    drop_in = DropIn(args.config, DROP_IN)
    text = _HEADER + format_toml({"mqtt": {"tls": enrollment.keys_of(folder)}})
    is_new = drop_in.read() != text
    if is_new:
        try:
            _try(_mqtt_settings(drop_in.load(text)), folder, is_online=not args.no_connect)
        except EdgedError:
            enrollment.discard(folder)
            raise
        drop_in.write(text)
    enrollment.finish(folder)
    facts = describe(load_certificates(certificate)[0])
    status = EnrollStatus(
        device=name, certificate=facts, file=folder / "device.crt", changed=is_new
    )
    verb = "is installed; restart edged to use it" if is_new else "is installed already"
    return print_result(args, _plain(status), f"{_format_facts(facts)} {verb}")


def _status(args: argparse.Namespace) -> int:
    loaded = load_config(args.config)
    mqtt = _mqtt_settings(loaded)
    file = mqtt.tls.cert if mqtt.tls else None
    facts = None if file is None else describe(load_certificates(_read(file))[0])
    status = EnrollStatus(
        device=device_name(loaded.settings),
        certificate=facts,
        file=file,
        pending=_open(args.config, loaded).has_pending_key,
    )
    text = "no certificate is in use" if facts is None else f"{_format_facts(facts)} is in use"
    waiting = "; a signing request waits for its certificate" if status.pending else ""
    return print_result(args, _plain(status), text + waiting)


def _check(
    args: argparse.Namespace, certificate: bytes, authority: bytes | None, loaded: LoadedConfig
) -> None:
    """Check that the broker will accept a certificate.

    Raises:
        CertificateError: it will not, or no authority is known.
    """
    tls = _mqtt_settings(loaded).tls
    if authority is None:
        if tls is None or tls.ca is None:
            raise CertificateError("name the authority's certificate with --ca")
        authority = _read(tls.ca)
    try:
        chain = load_certificates(certificate)
        check_client_certificate(
            chain, load_certificates(authority), name=device_name(loaded.settings)
        )
    except CertificateError as error:
        raise CertificateError(f"{args.certificate}: {error}") from error


def _try(settings: MqttSettings, folder: Path, *, is_online: bool) -> None:
    """Check that the staged certificate will be in use, and connect with it.

    Args:
        settings: the settings as they will be.
        folder: the staged folder.
        is_online: whether to connect to the broker.

    Raises:
        ConfigError: another file has priority.
        CertificateError: the broker does not accept the connection.
    """
    if settings.tls is None or settings.tls.cert is None or settings.tls.cert.parent != folder:
        raise ConfigError(
            f"a file after conf.d/{DROP_IN} sets [mqtt.tls] cert: remove it there, nothing was changed"
        )
    own_id = replace(settings, client_id=None)  # the daemon's connection must not end
    error = connect_once("mqtt", own_id, SystemClock()) if is_online else None
    if error is not None:
        raise CertificateError(
            f"the broker does not accept the connection, and nothing was changed: {error}"
        )


def _open(config: Path, loaded: LoadedConfig) -> Enrollment:
    return Enrollment(config, DaemonUser.of(state_dir(loaded.settings)))


def _mqtt_settings(loaded: LoadedConfig) -> MqttSettings:
    """Return the settings of the broker.

    Raises:
        ConfigError: the device publishes to none.
    """
    name, settings = loaded.settings.publisher or ("", None)
    if not isinstance(settings, MqttSettings):
        raise ConfigError(f"this device has no broker: [{name}] instead of [mqtt]")
    return settings


def _read(path: Path) -> bytes:
    return LocalFileSystem().read(path.resolve(), _MAX_BYTES)


def _plain(status: EnrollStatus) -> object:
    return msgspec.to_builtins(status, enc_hook=str)


def _format_facts(facts: CertificateFacts) -> str:
    return f'the certificate of "{facts.name}", issued by "{facts.issuer}", valid to {facts.not_after[:10]} ({facts.days_left} days),'
