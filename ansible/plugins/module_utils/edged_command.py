"""``edged model VERB --json`` on a device, and what its answers say."""

from __future__ import annotations

import json
from typing import Any

from ansible.module_utils.basic import AnsibleModule

COMMON_ARGUMENTS = {
    "command": {"type": "path", "default": "/usr/bin/edged"},
    "config": {"type": "path", "default": "/etc/edged/edged.toml"},
}
_ANSWERED = (0, 1, 3, 4, 5)
"""Exit codes with which an answer is printed."""


class EdgedError(Exception):
    """The command gave no answer; the message says why."""


class EdgedCommand:
    """Asks the edged of this device about its models."""

    def __init__(self, module: AnsibleModule) -> None:
        self._run = module.run_command
        self._command = module.params["command"]
        self._config = module.params["config"]

    def ask(self, verb: str, *arguments: str) -> dict[str, Any]:
        """The answer: a dict with ``status``, ``error``, ``changed``, ``id``.

        Raises:
            EdgedError: there is none.
        """
        argv = [self._command, "model", verb, "-c", self._config, "--json", *arguments]
        code, out, said = self._run(argv, handle_exceptions=False)
        try:
            answer = json.loads(out)
        except ValueError:
            answer = None
        if code not in _ANSWERED or not isinstance(answer, dict) or "status" not in answer:
            lines = (said or out or "it said nothing").strip().splitlines()
            reason = "; ".join(lines[-3:])
            raise EdgedError(f"`edged model {verb}` gave no answer (exit code {code}): {reason}")
        return answer

    def version(self) -> str:
        """Of edged.

        Raises:
            EdgedError: it cannot be had.
        """
        code, out, said = self._run([self._command, "--version"], handle_exceptions=False)
        if code:
            raise EdgedError(f"`edged --version` failed (exit code {code}): {said.strip()}")
        return out.split()[-1]


def version_in_use(status: dict[str, Any]) -> dict[str, Any] | None:
    """The one that looks when no trial is on: the entry of `versions` for the current or the factory model; None if there is none."""
    by_role = {version["role"]: version for version in reversed(status["versions"])}
    return by_role.get("current") or by_role.get("factory")


def digest_in_use(status: dict[str, Any]) -> str:
    """Of the version in use; "" for the factory model."""
    version = version_in_use(status)
    return version["digest"] if version else ""


def on_its_way(status: dict[str, Any], digest: str) -> bool:
    """Whether the deployment in flight is one of this digest."""
    deployment = status["deployment"]
    return bool(deployment) and digest in (deployment["digest"], deployment["request"]["expected"])


def past_of(status: dict[str, Any], id_: str) -> dict[str, Any] | None:
    """How the deployment ended; None if it did not, or is forgotten."""
    return next((past for past in reversed(status["past"]) if past["id"] == id_), None)


def describe(status: dict[str, Any]) -> str:
    """Which models there are, a line each: for a diff."""
    lines = [
        f"{version['role']}: {version['title']} {version['digest'][:12]}".rstrip()
        for version in status["versions"]
        if version["role"] in ("current", "previous", "factory")
    ]
    return "".join(f"{line}\n" for line in lines)
