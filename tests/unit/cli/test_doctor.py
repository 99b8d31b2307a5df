"""``edged doctor``, as a command."""

import json
from pathlib import Path

import pytest

from edged.cli.main import main


def test_without_a_daemon_each_part_is_used(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "edged.toml"
    config.write_text(
        f"""
        [device]
        state_dir = "{tmp_path}/state"
        [jsonl]
        path = "{tmp_path}/out.jsonl"
        [model]
        runtime = "simulated"
        [camera.front]
        source = "synthetic"
        """
    )
    code = main(["doctor", "--json", "--timeout", "30", "-c", str(config)])
    answer = json.loads(capsys.readouterr().out)
    found = {one["part"]: one for one in answer["findings"]}
    assert next(iter(found)) == "config"
    checked = {
        name: found[name]["status"]
        for name in ("config", "model", "models", "camera.front", "jsonl")
    }
    assert set(checked.values()) == {"ok"}, found
    assert code == (1 if answer["status"] == "fail" else 0)


def test_an_invalid_configuration_does_not_keep_it_from_the_host(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "edged.toml"
    config.write_text("[modle]\n")
    assert main(["doctor", "-c", str(config)]) == 1
    out = capsys.readouterr().out
    assert out.startswith("fail config")
    assert "edged check" in out
    assert "memory" in out
