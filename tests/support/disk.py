"""A file system in memory that knows what a power cut leaves of it, and one whose calls fail."""

import errno
import io
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Literal, cast

from edged.errors import StoreError
from edged.host.files import FileSystem, to_store_error

STATE_DIR = Path("/state")
"""The only folder of a new disk."""
STORE_ROOT = STATE_DIR / "models"
"""The store's folder."""

DiskTree = dict[str, bytes | str | None]
"""The content of a disk by path below `STATE_DIR`: a file's bytes, a link's target, or None for a folder."""


NodeKind = Literal["file", "folder", "link"]


class PowerCutError(Exception):
    """Raised in the process that uses the disk when the power is cut."""


@dataclass(frozen=True, slots=True)
class DiskNode:
    """A file, a folder, or a link with its target."""

    number: int
    kind: NodeKind
    target: str = ""


@dataclass(frozen=True, slots=True)
class NamesChanged:
    """An atomic change of the names in a folder."""

    folder: int
    changes: tuple[tuple[str, DiskNode | None], ...]


@dataclass(frozen=True, slots=True)
class BytesWritten:
    """Bytes that were appended to a file."""

    file: int
    content: bytes


@dataclass(frozen=True, slots=True)
class Synced:
    """A sync: everything that happened to a file or folder before is durable.

    Attributes:
        node: the file or folder.
        site: the functions that called it, the outermost first.
    """

    node: int
    site: str = ""


_STATE = DiskNode(0, "folder")
DiskEvent = NamesChanged | BytesWritten | Synced


@dataclass(slots=True)
class NodeTable:
    """The content of files and folders by number; 0 is the folder `STATE_DIR`."""

    files: dict[int, bytes] = field(default_factory=dict)
    folders: dict[int, dict[str, DiskNode]] = field(default_factory=dict)

    def apply(self, event: DiskEvent) -> None:
        match event:
            case NamesChanged(folder, changes):
                names = self.folders.setdefault(folder, {})
                for name, node in changes:
                    if node is None:
                        names.pop(name, None)
                    else:
                        names[name] = node
            case BytesWritten(file, content):
                self.files[file] = self.files.get(file, b"") + content
            case Synced():
                pass

    def copy(self) -> "NodeTable":
        folders = {number: dict(names) for number, names in self.folders.items()}
        return NodeTable(dict(self.files), folders)

    def names(self, folder: int) -> dict[str, DiskNode]:
        return self.folders.get(folder, {})

    def content(self, file: int) -> bytes:
        return self.files.get(file, b"")

    def tree(self) -> DiskTree:
        """Return everything that has a path."""
        found: DiskTree = {}
        self._walk(0, "", found)
        return found

    def _walk(self, folder: int, above: str, found: DiskTree) -> None:
        for name, node in self.names(folder).items():
            path = above + name
            if node.kind == "folder":
                found[path] = None
                self._walk(node.number, path + "/", found)
            else:
                found[path] = node.target if node.kind == "link" else self.content(node.number)


class MemoryDisk:
    """A `FileSystem` in memory, with a log of everything that would have to reach a real disk.

    Args:
        tree: its durable content at first.
        cut_before: the power is cut before the event with this number, from 0; None for no power cut.
    """

    def __init__(self, tree: DiskTree | None = None, *, cut_before: int | None = None) -> None:
        self.log: list[DiskEvent] = []
        self.free_space_bytes = 1 << 30
        self.cut_before = cut_before
        self._nodes = NodeTable()
        self._count = 0
        self._descriptors: dict[int, int] = {}
        for path, content in sorted((tree or {}).items()):
            folder, name = self._locate(STATE_DIR / path)
            kind: NodeKind = (
                "file" if isinstance(content, bytes) else "link" if content else "folder"
            )
            node = self._new_node(kind, content if isinstance(content, str) else "")
            self._nodes.apply(NamesChanged(folder, ((name, node),)))
            if isinstance(content, bytes):
                self._nodes.apply(BytesWritten(node.number, content))
        self.start = self._nodes.copy()

    def tree(self) -> DiskTree:
        """Return the present content, durable or not."""
        return self._nodes.tree()

    def read(self, path: Path, max_bytes: int) -> bytes:
        content = self.open(path).read()
        if len(content) > max_bytes:
            raise StoreError(f"cannot read {path}: it is larger than {max_bytes} bytes")
        return content

    def open(self, path: Path) -> BinaryIO:
        node = self._find(path)
        if node is None or node.kind == "link":
            raise _error(errno.ELOOP if node else errno.ENOENT, "read", path)
        if node.kind == "folder":
            raise StoreError(f"cannot read {path}: it is not a regular file")
        return io.BytesIO(self._nodes.content(node.number))

    def list_names(self, folder: Path) -> tuple[str, ...]:
        node = self._find(folder)
        if node is None:
            return ()
        if node.kind != "folder":
            raise _error(errno.ENOTDIR, "list", folder)
        return tuple(sorted(self._nodes.names(node.number)))

    def read_link(self, path: Path) -> str | None:
        node = self._find(path)
        return node.target if node and node.kind == "link" else None

    def exists(self, path: Path) -> bool:
        return self._find(path) is not None

    def size(self, path: Path) -> int:
        node = self._find(path)
        return len(self._nodes.content(node.number)) if node else 0

    def free_bytes(self, folder: Path) -> int:  # noqa: ARG002 - there is only one disk
        return self.free_space_bytes

    def make_folder(self, path: Path) -> None:
        self._add(path, "folder", "create")

    def create(self, path: Path) -> int:
        return self._descriptor(self._add(path, "file", "write"))

    def open_for_append(self, path: Path) -> int:
        node = self._find(path)
        if node is None:
            return self.create(path)
        if node.kind != "file":
            number = errno.EISDIR if node.kind == "folder" else errno.ELOOP
            raise _error(number, "write", path)
        return self._descriptor(node)

    def write(self, descriptor: int, content: bytes) -> None:
        self._apply(BytesWritten(self._descriptors[descriptor], bytes(content)))

    def sync(self, descriptor: int) -> None:
        self._apply(Synced(self._descriptors[descriptor], _call_site()))

    def close(self, descriptor: int) -> None:
        del self._descriptors[descriptor]

    def make_link(self, target: str, path: Path) -> None:
        self._add(path, "link", "create", target)

    def rename(self, old: Path, new: Path) -> None:
        folder, old_name = self._locate(old)
        assert self._locate(new)[0] == folder, (
            "what a power cut leaves of a rename to another folder is not modelled"
        )
        moved, replaced = self._find(old), self._find(new)
        if moved is None:
            raise _error(errno.ENOENT, "rename", old)
        if replaced and (moved.kind == "folder") != (replaced.kind == "folder"):
            raise _error(
                errno.EISDIR if replaced.kind == "folder" else errno.ENOTDIR, "rename", old
            )
        if replaced and self._nodes.names(replaced.number):
            raise _error(errno.ENOTEMPTY, "rename", old)
        self._apply(NamesChanged(folder, ((old_name, None), (new.name, moved))))

    def remove(self, path: Path) -> None:
        node = self._find(path)
        if node and node.kind == "folder":
            raise _error(errno.EISDIR, "remove", path)
        if node:
            folder, name = self._locate(path)
            self._apply(NamesChanged(folder, ((name, None),)))

    def remove_folder(self, path: Path) -> None:
        node = self._folder(path, "remove")
        if self._nodes.names(node.number):
            raise _error(errno.ENOTEMPTY, "remove", path)
        folder, name = self._locate(path)
        self._apply(NamesChanged(folder, ((name, None),)))

    def sync_folder(self, path: Path) -> None:
        self._apply(Synced(self._folder(path, "write").number, _call_site()))

    def _apply(self, event: DiskEvent) -> None:
        if self.cut_before is not None and len(self.log) >= self.cut_before:
            raise PowerCutError
        self.log.append(event)
        self._nodes.apply(event)

    def _add(self, path: Path, kind: NodeKind, verb: str, target: str = "") -> DiskNode:
        folder, name = self._locate(path)
        if name in self._nodes.names(folder):
            raise _error(errno.EEXIST, verb, path)
        node = self._new_node(kind, target)
        self._apply(NamesChanged(folder, ((name, node),)))
        return node

    def _new_node(self, kind: NodeKind, target: str) -> DiskNode:
        self._count += 1
        return DiskNode(self._count, kind, target)

    def _descriptor(self, node: DiskNode) -> int:
        number = max(self._descriptors, default=0) + 1
        self._descriptors[number] = node.number
        return number

    def _find(self, path: Path) -> DiskNode | None:
        node, folders = _STATE, self._nodes.folders
        for name in path.parts[len(STATE_DIR.parts) :]:
            found = folders.get(node.number, {}).get(name)
            if found is None:
                return None
            node = found
        return node

    def _folder(self, path: Path, verb: str) -> DiskNode:
        node = self._find(path)
        if node is None or node.kind != "folder":
            raise _error(errno.ENOTDIR if node else errno.ENOENT, verb, path)
        return node

    def _locate(self, path: Path) -> tuple[int, str]:
        return self._folder(path.parent, "find").number, path.name


_DURABLE = ("/edged/updates/store/", "/edged/updates/bundle/", "/edged/host/files/")
"""Files whose functions name the call site of a sync."""


def _call_site() -> str:
    names = list[str]()
    frame = sys._getframe()
    while frame.f_back is not None:
        frame = frame.f_back
        if any(folder in frame.f_code.co_filename for folder in _DURABLE):
            names.append(frame.f_code.co_name)
    return " ".join(reversed(names))


class FailingFiles:
    """A `FileSystem` on which some calls fail, reading ones too; a write that fails has written half of its bytes.

    Args:
        files: the file system for the other calls.
        error: an `errno`.
        fails: returns whether the last of these calls fails.
    """

    def __init__(self, files: FileSystem, error: int, fails: Callable[[list[str]], bool]) -> None:
        self.calls: list[str] = []
        self._files = files
        self._error = error
        self._fails = fails

    def as_files(self) -> FileSystem:
        """Return this object as the `FileSystem` that it is."""
        return cast("FileSystem", self)

    def __getattr__(self, name: str) -> Callable[..., object]:
        method = cast("Callable[..., object]", getattr(self._files, name))

        def call(subject: Path | int | str, *more: object) -> object:
            path = next((one for one in (subject, *more) if isinstance(one, Path)), "a file")
            if name == "write":
                self._write_half(cast("int", subject), cast("bytes", more[0]))
            self.record_call(name, path)
            result = method(subject, *more)
            return _FailingFile(self, result, path) if name == "open" else result

        return method if name == "close" else call

    def record_call(self, name: str, path: Path | str) -> None:
        """Record a call, and raise if it is to fail."""
        self.calls.append(name)
        if self._fails(self.calls):
            raise _error(self._error, name, path)

    def _write_half(self, descriptor: int, content: bytes) -> None:
        if self._fails([*self.calls, "write"]):
            self._files.write(descriptor, content[: len(content) // 2])


class _FailingFile(io.RawIOBase):
    def __init__(self, failing: FailingFiles, file: object, path: Path | str) -> None:
        self._failing, self._file, self._path = failing, cast("BinaryIO", file), path

    def read(self, size: int = -1, /) -> bytes:
        self._failing.record_call("read", self._path)
        return self._file.read(size)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return self._file.seek(offset, whence)

    def close(self) -> None:
        self._file.close()
        super().close()


def _error(number: int, verb: str, path: Path | str) -> StoreError:
    return to_store_error(OSError(number, os.strerror(number)), verb, path)
