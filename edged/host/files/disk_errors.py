"""Operating-system errors, translated into `StoreError` with advice."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edged.errors import StoreError

_ADVICE = {
    errno.ENOSPC: "make room; the daemon then continues by itself",
    errno.EDQUOT: "make room; the daemon then continues by itself",
    errno.EROFS: "mount it writable, and check the card: a worn-out card turns read-only",
    errno.EIO: "the card or disk may be failing",
    errno.EACCES: "it must belong to the user that edged runs as",
    errno.EPERM: "it must belong to the user that edged runs as",
}


def to_store_error(error: OSError, verb: str, path: Path | str) -> StoreError:
    """Return a `StoreError` that names the failed operation, the path, the reason and what to do.

    Args:
        error: the operating system's error.
        verb: the failed operation, as in "cannot VERB PATH".
        path: its subject.
    """
    advice = _ADVICE.get(error.errno or 0)
    reason = error.strerror or str(error)
    return StoreError(f"cannot {verb} {path}: {reason}" + (f" ({advice})" if advice else ""))


@contextmanager
def translate_errors(verb: str, path: Path | str) -> Iterator[None]:
    """Raise an `OSError` from the block as `StoreError`.

    Raises:
        StoreError: the block failed.
    """
    try:
        yield
    except StoreError:
        raise
    except OSError as error:
        raise to_store_error(error, verb, path) from error
