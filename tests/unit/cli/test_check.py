"""``edged check``, as a command."""

import argparse
import json
import os
import sys
from pathlib import Path

import pytest

from edged.cli import check

GOOD = """\
[jsonl]
path = "out.jsonl"
[model]
path = "model.tflite"
labels_file = "labels.txt"
[camera.front]
source = "replay"
path = "clip.mp4"
[camera.yard]
source = "rtsp"
url = "rtsp://yard/1"
password_file = "secret"
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    for name in ("model.tflite", "labels.txt", "clip.mp4", "secret"):
        (tmp_path / name).touch(0o600)
    path = tmp_path / "edged.toml"
    path.write_text(GOOD)
    return path


def run(*arguments: str | Path) -> int:
    parser = argparse.ArgumentParser()
    check.add_parser(parser.add_subparsers())
    args = parser.parse_args(["check", *map(str, arguments)])
    status = args.func(args)
    assert isinstance(status, int)
    return status


def test_reports_in_one_line_that_all_is_well(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("-c", config) == 0

    model = config.parent / "model.tflite"
    assert (
        capsys.readouterr().out
        == f"{config}: ok: front (replay), yard (rtsp) -> {model} -> jsonl\n"
    )


def test_lists_all_problems_one_a_line(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.write_text(GOOD.replace("source", "sorce").replace("model", "modle"))

    assert run("-c", config) == 1
    assert capsys.readouterr().out.splitlines() == [
        f'{config}:3: modle: unknown key; did you mean "model"?',
        f'{config}:7: camera.front.sorce: unknown key; did you mean "source"?',
        f'{config}:10: camera.yard.sorce: unknown key; did you mean "source"?',
    ]


def test_names_the_files_that_are_missing(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("model.tflite", "labels.txt", "clip.mp4", "secret"):
        (config.parent / name).unlink()

    assert run("-c", config) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"{config}:4: model.path: {config.parent}/model.tflite does not exist",
        f"{config}:5: model.labels_file: {config.parent}/labels.txt does not exist",
        f"{config}:8: camera.front.path: {config.parent}/clip.mp4 does not exist",
        (
            f"warning: {config}:12: camera.yard.password_file: {config.parent}/secret does not exist; "
            "ignore this if the service can read it, or has a systemd credential of that name"
        ),
    ]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_names_the_files_that_cannot_be_read(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (config.parent / "clip.mp4").chmod(0)

    assert run("-c", config) == 1
    assert "clip.mp4 cannot be read: Permission denied" in capsys.readouterr().out


def test_warns_of_a_secret_that_everybody_can_read(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = config.parent / "secret"
    secret.chmod(0o644)

    assert run("-c", config) == 0
    warning = f"warning: {config}:12: camera.yard.password_file: every user can read {secret}; chmod o-r {secret}"
    assert capsys.readouterr().out.splitlines()[0] == warning


def test_names_the_libraries_that_are_missing_where_they_are_given_by_path(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config.write_text(
        GOOD.replace("[model]", '[model]\ndelegate = "/none/libtpu.so"')
        + "[model.custom_ops]\n"
        + 'Here = "libc.so.6:abs"\n'
        + 'There = "/none/libop.so:Register_OP"\n'
    )

    assert run("-c", config) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"{config}:4: model.delegate: /none/libtpu.so does not exist",
        f"{config}:16: model.custom_ops.There: /none/libop.so does not exist",
    ]


@pytest.mark.parametrize(
    ("missing", "change", "problem"),
    [
        (
            "av",
            ("", ""),
            "camera.yard.source: PyAV is not installed; run: pip install 'edged[rtsp]'",
        ),
        (
            "picamera2",
            ('source = "replay"\npath = "clip.mp4"', 'source = "picamera2"'),
            "camera.front.source: picamera2 is not installed; install Debian's python3-picamera2",
        ),
        (
            "tflite_runtime",
            ("[model]", '[model]\nruntime = "tflite"'),
            "model.runtime: tflite-runtime is not installed; run: pip install 'edged[tflite]'",
        ),
        (
            "cryptography",
            ("[jsonl]", '[updates]\ntrust = "secret"\n[jsonl]'),
            "updates.trust: cryptography is not installed; run: pip install 'edged[updates]'",
        ),
    ],
)
def test_a_python_library_that_is_missing_is_named_with_what_to_do(
    config: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    *,
    missing: str,
    change: tuple[str, str],
    problem: str,
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    config.write_text(GOOD.replace(*change))

    assert run("-c", config) == 1
    assert problem in capsys.readouterr().out


def test_no_runtime_at_all_is_a_problem(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ai_edge_litert", None)
    monkeypatch.setitem(sys.modules, "tflite_runtime", None)

    assert run("-c", config) == 1
    assert "model.runtime: ai-edge-litert is not installed" in capsys.readouterr().out


@pytest.mark.parametrize("path", ["none/out.jsonl", "clip.mp4/out.jsonl", "/proc/out.jsonl"])
def test_a_jsonl_file_that_cannot_be_written_is_a_problem(
    config: Path, capsys: pytest.CaptureFixture[str], path: str
) -> None:
    config.write_text(GOOD.replace("out.jsonl", path))

    assert run("-c", config) == 1
    assert "jsonl.path: " in capsys.readouterr().out


def test_a_camera_that_is_switched_off_needs_no_files(config: Path) -> None:
    (config.parent / "clip.mp4").unlink()
    config.write_text(GOOD.replace('source = "replay"', 'source = "replay"\nenabled = false'))

    assert run("-c", config) == 0


def test_json_is_one_object(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--json", "-c", config) == 0
    expected = {"ok": True, "files": [str(config)], "problems": [], "warnings": []}
    assert json.loads(capsys.readouterr().out) == expected


def test_json_of_problems(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.write_text(GOOD.replace("[model]", "[modle]"))

    assert run("--json", "-c", config) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["ok"] is False
    assert report["problems"] == [
        {
            "file": str(config),
            "line": 3,
            "key": "modle",
            "message": "unknown key",
            "hint": 'did you mean "model"?',
            "details": [],
        }
    ]


def test_a_file_that_is_not_there_is_a_problem(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("-c", tmp_path / "none.toml") == 1
    assert (
        capsys.readouterr().out
        == f"{tmp_path}/none.toml: cannot be read: No such file or directory\n"
    )
