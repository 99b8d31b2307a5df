#!/usr/bin/python
# Copyright: the edged authors
# Apache-2.0 (see LICENSE)

"""The module; DOCUMENTATION has what it does."""

from __future__ import annotations

DOCUMENTATION = r"""
module: edged_channel
short_description: Models for edged devices that only a broker reaches
version_added: "1.0.0"
description:
  - Publishes a signed desired state to devices, retained, and waits on their C(up/model) for the outcome.
  - Without O(desired) it only tells how the devices are.
  - It talks to the broker, not to the devices, and so belongs on the controller (C(delegate_to) V(localhost)).
options:
  devices:
    description: Names of the devices, as they stand in the topics.
    type: list
    elements: str
    required: true
  desired:
    description: The signed desired state, as C(edged trust desired) and C(edged trust sign) make it.
    type: path
  timeout:
    description: Wait no longer than so many seconds; V(0) waits as long as it takes.
    type: float
    default: 7200
extends_documentation_fragment:
  - edged.fleet.broker
attributes:
  check_mode:
    description: It says whether anything would be published.
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
- name: See who is there
  edged.fleet.edged_channel:
    host: broker.example
    devices: [shop-12, shop-13]
  delegate_to: localhost
  register: shops

- name: Have them run a model
  edged.fleet.edged_channel:
    host: broker.example
    ca: /etc/edged/fleet/ca.crt
    cert: /etc/edged/fleet/rollout.crt
    key: /etc/edged/fleet/rollout.key
    devices: [shop-12, shop-13]
    desired: desired.json
  delegate_to: localhost
"""

RETURN = r"""
infos:
  description: By device, before anything was published, what M(edged.fleet.edged_model_info) would tell.
  type: dict
  returned: success
unheard:
  description: Devices that never said anything at this broker, or of which this user may read nothing.
  type: list
  elements: str
  returned: success
fates:
  description:
    - By device C(outcome), as of M(edged.fleet.edged_model), C(reason) and C(flagged). A device that came to no end in time is C(under-way).
    - An outcome other than C(committed) is no failure of this module.
  type: dict
  returned: when O(desired) is given
digest:
  description: The version that is desired.
  type: str
  returned: when O(desired) is given
title:
  description: Its name and version.
  type: str
  returned: when O(desired) is given
"""

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.edged.fleet.plugins.module_utils import channel_outcome as channel
from ansible_collections.edged.fleet.plugins.module_utils.bundle import (
    BundleUnreadableError,
)
from ansible_collections.edged.fleet.plugins.module_utils.broker_session import (
    BROKER_ARGUMENTS,
    BrokerError,
    Stay,
)


def main() -> None:
    """Do it, and tell."""
    module = AnsibleModule(
        argument_spec={
            **BROKER_ARGUMENTS,
            "devices": {"type": "list", "elements": "str", "required": True},
            "desired": {"type": "path"},
            "timeout": {"type": "float", "default": 7200},
        },
        required_together=[("cert", "key")],
        supports_check_mode=True,
    )
    path = module.params["desired"]
    try:
        wish = channel.read_wish(Path(path).read_bytes()) if path else None
    except (OSError, BundleUnreadableError, ValueError) as error:
        module.fail_json(msg=f"{path} is no desired state: {error}")
    try:
        result = act(module.params, wish, check_mode=module.check_mode)
    except BrokerError as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


def act(params: dict[str, Any], wish: channel.Wish | None, *, check_mode: bool) -> dict[str, Any]:
    """Look, publish, wait; the module's result.

    Raises:
        BrokerError: the broker cannot be reached, or refuses something.
    """
    with Stay(params) as stay:
        devices = {name: channel.Messages(name, stay.seen) for name in params["devices"]}
        topics = [channel.topic(name, leaf) for name in devices for leaf in channel.ASKED]
        stay.listen(topics, params["settle"])
        result: dict[str, Any] = {
            "infos": {name: channel.info(one, wish) for name, one in devices.items()},
            "unheard": [name for name, one in devices.items() if not one.heard_of],
        }
        if wish is None:
            return {"changed": False, **result}
        then = {name: channel.before(one) for name, one in devices.items()}
        told = [name for name, one in devices.items() if one.raw("down/desired") != wish.envelope]

        def fates() -> dict[str, dict[str, Any]]:
            return {name: channel.fate(one, wish, then[name]) for name, one in devices.items()}

        if not check_mode:
            for name in told:
                stay.publish(channel.topic(name, "down/desired"), wish.envelope)
            stay.wait(
                lambda: all(one["outcome"] != "under-way" for one in fates().values()),
                params["timeout"],
            )
        return {
            "changed": bool(told),
            **result,
            "fates": fates(),
            "digest": wish.digest,
            "title": wish.title,
        }


if __name__ == "__main__":
    main()
