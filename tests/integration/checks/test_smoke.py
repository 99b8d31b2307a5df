"""``edged check --try``: what a configuration names is used once."""

import socket
from pathlib import Path

import numpy as np
import pytest

from edged.checks.smoke import run_smoke_check
from edged.cli.check import check_config
from edged.cli.main import main
from edged.clock import SystemClock
from edged.config.load import load_config
from support.broker import Broker, running_broker
from support.model_files import OutputPlan, make_model


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port


def smoke_faults(folder: Path, text: str) -> list[tuple[str, str]]:
    config = folder / "edged.toml"
    config.write_text(text)
    faults = run_smoke_check(load_config(config).settings, clock=SystemClock())
    return [(str(fault.key_path[0]), fault.message) for fault in faults]


def test_all_is_well(tmp_path: Path) -> None:
    text = f"""
    [jsonl]
    path = "{tmp_path}/out.jsonl"
    [model]
    runtime = "simulated"
    [camera.front]
    source = "synthetic"
    """
    assert smoke_faults(tmp_path, text) == []


def test_a_misspelt_label_is_reported_once_the_model_has_been_loaded(tmp_path: Path) -> None:
    text = f"""
    [jsonl]
    path = "{tmp_path}/out.jsonl"
    [model]
    runtime = "simulated"
    [detect]
    labels = ["red", "bleu"]
    [camera.front]
    source = "synthetic"
    """
    assert smoke_faults(tmp_path, text) == [("detect", 'the model has no label "bleu"')]
    (tmp_path / "trust.json").touch()
    assert smoke_faults(tmp_path, f'{text}[updates]\ntrust = "trust.json"\n') == []


def test_each_part_reports_why_it_does_not_work(tmp_path: Path, closed_port: int) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"no clip")
    (tmp_path / "model.tflite").write_bytes(b"no model")
    text = f"""
    [mqtt]
    host = "127.0.0.1"
    port = {closed_port}
    [model]
    path = "model.tflite"
    [camera.front]
    source = "replay"
    path = "clip.mp4"
    [camera.away]
    source = "replay"
    path = "away.mp4"
    enabled = false
    """
    model, camera, publisher = smoke_faults(tmp_path, text)

    assert model[0] == "model"
    assert "model.tflite" in model[1]
    assert camera[0] == "camera"
    assert "clip.mp4" in camera[1]
    assert publisher[0] == "mqtt"
    assert f"127.0.0.1:{closed_port}" in publisher[1]


def test_a_model_that_crashes_is_a_fault(tmp_path: Path) -> None:
    text = f"""
    [jsonl]
    path = "{tmp_path}/out.jsonl"
    [model]
    runtime = "simulated"
    delegate_options = {{ crash_after = "0" }}
    [camera.front]
    source = "synthetic"
    """
    ((part, reason),) = smoke_faults(tmp_path, text)

    assert part == "model"
    assert "SIGABRT" in reason


def test_the_command_names_where_it_is_configured(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"no clip")
    config = tmp_path / "edged.toml"
    config.write_text(
        f'[jsonl]\npath = "{tmp_path}/out"\n[model]\nruntime = "simulated"\n[camera.a]\nsource = "replay"\npath = "clip.mp4"\n'
    )

    assert check_config(config).problems == ()
    (problem,) = check_config(config, smoke_check=True).problems
    assert (problem.line, problem.key) == (5, "camera.a")


def test_a_model_for_something_else_is_named_and_the_details_are_behind_verbose(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pose = OutputPlan(values=np.zeros((1, 56, 84)))
    (tmp_path / "pose.tflite").write_bytes(make_model(pose))
    config = tmp_path / "edged.toml"
    config.write_text(
        f'[jsonl]\npath = "{tmp_path}/out"\n[model]\npath = "pose.tflite"\n[camera.a]\nsource = "synthetic"\n'
    )
    assert main(["check", "--try", "-c", str(config)]) == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert "pose.tflite is a model for pose (17 keypoints), which edged does not run" in line
    assert main(["check", "--try", "--verbose", "-c", str(config)]) == 1
    first, *details = capsys.readouterr().out.splitlines()
    assert first == line
    assert details == ["    inputs: float32 [1, 64, 64, 3]", "    outputs: float32 [1, 56, 84]"]


def test_a_broker_that_takes_few_messages_at_a_time_is_no_fault(tmp_path: Path) -> None:
    """The first connection only learns the limit."""
    with running_broker(Broker(tmp_path / "broker", options="max_inflight_messages 3")) as broker:
        text = f"""
        [mqtt]
        host = "127.0.0.1"
        port = {broker.port}
        [model]
        runtime = "simulated"
        [camera.front]
        source = "synthetic"
        """
        assert smoke_faults(tmp_path, text) == []
