"""Which files a configuration expects to find, and whether they can be read.

``edged check`` asks this; a running daemon says it in its health instead.
"""

import stat
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from edged.config.problems import Fault, KeyPath
from edged.config.settings import ModelSettings, Settings

_SECRETS = frozenset({"password_file", "key"})


def unreadable_inputs(settings: Settings) -> Iterator[Fault]:
    """A fault for every file or folder that is to be read and cannot be, but for secrets.

    To be read are the model, its labels, its libraries where they are named by a path, and every path of a camera in use and of the publisher.
    """
    for at, path in _inputs(settings):
        if at[-1] not in _SECRETS and (reason := _unreadable(path)):
            yield Fault(at=at, message=f"{path} {reason}")
    for at, library in _libraries(settings.model):
        # A bare name is looked for by the loader, in folders that are its own affair.
        if "/" in library and (reason := _unreadable(Path(library))):
            yield Fault(at=at, message=f"{library} {reason}")


def doubtful_secrets(settings: Settings) -> Iterator[Fault]:
    """A doubt for every secret that cannot be read, or that every user of the machine can read.

    That it cannot be read is no fault: it may be a credential that systemd shows to the service alone.
    """
    for at, path in _inputs(settings):
        if at[-1] not in _SECRETS:
            continue
        if reason := _unreadable(path):
            hint = (
                "all is well if the service can read it, or has a systemd credential of that name"
            )
            yield Fault(at=at, message=f"{path} {reason}", hint=hint)
        elif path.stat().st_mode & stat.S_IROTH:
            yield Fault(at=at, message=f"any user can read {path}", hint=f"chmod o-r {path}")


def _inputs(settings: Settings) -> Iterator[tuple[KeyPath, Path]]:
    yield from _paths(settings.model, ("model",))
    for name, camera in settings.camera.items():
        if camera.enabled:
            yield from _paths(camera.driver, ("camera", name))
    if settings.publisher is not None:
        name, table = settings.publisher
        yield from _paths(table, (name,))


def _libraries(model: ModelSettings) -> Iterator[tuple[KeyPath, str]]:
    if model.delegate is not None:
        yield ("model", "delegate"), model.delegate
    for name, source in model.custom_ops.items():
        yield ("model", "custom_ops", name), source.rpartition(":")[0]


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
