"""Filters: a configuration as TOML, the rules of a rollout, a fleet's page."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.edged.fleet.plugins.plugin_utils import (
    fleet_report as page,
    rollout_record as record,
    rollout_plan as rollout,
    toml,
)


def to_toml(table: Mapping[str, Any]) -> str:
    """See to_toml.yml."""
    try:
        return toml.write_toml(table)
    except toml.TomlError as error:
        raise AnsibleFilterError(str(error)) from None


def device_name(host: Mapping[str, Any]) -> str:
    """How a host is called at the broker, from its variables: as the role edged names it."""
    named = re.sub("[^A-Za-z0-9_-]", "-", str(host["inventory_hostname"]))
    return str(host.get("edged_device_name") or named)


class FilterModule:
    """What Ansible asks for."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """By name."""
        return {
            "to_toml": to_toml,
            "rollout_plan": rollout.plan,
            "rollout_record": record.record,
            "rollout_remembered": record.remembered,
            "rollout_batches": rollout.batches,
            "rollout_fate": rollout.fate,
            "rollout_judge": rollout.judge,
            "rollout_summary": rollout.summary,
            "device_name": device_name,
            "rollback_left": rollout.rollback_left,
            "fleet_rows": page.rows,
            "fleet_page": page.page,
        }
