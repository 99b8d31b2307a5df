"""Which files a configuration expects to find, and whether they can be read.

``edged check`` asks this; a running daemon says it in its health instead.
"""

import stat
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from edged.config.problems import KeyPath, KeyProblem
from edged.config.settings import ModelSettings, Settings

_SECRET_KEYS = frozenset({"password_file", "key"})


def check_input_files(settings: Settings) -> Iterator[KeyProblem]:
    """A fault for every file or folder that is to be read and cannot be, but for secrets.

    To be read are the model, its labels, its libraries where they are named by a path, and every path of a camera in use and of the publisher.
    """
    for at, path in _input_files(settings):
        if at[-1] not in _SECRET_KEYS and (reason := _unreadable_reason(path)):
            yield KeyProblem(key_path=at, message=f"{path} {reason}")
    for at, library in _library_files(settings.model):
        # A bare name is looked for by the loader, in folders that are its own affair.
        if "/" in library and (reason := _unreadable_reason(Path(library))):
            yield KeyProblem(key_path=at, message=f"{library} {reason}")


def check_secret_files(settings: Settings) -> Iterator[KeyProblem]:
    """A doubt for every secret that cannot be read, or that every user of the machine can read.

    That it cannot be read is no fault: it may be a credential that systemd shows to the service alone.
    """
    for at, path in _input_files(settings):
        if at[-1] not in _SECRET_KEYS:
            continue
        if reason := _unreadable_reason(path):
            hint = (
                "all is well if the service can read it, or has a systemd credential of that name"
            )
            yield KeyProblem(key_path=at, message=f"{path} {reason}", hint=hint)
        elif path.stat().st_mode & stat.S_IROTH:
            yield KeyProblem(
                key_path=at, message=f"any user can read {path}", hint=f"chmod o-r {path}"
            )


def _input_files(settings: Settings) -> Iterator[tuple[KeyPath, Path]]:
    yield from _table_paths(settings.model, ("model",))
    for name, camera in settings.camera.items():
        if camera.enabled:
            yield from _table_paths(camera.driver, ("camera", name))
    if settings.publisher is not None:
        name, table = settings.publisher
        yield from _table_paths(table, (name,))


def _library_files(model: ModelSettings) -> Iterator[tuple[KeyPath, str]]:
    if model.delegate is not None:
        yield ("model", "delegate"), model.delegate
    for name, source in model.custom_ops.items():
        yield ("model", "custom_ops", name), source.rpartition(":")[0]


def _table_paths(table: Struct | None, key_path: KeyPath) -> Iterator[tuple[KeyPath, Path]]:
    for key in () if table is None else table.__struct_encode_fields__:
        value = getattr(table, key)
        if isinstance(value, Path):
            yield (*key_path, key), value
        elif isinstance(value, Struct):
            yield from _table_paths(value, (*key_path, key))


def _unreadable_reason(path: Path) -> str:
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
