"""What is kept of a rollout on the controller, over all of its runs: the outcomes, and who is still to come. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_ENDS = {"committed": True, "rolled-back": False, "rejected": False}
"""Outcomes after which it is known whether a host keeps the version."""


def remembered(before: Mapping[str, Any]) -> dict[str, bool]:
    """Whether it kept the version, by host of which that is known.

    Args:
        before: the record as an earlier run left it; empty if there was none.
    """
    kept = dict.fromkeys(before.get("done", []), True)
    for wave in before.get("judged", []):
        for host, one in wave["hosts"].items():
            if one["outcome"] in _ENDS:
                kept[host] = _ENDS[one["outcome"]]
    return kept


def record(
    plan: Mapping[str, Any],
    version: Mapping[str, Any],
    judged: Sequence[Mapping[str, Any]],
    before: Mapping[str, Any],
) -> dict[str, Any]:
    """The plan of this run, with what earlier ones found and this one did not look at.

    Args:
        plan: of this run.
        version: ``digest``, ``title``.
        judged: the waves of this run so far.
        before: the record as an earlier run left it; empty if there was none.

    Returns:
        `plan`, with ``done``, ``deferred`` and ``offline`` over all runs; ``lost``: the reason by host that came to no end in a wave;
        ``judged``: the waves of all runs; ``version``. A host stays in its list until a run has found something else of it.
    """
    ended = {host: one for wave in judged for host, one in wave["hosts"].items()}
    settled = {*plan["done"], *plan["deferred"], *plan["offline"], *ended}
    lost = {
        host: f"{one['outcome']}: {one['reason']}".removesuffix(": ")
        for host, one in ended.items()
        if one["outcome"] not in _ENDS
    }
    now = {"deferred": plan["deferred"], "offline": plan["offline"], "lost": lost}
    lists = {
        name: {host: why for host, why in before.get(name, {}).items() if host not in settled}
        | told
        for name, told in now.items()
    }
    return {
        **plan,
        **lists,
        "done": [*(host for host in before.get("done", []) if host not in settled), *plan["done"]],
        "judged": [*before.get("judged", []), *judged],
        "version": dict(version),
    }
