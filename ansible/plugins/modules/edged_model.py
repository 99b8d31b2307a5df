#!/usr/bin/python
# Copyright: the edged authors
# Apache-2.0 (see LICENSE)

"""The module; DOCUMENTATION has what it does."""

from __future__ import annotations

DOCUMENTATION = r"""
module: edged_model
short_description: Which model an edged device runs
version_added: "1.0.0"
description:
  - Has the device install a bundle, or go back to the model before.
  - The device does the durable part. It verifies the bundle, tries the model in a sandbox and then on its cameras, and keeps it or goes back. This
    module asks for it, and waits for the outcome.
  - A version is known by its digest. Where that version is in use already nothing is done; where it is on its way in, the module waits for it.
options:
  state:
    description:
      - V(installed) has the bundle O(src) installed.
      - V(rolled_back) calls off what is on its way in, or else goes back to the previous model. With O(digest) only if that version is in
        use or on its way in, so that a second run changes nothing.
    type: str
    choices: [installed, rolled_back]
    default: installed
  src:
    description:
      - The bundle, as a path on the device that the daemon's user can read, or as a URL from which the device fetches it.
      - Needed with O(state=installed).
    type: str
  digest:
    description:
      - The version, by the sha256 of its manifest. The device refuses any other.
      - Read from the bundle if O(src) is a path and this is not given; needed with a URL.
    type: str
  wait:
    description: Wait until the model is committed, rolled back or rejected.
    type: bool
    default: true
  timeout:
    description: Wait no longer than so many seconds; V(0) waits as long as it takes.
    type: float
    default: 7200
  deployment:
    description:
      - Id of a deployment that this module began before. If the device knows how that ended, that is the outcome, and no other one is begun.
    type: str
    default: ""
  remove:
    description: Remove O(src), if it is a path, once it is known how its deployment ended.
    type: bool
    default: false
  force:
    description: Have it installed though this version failed on this device before.
    type: bool
    default: false
  downgrade:
    description: Have it installed though a later version was committed on this device.
    type: bool
    default: false
  reason:
    description: Why, for O(state=rolled_back); it is kept on the device, and published.
    type: str
    default: a playbook called it off
  command:
    description: The edged command on the device.
    type: path
    default: /usr/bin/edged
  config:
    description: The configuration that the command reads.
    type: path
    default: /etc/edged/edged.toml
attributes:
  check_mode:
    description: It says what would be asked of the device. Whether the model would pass its trial cannot be known.
    support: full
  diff_mode:
    description: The models before and after.
    support: full
author:
  - The edged authors (@edged)
seealso:
  - module: edged.fleet.edged_model_info
"""

EXAMPLES = r"""
- name: A bundle that was copied to the device
  edged.fleet.edged_model:
    src: /var/lib/edged/models/incoming/.marks-1.1.edgem

- name: From a mirror, without waiting
  edged.fleet.edged_model:
    src: https://models.example/marks-1.1.edgem
    digest: 6f0c11e1a1a1b8f0a8f2d4f7a0b6a7f3d0c9e8b7a6f5e4d3c2b1a09f8e7d6c5b
    wait: false

- name: Back from that version, where it is
  edged.fleet.edged_model:
    state: rolled_back
    digest: 6f0c11e1a1a1b8f0a8f2d4f7a0b6a7f3d0c9e8b7a6f5e4d3c2b1a09f8e7d6c5b
    reason: it misses marks at night
"""

RETURN = r"""
outcome:
  description:
    - C(committed), C(rolled-back), C(rejected), C(under-way), or C(would-begin) in check mode.
    - C(refused) if the device answered, and it cannot be begun there now.
  type: str
  returned: when the device answered
reason:
  description: Why, as the device says; of a failure, or of a commit with a remark.
  type: str
  returned: when the device answered
flagged:
  description: It was committed with too little evidence, or by an operator before its trial was over.
  type: bool
  returned: when the device answered
digest:
  description: The version that was asked for.
  type: str
  returned: when the device answered
id:
  description: Of the deployment; empty if there was none.
  type: str
  returned: when the device answered
"""

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.edged.fleet.plugins.module_utils.bundle import (
    BundleUnreadableError,
    read_bundle,
)
from ansible_collections.edged.fleet.plugins.module_utils.edged_command import (
    COMMON_ARGUMENTS,
    EdgedCommand,
    EdgedError,
    describe,
    digest_in_use,
    on_its_way,
    past_of,
    version_in_use,
)


class RefusedError(Exception):
    """It cannot be done, or came out otherwise; `result` is what is known.

    Attributes:
        result: keys of the module's own result.
    """

    def __init__(self, message: str, **result: Any) -> None:
        super().__init__(message)
        self.result = {"outcome": "refused", **result}


def main() -> None:
    """Do it, and tell."""
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
            "reason": {"type": "str", "default": "a playbook called it off"},
        },
        required_if=[("state", "installed", ("src",))],
        supports_check_mode=True,
    )
    act = installed if module.params["state"] == "installed" else rolled_back
    try:
        result = act(module, EdgedCommand(module))
        remove_source(module, result)
    except RefusedError as refusal:
        remove_source(module, refusal.result)
        module.fail_json(msg=str(refusal), **refusal.result)
    except (EdgedError, BundleUnreadableError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


def installed(module: AnsibleModule, edged: EdgedCommand) -> dict[str, Any]:
    """Have the bundle installed, unless it is."""
    digest = wanted_digest(module.params)
    before = edged.ask("status")["status"]
    if past_of(before, module.params["deployment"]):
        answer = {"id": module.params["deployment"], "status": before}
        return ended(before, answer, digest, wait=True, changed=True)
    if digest_in_use(before) == digest and not before["deployment"]:
        return outcome_of(before, before, digest, "committed", changed=False)
    check_that_it_can_begin(before, digest, module.params)
    if module.check_mode:
        return would_begin(before, module.params["src"], digest)
    adopted = on_its_way(before, digest)
    answer = {"id": before["deployment"]["id"]} if adopted else begin(edged, module.params, digest)
    if module.params["wait"]:
        answer = edged.ask("wait", answer["id"], "--timeout", f"{module.params['timeout']:g}")
    elif adopted:
        answer = {"id": answer["id"], "status": before}
    return ended(before, answer, digest, wait=module.params["wait"], changed=not adopted)


def remove_source(module: AnsibleModule, result: dict[str, Any]) -> None:
    """The bundle has been used."""
    over = result.get("outcome") in ("committed", "rolled-back", "rejected")
    if (
        module.params["remove"]
        and over
        and not module.check_mode
        and "://" not in module.params["src"]
    ):
        Path(module.params["src"]).unlink(missing_ok=True)


def wanted_digest(params: dict[str, Any]) -> str:
    """Of the version that is to be installed.

    Raises:
        BundleUnreadableError: the file is no bundle.
        RefusedError: a URL was given without one.
    """
    if params["digest"]:
        return params["digest"].lower()
    if "://" in params["src"]:
        raise RefusedError("digest is needed with a URL: it says which version is meant")
    return read_bundle(params["src"])["digest"]


def check_that_it_can_begin(status: dict[str, Any], digest: str, params: dict[str, Any]) -> None:
    """Raises `RefusedError`, with the reason on the device."""
    deployment = status["deployment"]
    if status["pinned"]:
        raise RefusedError(f"model.path names {status['pinned']}, and no update replaces that")
    if deployment and not on_its_way(status, digest):
        what = deployment["title"] or deployment["request"]["source"]
        raise RefusedError(
            f"{what} is on its way in ({deployment['state']}): wait for its end, or roll it back"
        )
    if digest in status["denied"] and not params["force"] and not deployment:
        raise RefusedError(
            f"it failed on this device before: {status['denied'][digest]}; force: true tries it again",
            outcome="rejected",
            reason=status["denied"][digest],
            digest=digest,
        )


def begin(edged: EdgedCommand, params: dict[str, Any], digest: str) -> dict[str, Any]:
    """Ask for it; the answer."""
    flags = [f"--{name}" for name in ("force", "downgrade") if params[name]]
    answer = edged.ask("install", "--digest", digest, *flags, params["src"])
    if answer["error"]:
        raise RefusedError(answer["error"], digest=digest)
    return answer


def ended(
    before: dict[str, Any], answer: dict[str, Any], digest: str, *, wait: bool, changed: bool
) -> dict[str, Any]:
    """How it came out.

    Raises:
        RefusedError: not as it was wanted.
    """
    status, id_ = answer["status"], answer["id"]
    past = past_of(status, id_)
    if past:
        result = outcome_of(before, status, digest, past["outcome"], changed=True, past=past)
        if past["outcome"] == "committed":
            return result
        raise RefusedError(
            f"{past['title'] or past['source']}: {past['outcome']}: {past['reason']}", **result
        )
    deployment = status["deployment"] or {}
    result = outcome_of(before, status, digest, "under-way", changed=changed, id_=id_)
    if not wait:
        return result
    state = deployment.get("blocked_reason") or deployment.get("state") or "unknown"
    asleep = "" if status["daemon"] else "; the daemon does not run, so nothing is tried out"
    raise RefusedError(f"still under way when the time was up: {state}{asleep}", **result)


def outcome_of(
    before: dict[str, Any],
    after: dict[str, Any],
    digest: str,
    outcome: str,
    *,
    changed: bool,
    past: dict[str, Any] | None = None,
    id_: str = "",
) -> dict[str, Any]:
    """The module's result."""
    return {
        "changed": changed,
        "outcome": outcome,
        "reason": past["reason"] if past else "",
        "flagged": bool(past and past["flagged"]),
        "digest": digest,
        "id": past["id"] if past else id_,
        "diff": {"before": describe(before), "after": describe(after)},
    }


def would_begin(before: dict[str, Any], src: str, digest: str) -> dict[str, Any]:
    """The result in check mode."""
    result = outcome_of(before, before, digest, "would-begin", changed=True)
    in_use = version_in_use(before)
    old = (
        f"previous: {in_use['title']} {in_use['digest'][:12]}".rstrip()
        if in_use
        else "previous: none"
    )
    result["diff"]["after"] = f"current: {src} {digest[:12]}\n{old}\n"
    return result


def rolled_back(module: AnsibleModule, edged: EdgedCommand) -> dict[str, Any]:
    """Go back, unless the version that is to go is not here."""
    digest = (module.params["digest"] or "").lower()
    before = edged.ask("status")["status"]
    current = digest_in_use(before)
    gone = digest and digest != current and not on_its_way(before, digest)
    if gone or not (current or before["deployment"]):
        return outcome_of(before, before, digest or current, "rolled-back", changed=False)
    if before["deployment"] and digest and not on_its_way(before, digest):
        raise RefusedError("another model is on its way in: roll that back first, without a digest")
    if module.check_mode:
        return outcome_of(before, before, digest or current, "would-begin", changed=True)
    answer = edged.ask("rollback", "--reason", module.params["reason"])
    if answer["error"]:
        raise RefusedError(answer["error"], digest=digest)
    after = answer["status"]
    return outcome_of(
        before,
        after,
        digest or current,
        "rolled-back",
        changed=True,
        past=past_of(after, answer["id"]),
    )


if __name__ == "__main__":
    main()
