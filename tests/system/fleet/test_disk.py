"""What `edged model install` reports as done is on the disk."""

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from edged import bundled
from support.bundles import SigningKeys, make_bundle
from system.commands import run
from system.fleet.disks import make_disk, mounted
from system.fleet.fleet import MODEL

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a file system")

_CONFIG = """
[device]
state_dir = "{state}"
[jsonl]
path = "-"
[model]
bundled = "{model}"
[updates]
trust = "{trust}"
reserve_mb = 0
[camera.room]
source = "synthetic"
"""
_COMMIT_S = 60
"""The kernel writes by itself only so often: longer than the test takes."""


def test_what_was_installed_is_there_after_a_power_cut(tmp_path: Path) -> None:
    """Copy the mounted disk: that is what a power cut would leave."""
    signing = SigningKeys()
    (tmp_path / "trust.json").write_bytes(signing.trust_envelope())
    bundle = make_bundle(tmp_path, signing, model=bundled.model_path(MODEL))
    image, left = tmp_path / "disk", tmp_path / "left"
    make_disk(image)
    with mounted(image, tmp_path / "whole", f"commit={_COMMIT_S}") as disk:
        state = disk / "state"
        state.mkdir()
        status = run_edged_model(tmp_path, state, "install", str(bundle))["status"]
        assert status["deployment"]["state"] == "self-tested"
        state.joinpath("unsaid").write_text("nobody asked for this to be kept")
        shutil.copyfile(image, left)
        with mounted(left, tmp_path / "cut") as remains:
            found = run_edged_model(tmp_path, remains / "state", "list")["status"]
            assert not (remains / "state/unsaid").exists()
    assert found["deployment"] == status["deployment"]
    (arrived,) = [one for one in found["versions"] if one["role"] == "candidate"]
    assert arrived["digest"] == status["deployment"]["digest"]
    assert not arrived["damage"]


def run_edged_model(folder: Path, state: Path, *verb: str) -> dict[str, Any]:
    """Run the command on a store without a daemon, and return its response."""
    config = folder / f"{state.parent.name}.toml"
    trust = folder / "trust.json"
    config.write_text(_CONFIG.format(state=state, model=MODEL, trust=trust))
    argv = [sys.executable, "-m", "edged", "model", *verb, "-c", str(config), "--json"]
    answer: dict[str, Any] = json.loads(run(argv).stdout)
    return answer
