"""What is said twice in the collection is the same: READMEs, argument_specs, defaults, and the example inventory."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from support.fleet import BIN, COLLECTION, needs_ansible

yaml = pytest.importorskip("yaml", reason="PyYAML is not in this environment")

ROLES = sorted(path.name for path in (COLLECTION / "roles").iterdir())


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


@needs_ansible
def test_readmes_are_up_to_date() -> None:
    tool = COLLECTION / "tools" / "role_readme.py"
    done = subprocess.run(
        [BIN / "python", tool, "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("role", ROLES)
def test_specifications_and_defaults_agree(role: str) -> None:
    folder = COLLECTION / "roles" / role
    options = read(folder / "meta/argument_specs.yml")["argument_specs"]["main"]["options"]
    defaults = read(folder / "defaults/main.yml")
    assert {name for name, one in options.items() if not one.get("required")} <= set(defaults)
    assert set(defaults) <= set(options)
    said = {name: one["default"] for name, one in options.items() if "default" in one}
    assert said == {name: defaults[name] for name in said}


@pytest.mark.parametrize("role", ROLES)
def test_the_example_inventory_has_every_knob(role: str) -> None:
    files = (COLLECTION / "inventory/example/group_vars").rglob("*.yml")
    known: set[str] = set()
    for file in files:
        known |= set(read(file))
    defaults = set(read(COLLECTION / "roles" / role / "defaults/main.yml"))
    what_is_rolled_out = {"rollout_bundle", "rollout_url", "rollout_digest"}
    assert defaults - known <= what_is_rolled_out
