#!/usr/bin/python3 -IS
"""A stand-in for `edged model VERB -c FILE --json`: FILE is the whole device, with how it behaves and its status."""

import json
import sys
import time
from pathlib import Path
from typing import Any

FACTORY = {"role": "factory", "title": "marks@1", "digest": "", "damage": ""}
EXIT_CODES = {"committed": 0, "rolled-back": 3, "rejected": 4}


def new_device(**behaviour: object) -> dict[str, Any]:
    """Return a device with the factory model.

    Args:
        behaviour: ``outcome``, ``reason``, ``flagged``, ``trial_s``: how each installation ends, and after how long;
            ``refusal``: why no installation begins; ``refuses``: the digest whose installation does not begin;
            ``breaks_off``: the first wait fails; ``starting``: number of waits in which the daemon does not run yet.
    """
    status = {
        "daemon": True,
        "pinned": "",
        "active_model": "marks@1",
        "versions": [FACTORY],
        "deployment": None,
    }
    status |= {"progress": 0.0, "past": [], "epoch": 0, "denied": {}, "sequence": 0}
    return {"status": status, "behaviour": behaviour, "verbs": []}


def end_due_trial(device: dict[str, Any]) -> None:
    """End a trial whose time is over."""
    status, behaviour = device["status"], device["behaviour"]
    deployment = status["deployment"]
    if not deployment or time.time() < device["ends"]:
        return
    outcome = behaviour.get("outcome", "committed")
    title, digest = deployment["title"], deployment["digest"]
    reason = behaviour.get("reason", "")
    past = {
        "id": deployment["id"],
        "title": title,
        "digest": digest,
        "outcome": outcome,
        "reason": reason,
    }
    past |= {
        "source": deployment["request"]["source"],
        "flagged": behaviour.get("flagged", False),
        "time": "",
    }
    status["past"].append(past)
    status["deployment"] = None
    if outcome == "committed":
        status["versions"] = [
            {"role": "current", "title": title, "digest": digest, "damage": ""},
            FACTORY,
        ]
    else:
        status["denied"][digest] = reason


def install(device: dict[str, Any], arguments: list[str]) -> dict[str, Any]:
    """Begin an installation."""
    if refusal := device["behaviour"].get("refusal"):
        return {"error": refusal, "changed": False, "id": ""}
    source, digest = arguments[-1], arguments[arguments.index("--digest") + 1]
    if device["behaviour"].get("refuses") == digest:
        return {"error": "this version is refused here", "changed": False, "id": ""}
    id_ = f"{len(device['verbs']):06x}"
    request = {"source": source, "expected": digest}
    deployment = {
        "id": id_,
        "title": "marks@2",
        "digest": digest,
        "state": "trial",
        "blocked_reason": "",
        "request": request,
    }
    device["status"]["deployment"] = deployment
    device["ends"] = time.time() + device["behaviour"].get("trial_s", 0)
    return {"error": "", "changed": True, "id": id_}


def wait(device: dict[str, Any], arguments: list[str]) -> dict[str, Any]:
    """Wait for the end of a deployment."""
    starting = device["behaviour"].get("starting", 0)
    device["behaviour"]["starting"] = max(starting - 1, 0)
    if starting:
        stopped = {**device["status"], "daemon": False}
        return {"error": "", "changed": False, "id": arguments[0], "status": stopped}
    timeout_s = float(arguments[arguments.index("--timeout") + 1])
    left_s = device["ends"] - time.time() if device["status"]["deployment"] else 0
    time.sleep(max(0, min(left_s, timeout_s or left_s)))
    end_due_trial(device)
    return {"error": "", "changed": False, "id": arguments[0]}


def rollback(device: dict[str, Any], arguments: list[str]) -> dict[str, Any]:
    """Roll back to the factory model."""
    status = device["status"]
    title, digest = status["versions"][0]["title"], status["versions"][0]["digest"]
    past = {"id": "back", "title": title, "digest": digest, "source": "", "outcome": "rolled-back"}
    status["past"].append({**past, "reason": arguments[-1], "flagged": False, "time": ""})
    status["versions"] = [FACTORY]
    return {"error": "", "changed": True, "id": "back"}


def main() -> int:
    """Respond as edged does."""
    if sys.argv[1] == "--version":
        print("edged 9.9")
        return 0
    verb, path, arguments = sys.argv[2], Path(sys.argv[4]), sys.argv[6:]
    device = json.loads(path.read_text())
    if not device["behaviour"].get("starting"):
        end_due_trial(device)
    device["verbs"].append(verb)
    if verb == "wait" and device["behaviour"].pop("breaks_off", False):
        save(device, path)
        print("edged: the daemon does not respond", file=sys.stderr)
        return 1
    commands = {"install": install, "wait": wait, "rollback": rollback}
    response = (
        commands[verb](device, arguments)
        if verb in commands
        else {"error": "", "changed": False, "id": ""}
    )
    save(device, path)
    print(json.dumps({"status": device["status"], "removed": [], **response}))
    if response["error"]:
        return 1
    past = next((past for past in device["status"]["past"] if past["id"] == response["id"]), None)
    return 0 if verb != "wait" else EXIT_CODES[past["outcome"]] if past else 5


def save(device: dict[str, Any], path: Path) -> None:
    """Write the device's file at once."""
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps(device))
    temporary.replace(path)


if __name__ == "__main__":
    sys.exit(main())
