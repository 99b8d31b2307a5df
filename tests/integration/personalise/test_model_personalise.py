"""`edged model personalise`: a device learns from pictures, tries the result like any update, and goes back."""

import json
import os
import re
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

import edged
from edged import bundled
from edged.updates.bundle.signing import generate_key_pair
from edged.updates.service.control_messages import StatusRequest
from support.bundles import SigningKeys
from support.drawn_classes import CLASSES, PERSONALISABLE, draw_classes
from support.other_user import NOBODY_UID, find_python_of_everyone
from support.update_device import UpdateDevice, run_edged, running_device
from support.waiting import wait_for

OWN_KEY = '[updates]\ntrust = "trust.json"\nlocal_key = "own.pub"\nreserve_mb = 0'
QUICK = """
[probation]
min_baseline_s = 0.5
min_s = 0.5
min_frames = 3
min_boxes = 0
min_fps_ratio = 0.0
max_p95_ratio = 1000.0
shadow_every = 1
min_f1 = 0.0
detection_ratio = [0.0, 1000.0]
"""


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_classes(tmp_path_factory.mktemp("drawn") / "pictures", 12, seed=3)


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UpdateDevice]:
    """A device that accepts models of its own."""
    folder = tmp_path_factory.mktemp("device")
    generate_key_pair(folder / "own")
    (folder / "quick.toml").write_text(QUICK)
    with running_device(folder, model="", updates=f'local_key = "{folder}/own.pub"') as running:
        running.recorder.await_event("start")
        yield running


def personalise(device: UpdateDevice, pictures: Path, *arguments: str | Path) -> dict[str, object]:
    done = run_edged(
        "model", "personalise", pictures, "--json", "-c", device.daemon.config, *arguments,
        "--manifest", device.folder / "quick.toml", "--key", device.folder / "own.pem",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    result: dict[str, object] = json.loads(done.stdout)
    return result


@pytest.mark.runtime
def test_a_device_learns_tries_commits_and_goes_back(device: UpdateDevice, pictures: Path) -> None:
    before = active_model(device)
    result = personalise(device, pictures, "--model", PERSONALISABLE)
    outcome = device.await_outcome(str(result["deployment"]))
    assert (outcome["outcome"], result["changed"]) == ("committed", True), outcome
    assert active_model(device) == "local-classifier@1"
    after = len(device.recorder.messages("/detections"))
    device.recorder.await_message(
        "/detections",
        lambda body: any(one["label"] in CLASSES for one in body["detections"]),
        after=after,
    )

    again = personalise(device, pictures)  # from the installed model, which knows the classes now
    learnt = again["learning"]
    assert isinstance(learnt, dict)
    assert (again["changed"], learnt["accuracy_before"]) == (False, learnt["accuracy_after"])

    done = run_edged("model", "rollback", "-c", device.daemon.config)
    assert done.returncode == 0, done.stderr
    wait_for(lambda: active_model(device) == before)


def active_model(device: UpdateDevice) -> str:
    return device.send_request(StatusRequest()).status.active_model


def test_a_device_refuses_its_own_models_without_the_setting(
    pictures: Path, tmp_path: Path
) -> None:
    generate_key_pair(tmp_path / "own")
    config = write_config(tmp_path, '[updates]\ntrust = "trust.json"')
    done = run_edged(
        "model", "personalise", pictures, "--model", PERSONALISABLE, "-c", config, "--key", tmp_path / "own.pem",
    )  # fmt: skip
    assert done.returncode == 1
    assert "updates.local_key" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")
def test_root_reads_the_key_and_learns_as_the_owner_of_the_state_directory() -> None:
    """Without a daemon: the self-test is done, and the trial begins when the daemon starts."""
    python = find_python_of_everyone()
    if python is None:
        pytest.skip("every Python of this version is in a folder of root's")
    # Not in pytest's folders, to which it gives root's rights again whenever it starts.
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        state = folder / "state"
        state.mkdir(0o750)
        os.chown(state, NOBODY_UID, NOBODY_UID)
        generate_key_pair(folder / "own")
        (folder / "trust.json").write_bytes(SigningKeys().trust_envelope())
        config = write_config(folder, OWN_KEY)
        model = shutil.copy(PERSONALISABLE, folder)
        command = [
            *(python, "-m", "edged", "model", "personalise", "--json", "-c", config),
            *(draw_classes(folder / "pictures", 12, seed=3), "--model", model),
            *("--key", folder / "own.pem"),
        ]
        packages = (Path(edged.__file__).parents[1], Path(msgspec.__file__).parents[1])
        environment = {**os.environ, "PYTHONPATH": ":".join(map(str, packages))}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        bundle = Path(json.loads(done.stdout)["bundle"])
        assert bundle.stat().st_uid == NOBODY_UID
        again = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False
        )
        assert again.returncode == 1
        assert re.fullmatch("edged: the deployment .* is in progress: .*\n", again.stderr)


def write_config(folder: Path, text: str = "") -> Path:
    config = folder / "edged.toml"
    config.write_text(
        f'{text}\n[device]\nstate_dir = "{folder}/state"\n[camera.front]\nsource = "synthetic"\n[mqtt]\nhost = "127.0.0.1"\n'
    )
    return config


def make_folder(folder: Path, pictures: Path, case: str) -> Path:
    """Make a copy of the pictures with a fault."""
    shutil.copytree(pictures, folder)
    first, second = (folder / name for name in CLASSES)
    if case == "one class":
        shutil.rmtree(second)
    elif case == "too few":
        for path in sorted(first.iterdir())[3:]:
            path.unlink()
    elif case == "no picture":
        (first / "00.png").write_text("no picture")
    elif case == "many classes":
        for number in range(3):
            shutil.copytree(first, folder / f"copy-{number}")
    elif case == "mixed":  # nothing can be learnt from classes that are the same
        shutil.rmtree(second)
        shutil.copytree(first, second)
    elif case == "label":
        first.rename(folder / "#1")
    return folder


@pytest.mark.runtime
@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("one class", "has 1 subfolders: put the pictures of each class into one"),
        ("too few", "fiducial_tag has 3 pictures: add some, at least 4"),
        ("no picture", r"cannot read .*/fiducial_tag/00.png as a picture.*: remove or replace it"),
        ("many classes", "pictures of 5 classes, and .*personalisable.tflite can learn 4"),
        ("mixed", "nothing is installed: the new model classifies 50% of 6 held-out pictures"),
        ("label", "names of the subfolders cannot be labels"),
    ],
)
def test_bad_pictures_are_one_line(case: str, message: str, pictures: Path, tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "pictures", pictures, case)
    out = tmp_path / "new.tflite"
    done = run_edged(
        "model", "personalise", folder, "--model", PERSONALISABLE, "--out", out, "-c", write_config(tmp_path)
    )  # fmt: skip
    assert done.returncode == 1
    assert re.fullmatch(f"edged: .*{message}.*\n", done.stderr)
    assert not out.exists()
    assert list((tmp_path / "state").glob(".personalise-*")) == []


@pytest.mark.runtime
def test_a_model_that_cannot_learn_is_one_line(pictures: Path, tmp_path: Path) -> None:
    done = run_edged(
        "model", "personalise", pictures, "--model", bundled.model_path(), "--out", tmp_path / "new.tflite",
        "-c", write_config(tmp_path),
    )  # fmt: skip
    assert done.returncode == 1
    assert "`edged-models personalise`" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.runtime
def test_a_second_run_writes_nothing(pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "new.tflite"
    command = ("model", "personalise", pictures, "--model", PERSONALISABLE, "--out", out, "--json")
    first, second = (
        json.loads(run_edged(*command, "-c", write_config(tmp_path)).stdout) for _ in range(2)
    )
    assert (first["changed"], second["changed"]) == (True, False)
    assert first["learning"]["accuracy_after"] >= 0.8


def limit_files() -> None:
    """Let no file become larger than 20 KB: writing fails as on a full disk."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))


def test_a_disk_without_space_is_one_line(pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "new.tflite"
    done = run_edged(
        "model", "personalise", pictures, "--model", PERSONALISABLE, "--out", out, "-c", write_config(tmp_path),
        preexec_fn=limit_files,
    )  # fmt: skip
    assert done.returncode == 1
    assert re.fullmatch(r"edged: cannot write .*: File too large\n", done.stderr)
    assert not out.exists()
    assert list((tmp_path / "state").iterdir()) == []
