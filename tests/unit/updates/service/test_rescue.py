"""What gives way when the daemon does not stay up: the step back, in whatever state the store is."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from itertools import takewhile
from pathlib import Path
from tempfile import gettempdir

import pytest

from edged.checks.systemd_unit import (
    UnitState,
    has_exec_failure,
    is_crash_looping,
    parse_properties,
)
from edged.cli.main import main
from edged.errors import StoreError
from edged.host.files import LocalFileSystem
from edged.updates.rules.ledger import FACTORY, Ledger
from edged.updates.store.lock import StoreLock
from edged.updates.store.store import ModelStore
from support.store_device import StoreDevice, make_version

ONE, TWO, THREE = (make_version(str(k), counter=k) for k in (1, 2, 3))
SAFER = make_version("4", counter=4, epoch=1)
VERSIONS_BY_SOURCE = {"one": ONE, "two": TWO, "three": THREE, "safer": SAFER}
CONFIG = """
[device]
state_dir = "{state}"
[mqtt]
host = "127.0.0.1"
[camera.demo]
source = "synthetic"
"""


@pytest.fixture
def store_root(tmp_path: Path) -> Path:
    root = tmp_path / "state" / "models"
    root.parent.mkdir()
    (tmp_path / "edged.toml").write_text(CONFIG.format(state=root.parent))
    return root


@pytest.fixture
def device(store_root: Path) -> StoreDevice:
    device = StoreDevice(LocalFileSystem(), VERSIONS_BY_SOURCE, root=store_root)
    device.start()
    return device


@pytest.fixture
def run_rescue(
    store_root: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, dict[str, object]]]:
    def run(*arguments: str) -> tuple[int, dict[str, object]]:
        code = main(
            ["rescue", "--json", "-c", str(store_root.parents[1] / "edged.toml"), *arguments]
        )
        out = capsys.readouterr().out
        return code, json.loads(out) if out else {}

    return run


Rescue = Callable[..., tuple[int, dict[str, object]]]


def ledger_of(root: Path) -> Ledger:
    return ModelStore(root, LocalFileSystem()).read_ledger()


def test_current_gives_way_to_previous_and_that_to_the_factory_model(
    device: StoreDevice, store_root: Path, run_rescue: Rescue
) -> None:
    device.install("one")
    device.install("two")
    code, answer = run_rescue("--reason", "it fell over")
    assert (code, answer["changed"], answer["replaced_model"], answer["active_model"]) == (
        0,
        True,
        "marks@2",
        "marks@1",
    )
    ledger = ledger_of(store_root)
    assert (ledger.current, ledger.previous) == (ONE.digest, FACTORY)
    assert ledger.denied == {TWO.digest: "it fell over"}
    assert (ledger.past[-1].title, ledger.past[-1].outcome) == ("marks@2", "rolled-back")
    assert (store_root / "current").readlink() == Path("versions") / ONE.digest
    assert not (store_root / "versions" / TWO.digest).exists()

    code, answer = run_rescue()
    assert (code, answer["replaced_model"], answer["active_model"]) == (0, "marks@1", "marks")
    assert ledger_of(store_root).current == FACTORY
    assert not (store_root / "current").is_symlink()

    before = ledger_of(store_root)
    code, answer = run_rescue()
    assert (code, answer["changed"]) == (3, False)
    assert "factory model" in str(answer["reason"])
    assert ledger_of(store_root) == before


def test_a_device_without_a_store_has_the_factory_model(run_rescue: Rescue) -> None:
    code, answer = run_rescue()
    assert (code, answer["changed"], answer["active_model"]) == (3, False, "marks")


def test_a_trial_gives_way_first(device: StoreDevice, store_root: Path, run_rescue: Rescue) -> None:
    device.install("one")
    device.begin("two")
    while ledger_of(store_root).deployment.state != "trial":  # type: ignore[union-attr]  # there is one
        device.step()
    code, answer = run_rescue()
    assert (code, answer["replaced_model"], answer["active_model"]) == (0, "marks@2", "marks@1")
    ledger = ledger_of(store_root)
    assert (ledger.current, ledger.deployment) == (ONE.digest, None)
    assert TWO.digest in ledger.denied


def test_no_step_goes_below_the_security_floor_but_that_to_the_factory_model(
    device: StoreDevice, store_root: Path, run_rescue: Rescue
) -> None:
    device.install("one")
    device.install("safer")
    code, answer = run_rescue()
    assert (code, answer["replaced_model"], answer["active_model"]) == (0, "marks@4", "marks")
    ledger = ledger_of(store_root)
    assert (ledger.current, ledger.previous, ledger.epoch) == (FACTORY, FACTORY, 1)


def test_a_damaged_previous_version_is_passed_over(
    device: StoreDevice, store_root: Path, run_rescue: Rescue
) -> None:
    device.install("one")
    device.install("two")
    (store_root / "versions" / ONE.digest / "model.tflite").write_bytes(b"rot")
    code, answer = run_rescue()
    assert (code, answer["active_model"]) == (0, "marks")


@pytest.mark.parametrize("damage", [b"", b"\0" * 512, b'{"schema": "edged.ledger/9"}'])
def test_a_damaged_ledger_is_made_anew_from_what_the_links_know(
    device: StoreDevice, store_root: Path, run_rescue: Rescue, damage: bytes
) -> None:
    device.install("one")
    device.install("two")
    (store_root / "ledger.json").write_bytes(damage)
    code, answer = run_rescue()
    assert (code, answer["replaced_model"], answer["active_model"]) == (0, "marks@2", "marks@1")
    assert (store_root / "ledger.json.damaged").read_bytes() == damage


def _folder_for_ledger(root: Path) -> None:
    (root / "ledger.json").unlink()
    (root / "ledger.json").mkdir()


def _file_for_versions(root: Path) -> None:
    (root / "versions").rename(root / "elsewhere")
    (root / "versions").write_text("not a folder")


@pytest.mark.parametrize("damage", [_folder_for_ledger, _file_for_versions])
def test_a_store_that_cannot_be_opened_is_quarantined(
    device: StoreDevice, store_root: Path, run_rescue: Rescue, damage: Callable[[Path], None]
) -> None:
    device.install("one")
    device.install("safer")
    (store_root / "trust.json").write_text("[]")
    damage(store_root)
    with pytest.raises(StoreError):
        ModelStore(store_root, LocalFileSystem()).open()
    code, answer = run_rescue()
    assert (code, answer["changed"], answer["active_model"]) == (0, True, "marks")
    assert answer["quarantine_path"] == str(store_root / "damaged")
    assert (store_root / "trust.json").read_text() == "[]"
    ledger = ModelStore(store_root, LocalFileSystem()).open()
    assert (ledger.current, ledger.epoch) == (FACTORY, 1), "the security floor is not forgotten"
    assert run_rescue()[0] == 3

    damage(store_root)
    assert run_rescue()[1]["quarantine_path"] == str(store_root / "damaged-2")


def test_a_store_that_is_in_use_is_left_alone(
    device: StoreDevice, store_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    device.install("one")
    with StoreLock(store_root):
        assert main(["rescue", "-c", str(store_root.parents[1] / "edged.toml")]) == 1
    assert "in use by another process" in capsys.readouterr().err
    assert ledger_of(store_root).current == ONE.digest


def test_a_model_configured_by_path_cannot_give_way(store_root: Path, run_rescue: Rescue) -> None:
    config = store_root.parents[1] / "edged.toml"
    config.write_text(f'{config.read_text()}\n[model]\npath = "mine.tflite"\n')
    code, answer = run_rescue()
    assert code == 3
    assert "model.path" in str(answer["reason"])


def test_in_words(
    device: StoreDevice, store_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    device.install("one")
    config = str(store_root.parents[1] / "edged.toml")
    assert main(["rescue", "-c", config]) == 0
    assert capsys.readouterr().out == "marks@1 rolled back; the daemon will run marks\n"
    assert main(["rescue", "-c", config]) == 3
    assert capsys.readouterr().out.startswith("nothing changed: no previous model")


UNIT_PROPERTIES = {
    "LoadState": "loaded",
    "ActiveState": "failed",
    "UnitFileState": "enabled",
    "NeedDaemonReload": "no",
    "NRestarts": "5",
    "ExecMainCode": "2",
    "ExecMainStatus": "6",
    "WatchdogUSec": "30s",
}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"ExecMainCode": "1", "ExecMainStatus": "1"}, True),
        ({"NRestarts": "0"}, False),
        ({"ExecMainCode": "1", "ExecMainStatus": "0"}, False),
        ({"LoadState": "not-found"}, True),
    ],
    ids=["watchdog", "exit", "restarted by hand", "cameras ended", "unknown"],
)
def test_who_failed(changes: dict[str, str], expected: bool) -> None:  # noqa: FBT001 - a parameter of the test
    assert is_crash_looping(parse_properties(UNIT_PROPERTIES | changes)) is expected


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        ("1", "199", False),
        ("1", "200", True),
        ("1", "245", True),
        ("1", "246", False),
        ("1", "0", False),
        ("2", "203", False),
    ],
)
def test_who_never_ran(code: str, status: str, expected: bool) -> None:  # noqa: FBT001 - a parameter of the test
    shown = UNIT_PROPERTIES | {"ExecMainCode": code, "ExecMainStatus": status}
    assert has_exec_failure(parse_properties(shown)) is expected
    assert not has_exec_failure(None)


def test_the_units_state_is_read_from_systemd() -> None:
    assert parse_properties(UNIT_PROPERTIES) == UnitState(
        active_state="failed",
        unit_file_state="enabled",
        needs_daemon_reload=False,
        restarts=5,
        exit_status=None,
        has_watchdog=True,
    )


@pytest.fixture
def systemctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, str]], None]:
    """Has systemd show the service otherwise than `SHOWN`."""

    def show(changes: dict[str, str]) -> None:
        shown = "\n".join(f"{key}={value}" for key, value in (UNIT_PROPERTIES | changes).items())
        command = tmp_path / "bin" / "systemctl"
        command.parent.mkdir()
        command.write_text(f"#!/bin/sh\ncat <<'END'\n{shown}\nEND\n")
        command.chmod(0o755)
        monkeypatch.setenv("PATH", f"{command.parent}:{os.environ['PATH']}")

    return show


def test_who_restarts_too_often_is_not_taken_for_a_bad_model(
    device: StoreDevice,
    store_root: Path,
    run_rescue: Rescue,
    systemctl: Callable[[dict[str, str]], None],
) -> None:
    device.install("one")
    systemctl({"NRestarts": "0"})
    code, answer = run_rescue("--after-failure-of", "edged.service")
    assert (code, answer["changed"]) == (0, False)
    assert "did not fail by itself" in str(answer["reason"])
    assert ledger_of(store_root).current == ONE.digest


def test_nor_is_a_daemon_that_systemd_could_not_execute(
    device: StoreDevice,
    store_root: Path,
    run_rescue: Rescue,
    systemctl: Callable[[dict[str, str]], None],
) -> None:
    device.install("one")
    systemctl({"ExecMainCode": "1", "ExecMainStatus": "243"})
    code, answer = run_rescue("--after-failure-of", "edged.service")
    assert (code, answer["changed"]) == (4, False), "another exit than 0: tried again later"
    assert "could not execute edged.service" in str(answer["reason"])
    assert ledger_of(store_root).current == ONE.digest


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize("command", [["rescue"], ["model", "gc"]])
def test_what_root_does_belongs_to_the_owner_of_the_state(
    device: StoreDevice, store_root: Path, command: list[str]
) -> None:
    device.install("one")
    device.install("two")
    # Into pytest's own folders only its user may look.
    owner = 65534
    state, config = store_root.parent, store_root.parents[1] / "edged.toml"
    config.chmod(0o755)
    for folder in takewhile(lambda one: one != Path(gettempdir()), config.parents):
        folder.chmod(0o755)
    for path in (state, *state.rglob("*")):
        os.chown(path, owner, owner, follow_symlinks=False)
    (store_root / "versions" / THREE.digest).mkdir()
    subprocess.run(
        [sys.executable, "-m", "edged", *command, "-c", str(config)], check=True, timeout=60
    )
    assert {path.lstat().st_uid for path in (state, *state.rglob("*"))} == {owner}
    assert not (store_root / "versions" / THREE.digest).exists(), "it did its work"
