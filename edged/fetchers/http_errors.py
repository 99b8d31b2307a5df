"""The errors of a download in words, without what the library's own words show of a URL."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from edged.errors import UpdateError
from edged.host.certificates import describe_certificate_error, find_certificate_error
from edged.redaction import redact_text


class TransientError(Exception):
    """One attempt failed; the next may succeed."""


@contextmanager
def translate_errors(display_url: str) -> Iterator[None]:
    """Turn the errors of httpx into ours.

    Raises:
        UpdateError: another request would fail, too.
        TransientError: another request may succeed.
    """
    try:
        yield
    except (httpx.InvalidURL, UnicodeError, OverflowError) as error:
        # Names that no resolver takes end as they were raised, after a redirect for example.
        raise UpdateError(f"{display_url}: not a valid URL") from error
    except (httpx.UnsupportedProtocol, httpx.TooManyRedirects) as error:
        raise UpdateError(f"{display_url}: {redact_text(str(error))}") from error
    except httpx.TimeoutException as error:
        raise TransientError("the server sent nothing in time") from error
    except httpx.HTTPError as error:
        raise TransientError(_describe_failure(error)) from error


def _describe_failure(error: httpx.HTTPError) -> str:
    if certificate_error := find_certificate_error(error):
        reason = describe_certificate_error(
            certificate_error,
            authority="the system's authorities (SSL_CERT_FILE)",
            host="the host in the URL",
        )
        return f"the server's certificate was not accepted: {reason}"
    return redact_text(str(error)) or type(error).__name__
