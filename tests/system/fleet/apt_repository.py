"""An apt repository of one folder, signed by a key of its own."""

import hashlib
import os
import shutil
from email.utils import formatdate
from pathlib import Path

import pytest

from system.commands import run


class AptRepository:
    """An apt repository: packages, their index, and its signature.

    Attributes:
        key: file of the public key.
    """

    def __init__(self, folder: Path) -> None:
        """Make the key, or skip the test where there is no gpg.

        Args:
            folder: the folder that is served; its name must be short, because a socket is beside it.
        """
        if shutil.which("gpg") is None:
            pytest.skip("gpg is missing: apt-get install gpg")
        self._folder = folder
        self._secret = folder.with_name("gpg")
        self._secret.mkdir(mode=0o700)
        self.key = folder / "archive.asc"
        folder.mkdir()
        self._gpg("--passphrase", "", "--quick-generate-key", "archive", "ed25519")
        self._gpg("--armor", "--output", str(self.key), "--export")

    def add_package(self, deb: Path) -> None:
        """Add a package to the repository."""
        data = deb.read_bytes()
        os.link(deb, self._folder / deb.name)
        fields = run(["dpkg-deb", "--field", str(deb)]).stdout.strip()
        index = self._folder / "Packages"
        with index.open("a") as file:
            file.write(
                f"{fields}\nFilename: ./{deb.name}\nSize: {len(data)}\nSHA256: {_sha256(data)}\n\n"
            )
        listed = index.read_bytes()
        release = self._folder / "Release"
        release.write_text(
            f"Date: {formatdate(usegmt=True)}\nSHA256:\n {_sha256(listed)} {len(listed)} Packages\n"
        )
        signed = str(self._folder / "InRelease")
        self._gpg("--yes", "--output", signed, "--clearsign", str(release))

    def stop_gpg(self) -> None:
        """End the processes that gpg started."""
        run(["gpgconf", "--homedir", str(self._secret), "--kill", "all"])

    def _gpg(self, *arguments: str) -> None:
        run(["gpg", "--homedir", str(self._secret), "--batch", "--quiet", *arguments])


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
