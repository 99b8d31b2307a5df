#!/usr/bin/python
# Copyright: the edged authors
# Apache-2.0 (see LICENSE)

"""The module; DOCUMENTATION has what it does."""

from __future__ import annotations

DOCUMENTATION = r"""
module: edged_retained
short_description: Removes what a broker retains of an edged device that is gone
version_added: "1.0.0"
description:
  - Clears every retained message in the tree of the device, its desired state included.
  - The user at the broker must be allowed to read and write that tree.
options:
  device:
    description: Its name, as it stands in the topics.
    type: str
    required: true
extends_documentation_fragment:
  - edged.fleet.broker
attributes:
  check_mode:
    description: It says what would be removed.
    support: full
  diff_mode:
    description: There is nothing to show.
    support: none
author:
  - The edged authors (@edged)
"""

EXAMPLES = r"""
- name: Forget a device
  edged.fleet.edged_retained:
    host: broker.example
    device: shop-12
  delegate_to: localhost
"""

RETURN = r"""
topics:
  description: Whose messages were removed.
  type: list
  elements: str
  returned: success
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.edged.fleet.plugins.module_utils.channel_outcome import topic
from ansible_collections.edged.fleet.plugins.module_utils.broker_session import (
    BROKER_ARGUMENTS,
    BrokerError,
    Stay,
)


def main() -> None:
    """Do it, and tell."""
    module = AnsibleModule(
        argument_spec={**BROKER_ARGUMENTS, "device": {"type": "str", "required": True}},
        required_together=[("cert", "key")],
        supports_check_mode=True,
    )
    try:
        with Stay(module.params) as stay:
            stay.listen([topic(module.params["device"], "#")], module.params["settle"])
            topics = sorted(name for name, payload in stay.seen.items() if payload)
            if not module.check_mode:
                for name in topics:
                    stay.publish(name, b"")
    except BrokerError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=bool(topics), topics=topics)


if __name__ == "__main__":
    main()
