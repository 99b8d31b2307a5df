#!/usr/bin/python
# Copyright: the edged authors
# Apache-2.0 (see LICENSE)

"""The module `edged_channel`; DOCUMENTATION describes it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: edged_channel
short_description: Install a model on edged devices that only the broker reaches
version_added: "1.0.0"
description:
  - Publishes a signed desired state to devices, as a retained message, and waits for the outcome in their C(up/model).
  - Without O(desired) it only returns the status of the devices.
  - The module connects to the broker, not to the devices. Run it on the controller (C(delegate_to) V(localhost)).
options:
  devices:
    description: Names of the devices, as in the topics.
    type: list
    elements: str
    required: true
  desired:
    description: File with the signed desired state. C(edged trust desired) and C(edged trust sign) make it.
    type: path
  timeout:
    description: Maximum time to wait, in seconds. V(0) waits without a limit.
    type: float
    default: 7200
extends_documentation_fragment:
  - edged.fleet.broker
attributes:
  check_mode:
    description: Returns whether the module would publish anything.
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
- name: Read the status of the devices
  edged.fleet.edged_channel:
    host: broker.example
    devices: [shop-12, shop-13]
  delegate_to: localhost
  register: shops

- name: Install a model on them
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
  description: By device the status before the publication, in the form that M(edged.fleet.edged_model_info) returns.
  type: dict
  returned: success
unknown_devices:
  description: Devices of which the broker has no message, or of which this user may read nothing.
  type: list
  elements: str
  returned: success
outcomes:
  description:
    - By device C(outcome) as in M(edged.fleet.edged_model), C(reason) and C(flagged). The outcome of a device that did not finish within the
      timeout is C(in-progress).
    - The module does not fail if an outcome is not C(committed).
  type: dict
  returned: when O(desired) is given
digest:
  description: Digest of the desired version.
  type: str
  returned: when O(desired) is given
title:
  description: Name and version of the desired model.
  type: str
  returned: when O(desired) is given
"""

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.edged.fleet.plugins.module_utils import message_fields as field
from ansible_collections.edged.fleet.plugins.module_utils.broker_session import (
    BROKER_ARGUMENTS,
    BrokerError,
    BrokerSession,
)
from ansible_collections.edged.fleet.plugins.module_utils.bundle import BundleUnreadableError
from ansible_collections.edged.fleet.plugins.module_utils.channel_outcome import (
    desired_state_outcome,
    state_before_publication,
)
from ansible_collections.edged.fleet.plugins.module_utils.channel_status import device_info
from ansible_collections.edged.fleet.plugins.module_utils.desired_state import (
    DesiredVersion,
    parse_desired_state,
)
from ansible_collections.edged.fleet.plugins.module_utils.device_messages import (
    TOPIC_LEAVES,
    DeviceMessages,
)
from ansible_collections.edged.fleet.plugins.module_utils.outcomes import IN_PROGRESS


def main() -> None:
    """Run the module."""
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
    params, path = module.params, module.params["desired"]
    try:
        desired = parse_desired_state(Path(path).read_bytes()) if path else None
    except (OSError, BundleUnreadableError, ValueError) as error:
        module.fail_json(msg=f"{path} is not a desired state: {error}")
    try:
        with BrokerSession(params) as session:
            devices = _subscribe(session, params)
            result = _status(devices, desired)
            if desired:
                timeout_s = None if module.check_mode else params["timeout"]
                result |= _publish(session, devices, desired, timeout_s)
    except BrokerError as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


def _subscribe(session: BrokerSession, params: dict[str, Any]) -> dict[str, DeviceMessages]:
    """Subscribe to the topics of all devices, and return the messages by device.

    Raises:
        BrokerError: if the broker refuses a subscription, or does not respond.
    """
    names = params["devices"]
    topics = [field.topic(name, leaf) for name in names for leaf in TOPIC_LEAVES]
    session.subscribe(topics, params["settle"])
    return {name: DeviceMessages(name, session.payloads) for name in names}


def _status(devices: dict[str, DeviceMessages], desired: DesiredVersion | None) -> dict[str, Any]:
    return {
        "changed": False,
        "infos": {name: device_info(messages, desired) for name, messages in devices.items()},
        "unknown_devices": [name for name, messages in devices.items() if not messages.is_known],
    }


def _publish(
    session: BrokerSession,
    devices: dict[str, DeviceMessages],
    desired: DesiredVersion,
    timeout_s: float | None,
) -> dict[str, Any]:
    """Publish the desired state where the broker does not have it, wait, and return the result.

    Args:
        session: the session with the broker.
        devices: the messages by device.
        desired: the desired state.
        timeout_s: maximum time to wait; 0 waits without a limit, None neither publishes nor waits.

    Raises:
        BrokerError: if the broker refuses a message, or does not respond.
    """
    before = {name: state_before_publication(messages) for name, messages in devices.items()}
    missing = [
        name
        for name, messages in devices.items()
        if messages.payload(field.DESIRED) != desired.envelope
    ]

    def outcomes() -> dict[str, dict[str, Any]]:
        return {
            name: desired_state_outcome(messages, desired, before[name])
            for name, messages in devices.items()
        }

    if timeout_s is not None:
        for name in missing:
            session.publish_retained(field.topic(name, field.DESIRED), desired.envelope)
        session.wait_until(
            lambda: all(result["outcome"] != IN_PROGRESS for result in outcomes().values()),
            timeout_s,
        )
    return {
        "changed": bool(missing),
        "outcomes": outcomes(),
        "digest": desired.digest,
        "title": desired.title,
    }


if __name__ == "__main__":
    main()
