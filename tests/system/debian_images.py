"""The disk of a new machine: a Debian that is made once and kept."""

import hashlib
import os
import shutil
from pathlib import Path

from system.commands import run

DEVICE_PACKAGES = (
    "ca-certificates",
    "dbus",
    "iproute2",
    "libpam-systemd",
    "libseccomp2",
    "mosquitto",
    "mosquitto-clients",
    "nftables",
    "openssh-server",
    "python3",
    "python3-apt",
    "python3-systemd",
    "rsync",
    "sudo",
    "systemd",
    "systemd-sysv",
    "systemd-timesyncd",
    "udev",
)
"""What a fresh device has, or would fetch: machines here reach no package archive."""

_EXCLUDED_PATHS = ("/usr/share/man/*", "/usr/share/doc/*", "/usr/share/locale/*")


def cache_dir() -> Path:
    """Return the folder for what takes minutes to make."""
    named = os.environ.get("EDGED_SYSTEM_CACHE")
    if named:
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "edged-system"


class DebianImage:
    """A Debian root file system that is only read."""

    def __init__(
        self,
        release: str,
        packages: tuple[str, ...] = DEVICE_PACKAGES,
        *,
        architecture: str = "amd64",
        variant: str = "minbase",
        accepts_expired: bool = False,
    ) -> None:
        """Make nothing yet: `root_dir` does.

        Args:
            release: "bookworm", "trixie" or "forky".
            packages: packages in addition to those of the variant.
            architecture: Debian's name of it.
            variant: variant of mmdebstrap; "extract" makes a foreign architecture without running its programs.
            accepts_expired: take an index whose date of expiry is over: a mirror may have an old one of a release in preparation.
        """
        self.release = release
        self._packages = packages
        self._architecture = architecture
        self._variant = variant
        self._accepts_expired = accepts_expired

    def root_dir(self) -> Path:
        """Return the folder; the first call makes it, in one to three minutes."""
        recipe = "\n".join((self._variant, *_EXCLUDED_PATHS, *sorted(self._packages)))
        key = hashlib.sha256(recipe.encode()).hexdigest()[:12]
        root = cache_dir() / f"{self.release}-{self._architecture}-{key}"
        if not root.exists():
            root.parent.mkdir(parents=True, exist_ok=True)
            part = root.with_name(f"{root.name}.{os.getpid()}.part")
            self._make(part)
            try:
                part.rename(root)
            except OSError:  # another process was faster
                shutil.rmtree(part)
        return root

    def _make(self, root: Path) -> None:
        site = run(
            ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"]
        ).stdout
        archive = next(line for line in site.splitlines() if line.rstrip("/").endswith("/debian"))
        run(
            [
                "mmdebstrap",
                "--quiet",
                f"--variant={self._variant}",
                f"--architectures={self._architecture}",
                f"--include={','.join(self._packages)}",
                '--aptopt=Acquire::Languages "none"',
                f'--aptopt=Acquire::Check-Valid-Until "{str(not self._accepts_expired).lower()}"',
                *(f"--dpkgopt=path-exclude={pattern}" for pattern in _EXCLUDED_PATHS),
                '--customize-hook=rm -f "$1"/etc/hostname "$1"/etc/resolv.conf',
                '--customize-hook=: >"$1"/etc/machine-id',
                self.release,
                str(root),
                f"deb {archive} {self.release} main",
            ],
            timeout_s=900,
        )
