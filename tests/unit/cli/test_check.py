"""``edged check``, as a command."""

import argparse
import json
import os
import sys
import zipfile
from pathlib import Path

import pytest

from edged.cli import check
from edged.config.label_names import check_label_names
from edged.config.settings import DetectSettings, Settings
from support.data_files import data_file

SSD = "coco_ssd_mobilenet_v1_1.0_quant_2018_06_29_no_metadata.tflite"
CLASSIFIER = "mobilenet_v1_0.25_128_quant.tflite"
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
    (tmp_path / "labels.txt").write_text("person\ncar\n")
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
        (
            "prometheus_client",
            ("[jsonl]", '[metrics]\nlisten = "127.0.0.1:9100"\n[jsonl]'),
            "metrics.listen: prometheus-client is not installed; run: pip install 'edged[web]'",
        ),
        (
            "uvicorn",
            ("[jsonl]", '[page]\nlisten = "127.0.0.1:8080"\n[jsonl]'),
            "page.listen: uvicorn is not installed; run: pip install 'edged[web]'",
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


def test_a_python_library_that_lacks_one_of_its_own_is_a_problem(
    config: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "picamera2.py").write_text("import libcamera_of_nowhere")
    monkeypatch.syspath_prepend(tmp_path)
    config.write_text(GOOD.replace('source = "replay"\npath = "clip.mp4"', 'source = "picamera2"'))

    assert run("-c", config) == 1
    out = capsys.readouterr().out
    assert "picamera2 is installed but cannot be imported (No module named" in out
    assert "'libcamera_of_nowhere'" in out


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
        == f"{tmp_path}/none.toml: there is no such file; name the configuration by -c FILE\n"
    )


ZONE = '[camera.front.zone.door]\npoints = [[0, 0], [1, 0], [1, 1]]\nlabels = ["persn"]\n'
DETECT = '[detect]\nlabels = ["person", "persn"]\n[detect.label.persn]\nthreshold = 0.5\n'
CAMERA_DETECT = '[camera.front.detect]\nlabels = ["Car"]\n[camera.front.detect.label.Car]\n'


@pytest.mark.parametrize(
    ("tables", "problems"),
    [
        (ZONE, ["15: camera.front.zone.door.labels[0]: {no} {person}"]),
        (DETECT, ["14: detect.labels[1]: {no} {person}", "15: detect.label.persn: {no} {person}"]),
        (
            CAMERA_DETECT,
            [
                '14: camera.front.detect.labels[0]: the model has no label "Car"; did you mean "car"?',
                '15: camera.front.detect.label.Car: the model has no label "Car"; did you mean "car"?',
            ],
        ),
        ('[detect]\nlabels = ["unicorn"]\n', ["14: detect.labels[0]: {other}; its labels are"]),
    ],
)
def test_a_misspelt_label_is_reported_in_every_key_that_names_one(
    config: Path, capsys: pytest.CaptureFixture[str], tables: str, problems: list[str]
) -> None:
    config.write_text(GOOD + tables)

    assert run("-c", config) == 1
    printed = capsys.readouterr().out.splitlines()
    words = {
        "no": 'the model has no label "persn";',
        "person": 'did you mean "person"?',
        "other": 'the model has no label "unicorn"',
    }
    expected = [f"{config}:{problem.format(**words)}" for problem in problems]
    assert len(printed) == len(expected)
    assert all(line.startswith(start) for line, start in zip(printed, expected, strict=True))


def test_a_label_of_a_model_that_an_update_may_bring_is_only_a_warning(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (config.parent / "trust.json").touch()
    config.write_text(GOOD + '[detect]\nlabels = ["persn"]\n[updates]\ntrust = "trust.json"\n')

    assert run("-c", config) == 0
    assert "warning: " in (printed := capsys.readouterr().out)
    assert 'the model has no label "persn"; did you mean "person"?' in printed


def test_a_camera_that_is_switched_off_may_name_any_label(config: Path) -> None:
    config.write_text(
        GOOD.replace('path = "clip.mp4"', 'path = "clip.mp4"\nenabled = false') + ZONE
    )

    assert run("-c", config) == 0


@pytest.mark.parametrize(
    ("model", "labels", "problem"),
    [
        (SSD, "", "has no labels: write one name on each line"),
        (SSD, "0 person\n0 car", "labels.txt: line 2: the class id 0 has two names"),
        (SSD, "person\ncar", "the labels are not those of the model: its output has 90 classes"),
        (CLASSIFIER, "tench", None),
    ],
)
def test_a_label_list_that_cannot_be_that_of_the_model_is_reported_without_running_it(
    config: Path,
    capsys: pytest.CaptureFixture[str],
    model: str,
    labels: str,
    problem: str | None,
) -> None:
    (config.parent / "labels.txt").write_text(labels)
    config.write_text(GOOD.replace("model.tflite", str(data_file(f"models/{model}"))))

    assert run("-c", config) == (problem is not None)
    printed = capsys.readouterr().out
    assert (problem is None) or (
        f"{config}:5: model.labels_file: " in printed and problem in printed
    )


def test_a_model_with_files_but_without_labels_is_mentioned(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = config.parent / "model.tflite"
    model.write_bytes(data_file(f"models/{SSD}").read_bytes())
    with zipfile.ZipFile(model, "a") as archive:
        archive.writestr("anchors.bin", "x")
    config.write_text(GOOD.replace('labels_file = "labels.txt"\n', ""))

    assert run("-c", config) == 0
    assert (
        f"warning: {config}:4: model.path: none of the files in the model (anchors.bin) is a list of its labels; set model.labels_file"
        in capsys.readouterr().out
    )


def test_a_label_may_be_meant_by_one_of_its_words() -> None:
    known = ("tench, Tinca tinca", "goldfish, Carassius auratus")
    settings = Settings(detect=DetectSettings(labels=("tinca", "goldfish", "class-7")))
    hints = [problem.hint for problem in check_label_names(settings, known)]
    assert hints[:2] == [f'did you mean "{name}"?' for name in known]
    unnamed = [problem.message for problem in check_label_names(settings, ())]
    assert len(unnamed) == 2
    assert '"tinca" is none of its classes' in unnamed[0]
