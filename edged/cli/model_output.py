"""Text output of ``edged model``."""

from edged.terminal.escape import one_line
from edged.terminal.rows import format_columns, format_rows
from edged.updates.rules.ledger import DeploymentRecord
from edged.updates.service.control_messages import ControlResponse, ModelStatus, VersionStatus

_MAX_HISTORY_ROWS = 3
_DIGEST_LENGTH = 12


def format_status(response: ControlResponse) -> str:
    """Format the status of the device's models as the lines of a table."""
    return "\n".join(format_rows(_status_rows(response.status)))


def format_versions(response: ControlResponse) -> str:
    """Format the device's models as a table with a header."""
    rows = [("ROLE", "MODEL", "COUNTER", "EPOCH", "SIZE", "DIGEST")]
    rows += [_version_row(version) for version in response.status.versions]
    return "\n".join(format_columns(rows))


def format_started(response: ControlResponse) -> str:
    """Format the state of a deployment that was just started."""
    deployment = response.status.deployment
    if deployment is None:
        return "done"
    id_ = deployment.id
    if response.status.daemon:
        text = f"started; `edged model wait {id_}` waits for the outcome"
    elif deployment.blocked_reason:
        text = f"blocked: {deployment.blocked_reason}; the daemon continues when it runs"
    else:
        text = f"{deployment.title} is {deployment.state}; the daemon starts the trial when it runs"
    return one_line(f"{id_}: {text}")


def format_latest_outcome(response: ControlResponse) -> str:
    """Format the outcome of the latest deployment."""
    return format_outcome(response.status.past[-1]) if response.status.past else "done"


def format_outcome(record: DeploymentRecord) -> str:
    """Format the outcome of a deployment, with its reason and time."""
    reason = f": {record.reason}" if record.reason else ""
    outcome = record.outcome.replace("-", " ")
    return one_line(f"{record.title or record.source} {outcome}{reason} ({record.time})")


def format_removed(response: ControlResponse) -> str:
    """Format the versions that a garbage collection removed."""
    return "\n".join(f"removed {digest}" for digest in response.removed) or "nothing to remove"


def _status_rows(status: ModelStatus) -> list[tuple[str, str]]:
    rows = [("daemon", "running" if status.daemon else "not running: no trials")]
    if status.disk_silent_s:
        rows.append(
            ("disk", f"no answer for {status.disk_silent_s:.0f} s; the rest is as it was before")
        )
    rows += [
        ("installed", status.versions[0].title if status.versions else "none"),
        ("active model", status.active_model or "none"),
    ]
    if status.pinned:
        rows.append(("pinned", f"model.path is set to {status.pinned}: no updates"))
    if deployment := status.deployment:
        state = f"{deployment.state} {status.progress:.0%}"
        rows.append(("deployment", f"{deployment.display_name}: {state}"))
        if deployment.blocked_reason:
            rows.append(("blocked", deployment.blocked_reason))
    latest = status.past[-_MAX_HISTORY_ROWS:][::-1]
    return rows + [("history", format_outcome(record)) for record in latest]


def _version_row(version: VersionStatus) -> tuple[str, str, str, str, str, str]:
    return (
        version.role,
        f"damaged: {version.damage}" if version.damage else version.title,
        str(version.counter),
        str(version.epoch),
        f"{version.size_bytes / 1e6:.1f} MB",
        version.digest[:_DIGEST_LENGTH] or "-",
    )
