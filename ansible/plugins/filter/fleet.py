"""The filters: TOML, the rules of a rollout, and the report on a fleet."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.edged.fleet.plugins.plugin_utils import (
    fleet_report,
    rollout_plan,
    rollout_record,
    rollout_wave,
    toml,
)


def to_toml(table: Mapping[str, Any]) -> str:
    """Return a dict as a TOML document; to_toml.yml describes the filter.

    Raises:
        AnsibleFilterError: if a value has no form in TOML.
    """
    try:
        return toml.write_toml(table)
    except toml.TomlError as error:
        raise AnsibleFilterError(str(error)) from None


def device_name(host: Mapping[str, Any]) -> str:
    """Return the name of a host at the broker, from the host's variables; the role edged uses the same default."""
    default = re.sub("[^A-Za-z0-9_-]", "-", str(host["inventory_hostname"]))
    return str(host.get("edged_device_name") or default)


class FilterModule:
    """The class that Ansible loads from this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {
            "to_toml": to_toml,
            "device_name": device_name,
            "rollout_plan": rollout_plan.plan_rollout,
            "rollout_waves": rollout_plan.split_into_waves,
            "rollout_earlier_outcomes": rollout_record.earlier_outcomes,
            "rollout_record": rollout_record.merge_record,
            "rollout_host_outcome": rollout_wave.host_outcome,
            "rollout_wave_result": rollout_wave.evaluate_wave,
            "rollout_summary": rollout_wave.summary_lines,
            "rollback_failures": rollout_wave.rollback_failures,
            "fleet_rows": fleet_report.report_rows,
            "fleet_page": fleet_report.report_page,
        }
