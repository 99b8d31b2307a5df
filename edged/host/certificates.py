"""The reasons why a TLS connection fails, in words that say what to check.

A device without a clock chip starts in the past. Its certificates are right then, and its clock is wrong: an authority that is not trusted,
a wrong name and a time outside of the certificate's each have words of their own. The codes are OpenSSL's (X509_V_ERR_* in x509_vfy.h).
"""

import ssl
from datetime import UTC, datetime

_NOT_YET_VALID, _EXPIRED = 9, 10
_NAME_MISMATCHES = frozenset({62, 64})
_UNTRUSTED = frozenset({2, 7, 18, 19, 20, 21})
_ALERTS = {
    "certificate required": "it requires a certificate of this device",
    "certificate expired": "this device's certificate has expired: renew it",
    "certificate revoked": "this device's certificate is revoked",
    "unknown ca": "it does not trust the authority that issued this device's certificate",
    "bad certificate": "it refuses this device's certificate: check its authority, and the time in which it is valid",
    "certificate unknown": "it refuses this device's certificate",
}
"""What a server says about a client's certificate (RFC 8446, section 6.2), in the words of Python's ssl."""


def describe_certificate_error(
    error: ssl.SSLCertVerificationError, *, authority: str, host: str, now: datetime | None = None
) -> str:
    """Return why the certificate of a server was not accepted, and what to check.

    Args:
        error: the error of the TLS handshake.
        authority: where the trusted authorities are set.
        host: where the name of the server is set.
        now: the time by this device's clock; None to read it.
    """
    clock = (now or datetime.now(UTC)).strftime("%Y-%m-%d %H:%M UTC")
    match error.verify_code:
        case code if code == _NOT_YET_VALID:
            return f"it is not valid yet; this device's clock says {clock}: set the clock, or check the certificate"
        case code if code == _EXPIRED:
            return f"it, or that of its authority, has expired; this device's clock says {clock}: renew it, or set the clock"
        case code if code in _NAME_MISMATCHES:
            return f"it is for another name: {error.verify_message.rstrip('.')}; check {host}"
        case code if code in _UNTRUSTED:
            return f"no trusted authority issued it: {error.verify_message}; check {authority}"
    return f"{error.verify_message}; check {authority} and {host}"


def find_certificate_error(error: BaseException) -> ssl.SSLCertVerificationError | None:
    """Return the refusal of a certificate that caused an error; None if that is not the cause."""
    cause: BaseException | None = error
    for _ in range(8):  # a chain of causes could be a ring
        if cause is None or isinstance(cause, ssl.SSLCertVerificationError):
            return cause
        cause = cause.__cause__ or cause.__context__
    return None


def describe_alert(text: str) -> str | None:
    """Return what a server's TLS alert in a library's text says about this device's certificate; None if it has no such alert."""
    words = text.replace("_", " ").lower()
    return next((said for alert, said in _ALERTS.items() if alert in words), None)
