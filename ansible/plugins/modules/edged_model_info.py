#!/usr/bin/python
# Copyright: the edged authors
# Apache-2.0 (see LICENSE)

"""The module; DOCUMENTATION has what it does."""

from __future__ import annotations

DOCUMENTATION = r"""
module: edged_model_info
short_description: Which models an edged device has, and how the device is
version_added: "1.0.0"
description:
  - Asks C(edged model status) on the device, of the daemon if it runs, and of the model store if it does not.
  - Also tells what speaks against an update just now, as heat, a weak supply, a full disk or a low battery.
options:
  command:
    description: The edged command on the device.
    type: path
    default: /usr/bin/edged
  config:
    description: The configuration that the command reads.
    type: path
    default: /etc/edged/edged.toml
  state_dir:
    description: The state directory, whose file system's room is told.
    type: path
    default: /var/lib/edged
  version:
    description: Also tell the version of edged, which takes a second run of the command.
    type: bool
    default: false
  root:
    description: Where C(/sys) and C(/proc) are; another place in tests.
    type: path
    default: /
attributes:
  check_mode:
    description: It changes nothing.
    support: full
  diff_mode:
    description: There is nothing to show.
    support: none
author:
  - The edged authors (@edged)
seealso:
  - module: edged.fleet.edged_model
"""

EXAMPLES = r"""
- name: See what runs
  edged.fleet.edged_model_info:
  register: models

- name: Say it
  ansible.builtin.debug:
    msg: "{{ models.title }} {{ models.digest[:12] }}, {{ models.board.disk_free_mb }} MB free"
"""

RETURN = r"""
status:
  description: What C(edged model status --json) says, with C(versions), C(deployment), C(past), C(denied) and so on.
  type: dict
  returned: success
digest:
  description: Of the version in use; empty for the factory model.
  type: str
  returned: success
title:
  description: Its name and version.
  type: str
  returned: success
board:
  description: How the device is; what it does not have is null.
  type: dict
  returned: success
  contains:
    throttling:
      description: What the firmware holds against the board now.
      type: list
      elements: str
    temperature_c:
      description: Of the processor.
      type: float
    disk_free_mb:
      description: Where the models are.
      type: int
    battery_percent:
      description: Of a battery that is being emptied.
      type: int
    model:
      description: Which board it is.
      type: str
version:
  description: Of edged, if asked for.
  type: str
  returned: when O(version) is true
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.edged.fleet.plugins.module_utils.host_sensors import Board
from ansible_collections.edged.fleet.plugins.module_utils.edged_command import (
    COMMON_ARGUMENTS,
    EdgedCommand,
    EdgedError,
    digest_in_use,
    version_in_use,
)


def main() -> None:
    """Ask, and tell."""
    module = AnsibleModule(
        argument_spec={
            **COMMON_ARGUMENTS,
            "state_dir": {"type": "path", "default": "/var/lib/edged"},
            "version": {"type": "bool", "default": False},
            "root": {"type": "path", "default": "/"},
        },
        supports_check_mode=True,
    )
    edged = EdgedCommand(module)
    try:
        status = edged.ask("status")["status"]
        version = {"version": edged.version()} if module.params["version"] else {}
    except (EdgedError, OSError) as error:
        module.fail_json(msg=str(error))
    in_use = version_in_use(status)
    module.exit_json(
        changed=False,
        status=status,
        digest=digest_in_use(status),
        title=in_use["title"] if in_use else "",
        board=Board(module.params["root"]).report(module.params["state_dir"]),
        **version,
    )


if __name__ == "__main__":
    main()
