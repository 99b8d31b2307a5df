"""What is said twice in the collection is the same: READMEs, argument_specs, defaults, and the example inventory."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from support.simulated_fleet import ANSIBLE_BIN, COLLECTION, AnsibleController, needs_ansible

yaml = pytest.importorskip("yaml", reason="PyYAML is not in this environment")

ROLES = sorted(path.name for path in (COLLECTION / "roles").iterdir())


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


@needs_ansible
def test_readmes_are_up_to_date() -> None:
    tool = COLLECTION / "tools" / "role_readme.py"
    done = subprocess.run(
        [ANSIBLE_BIN / "python", tool, "--check"], capture_output=True, text=True, check=False
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


@needs_ansible
def test_the_example_finds_what_stands_beside_it_and_takes_none_of_it_for_a_host(
    tmp_path: Path,
) -> None:
    inventory = tmp_path / "inventory"
    shutil.copytree(COLLECTION / "inventory/example", inventory)
    (tmp_path / "packages").mkdir()
    (tmp_path / "trust.json").write_text("{}")
    (tmp_path / "pki").mkdir()
    for name in ("ca.crt", "broker.crt", "shop-12.crt"):
        (tmp_path / "pki" / name).write_text(f"this is {name}")
    secrets = {"vault_device_keys": {"shop-12": "a key"}, "vault_broker_key": "a key"}
    (inventory / "group_vars/all/vault.yml").write_text(json.dumps(secrets))
    text = "".join(file.read_text() for file in inventory.rglob("*.yml"))
    beside = re.findall(r"inventory_dir(?: }}| ~ ')(/[a-z.]+/[a-z.]+)", text)
    assert {"/../packages", "/../pki", "/../trust.json"} == set(beside)

    controller = AnsibleController(tmp_path / "controller")

    def ask(command: str, *arguments: str) -> str:
        done = subprocess.run(
            [ANSIBLE_BIN / command, "-i", inventory, *arguments],
            env=controller.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert not done.returncode, done.stderr
        assert "WARNING" not in done.stderr, done.stderr
        return done.stdout

    hosts = sorted(re.findall(r"--([\w-]+)$", ask("ansible-inventory", "--graph"), re.MULTILINE))
    assert hosts == ["broker-1", "shop-12", "shop-13", "shop-14"]
    for host, value, told in (
        ("shop-12", "edged_files['device.crt']", "this is shop-12.crt"),
        ("broker-1", "broker_certificate", "this is broker.crt"),
        # Else what is done on the controller would be done as another user.
        ("localhost", "ansible_user | default('not said')", "not said"),
        ("localhost", "ansible_become | default('not said')", "not said"),
    ):
        assert told in ask("ansible", host, "-m", "debug", "-a", f"msg={{{{ {value} }}}}")


def test_what_was_written_before_a_failure_takes_effect() -> None:
    assert all(play["force_handlers"] for play in read(COLLECTION / "playbooks/site.yml"))
