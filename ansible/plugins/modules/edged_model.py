#!/usr/bin/python
# Copyright: the edged authors
# Apache-2.0 (see LICENSE)

"""The module `edged_model`; DOCUMENTATION describes it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: edged_model
short_description: Install a model on an edged device, or roll it back
version_added: "1.0.0"
description:
  - Requests that the device installs a bundle, or that it rolls back to the previous model. Then waits for the outcome.
  - The device does the durable part. It verifies the bundle. It tries the model in a sandbox, and then in a trial on its cameras. It commits the
    model, or rolls back.
  - The digest identifies a version. If that version is installed, the module does nothing. If its deployment is in progress, the module waits for it.
options:
  state:
    description:
      - V(installed) installs the bundle O(src).
      - V(rolled_back) cancels the deployment in progress. If there is none, it rolls back to the previous model. With O(digest) it does so only
        if that version is installed or its deployment is in progress, so a second run changes nothing.
    type: str
    choices: [installed, rolled_back]
    default: installed
  src:
    description:
      - The bundle. Either a path on the device that the daemon's user can read, or a URL from which the device downloads the bundle.
      - Required with O(state=installed).
    type: str
  digest:
    description:
      - The version, as the sha256 of its manifest. The device refuses every other version.
      - If O(src) is a path, the module can read the digest from the bundle. If O(src) is a URL, the digest is required.
    type: str
  wait:
    description: Wait until the model is committed, rolled back or rejected.
    type: bool
    default: true
  timeout:
    description: Maximum time to wait, in seconds. V(0) waits without a limit.
    type: float
    default: 7200
  deployment:
    description:
      - Id of a deployment that an earlier run of this module started. If it has ended, the module returns its outcome and starts no other deployment.
    type: str
    default: ""
  remove:
    description: Remove O(src), if it is a path, when its deployment has ended.
    type: bool
    default: false
  force:
    description: Install this version even if it failed on this device before.
    type: bool
    default: false
  downgrade:
    description: Install this version even if a later version was committed on this device.
    type: bool
    default: false
  reason:
    description: Reason for O(state=rolled_back). The device records and publishes it.
    type: str
    default: rolled back by a playbook
  command:
    description: Path of the edged command on the device.
    type: path
    default: /usr/bin/edged
  config:
    description: Path of the configuration file that the command reads.
    type: path
    default: /etc/edged/edged.toml
attributes:
  check_mode:
    description: Returns whether the module would send a request. It cannot predict whether the model would pass its trial.
    support: full
  diff_mode:
    description: Shows the models before and after.
    support: full
author:
  - The edged authors (@edged)
seealso:
  - module: edged.fleet.edged_model_info
"""

EXAMPLES = r"""
- name: Install a bundle that was copied to the device
  edged.fleet.edged_model:
    src: /var/lib/edged/models/incoming/.marks-1.1.edgem

- name: Install a bundle from a mirror, without waiting
  edged.fleet.edged_model:
    src: https://models.example/marks-1.1.edgem
    digest: 6f0c11e1a1a1b8f0a8f2d4f7a0b6a7f3d0c9e8b7a6f5e4d3c2b1a09f8e7d6c5b
    wait: false

- name: Roll that version back, if it is there
  edged.fleet.edged_model:
    state: rolled_back
    digest: 6f0c11e1a1a1b8f0a8f2d4f7a0b6a7f3d0c9e8b7a6f5e4d3c2b1a09f8e7d6c5b
    reason: it misses marks at night
"""

RETURN = r"""
outcome:
  description:
    - C(committed), C(rolled-back), C(rejected) or C(in-progress). In check mode C(would-start).
    - C(refused) if the device responded, and the deployment cannot start there now.
  type: str
  returned: when the device responded
reason:
  description: The device's reason for a failure, or its remark on a commit.
  type: str
  returned: when the device responded
flagged:
  description: Whether the model was committed with too little evidence, or by an operator before its trial ended.
  type: bool
  returned: when the device responded
digest:
  description: Digest of the version that was requested.
  type: str
  returned: when the device responded
id:
  description: Id of the deployment; empty if there was none.
  type: str
  returned: when the device responded
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.edged.fleet.plugins.module_utils.bundle import BundleUnreadableError
from ansible_collections.edged.fleet.plugins.module_utils.edged_command import (
    COMMON_ARGUMENTS,
    EdgedCommand,
    EdgedCommandError,
)
from ansible_collections.edged.fleet.plugins.module_utils.model_change import (
    install,
    remove_source,
    roll_back,
)
from ansible_collections.edged.fleet.plugins.module_utils.model_result import ModelChangeError


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            **COMMON_ARGUMENTS,
            "state": {
                "type": "str",
                "choices": ["installed", "rolled_back"],
                "default": "installed",
            },
            "src": {"type": "str"},
            "digest": {"type": "str"},
            "wait": {"type": "bool", "default": True},
            "timeout": {"type": "float", "default": 7200},
            "deployment": {"type": "str", "default": ""},
            "remove": {"type": "bool", "default": False},
            "force": {"type": "bool", "default": False},
            "downgrade": {"type": "bool", "default": False},
            "reason": {"type": "str", "default": "rolled back by a playbook"},
        },
        required_if=[("state", "installed", ("src",))],
        supports_check_mode=True,
    )
    try:
        _run(module)
    except (EdgedCommandError, BundleUnreadableError, OSError) as error:
        module.fail_json(msg=str(error))


def _run(module: AnsibleModule) -> None:
    """Change the model, remove the bundle, and exit with the result.

    Raises:
        BundleUnreadableError: if the digest must be read from the bundle, and cannot be.
        EdgedCommandError: if the command gives no response.
    """
    params, check_mode = module.params, module.check_mode
    change = install if params["state"] == "installed" else roll_back
    error = None
    try:
        result = change(EdgedCommand(module), params, check_mode=check_mode)
    except ModelChangeError as caught:
        error, result = caught, caught.result
    if not check_mode:
        remove_source(params, result)
    if error:
        module.fail_json(msg=str(error), **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
