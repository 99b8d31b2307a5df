"""`edged model fetch` as a user types it: from a mirror on loopback to a daemon that runs the model, and every way in which it fails."""

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

import edged
from edged.updates.service.control_messages import StatusRequest
from edged.updates.service.control_socket import ControlClient, find_daemon
from support import fetch_server as net
from support.daemon import DaemonProcess
from support.data_files import data_file
from support.fetch_server import Site
from support.other_user import NOBODY_UID, find_python_of_everyone
from support.update_device import run_edged

SSD, SSD_FILE = "coco-ssd-mobilenet-v1", "coco_ssd_mobilenet_v1_1.0_quant_2018_06_29.tflite"
YOLOX, YOLOX_FILE = "yolox-nano", "yolox_nano_float16_quantize.tflite"
CAMERA = """
[camera.front]
source = "synthetic"
fps = 5
[jsonl]
path = "/dev/null"
"""
MOUNT, UMOUNT = "/usr/bin/mount", "/usr/bin/umount"


@pytest.fixture(scope="module")
def mirror() -> Iterator[Site]:
    with net.serve_site() as site:
        for name in (SSD_FILE, YOLOX_FILE):
            site.files[f"/{name}"] = data_file(f"models/{name}").read_bytes()
        yield site


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "edged.toml"
    path.write_text(f'{CAMERA}\n[device]\nstate_dir = "{tmp_path}/state"\n')
    return path


def fetch(
    config: Path, name: str, origin: str, *arguments: str
) -> subprocess.CompletedProcess[str]:
    return run_edged("model", "fetch", name, "-c", config, "--from", origin, *arguments)


def fetch_json(config: Path, name: str, origin: str, *arguments: str) -> dict[str, Any]:
    done = fetch(config, name, origin, "--json", *arguments)
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def error_of(done: subprocess.CompletedProcess[str]) -> str:
    """Assert that the command failed with one line, and return it."""
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def conf_d(config: Path) -> list[str]:
    return sorted(path.name for path in config.parent.glob("conf.d/*"))


def test_a_running_daemon_takes_the_model(mirror: Site, tmp_path: Path) -> None:
    with DaemonProcess(tmp_path, CAMERA) as daemon:
        daemon.await_log("frames arrive")
        assert find_daemon(tmp_path / "state") == daemon.process.pid
        report = fetch_json(daemon.config, SSD, mirror.url, "--use")
        again = fetch_json(daemon.config, SSD, mirror.url, "--use")
        status = ControlClient(tmp_path / "state").execute(StatusRequest()).status

    path = tmp_path / "state" / "catalogue" / f"{SSD}.tflite"
    assert status.pinned == str(path)
    assert (report["changed"], report["reloaded"]) == (True, True)
    assert (again["changed"], again["reloaded"]) == (False, False)
    assert report["drop_in"] == str(tmp_path / "conf.d" / "50-model.toml")
    assert report["family"] == "ssd"
    assert "person" in report["labels"]
    assert daemon.config.read_text().startswith(CAMERA)


def test_the_log_of_a_real_camera_without_such_a_model_says_how_to_get_one(tmp_path: Path) -> None:
    clip = data_file("video/one-by-one-person-detection.mp4")
    camera = f'[camera.front]\nsource = "replay"\npath = "{clip}"\n[jsonl]\npath = "/dev/null"\n'
    with DaemonProcess(tmp_path, camera) as daemon:
        daemon.await_log(
            "the model of the camera front finds printed marks only; for people: edged model fetch"
        )


def test_without_use_the_configuration_stays(mirror: Site, config: Path) -> None:
    done = fetch(config, SSD, mirror.url)
    assert done.returncode == 0, done.stderr
    assert f"edged model fetch {SSD} --use" in done.stdout
    assert conf_d(config) == []


def test_the_drop_in_before_is_kept_and_the_labels_of_the_user_too(
    mirror: Site, config: Path
) -> None:
    fetch_json(config, SSD, mirror.url, "--use")
    first = (config.parent / "conf.d" / "50-model.toml").read_text()
    config.write_text(config.read_text() + '[detect]\nlabels = ["person"]\n')
    report = fetch_json(config, YOLOX, mirror.url, "--use")
    second = (config.parent / "conf.d" / "50-model.toml").read_text()

    assert conf_d(config) == ["50-model.toml", "50-model.toml.bak"]
    assert (config.parent / "conf.d" / "50-model.toml.bak").read_text() == first
    assert '"motorcycle"' in first
    assert "[detect]" not in second
    assert report["labels"][0] == "person"
    assert run_edged("check", "-c", config).returncode == 0


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ('[model]\nlabels = ["qr_code"]\n', "model.labels"),
        ('[detect]\nlabels = ["qr_code"]\n', 'detect.labels[0]: the model has no label "qr_code"'),
        ('[camera.front.detect]\nlabels = ["qr_code"]\n', "camera.front.detect.labels[0]"),
    ],
)
def test_a_configuration_that_contradicts_the_model_is_refused_as_a_whole(
    mirror: Site, config: Path, more: str, message: str
) -> None:
    config.write_text(config.read_text() + more)
    error = error_of(fetch(config, SSD, mirror.url, "--use"))
    assert f"{config}:" in error
    assert message in error
    assert conf_d(config) == []


def test_a_file_with_priority_over_the_drop_in_is_named(mirror: Site, config: Path) -> None:
    later = config.parent / "conf.d" / "90-mine.toml"
    later.parent.mkdir()
    later.write_text('[model]\npath = "../mine.tflite"\n')
    error = error_of(fetch(config, SSD, mirror.url, "--use"))
    assert (
        f"{later}:2: model.path: it belongs to another model than {SSD}; remove this line" in error
    )
    assert conf_d(config) == ["90-mine.toml"]


def test_a_drop_in_of_someone_else_is_left_alone(mirror: Site, config: Path) -> None:
    mine = config.parent / "conf.d" / "50-model.toml"
    mine.parent.mkdir()
    mine.write_text("# mine\n")
    error = error_of(fetch(config, SSD, mirror.url, "--use"))
    assert f"{mine} was not written by edged" in error
    assert mine.read_text() == "# mine\n"


def test_a_broken_connection_is_resumed_by_the_next_run(mirror: Site, config: Path) -> None:
    size = len(mirror.files[f"/{YOLOX_FILE}"])
    mirror.requests.clear()
    mirror.behaviours[f"/{YOLOX_FILE}"] = [net.cuts_after(size // 2), net.responds_with(404)]
    error = error_of(fetch(config, YOLOX, mirror.url))
    del mirror.behaviours[f"/{YOLOX_FILE}"]
    assert "404" in error
    report = fetch_json(config, YOLOX, mirror.url)

    assert report["changed"] is True
    assert mirror.requests[-1][1] == f"bytes={size // 2}-"


def test_another_file_at_the_address_is_refused(mirror: Site, config: Path) -> None:
    content = mirror.files[f"/{YOLOX_FILE}"]
    mirror.files[f"/{YOLOX_FILE}"] = content[:-1] + b"!"
    try:
        error = error_of(fetch(config, YOLOX, mirror.url, "--use"))
    finally:
        mirror.files[f"/{YOLOX_FILE}"] = content
    assert (
        f"{mirror.url}: the download ({len(content)} bytes) is not the file in the catalogue"
        in error
    )
    assert conf_d(config) == []
    assert list((config.parent / "state" / "catalogue").iterdir()) == []


def test_a_mirror_without_the_file_is_named(mirror: Site, config: Path) -> None:
    error = error_of(fetch(config, "mobilenet-v1-128", f"{mirror.url}/none"))
    assert f"{mirror.url}: the server answered 404 Not Found" in error


def test_a_full_disk_is_one_line(mirror: Site, config: Path) -> None:
    folder = config.parent / "state" / "catalogue"
    folder.mkdir(parents=True)
    mount = [MOUNT, "-t", "tmpfs", "-o", "size=1m", "edged-test", str(folder)]
    if os.geteuid() or subprocess.run(mount, check=False).returncode:
        pytest.skip("a small file system needs root")
    try:
        error = error_of(fetch(config, YOLOX, mirror.url, "--use"))
    finally:
        subprocess.run([UMOUNT, folder], check=True)
    assert f"cannot write {folder}/{YOLOX}.tflite: No space left on device" in error
    assert conf_d(config) == []


def test_a_model_that_cannot_run_here_is_not_used(mirror: Site, config: Path) -> None:
    config.write_text(config.read_text() + '[model]\nruntime = "tflite"\n')
    done = fetch(config, SSD, mirror.url, "--use")
    if done.returncode == 0:
        pytest.skip("tflite-runtime is installed here")
    assert "cannot run here" in error_of(done)
    assert conf_d(config) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")
def test_root_downloads_as_the_owner_of_the_state_directory(mirror: Site) -> None:
    python = find_python_of_everyone()
    if python is None:
        pytest.skip("every Python of this version is in a folder of root's")
    # Not in pytest's folders, to which it gives root's rights again whenever it starts.
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        config = folder / "edged.toml"
        config.write_text(f'{CAMERA}\n[device]\nstate_dir = "{folder}/state"\n')
        state = folder / "state"
        state.mkdir(0o750)
        os.chown(state, NOBODY_UID, NOBODY_UID)
        packages = (Path(edged.__file__).parents[1], Path(msgspec.__file__).parents[1])
        command = [python, "-m", "edged", "model", "fetch", YOLOX, "--use", "--json"]
        done = subprocess.run(
            [*command, "-c", str(config), "--from", mirror.url],
            env={**os.environ, "PYTHONPATH": ":".join(map(str, packages))},
            stdout=subprocess.PIPE,
            check=True,
        )
        report = json.loads(done.stdout)
        model, labels = (Path(file["path"]) for file in report["model"]["files"])
        assert (model.stat().st_uid, labels.stat().st_uid) == (NOBODY_UID, NOBODY_UID)
        assert Path(report["drop_in"]).stat().st_uid == config.stat().st_uid


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["yolo-nano"], 'the catalogue has no yolo-nano; did you mean "yolox-nano"?'),
        (["yolox-nano", "--edgetpu"], "yolox-nano is available for cpu only"),
        (["yolox-nano", "--catalogue", "/none.toml"], "cannot read the catalogue /none.toml"),
        (["yolox-nano", "-c", "/none/edged.toml"], "/none/edged.toml: there is no such file"),
    ],
)
def test_wrong_names_are_one_line(arguments: list[str], message: str, config: Path) -> None:
    done = run_edged("model", "fetch", "-c", config, *arguments)
    assert message in error_of(done)
    failed = run_edged("model", "fetch", "--json", "-c", config, *arguments)
    assert message in json.loads(failed.stdout)["error"]


def test_the_catalogue_is_listed_for_people_and_for_programs() -> None:
    listed = run_edged("model", "catalogue")
    assert "\nyolox-nano\n" in listed.stdout
    assert "licence      Apache-2.0" in listed.stdout
    answer = json.loads(run_edged("model", "catalogue", "--json").stdout)
    assert answer["model"][0]["cpu"]["sha256"]
    assert answer["model"][0]["camera_labels"][0] == "person"
