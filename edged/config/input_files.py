"""Checks that the files which a configuration names can be read.

``edged check`` runs them; a running daemon reports such files in its health instead.
"""

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryFile

from msgspec import Struct

from edged.config.problems import KeyPath, KeyProblem
from edged.config.settings import ModelSettings, Settings

_SECRET_KEYS = frozenset({"password_file", "key", "token_file", "tls_key"})


def check_input_files(settings: Settings) -> Iterator[KeyProblem]:
    """Yield a problem for every file or folder that cannot be read, except secrets.

    The files are the model, its labels, its libraries if they are named by a path, and every path of the page, of an enabled camera and of
    the publisher.
    """
    for key_path, path in _input_files(settings):
        if key_path[-1] not in _SECRET_KEYS and (reason := _unreadable_reason(path)):
            yield KeyProblem(key_path=key_path, message=f"{path} {reason}")
    for key_path, library in _library_files(settings.model):
        # The dynamic linker looks for a name without a slash in its own folders.
        if "/" in library and (reason := _unreadable_reason(Path(library))):
            yield KeyProblem(key_path=key_path, message=f"{library} {reason}")


def check_written_files(settings: Settings) -> Iterator[KeyProblem]:
    """Yield a problem for every file of the publisher that cannot be written; none is created."""
    if settings.publisher is None:
        return
    name, table = settings.publisher
    files: Mapping[str, Path] = getattr(table, "written_files", {})
    for key, path in files.items():
        if reason := _unwritable_reason(path):
            yield KeyProblem(key_path=(name, key), message=reason)


def _unwritable_reason(path: Path) -> str | None:
    """Return why a file cannot be written; None if it can."""
    folder = path.absolute().parent
    if path.is_dir():
        return f"{path} is a folder; name a file"
    if not folder.is_dir():
        return f"{path}: {folder} is not a folder; create it"
    target = path if path.exists() else folder
    if not os.access(target, os.W_OK) or os.statvfs(folder).f_flag & os.ST_RDONLY:
        return f"{path}: {target} cannot be written by this user"
    if not path.exists() and not _accepts_files(folder):
        return f"{path}: no file can be created in {folder}"
    return None


def _accepts_files(folder: Path) -> bool:
    """Return whether a nameless file can be created in a folder: those of the kernel, as /proc, take none."""
    try:
        with TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def check_secret_files(settings: Settings) -> Iterator[KeyProblem]:
    """Yield a warning for every secret that cannot be read, or that every user of the machine can read.

    An unreadable secret is only a warning: it may be a credential that systemd shows to the service alone.
    """
    for key_path, path in _input_files(settings):
        if key_path[-1] not in _SECRET_KEYS:
            continue
        if reason := _unreadable_reason(path):
            hint = (
                "ignore this if the service can read it, or has a systemd credential of that name"
            )
            yield KeyProblem(key_path=key_path, message=f"{path} {reason}", hint=hint)
        elif path.stat().st_mode & stat.S_IROTH:
            yield KeyProblem(
                key_path=key_path, message=f"every user can read {path}", hint=f"chmod o-r {path}"
            )


def _input_files(settings: Settings) -> Iterator[tuple[KeyPath, Path]]:
    yield from _table_paths(settings.model, ("model",))
    yield from _table_paths(settings.page, ("page",))
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


def _unreadable_reason(path: Path) -> str | None:
    """Return why a file or folder cannot be read; None if it can."""
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
    return None
