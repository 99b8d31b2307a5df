#!/usr/bin/python
# Copyright: the edged authors
# Apache-2.0 (see LICENSE)

"""The module `edged_retained`; DOCUMENTATION describes it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: edged_retained
short_description: Clear the retained messages of an edged device
version_added: "1.0.0"
description:
  - Clears all retained messages in the topics of the device, including its desired state. Use it when a device leaves the fleet.
  - The user at the broker must be allowed to read and write these topics.
options:
  device:
    description: Name of the device, as in the topics.
    type: str
    required: true
extends_documentation_fragment:
  - edged.fleet.broker
attributes:
  check_mode:
    description: Returns the topics that the module would clear.
    support: full
  diff_mode:
    description: There is nothing to show.
    support: none
author:
  - The edged authors (@edged)
"""

EXAMPLES = r"""
- name: Clear the messages of a device
  edged.fleet.edged_retained:
    host: broker.example
    device: shop-12
  delegate_to: localhost
"""

RETURN = r"""
topics:
  description: Topics whose retained messages were cleared.
  type: list
  elements: str
  returned: success
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.edged.fleet.plugins.module_utils import message_fields as field
from ansible_collections.edged.fleet.plugins.module_utils.broker_session import (
    BROKER_ARGUMENTS,
    BrokerError,
    BrokerSession,
)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={**BROKER_ARGUMENTS, "device": {"type": "str", "required": True}},
        required_together=[("cert", "key")],
        supports_check_mode=True,
    )
    try:
        with BrokerSession(module.params) as session:
            session.subscribe([field.topic(module.params["device"], "#")], module.params["settle"])
            topics = sorted(name for name, payload in session.payloads.items() if payload)
            if not module.check_mode:
                for name in topics:
                    session.publish_retained(name, b"")
    except BrokerError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=bool(topics), topics=topics)


if __name__ == "__main__":
    main()
