"""The files of a device's enrollment: the pending key, and the installed key, certificate and authority.

They lie beside the main configuration file, in ``enrolled/``. What is installed has a folder of its own, named after the certificate, and one line of
the configuration points to it: so a renewal takes effect as a whole, and the previous folder stays until the next one. A key is created with
mode 600, for the user that runs the daemon, and no function returns it to a caller that prints.
"""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from edged.errors import CertificateError, StoreError
from edged.host.device_certificate import (
    belongs_to_key,
    generate_key,
    load_certificates,
    make_request,
)
from edged.host.files import LocalFileSystem, replace_file
from edged.host.files.file_system import FileSystem

FOLDER = "enrolled"
_MAX_BYTES = 1 << 20
_PENDING_KEY, _PENDING_REQUEST = "pending.key", "pending.csr"
_KEY, _CERTIFICATE, _AUTHORITY = "device.key", "device.crt", "ca.crt"
_KEPT_GENERATIONS = 2


@dataclass(frozen=True, slots=True)
class DaemonUser:
    """The user that runs the daemon.

    Attributes:
        uid: its number.
        gid: number of its group.
    """

    uid: int
    gid: int

    @classmethod
    def of(cls, folder: Path) -> "DaemonUser":
        """Return the owner of a folder.

        Raises:
            StoreError: the folder cannot be read.
        """
        try:
            status = folder.stat()
        except OSError as error:
            raise StoreError(f"cannot read {folder}: {error.strerror}") from error
        return cls(status.st_uid, status.st_gid)


class Enrollment:
    """The files of one configuration's enrollment."""

    def __init__(self, config: Path, owner: DaemonUser) -> None:
        """Read nothing yet.

        Args:
            config: the main configuration file.
            owner: the user that must be able to read the key.
        """
        self._folder = config.absolute().parent / FOLDER
        self._owner = owner
        self._files: FileSystem = LocalFileSystem()

    @property
    def has_pending_key(self) -> bool:
        """True if a signing request was made, and its certificate is not installed yet."""
        return self._files.exists(self._folder / _PENDING_KEY)

    def request(self, name: str, *, new_key: bool = False) -> bytes:
        """Return the signing request of the pending key, as PEM; the same one as long as key and name are the same.

        Args:
            name: the device's name.
            new_key: make a new key in place of the pending one.

        Raises:
            CertificateError: the request cannot be made.
            StoreError: the files cannot be written.
        """
        self._make_folder(self._folder)
        key_path, request_path = self._folder / _PENDING_KEY, self._folder / _PENDING_REQUEST
        if new_key or not self.has_pending_key:
            self._files.remove(request_path)
            self._write(key_path, generate_key(), mode=0o600)
        if self._files.exists(request_path):
            kept = self._files.read(request_path, _MAX_BYTES)
            if _name_of(kept) == name:
                return kept
        made = make_request(self._files.read(key_path, _MAX_BYTES), name)
        self._write(request_path, made, mode=0o644)
        return made

    def stage(self, certificate: bytes, authority: bytes | None, installed: Path | None) -> Path:
        """Write a certificate with its key into a folder of its own, which nothing points to yet, and return the folder.

        The same certificate gets the same folder: staging it again changes nothing.

        Args:
            certificate: the checked certificate and those between it and the authority, as PEM.
            authority: the authority's certificate as PEM; None to keep what the configuration names.
            installed: the key in use; None if there is none.

        Raises:
            CertificateError: it belongs to none of this device's keys.
            StoreError: the files cannot be written.
        """
        key = self._find_key(certificate, installed)
        folder = self._folder / sha256(certificate).hexdigest()[:16]
        contents: Mapping[str, bytes | None] = {
            _CERTIFICATE: certificate,
            _AUTHORITY: authority,
            _KEY: key,
        }
        self._make_folder(self._folder)
        self._make_folder(folder)
        for name, content in contents.items():
            if content is not None and not self._holds(folder / name, content):
                self._write(folder / name, content, mode=0o600 if name == _KEY else 0o644)
        return folder

    def keys_of(self, folder: Path) -> dict[str, str]:
        """Return the keys of ``[mqtt.tls]`` for a staged folder, with paths that begin at the configuration's folder."""
        names = {"ca": _AUTHORITY, "cert": _CERTIFICATE, "key": _KEY}
        return {
            key: f"{FOLDER}/{folder.name}/{name}"
            for key, name in names.items()
            if self._files.exists(folder / name)
        }

    def finish(self, folder: Path) -> None:
        """Remove the pending key and all older folders but the one before; the new one is in use.

        Args:
            folder: the staged folder that the configuration now names.

        Raises:
            StoreError: the folder cannot be read or written.
        """
        for name in (_PENDING_KEY, _PENDING_REQUEST):
            self._files.remove(self._folder / name)
        others = [
            path
            for path in (self._folder / name for name in self._files.list_names(self._folder))
            if path.is_dir() and path != folder
        ]
        others.sort(key=lambda path: path.stat().st_mtime_ns, reverse=True)
        for path in others[_KEPT_GENERATIONS - 1 :]:
            shutil.rmtree(path, ignore_errors=True)

    def discard(self, folder: Path) -> None:
        """Remove a staged folder that is not used; the pending key stays."""
        shutil.rmtree(folder, ignore_errors=True)

    def _find_key(self, certificate: bytes, installed: Path | None) -> bytes:
        own = load_certificates(certificate)[0]
        for path in (self._folder / _PENDING_KEY, installed):
            if path is not None and self._files.exists(path):
                key = self._files.read(path, _MAX_BYTES)
                if belongs_to_key(own, key):
                    return key
        raise CertificateError(
            "it belongs to no key of this device: it was made from another signing request; make one with `edged enroll request`"
        )

    def _holds(self, path: Path, content: bytes) -> bool:
        return self._files.exists(path) and self._files.read(path, _MAX_BYTES) == content

    def _make_folder(self, path: Path) -> None:
        if self._files.exists(path):
            return
        self._files.make_folder(path)
        path.chmod(0o755)  # whatever the caller's umask is: the daemon must be able to enter
        self._files.sync_folder(path.parent)

    def _write(self, path: Path, content: bytes, *, mode: int) -> None:
        """Write a file that nobody can read with more rights than `mode` at any time."""
        previous = os.umask(0o777 & ~mode)
        try:
            replace_file(self._files, path, content)
        finally:
            os.umask(previous)
        try:
            path.chmod(mode)
            if os.geteuid() == 0:
                os.chown(path, self._owner.uid, self._owner.gid)
        except OSError as error:
            raise StoreError(f"cannot set the rights of {path}: {error.strerror}") from error


def _name_of(request: bytes) -> str:
    """Return the common name in a signing request; "" if it cannot be read."""
    from cryptography import x509

    try:
        subject = x509.load_pem_x509_csr(request).subject
    except ValueError:
        return ""
    found = subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(found[0].value) if found else ""
