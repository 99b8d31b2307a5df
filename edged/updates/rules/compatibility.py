"""Whether a bundle is for this device. A version that cannot be known here refuses nothing: the self-test comes after this, and sees for itself."""

import fnmatch
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from edged.errors import BundleError, UpdateError
from edged.updates.bundle.manifest import Manifest, Requirements

_RUNTIME = re.compile(r"\s*(?P<name>[A-Za-z0-9][A-Za-z0-9_-]*)\s*(?P<versions>.*)", re.DOTALL)
_VERSION_NUMBER = re.compile(r"\d+(\.\d+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class HostInfo:
    """What a bundle may ask for.

    Attributes:
        edged_version: its version.
        runtimes: versions of those that are installed, by edged's names for them.
        architecture: as ``aarch64``.
        board: as it names itself.
        edgetpu_runtime: version of libedgetpu; "" if there is none, or nobody knows.
        free_bytes: left to us where the models are kept.
        memory_mb: in all, MiB; 0 if nobody knows.
    """

    edged_version: str
    runtimes: Mapping[str, str]
    architecture: str
    board: str
    edgetpu_runtime: str
    free_bytes: int
    memory_mb: int


def find_incompatibilities(manifest: Manifest, host: HostInfo) -> tuple[str, ...]:
    """Why a bundle is not for this host, all reasons; none of them passes by itself (for room see `lacks_room`).

    Raises:
        UpdateError: the library that compares versions is not installed.
    """
    return tuple(_iter_incompatibilities(manifest, host))


def find_space_shortage(manifest: Manifest, host: HostInfo) -> str:
    """Why there is no room to unpack a bundle just now; "" if there is."""
    needed = manifest.size_bytes + manifest.requirements.free_bytes
    if needed <= host.free_bytes:
        return ""
    return f"{manifest.title} needs {_format_mb(needed)} of disk, and {_format_mb(host.free_bytes)} are free: make room"


def check_requirements(requirements: Requirements) -> None:
    """Whether versions are written so that a device understands them; for who makes a bundle.

    Raises:
        BundleError: some are not.
        UpdateError: the library that compares versions is not installed.
    """
    for versions in (
        requirements.edged,
        requirements.edgetpu_runtime,
        *(_split_runtime(runtime)[1] for runtime in requirements.runtimes),
    ):
        _satisfies(versions, "1")


def _iter_incompatibilities(manifest: Manifest, host: HostInfo) -> Iterator[str]:
    wanted = manifest.requirements
    try:
        yield from _iter_version_conflicts(manifest, host)
    except BundleError as error:
        yield str(error)
    if wanted.architectures and host.architecture not in wanted.architectures:
        yield f"is for {_join_with_or(wanted.architectures)}, and this is {host.architecture}"
    if wanted.boards and not any(fnmatch.fnmatchcase(host.board, one) for one in wanted.boards):
        yield f"is for {_join_with_or(wanted.boards)}, and this is {host.board}"
    if host.memory_mb and wanted.memory_mb > host.memory_mb:
        yield f"needs a host with {wanted.memory_mb} MiB of memory, and this one has {host.memory_mb}"


def _iter_version_conflicts(manifest: Manifest, host: HostInfo) -> Iterator[str]:
    wanted = manifest.requirements
    if not _satisfies(wanted.edged, host.edged_version):
        yield f"needs edged {wanted.edged}, and this is {host.edged_version}"
    if wanted.runtimes and not any(_has_runtime(one, host.runtimes) for one in wanted.runtimes):
        here = " and ".join(f"{name} {version}" for name, version in host.runtimes.items())
        yield f"needs the runtime {_join_with_or(wanted.runtimes)}, and here is {here or 'none'}"
    tpu = _VERSION_NUMBER.match(host.edgetpu_runtime)
    if manifest.variant("edgetpu") and tpu and not _satisfies(wanted.edgetpu_runtime, tpu[0]):
        yield f"needs libedgetpu {wanted.edgetpu_runtime}, and here is {host.edgetpu_runtime}"


def _has_runtime(requirement: str, runtimes: Mapping[str, str]) -> bool:
    name, versions = _split_runtime(requirement)
    return name in runtimes and _satisfies(versions, runtimes[name])


def _split_runtime(runtime: str) -> tuple[str, str]:
    """``litert>=2.1`` -> litert, >=2.1."""
    found = _RUNTIME.fullmatch(runtime)
    if found is None:
        raise BundleError(
            f'asks for the runtime {runtime!r}: write a name and versions, as "litert>=2.1"'
        )
    return found["name"], found["versions"]


def _satisfies(specifier: str, version: str) -> bool:
    if not specifier:
        return True
    try:
        from packaging.specifiers import InvalidSpecifier, SpecifierSet
        from packaging.version import InvalidVersion
    except ImportError as error:
        raise UpdateError(
            "versions cannot be compared: packaging is missing: pip install 'edged[updates]'"
        ) from error
    try:
        return SpecifierSet(specifier).contains(version, prereleases=True)
    except (InvalidSpecifier, InvalidVersion) as error:
        raise BundleError(
            f'asks for the versions {specifier!r}: write them as ">=2.1,<3"'
        ) from error


def _join_with_or(options: tuple[str, ...]) -> str:
    return " or ".join(options)


def _format_mb(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:.1f} MB"
