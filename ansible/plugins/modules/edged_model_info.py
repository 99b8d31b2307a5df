#!/usr/bin/python
# Copyright: the edged authors
# Apache-2.0 (see LICENSE)

"""The module `edged_model_info`; DOCUMENTATION describes it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: edged_model_info
short_description: Read the models and the condition of an edged device
version_added: "1.0.0"
description:
  - Runs C(edged model status) on the device. The daemon answers if it runs; otherwise the command reads the model store.
  - Also returns readings that can speak against an update now, for example throttling, free disk space and the battery.
options:
  command:
    description: Path of the edged command on the device.
    type: path
    default: /usr/bin/edged
  config:
    description: Path of the configuration file that the command reads.
    type: path
    default: /etc/edged/edged.toml
  state_dir:
    description: State directory of edged. The module returns the free space of its file system.
    type: path
    default: /var/lib/edged
  version:
    description: Also return the version of edged. This runs the command a second time.
    type: bool
    default: false
  root:
    description: Folder that contains C(/sys) and C(/proc). Tests set it.
    type: path
    default: /
attributes:
  check_mode:
    description: The module changes nothing.
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
- name: Read the models
  edged.fleet.edged_model_info:
  register: models

- name: Show the installed model
  ansible.builtin.debug:
    msg: "{{ models.title }} {{ models.digest[:12] }}, {{ models.board.disk_free_mb }} MB free"
"""

RETURN = r"""
status:
  description: The status that C(edged model status --json) prints, with C(versions), C(deployment), C(past), C(denied) and more.
  type: dict
  returned: success
digest:
  description: Digest of the installed version; empty for the factory model.
  type: str
  returned: success
title:
  description: Name and version of the installed model.
  type: str
  returned: success
board:
  description: Readings of the device. A reading that the device does not have is null.
  type: dict
  returned: success
  contains:
    throttling:
      description: Reasons for which the firmware limits the processor now.
      type: list
      elements: str
    temperature_c:
      description: Temperature of the processor.
      type: float
    disk_free_mb:
      description: Free space on the file system of the models.
      type: int
    battery_percent:
      description: Charge of a battery that is being discharged.
      type: int
    model:
      description: Name of the board.
      type: str
version:
  description: Version of edged.
  type: str
  returned: when O(version=true)
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.edged.fleet.plugins.module_utils import status_fields as field
from ansible_collections.edged.fleet.plugins.module_utils.edged_command import (
    COMMON_ARGUMENTS,
    EdgedCommand,
    EdgedCommandError,
)
from ansible_collections.edged.fleet.plugins.module_utils.host_sensors import HostSensors
from ansible_collections.edged.fleet.plugins.module_utils.model_status import (
    installed_digest,
    installed_version,
)


def main() -> None:
    """Run the module."""
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
        status = edged.request("status")[field.STATUS]
        edged_version = {"version": edged.version()} if module.params["version"] else {}
    except (EdgedCommandError, OSError) as error:
        module.fail_json(msg=str(error))
    version = installed_version(status)
    module.exit_json(
        changed=False,
        status=status,
        digest=installed_digest(status),
        title=version[field.TITLE] if version else "",
        board=HostSensors(module.params["root"]).read_all(module.params["state_dir"]),
        **edged_version,
    )


if __name__ == "__main__":
    main()
