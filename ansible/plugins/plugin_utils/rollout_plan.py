"""The plan of a rollout: which hosts take part, and in which waves. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ansible_collections.edged.fleet.plugins.module_utils import model_status
from ansible_collections.edged.fleet.plugins.module_utils import status_fields as field

HostInfo = Mapping[str, Any]
"""What `edged_model_info` returned, or what Ansible returned for a host that it could not reach."""
NO_RESPONSE = "edged does not respond"


def plan_rollout(
    infos: Mapping[str, HostInfo],
    *,
    digest: str,
    limits: Mapping[str, Any],
    canaries: int,
    wave_sizes: Sequence[int | str] | int | str,
    canary_hosts: Sequence[str] | str = (),
    earlier_outcomes: Mapping[str, bool] | None = None,
) -> dict[str, Any]:
    """Sort the hosts, and choose the canaries among those that are ready.

    Args:
        infos: by host, in the order of the rollout.
        digest: digest of the version.
        limits: ``min_disk_free_mb`` and ``min_battery_percent``: a host with less is deferred; ``defer_throttled``: whether a throttled
            host is deferred; ``force``: whether a host on which the version failed before takes part.
        canaries: number of canaries; if fewer hosts are ready, all of them are canaries.
        wave_sizes: sizes of the waves that follow, as `parse_wave_sizes` accepts them.
        canary_hosts: hosts that are canaries before others, if they are ready; a list, or a text with commas.
        earlier_outcomes: by host whether it kept this version in earlier runs; it counts for hosts that do not respond now.

    Returns:
        ``ready`` and ``up_to_date``: hosts; ``deferred``: reasons by host; ``offline``: a reason by host; ``canaries``: hosts;
        ``wave_sizes``: sizes of all waves; ``earlier_success_share``: the share of hosts that keep the version, among those that tried it
        before; 1 if none did.

    Raises:
        ValueError: if the size of a wave is invalid.
    """
    later_sizes, first_hosts = parse_wave_sizes(wave_sizes), as_list(canary_hosts)
    hosts = _sort_hosts(infos, digest, limits)
    hosts["ready"].sort(key=lambda host: host not in first_hosts)
    chosen = hosts["ready"][: max(canaries, 1)]
    return {
        **hosts,
        "canaries": chosen,
        "wave_sizes": [max(len(chosen), 1), *later_sizes],
        "earlier_success_share": _success_share(infos, digest, earlier_outcomes or {}),
    }


def _sort_hosts(
    infos: Mapping[str, HostInfo], digest: str, limits: Mapping[str, Any]
) -> dict[str, Any]:
    hosts: dict[str, Any] = {"ready": [], "up_to_date": [], "deferred": {}, "offline": {}}
    for host, info in infos.items():
        if info.get("unreachable"):
            hosts["offline"][host] = first_line(info.get("msg"))
        elif is_up_to_date(info, digest):
            hosts["up_to_date"].append(host)
        elif reasons := list(deferral_reasons(info, digest, limits)):
            hosts["deferred"][host] = reasons
        else:
            hosts["ready"].append(host)
    return hosts


def _success_share(
    infos: Mapping[str, HostInfo], digest: str, earlier_outcomes: Mapping[str, bool]
) -> float:
    """Return the share of hosts that keep the version, among those that tried it.

    Args:
        infos: by host; what a host reports now takes precedence.
        digest: digest of the version.
        earlier_outcomes: by host whether it kept the version in earlier runs.
    """
    responding = {host for host, info in infos.items() if "status" in info}
    kept = {host: yes for host, yes in earlier_outcomes.items() if host not in responding}
    for host in responding:
        if is_up_to_date(infos[host], digest):
            kept[host] = True
        elif digest in infos[host]["status"][field.DENIED]:
            kept[host] = False
    return round(sum(kept.values()) / len(kept), 4) if kept else 1.0


def as_list(value: Sequence[Any] | int | str) -> list[Any]:
    """Return a list, from a YAML list, a number, or the text that ``-e name=a,b`` gives."""
    if isinstance(value, str):
        return [item.strip() for item in value.split(",") if item.strip()]
    return [value] if isinstance(value, int) else list(value)


def parse_wave_sizes(value: Sequence[int | str] | int | str) -> list[int | str]:
    """Return the sizes of waves: numbers of hosts, or shares such as ``25%``.

    Raises:
        ValueError: if there is no size, or one is below 1; Ansible would take that for all remaining hosts.
    """
    sizes: list[int | str] = []
    for size in as_list(value):
        text = str(size).strip()
        number = text.removesuffix("%")
        if not (number.isascii() and number.isdigit() and int(number) >= 1):
            raise ValueError(
                f"{text!r} is not the size of a wave: use a number of hosts from 1, or a share such as 25%"
            )
        sizes.append(text if text.endswith("%") else int(number))
    if not sizes:
        raise ValueError("rollout_waves must have at least one size")
    return sizes


def split_into_waves(hosts: Sequence[str], wave_sizes: Sequence[int | str]) -> list[list[str]]:
    """Return the hosts in waves, as Ansible's `serial` does.

    Args:
        hosts: all hosts of the rollout.
        wave_sizes: number of hosts in each wave, or a share of all hosts such as ``25%``; the last size is repeated.
    """
    waves: list[list[str]] = []
    remaining = list(hosts)
    while remaining:
        size = str(wave_sizes[min(len(waves), len(wave_sizes) - 1)])
        number = int(size.removesuffix("%"))
        count = max(len(hosts) * number // 100 if size.endswith("%") else number, 1)
        waves.append(remaining[:count])
        remaining = remaining[count:]
    return waves


def is_up_to_date(info: HostInfo, digest: str) -> bool:
    """Return whether the version is installed, and no deployment is in progress."""
    return info.get("digest") == digest and not info["status"][field.DEPLOYMENT]


def deferral_reasons(info: HostInfo, digest: str, limits: Mapping[str, Any]) -> Iterator[str]:
    """Yield the reasons not to update this host now; there are none if it is ready.

    Args:
        info: of the host.
        digest: digest of the version.
        limits: see `plan_rollout`.
    """
    if "status" not in info:
        yield first_line(info.get("msg")) or NO_RESPONSE
        return
    yield from _model_reasons(info["status"], digest, limits)
    yield from _board_reasons(info["board"], limits)


def _model_reasons(
    status: Mapping[str, Any], digest: str, limits: Mapping[str, Any]
) -> Iterator[str]:
    deployment, denied = status[field.DEPLOYMENT], status[field.DENIED]
    if not status[field.DAEMON]:
        yield "the daemon does not run, so no trial would run"
    if status[field.PINNED]:
        yield f"model.path is set to {status[field.PINNED]}: the device accepts no updates"
    if deployment and not model_status.is_installing(status, digest):
        name = model_status.deployment_name(deployment)
        yield f"another deployment is in progress: {name} ({deployment[field.STATE]})"
    if digest in denied and not limits["force"]:
        yield f"this version failed there before: {denied[digest]}"


def _board_reasons(board: Mapping[str, Any], limits: Mapping[str, Any]) -> Iterator[str]:
    disk_mb, battery = board["disk_free_mb"], board["battery_percent"]
    min_disk_mb, min_battery = limits["min_disk_free_mb"], limits["min_battery_percent"]
    if board["throttling"] and limits["defer_throttled"]:
        yield f"the board is throttled: {', '.join(board['throttling'])}"
    if disk_mb is not None and disk_mb < min_disk_mb:
        yield f"{disk_mb} MB of disk space are free, {min_disk_mb} MB are required"
    if battery is not None and battery < min_battery:
        yield f"the battery has {battery} %, {min_battery} % are required"


def first_line(text: Any) -> str:
    """Return the first line of a message of Ansible; empty if there is none."""
    lines = str(text or "").strip().splitlines()
    return lines[0].removeprefix("Task failed: ") if lines else ""
