"""The record of a rollout on the controller, over all of its runs: ``rollout.json``. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.edged.fleet.plugins.module_utils import outcomes
from ansible_collections.edged.fleet.plugins.plugin_utils.rollout_wave import outcome_line


def earlier_outcomes(record: Mapping[str, Any]) -> dict[str, bool]:
    """Return by host whether it kept the version, for hosts of which the record has a final outcome.

    Args:
        record: the record as an earlier run left it; empty if there was none.
    """
    kept = dict.fromkeys(record.get("up_to_date", []), True)
    for wave in record.get("wave_results", []):
        for host, one in wave["hosts"].items():
            if one["outcome"] in outcomes.FINAL:
                kept[host] = one["outcome"] == outcomes.COMMITTED
    return kept


def merge_record(
    plan: Mapping[str, Any],
    version: Mapping[str, Any],
    wave_results: Sequence[Mapping[str, Any]],
    earlier: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the record of this run, merged with that of earlier runs.

    Args:
        plan: the plan of this run.
        version: ``digest`` and ``title``.
        wave_results: the results of the waves of this run so far.
        earlier: the record as an earlier run left it; empty if there was none.

    Returns:
        `plan`, with ``up_to_date``, ``deferred`` and ``offline`` over all runs; ``unfinished``: the reason by host that was in a wave and
        has no final outcome; ``wave_results``: those of all runs; ``version``. A host stays in its list until a run finds it in another state.
    """
    in_waves = {host: one for wave in wave_results for host, one in wave["hosts"].items()}
    found_now = {*plan["up_to_date"], *plan["deferred"], *plan["offline"], *in_waves}
    unfinished = {
        host: outcome_line(one)
        for host, one in in_waves.items()
        if one["outcome"] not in outcomes.FINAL
    }
    current = {
        "deferred": plan["deferred"],
        "offline": plan["offline"],
        "unfinished": unfinished,
    }
    merged = {
        name: {host: why for host, why in earlier.get(name, {}).items() if host not in found_now}
        | hosts
        for name, hosts in current.items()
    }
    up_to_date = [host for host in earlier.get("up_to_date", []) if host not in found_now]
    return {
        **plan,
        **merged,
        "up_to_date": [*up_to_date, *plan["up_to_date"]],
        "wave_results": [*earlier.get("wave_results", []), *wave_results],
        "version": dict(version),
    }
