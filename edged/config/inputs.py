"""Which files a configuration expects to find, and whether they can be read.

``edged check`` asks this; a running daemon says it in its health instead.
"""

import stat
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from edged.config.problems import Fault, KeyPath
from edged.config.settings import Settings


def unreadable_inputs(settings: Settings) -> Iterator[Fault]:
    """A fault for every file or folder that is to be read and cannot be.

    To be read are: the model and its labels, every path in a camera's table, and every path in a publisher's whose key
    ends in ``_file``.
    """
    for at, path in _inputs(settings):
        if reason := _unreadable(path):
            yield Fault(at=at, message=f"{path} {reason}")


def open_secrets(settings: Settings) -> Iterator[Fault]:
    """A doubt for every password or private key that any user of the machine can read."""
    for at, path in _inputs(settings):
        is_secret = str(at[-1]).startswith(("password", "key_", "token"))
        if is_secret and path.is_file() and path.stat().st_mode & stat.S_IROTH:
            yield Fault(at=at, message=f"any user can read {path}", hint=f"chmod o-r {path}")


def _inputs(settings: Settings) -> Iterator[tuple[KeyPath, Path]]:
    if settings.model.path is not None:
        yield ("model", "path"), settings.model.path
    if settings.model.labels_file is not None:
        yield ("model", "labels_file"), settings.model.labels_file
    for name, camera in settings.camera.items():
        if camera.enabled:
            yield from _paths(camera.driver, ("camera", name))
    if settings.publisher is not None:
        name, table = settings.publisher
        files = _paths(table, (name,))
        yield from ((at, path) for at, path in files if str(at[-1]).endswith("_file"))


def _paths(table: Struct | None, at: KeyPath) -> Iterator[tuple[KeyPath, Path]]:
    for key in () if table is None else table.__struct_encode_fields__:
        value = getattr(table, key)
        if isinstance(value, Path):
            yield (*at, key), value
        elif isinstance(value, Struct):
            yield from _paths(value, (*at, key))


def _unreadable(path: Path) -> str:
    """What keeps us from reading a file or a folder; "" if nothing does."""
    try:
        if path.is_dir():
            next(path.iterdir(), None)
        elif path.is_file():
            with path.open("rb"):
                pass
        elif not path.exists():
            return "does not exist"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    return ""
