#!/usr/bin/python3 -IS
"""`edged model VERB -c FILE --json`, for a device that is no more than FILE: what it does with an update stands there, and what became of it."""

import json
import sys
import time
from pathlib import Path
from typing import Any

FACTORY = {"role": "factory", "title": "marks@1", "digest": "", "damage": ""}
EXIT_CODES = {"committed": 0, "rolled-back": 3, "rejected": 4}


def new_device(**behaviour: object) -> dict[str, Any]:
    """A device that has the factory model.

    Args:
        behaviour: ``outcome``, ``reason``, ``trial_s`` of whatever is installed; ``refusal``: why nothing is begun; ``refuses``: the digest
            of which nothing is begun; ``flagged``; ``dies``: the command breaks off in the first wait, and works then; ``starting``: so many
            times the daemon does not run yet when it is waited for.
    """
    status = {
        "daemon": True,
        "pinned": "",
        "looking": "marks@1",
        "versions": [FACTORY],
        "deployment": None,
    }
    status |= {"progress": 0.0, "past": [], "epoch": 0, "denied": {}, "sequence": 0}
    return {"status": status, "conduct": behaviour, "asked": []}


def end_due_trial(device: dict[str, Any]) -> None:
    """End a trial whose time is over."""
    status, conduct = device["status"], device["conduct"]
    deployment = status["deployment"]
    if not deployment or time.time() < device["ends"]:
        return
    outcome = conduct.get("outcome", "committed")
    title, digest = deployment["title"], deployment["digest"]
    reason = conduct.get("reason", "")
    past = {
        "id": deployment["id"],
        "title": title,
        "digest": digest,
        "outcome": outcome,
        "reason": reason,
    }
    past |= {
        "source": deployment["request"]["source"],
        "flagged": conduct.get("flagged", False),
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
    """Begin it."""
    if refusal := device["conduct"].get("refusal"):
        return {"error": refusal, "changed": False, "id": ""}
    source, digest = arguments[-1], arguments[arguments.index("--digest") + 1]
    if device["conduct"].get("refuses") == digest:
        return {"error": "it is not wanted here", "changed": False, "id": ""}
    id_ = f"{len(device['asked']):06x}"
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
    device["ends"] = time.time() + device["conduct"].get("trial_s", 0)
    return {"error": "", "changed": True, "id": id_}


def wait(device: dict[str, Any], arguments: list[str]) -> dict[str, Any]:
    """Wait for its end."""
    starting = device["conduct"].get("starting", 0)
    device["conduct"]["starting"] = max(starting - 1, 0)
    if starting:
        asleep = {**device["status"], "daemon": False}
        return {"error": "", "changed": False, "id": arguments[0], "status": asleep}
    timeout_s = float(arguments[arguments.index("--timeout") + 1])
    left_s = device["ends"] - time.time() if device["status"]["deployment"] else 0
    time.sleep(max(0, min(left_s, timeout_s or left_s)))
    end_due_trial(device)
    return {"error": "", "changed": False, "id": arguments[0]}


def rollback(device: dict[str, Any], arguments: list[str]) -> dict[str, Any]:
    """Back to the factory model."""
    status = device["status"]
    title, digest = status["versions"][0]["title"], status["versions"][0]["digest"]
    past = {"id": "back", "title": title, "digest": digest, "source": "", "outcome": "rolled-back"}
    status["past"].append({**past, "reason": arguments[-1], "flagged": False, "time": ""})
    status["versions"] = [FACTORY]
    return {"error": "", "changed": True, "id": "back"}


def main() -> int:
    """Answer as edged does."""
    if sys.argv[1] == "--version":
        print("edged 9.9")
        return 0
    verb, path, arguments = sys.argv[2], Path(sys.argv[4]), sys.argv[6:]
    device = json.loads(path.read_text())
    if not device["conduct"].get("starting"):
        end_due_trial(device)
    device["asked"].append(verb)
    if verb == "wait" and device["conduct"].pop("dies", False):
        save(device, path)
        print("edged: the daemon does not answer any more", file=sys.stderr)
        return 1
    does = {"install": install, "wait": wait, "rollback": rollback}
    answer = (
        does[verb](device, arguments) if verb in does else {"error": "", "changed": False, "id": ""}
    )
    save(device, path)
    print(json.dumps({"status": device["status"], "removed": [], **answer}))
    if answer["error"]:
        return 1
    past = next((past for past in device["status"]["past"] if past["id"] == answer["id"]), None)
    return 0 if verb != "wait" else EXIT_CODES[past["outcome"]] if past else 5


def save(device: dict[str, Any], path: Path) -> None:
    """Whole or not at all."""
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps(device))
    temporary.replace(path)


if __name__ == "__main__":
    sys.exit(main())
