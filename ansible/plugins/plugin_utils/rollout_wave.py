"""The results of a rollout: the outcome of each host, the gate of each wave, and the summary. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.edged.fleet.plugins.module_utils import outcomes
from ansible_collections.edged.fleet.plugins.plugin_utils.rollout_plan import first_line

STEPS = (
    "rollout_copy_result",
    "rollout_start_result",
    "rollout_wait_result",
    "rollout_resume_result",
)
"""Variables that the role rollout registers on each host, in this order."""


def host_outcome(variables: Mapping[str, Any]) -> dict[str, Any]:
    """Return the outcome of one host from its variables: that of the last step that was not skipped.

    Returns:
        ``outcome``: one of `outcomes`; ``reason``; ``flagged``.
    """
    results = [variables[step] for step in STEPS if step in variables]
    last = next((result for result in reversed(results) if not result.get("skipped")), {})
    if last.get("unreachable"):
        outcome = outcomes.UNREACHABLE
    elif "outcome" in last:
        outcome = last["outcome"]
    else:
        outcome = outcomes.FAILED if last.get("failed") else outcomes.NOT_STARTED
    reason = last.get("reason") or first_line(last.get("msg"))
    return {"outcome": outcome, "reason": reason, "flagged": bool(last.get("flagged"))}


def outcome_line(result: Mapping[str, Any]) -> str:
    """Return the outcome and its reason as one line."""
    return f"{result['outcome']}: {result['reason']}".removesuffix(": ")


def evaluate_wave(
    host_outcomes: Mapping[str, Mapping[str, Any]], *, min_share: float
) -> dict[str, Any]:
    """Return the result of a wave, and whether the rollout may continue.

    The share is that of committed hosts among all hosts of the wave; a host that was lost counts as not committed.

    Returns:
        ``size``, ``committed``, ``share``, ``min_share``, ``passed``; ``failed``: a line by host; ``flagged``: hosts;
        ``hosts``: `host_outcomes`.
    """
    committed = [
        host for host, one in host_outcomes.items() if one["outcome"] == outcomes.COMMITTED
    ]
    share = len(committed) / len(host_outcomes) if host_outcomes else 0.0
    failed = {
        host: outcome_line(one) for host, one in host_outcomes.items() if host not in committed
    }
    return {
        "size": len(host_outcomes),
        "committed": len(committed),
        "share": round(share, 4),
        "min_share": min_share,
        "passed": bool(host_outcomes) and share >= min_share,
        "failed": failed,
        "flagged": [host for host in committed if host_outcomes[host]["flagged"]],
        "hosts": dict(host_outcomes),
    }


def summary_lines(
    plan: Mapping[str, Any],
    version: Mapping[str, Any],
    wave_results: Sequence[Mapping[str, Any]] | None = None,
) -> list[str]:
    """Return the plan, or with `wave_results` the results of the rollout, in lines.

    Args:
        plan: as `plan_rollout` returned it.
        version: ``title`` and ``digest``.
        wave_results: as `evaluate_wave` returned them.
    """
    lines = [f"{version['title']} {version['digest'][:12]}"]
    if wave_results is None:
        canaries = ", ".join(plan["canaries"]) or "none"
        lines.append(f"ready: {len(plan['ready'])}, canaries: {canaries}")
    else:
        lines += _result_lines(wave_results)
    lines.append(f"up to date before: {len(plan['up_to_date'])}")
    lines += [f"deferred: {host}: {'; '.join(why)}" for host, why in plan["deferred"].items()]
    lines += [f"offline: {host}: {why}" for host, why in plan["offline"].items()]
    return lines


def _result_lines(wave_results: Sequence[Mapping[str, Any]]) -> list[str]:
    committed = sum(wave["committed"] for wave in wave_results)
    flagged = [host for wave in wave_results for host in wave["flagged"]]
    failed = [entry for wave in wave_results for entry in wave["failed"].items()]
    return [
        f"committed: {committed} in {len(wave_results)} waves",
        *(f"failed: {host}: {line}" for host, line in failed),
        *([f"flagged: {', '.join(flagged)}"] if flagged else []),
    ]


def rollback_failures(results: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Return the reason by host for each host that did not roll back."""
    return {
        host: first_line(result.get("msg")) or "no request was sent"
        for host, result in results.items()
        if result.get("unreachable") or result.get("failed") or "outcome" not in result
    }
