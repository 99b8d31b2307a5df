"""Ansible's local connection to a device that is unreachable in some tasks: its file `line.json` has which."""

import json
import os
from pathlib import Path

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.connection.local import Connection as LocalConnection

DOCUMENTATION = """
name: simulated
short_description: local, to a host that may be away
description: See the module.
options: {}
extends_documentation_fragment: [connection_pipelining]
"""


class Connection(LocalConnection):  # type: ignore[misc]  # Ansible is not in the environment of the checks
    """A local connection that counts tasks: Ansible connects once in each."""

    transport = "simulated"

    def _connect(self) -> "Connection":
        if not self._connected:
            self._check_reachable()
        super()._connect()
        return self

    def _check_reachable(self) -> None:
        host = self._play_context.remote_addr
        path = Path(os.environ["SIMULATED_FLEET"]) / host / "line.json"
        line = json.loads(path.read_text())
        line["tasks"] += 1
        path.write_text(json.dumps(line))
        if line["lost_from"] <= line["tasks"] < line["lost_until"]:
            raise AnsibleConnectionFailure(f"{host} does not answer")
