"""Checks whether a bundle may be installed on this device: by its ledger, and by its host. Pure.

A version number that cannot be determined on this host refuses nothing: the self-test comes later, and runs the model itself.
"""

import fnmatch
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from edged.errors import BundleError, UpdateError
from edged.updates.bundle.manifest import Manifest, Requirements
from edged.updates.rules.ledger import Ledger
from edged.updates.rules.rollback import require_deployment

_RUNTIME = re.compile(r"\s*(?P<name>[A-Za-z0-9][A-Za-z0-9_-]*)\s*(?P<versions>.*)", re.DOTALL)
_VERSION_NUMBER = re.compile(r"\d+(\.\d+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class HostInfo:
    """The properties of a host that a bundle can require.

    Attributes:
        edged_version: version of edged.
        runtimes: versions of the installed runtimes, by edged's names for them.
        architecture: architecture of the processor, for example ``aarch64``.
        board: the name that the board reports.
        edgetpu_runtime: version of libedgetpu; None if it is not installed, or unknown.
        free_bytes: free disk space of the model store, bytes.
        memory_mb: total memory, MiB; 0 if unknown.
    """

    edged_version: str
    runtimes: Mapping[str, str]
    architecture: str
    board: str
    edgetpu_runtime: str | None
    free_bytes: int
    memory_mb: int


def check_admissible(ledger: Ledger, manifest: Manifest, digest: str) -> None:
    """Check that a bundle whose signatures are right may be installed.

    Args:
        ledger: the present ledger.
        manifest: manifest of the bundle.
        digest: sha256 of the manifest.

    Raises:
        BundleError: it is not the requested version; it is below the security floor (TUF: rollback attack); its counter is lower than
            that of a version of the same name that was committed here, and no operator allowed that; or it failed before.
        UpdateError: no deployment is in flight.
    """
    request = require_deployment(ledger).request
    if request.expected and digest != request.expected:
        raise BundleError(
            f"the bundle is {manifest.title} ({digest[:12]}), not the requested version ({request.expected[:12]})"
        )
    if manifest.epoch < ledger.epoch:
        raise BundleError(
            f"{manifest.title} is of epoch {manifest.epoch}: this device accepts no epoch below {ledger.epoch}"
        )
    highest = ledger.counters.get(manifest.name, 0)
    is_downgrade_allowed = request.downgrade and request.requested_by == "operator"
    if manifest.counter < highest and not is_downgrade_allowed:
        raise BundleError(
            f"{manifest.title} has the counter {manifest.counter}, and {highest} was installed here already: "
            "an operator can install it with --downgrade"
        )
    if digest in ledger.denied and not request.force:
        raise BundleError(
            f"{manifest.title} failed here before: {ledger.denied[digest]}; --force installs it again"
        )


def find_incompatibilities(manifest: Manifest, host: HostInfo) -> tuple[str, ...]:
    """Return all reasons why a bundle cannot run on this host; none of them is temporary (see `find_space_shortage`).

    Raises:
        UpdateError: the library that compares versions is not installed.
    """
    return tuple(_iter_incompatibilities(manifest, host))


def find_space_shortage(manifest: Manifest, host: HostInfo) -> str | None:
    """Return why there is not enough disk space to unpack a bundle now, or None."""
    needed = manifest.size_bytes + manifest.requirements.free_bytes
    if needed <= host.free_bytes:
        return None
    return f"{manifest.title} needs {_format_mb(needed)} of disk space, and {_format_mb(host.free_bytes)} are free: free some"


def check_requirements(requirements: Requirements) -> None:
    """Check, for the maker of a bundle, that a device can parse its version specifiers.

    Raises:
        BundleError: it cannot parse one of them.
        UpdateError: the library that compares versions is not installed.
    """
    for versions in (
        requirements.edged,
        requirements.edgetpu_runtime,
        *(_split_runtime(runtime)[1] for runtime in requirements.runtimes),
    ):
        _satisfies(versions, "1")


def _iter_incompatibilities(manifest: Manifest, host: HostInfo) -> Iterator[str]:
    required = manifest.requirements
    try:
        yield from _iter_version_conflicts(manifest, host)
    except BundleError as error:
        yield str(error)
    if required.architectures and host.architecture not in required.architectures:
        yield f"is for {_join_with_or(required.architectures)}, and this host is {host.architecture}"
    if required.boards and not any(fnmatch.fnmatchcase(host.board, one) for one in required.boards):
        yield f"is for {_join_with_or(required.boards)}, and this board is {host.board}"
    if host.memory_mb and required.memory_mb > host.memory_mb:
        yield f"needs a host with {required.memory_mb} MiB of memory, and this one has {host.memory_mb}"


def _iter_version_conflicts(manifest: Manifest, host: HostInfo) -> Iterator[str]:
    required = manifest.requirements
    if not _satisfies(required.edged, host.edged_version):
        yield f"needs edged {required.edged}, and this is {host.edged_version}"
    if required.runtimes and not any(_has_runtime(one, host.runtimes) for one in required.runtimes):
        installed = " and ".join(f"{name} {version}" for name, version in host.runtimes.items())
        yield f"needs the runtime {_join_with_or(required.runtimes)}, and {installed or 'none'} is installed"
    tpu = _VERSION_NUMBER.match(host.edgetpu_runtime or "")
    if manifest.variant("edgetpu") and tpu and not _satisfies(required.edgetpu_runtime, tpu[0]):
        yield f"needs libedgetpu {required.edgetpu_runtime}, and {host.edgetpu_runtime} is installed"


def _has_runtime(requirement: str, runtimes: Mapping[str, str]) -> bool:
    name, versions = _split_runtime(requirement)
    return name in runtimes and _satisfies(versions, runtimes[name])


def _split_runtime(runtime: str) -> tuple[str, str]:
    """``litert>=2.1`` -> litert, >=2.1."""
    match = _RUNTIME.fullmatch(runtime)
    if match is None:
        raise BundleError(
            f'requires the runtime {runtime!r}: write a name and versions, for example "litert>=2.1"'
        )
    return match["name"], match["versions"]


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
            f'requires the versions {specifier!r}: write them like ">=2.1,<3"'
        ) from error


def _join_with_or(options: tuple[str, ...]) -> str:
    return " or ".join(options)


def _format_mb(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:.1f} MB"
