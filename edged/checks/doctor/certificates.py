"""Check of the certificates that the configuration names: whether they are valid, and for how long."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from edged.checks.doctor.finding import Finding, fail, ok, warn
from edged.config.settings import Settings
from edged.errors import CertificateError
from edged.host.device_certificate import belongs_to_key, check_dates, describe, load_certificates

PART = "certificate"
_MIN_DAYS_LEFT = 30
_RENEW = "renew it: `edged enroll request`, then `edged enroll install`"


def check_certificates(settings: Settings) -> Iterator[Finding]:
    """Check the broker's authority, the device's certificate and key, and the page's certificate, as far as they are set.

    Without the library `cryptography` nothing is checked: the connection shows the rest.
    """
    if find_spec("cryptography") is None:
        return
    for name, path, key in _find_files(settings):
        yield _check_file(name, path, key)


def _find_files(settings: Settings) -> Iterator[tuple[str, Path, Path | None]]:
    """Yield the name of the setting, the certificate, and its key or None."""
    _, publisher = settings.publisher or ("", None)
    tls = getattr(publisher, "tls", None)
    if tls is not None and tls.ca is not None:
        yield "mqtt.tls.ca", tls.ca, None
    if tls is not None and tls.cert is not None:
        yield "mqtt.tls.cert", tls.cert, tls.key
    if settings.page.tls_certificate is not None:
        yield "page.tls_certificate", settings.page.tls_certificate, settings.page.tls_key


def _check_file(name: str, path: Path, key: Path | None) -> Finding:
    try:
        certificate = load_certificates(path.read_bytes())[0]
        check_dates(certificate)
        if key is not None and not _matches(certificate, key):
            return fail(PART, f"{name} {path} is not for the key {key}", _RENEW)
    except OSError as error:
        return warn(PART, f"{name} {path} cannot be read here: {error.strerror}", "run as root")
    except CertificateError as error:
        return fail(PART, f"{name} {path}: {error}", _RENEW)
    facts = describe(certificate)
    message = f'{name}: "{facts.name}" is valid to {facts.not_after[:10]}, {facts.days_left} days'
    return warn(PART, message, _RENEW) if facts.days_left < _MIN_DAYS_LEFT else ok(PART, message)


def _matches(certificate: object, key: Path) -> bool:
    """Return whether a key is that of a certificate; True if this user cannot read it."""
    try:
        return belongs_to_key(certificate, key.read_bytes())  # type: ignore[arg-type]  # typed where the library is imported
    except OSError:
        return True
