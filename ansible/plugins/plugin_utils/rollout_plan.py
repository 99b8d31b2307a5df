"""The rules of a rollout: who takes part, in which waves, how each one fared, and whether it may go on. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Info = Mapping[str, Any]
"""What `edged_model_info` returned, or what Ansible says of a host that it did not reach."""


def plan(
    infos: Mapping[str, Info],
    *,
    digest: str,
    limits: Mapping[str, Any],
    canaries: int,
    waves: Sequence[int | str] | int | str,
    preferred: Sequence[str] | str = (),
    remembered: Mapping[str, bool] | None = None,
) -> dict[str, Any]:
    """Sort the hosts, and choose the canaries among those that are ready.

    Args:
        infos: by host, in the order in which they are to come.
        digest: what is rolled out.
        limits: ``disk_free_mb``, ``battery_percent``: less defers a host; ``throttled``: whether that defers it; ``force``: whether
            a version that failed there before is tried again.
        canaries: how many come first; all, if fewer are ready.
        waves: sizes of those that follow, as `wave_sizes` takes them; the last holds for the rest.
        preferred: come first, if they are ready; names, or a text with commas.
        remembered: by host whether it kept this version, from earlier runs; it counts for hosts that do not say it themselves.

    Returns:
        ``ready``, ``done``: hosts; ``deferred``: reasons by host; ``offline``: a reason by host; ``canaries``: hosts; ``waves``: sizes;
        ``kept_before``: of the hosts that tried this version before, the share that keeps it; 1 if none did.

    Raises:
        ValueError: a size is none.
    """
    sizes, first_hosts = wave_sizes(waves), items(preferred)
    sorted_: dict[str, Any] = {"ready": [], "done": [], "deferred": {}, "offline": {}}
    for host, info in infos.items():
        if info.get("unreachable"):
            sorted_["offline"][host] = first_line(info.get("msg"))
        elif is_done(info, digest):
            sorted_["done"].append(host)
        elif reasons := list(against(info, digest, limits)):
            sorted_["deferred"][host] = reasons
        else:
            sorted_["ready"].append(host)
    sorted_["ready"].sort(key=lambda host: host not in first_hosts)
    first = sorted_["ready"][: max(canaries, 1)]
    kept = _who_kept_it(infos, digest, remembered or {})
    share = sum(kept.values()) / len(kept) if kept else 1.0
    return {
        **sorted_,
        "canaries": first,
        "waves": [max(len(first), 1), *sizes],
        "kept_before": round(share, 4),
    }


def _who_kept_it(
    infos: Mapping[str, Info], digest: str, remembered: Mapping[str, bool]
) -> dict[str, bool]:
    """By host that tried the version before; what a host says itself goes before what was written down of it."""
    answered = {host for host, info in infos.items() if "status" in info}
    kept = {host: yes for host, yes in remembered.items() if host not in answered}
    for host in answered:
        if is_done(infos[host], digest):
            kept[host] = True
        elif digest in infos[host]["status"]["denied"]:
            kept[host] = False
    return kept


def items(told: Sequence[Any] | int | str) -> list[Any]:
    """What ``-e name=a,b`` gives as text, and YAML as a list."""
    if isinstance(told, str):
        return [item.strip() for item in told.split(",") if item.strip()]
    return [told] if isinstance(told, int) else list(told)


def wave_sizes(told: Sequence[int | str] | int | str) -> list[int | str]:
    """Sizes of waves: numbers of hosts, or shares as ``25%``; in a list, or in a text with commas.

    Raises:
        ValueError: one is none, or below 1; Ansible would take that as all that are left.
    """
    sizes: list[int | str] = []
    for size in items(told):
        text = str(size).strip()
        number = text.removesuffix("%")
        if not (number.isascii() and number.isdigit() and int(number) >= 1):
            raise ValueError(
                f"{text!r} is no size of a wave: a number of hosts from 1, or a share as 25%"
            )
        sizes.append(text if text.endswith("%") else int(number))
    if not sizes:
        raise ValueError("rollout_waves has no size in it")
    return sizes


def is_done(info: Info, digest: str) -> bool:
    """Whether the version is in use, and nothing else on its way."""
    return info.get("digest") == digest and not info["status"]["deployment"]


def against(info: Info, digest: str, limits: Mapping[str, Any]) -> Iterator[str]:
    """What speaks against an update of this host now; nothing, if it is ready."""
    if "status" not in info:
        yield first_line(info.get("msg")) or "edged does not answer"
        return
    status, board = info["status"], info["board"]
    yield from _against_models(status, digest, limits)
    if board["throttling"] and limits["throttled"]:
        yield f"the board is held back: {', '.join(board['throttling'])}"
    if board["disk_free_mb"] is not None and board["disk_free_mb"] < limits["disk_free_mb"]:
        yield f"{board['disk_free_mb']} MB are free; {limits['disk_free_mb']} are wanted"
    if (
        board["battery_percent"] is not None
        and board["battery_percent"] < limits["battery_percent"]
    ):
        yield f"its battery has {board['battery_percent']} %; {limits['battery_percent']} are wanted"


def _against_models(
    status: Mapping[str, Any], digest: str, limits: Mapping[str, Any]
) -> Iterator[str]:
    deployment = status["deployment"]
    if not status["daemon"]:
        yield "its daemon does not run: nothing would be tried out"
    if status["pinned"]:
        yield f"model.path names {status['pinned']}: it takes no updates"
    ours = deployment and digest in (deployment["digest"], deployment["request"]["expected"])
    if deployment and not ours:
        what = deployment["title"] or deployment["request"]["source"]
        yield f"another model is on its way in: {what} ({deployment['state']})"
    if digest in status["denied"] and not limits["force"]:
        yield f"it failed there before: {status['denied'][digest]}"


def batches(hosts: Sequence[str], sizes: Sequence[int | str]) -> list[list[str]]:
    """The hosts in waves, as `serial` makes them: a size may be a share, as ``25%``; the last holds for the rest."""
    waves: list[list[str]] = []
    left = list(hosts)
    while left:
        size = sizes[min(len(waves), len(sizes) - 1)]
        share = str(size).removesuffix("%")
        most = len(hosts) * int(share) // 100 if str(size).endswith("%") else int(size)
        waves.append(left[: max(most, 1)])
        left = left[max(most, 1) :]
    return waves


STEPS = ("rollout_copied", "rollout_begun", "rollout_waited", "rollout_again")
"""What the role rollout registers on each host, in that order."""


def fate(host: Mapping[str, Any]) -> dict[str, Any]:
    """How one host fared, from its variables: the last step that was not left out tells.

    Returns:
        ``outcome``: that of `edged_model`, or ``unreachable``, ``failed``, ``untouched``; ``reason``; ``flagged``.
    """
    results = (host[step] for step in STEPS if step in host)
    told = [result for result in results if not result.get("skipped")]
    last = told[-1] if told else {}
    if last.get("unreachable"):
        outcome = "unreachable"
    elif "outcome" in last:
        outcome = last["outcome"]
    else:
        outcome = "failed" if last.get("failed") else "untouched"
    reason = last.get("reason") or first_line(last.get("msg"))
    return {"outcome": outcome, "reason": reason, "flagged": bool(last.get("flagged"))}


def judge(fates: Mapping[str, Mapping[str, Any]], *, least_share: float) -> dict[str, Any]:
    """Whether the rollout may go on after a wave: committed / size of the wave, whatever became of the others.

    Returns:
        ``size``, ``committed``, ``share``, ``passed``; ``failed``: a line by host; ``flagged``: hosts; ``hosts``: `fates`.
    """
    committed = [host for host, one in fates.items() if one["outcome"] == "committed"]
    share = len(committed) / len(fates) if fates else 0.0
    failed = {
        host: f"{one['outcome']}: {one['reason']}".removesuffix(": ")
        for host, one in fates.items()
        if one["outcome"] != "committed"
    }
    return {
        "size": len(fates),
        "committed": len(committed),
        "share": round(share, 4),
        "least_share": least_share,
        "passed": bool(fates) and share >= least_share,
        "failed": failed,
        "flagged": [host for host in committed if fates[host]["flagged"]],
        "hosts": dict(fates),
    }


def summary(
    plan_: Mapping[str, Any],
    version: Mapping[str, Any],
    judged: Sequence[Mapping[str, Any]] | None = None,
) -> list[str]:
    """The plan, or with `judged` its outcome, in lines."""
    lines = [f"{version['title']} {version['digest'][:12]}"]
    if judged is None:
        lines.append(
            f"ready: {len(plan_['ready'])}, canaries: {', '.join(plan_['canaries']) or 'none'}"
        )
    else:
        committed = sum(wave["committed"] for wave in judged)
        flagged = [host for wave in judged for host in wave["flagged"]]
        lines.append(f"committed: {committed} in {len(judged)} waves")
        lines += [
            f"failed: {host}: {why}" for wave in judged for host, why in wave["failed"].items()
        ]
        lines += [f"flagged: {', '.join(flagged)}"] if flagged else []
    lines.append(f"had it before: {len(plan_['done'])}")
    lines += [f"deferred: {host}: {'; '.join(why)}" for host, why in plan_["deferred"].items()]
    lines += [f"offline: {host}: {why}" for host, why in plan_["offline"].items()]
    return lines


def rollback_left(results: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Why each host that did not go back did not, by host."""
    return {
        host: first_line(result.get("msg")) or "not asked"
        for host, result in results.items()
        if result.get("unreachable") or result.get("failed") or "outcome" not in result
    }


def first_line(text: Any) -> str:
    """Of a message."""
    lines = str(text or "").strip().splitlines()
    return lines[0].removeprefix("Task failed: ") if lines else ""
