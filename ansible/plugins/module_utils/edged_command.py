"""Runs ``edged model VERB --json`` on a device."""

from __future__ import annotations

import json
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.edged.fleet.plugins.module_utils import status_fields as field

COMMON_ARGUMENTS = {
    "command": {"type": "path", "default": "/usr/bin/edged"},
    "config": {"type": "path", "default": "/etc/edged/edged.toml"},
}
_RESPONSE_EXIT_CODES = (0, 1, 3, 4, 5)
"""Exit codes with which the command prints a response."""
_MAX_ERROR_LINES = 3


class EdgedCommandError(Exception):
    """The command gave no response; the message gives the reason."""


class EdgedCommand:
    """The command line of the edged on this device."""

    def __init__(self, module: AnsibleModule) -> None:
        self._run = module.run_command
        self._command = module.params["command"]
        self._config = module.params["config"]

    def request(self, verb: str, *arguments: str) -> dict[str, Any]:
        """Run a verb of ``edged model`` and return its response, whose keys are in `status_fields`.

        Raises:
            EdgedCommandError: if the command gives no response.
        """
        argv = [self._command, "model", verb, "-c", self._config, "--json", *arguments]
        code, out, errors = self._run(argv, handle_exceptions=False)
        try:
            response = json.loads(out)
        except ValueError:
            response = None
        has_status = isinstance(response, dict) and field.STATUS in response
        if code not in _RESPONSE_EXIT_CODES or not has_status:
            lines = (errors or out or "no output").strip().splitlines()
            reason = "; ".join(lines[-_MAX_ERROR_LINES:])
            raise EdgedCommandError(
                f"`edged model {verb}` gave no response (exit code {code}): {reason}"
            )
        return response

    def version(self) -> str:
        """Return the version of edged.

        Raises:
            EdgedCommandError: if the command fails.
        """
        code, out, errors = self._run([self._command, "--version"], handle_exceptions=False)
        if code:
            raise EdgedCommandError(
                f"`edged --version` failed (exit code {code}): {errors.strip()}"
            )
        return out.split()[-1]
