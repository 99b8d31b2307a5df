"""Questions about a model status, as ``edged model status --json`` prints it. Pure."""

from __future__ import annotations

from typing import Any

from ansible_collections.edged.fleet.plugins.module_utils import status_fields as field

_CURRENT, _PREVIOUS, _FACTORY = "current", "previous", "factory"


def installed_version(status: dict[str, Any]) -> dict[str, Any] | None:
    """Return the version that is installed: the current one, else the factory model, else None.

    A candidate on trial is not installed yet.
    """
    by_role = {version[field.ROLE]: version for version in reversed(status[field.VERSIONS])}
    return by_role.get(_CURRENT) or by_role.get(_FACTORY)


def installed_digest(status: dict[str, Any]) -> str:
    """Return the digest of the installed version; it is empty for the factory model."""
    version = installed_version(status)
    return version[field.DIGEST] if version else ""


def is_installing(status: dict[str, Any], digest: str) -> bool:
    """Return whether a deployment of this version is in progress."""
    deployment = status[field.DEPLOYMENT]
    return bool(deployment) and digest in (
        deployment[field.DIGEST],
        deployment[field.REQUEST][field.EXPECTED_DIGEST],
    )


def deployment_name(deployment: dict[str, Any]) -> str:
    """Return the title of a deployment in progress, or its source until the title is known."""
    return deployment[field.TITLE] or deployment[field.REQUEST][field.SOURCE]


def past_deployment(status: dict[str, Any], deployment_id: str) -> dict[str, Any] | None:
    """Return the entry of a deployment that has ended, or None if the device has no such entry."""
    entries = reversed(status[field.PAST])
    return next((past for past in entries if past[field.ID] == deployment_id), None)


def version_lines(status: dict[str, Any]) -> str:
    """Return the installed, previous and factory versions, one a line, for a diff."""
    lines = [
        f"{version[field.ROLE]}: {version[field.TITLE]} {version[field.DIGEST][:12]}".rstrip()
        for version in status[field.VERSIONS]
        if version[field.ROLE] in (_CURRENT, _PREVIOUS, _FACTORY)
    ]
    return "".join(f"{line}\n" for line in lines)
