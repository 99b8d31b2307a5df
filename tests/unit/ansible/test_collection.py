"""What is said twice in the collection is the same: READMEs, argument_specs, defaults, and the example inventory."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment

from support.simulated_fleet import ANSIBLE_BIN, COLLECTION, AnsibleController, needs_ansible

yaml = pytest.importorskip("yaml", reason="PyYAML is not in this environment")

ROLES = sorted(path.name for path in (COLLECTION / "roles").iterdir())
BROKER = COLLECTION / "roles" / "broker"


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
    specified = {name: one["default"] for name, one in options.items() if "default" in one}
    assert specified == {name: defaults[name] for name in specified}


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
    contents = "".join(file.read_text() for file in inventory.rglob("*.yml"))
    beside = re.findall(r"inventory_dir(?: }}| ~ ')(/[a-z.]+/[a-z.]+)", contents)
    assert {"/../packages", "/../pki", "/../trust.json"} == set(beside)

    expected = [
        ("shop-12", "edged_files['device.crt']", "this is shop-12.crt"),
        ("broker-1", "broker_certificate", "this is broker.crt"),
        # Otherwise tasks on the controller would run as another user.
        ("localhost", "ansible_user | default('not set')", "not set"),
        ("localhost", "ansible_become | default('not set')", "not set"),
        ("localhost", "groups['all'] | sort | join(' ')", "broker-1 shop-12 shop-13 shop-14"),
    ]
    playbook = tmp_path / "values.yml"
    playbook.write_text(
        json.dumps(
            [
                {
                    "hosts": host,
                    "gather_facts": False,
                    "tasks": [{"ansible.builtin.debug": {"msg": f"{{{{ {value} }}}}"}}],
                }
                for host, value, _ in expected
            ]
        )
    )
    played = AnsibleController(tmp_path / "controller").play(playbook, inventory)
    assert played.exit_code == 0, played.output
    assert "WARNING" not in played.output, played.output
    assert re.findall(r'"msg": "(.*)"', played.output) == [value for _, _, value in expected]


def test_what_was_written_before_a_failure_takes_effect() -> None:
    assert all(play["force_handlers"] for play in read(COLLECTION / "playbooks/site.yml"))


def test_the_access_list_of_the_role_broker_has_the_shipped_rules() -> None:
    """The role's template with one name for each role, against deploy/mosquitto."""
    template = (BROKER / "templates" / "acl.j2").read_text("utf-8")
    environment = Environment(autoescape=False, trim_blocks=True)  # noqa: S701 (no HTML)
    environment.filters["comment"] = lambda text: f"# {text}"
    names = {
        "broker_operators": ["operator"],
        "broker_viewers": ["viewer"],
        "broker_home_assistants": ["home_assistant"],
        "broker_rollouts": ["rollout"],
        "broker_administrators": ["administrator"],
    }
    variables = {"ansible_managed": "managed", **read(BROKER / "vars" / "main.yml")}
    text = environment.from_string(template).render(broker_acl="", **names, **variables)
    shipped = COLLECTION.parent / "deploy" / "mosquitto" / "edged-fleet.acl"
    assert access_rules(text) == access_rules(shipped.read_text("utf-8"))


def access_rules(text: str) -> set[tuple[str, str]]:
    """Return each rule with its user; patterns have none."""
    rules, user = set[tuple[str, str]](), ""
    for line in text.splitlines():
        if line.startswith("user "):
            user = line.removeprefix("user ")
        elif line and not line.startswith("#"):
            rules.add(("" if line.startswith("pattern") else user, line))
    return rules
