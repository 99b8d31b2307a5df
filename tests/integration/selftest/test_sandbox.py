"""The self-test child cannot get out, tried from the inside; and what it is there for is as quick and right as outside."""

import json
import re
import shutil
from pathlib import Path

import pytest
from msgspec.structs import replace

from edged import bundled
from edged.config.settings import ModelSettings
from edged.errors import ModelError, list_notes
from edged.model.acceptance import run_acceptance_test
from edged.model.load import load_model
from edged.selftest.messages import SelfTestRequest
from edged.selftest.process import SelfTestProcess, self_test_model
from support import sandbox_escape as burglar
from support.data_files import data_file
from support.edgetpu import build_simulator

REFUSED = ("Operation not permitted", "Permission denied", "Function not implemented")


@pytest.fixture
def readable_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a file, and the burglar in the place of a runtime."""
    package = tmp_path / "modules" / "tflite_runtime"
    package.mkdir(parents=True)
    source = Path(burglar.__file__).read_text()
    (package / "__init__.py").write_text('__version__ = "0"')
    (package / "interpreter.py").write_text(source)
    room = tmp_path / "room"
    room.mkdir()
    (room / "here").write_text("here")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "modules"))
    monkeypatch.setenv("ESCAPE_READABLE", str(room))
    return room


def attempt_escapes(readable_folder: Path, delegate: str | None = None) -> dict[str, str]:
    """What the burglar says."""
    model = readable_folder / "model.tflite"
    shutil.copy(bundled.model_path(), model)
    with pytest.raises(ModelError) as raised:
        self_test_model(ModelSettings(path=model, runtime="tflite", delegate=delegate))
    # The message is short; the whole of it is a note.
    whole = "\n".join([*list_notes(raised.value), str(raised.value)])
    found = re.search(r"\{.*\}", whole)
    assert found, raised.value
    outcomes: dict[str, str] = json.loads(found[0])
    return outcomes


def disable_layer(layer: str, modules: Path) -> None:
    """The child finds itself on a system that lacks it."""
    lacking = {
        "seccomp": "from edged.selftest.sandbox import seccomp; seccomp._LIBRARY = 'libseccomp-none.so'",
        "landlock": "from edged.selftest.sandbox import landlock; landlock._CREATE_RULESET = 4095",
    }
    (modules / "sitecustomize.py").write_text(lacking[layer])


def test_no_door_opens_from_the_inside(readable_folder: Path) -> None:
    outcomes = attempt_escapes(readable_folder)
    assert outcomes.pop("a file that it may read") == "open"
    assert outcomes.pop("a thread") == "open"
    assert len(outcomes) > 25
    assert {name: outcome for name, outcome in outcomes.items() if outcome not in REFUSED} == {}
    assert (readable_folder / "here").read_text() == "here"


def test_each_layer_holds_without_the_other(readable_folder: Path, tmp_path: Path) -> None:
    disable_layer("seccomp", tmp_path / "modules")
    by_landlock = attempt_escapes(readable_folder)
    assert by_landlock["a local socket"] == "open"
    for door in ("the kernel's log", "other files", "a new file", "removing a file", "a program"):
        assert by_landlock[door] in REFUSED, door

    disable_layer("landlock", tmp_path / "modules")
    by_seccomp = attempt_escapes(readable_folder)
    assert by_seccomp["other files"] == "open"
    for door in ("a TCP socket", "a program", "a fork", "a new file", "a file for writing"):
        assert by_seccomp[door] in REFUSED, door


@pytest.mark.parametrize("layer", ["seccomp", "landlock"])
def test_a_system_that_lacks_a_layer_is_reported(
    layer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disable_layer(layer, tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    held = self_test_model(ModelSettings(runtime="simulated")).sandbox_layers
    assert set(held) == {"rlimits", "seccomp", "landlock"} - {layer}


def test_with_a_delegate_devices_are_open_and_little_else(
    readable_folder: Path, tmp_path: Path
) -> None:
    outcomes = attempt_escapes(readable_folder, delegate=str(build_simulator(tmp_path)))
    assert outcomes["the devices' names"] == "open"
    assert outcomes["a netlink socket"] == "open"
    for door in ("a TCP socket", "a local socket", "other files", "a new file", "a program"):
        assert outcomes[door] in REFUSED, door


@pytest.mark.runtime
def test_a_delegate_works_and_the_report_lists_that_devices_are_open(tmp_path: Path) -> None:
    settings = ModelSettings(
        path=data_file("models/mobilenet_v1_0.25_128_quant_edgetpu.tflite"),
        delegate=str(build_simulator(tmp_path)),
        delegate_options={"echo": "1"},
    )
    report = self_test_model(settings)
    assert report.delegate.startswith("edgetpu_sim")
    assert report.sandbox_layers == ("rlimits", "landlock", "seccomp", "devices open")


@pytest.mark.runtime
@pytest.mark.parametrize("name", ["", "models/yolox_nano_float16_quantize.tflite"])
def test_a_model_runs_in_it_as_it_does_outside(name: str) -> None:
    """XNNPACK among it: where the processor's features cannot be read, it is slow without a word."""
    settings = ModelSettings(path=data_file(name) if name else None)
    outside = load_model(settings)
    run_acceptance_test(outside)
    outside_ms = min(run_acceptance_test(outside) for _ in range(5))
    outside.interpreter.close()
    report = self_test_model(settings)
    assert report.sandbox_layers == ("rlimits", "landlock", "seccomp")
    assert report.delegate == (outside.interpreter.delegate or "")
    assert report.delegate.startswith("XNNPACK (") or (
        not name and report.runtime.startswith("tflite")
    )
    assert report.invoke_ms_p50 < 3 * outside_ms
    assert 10 < report.peak_memory_mb < 1000


def test_a_model_in_another_folder_gets_a_child_of_its_own(tmp_path: Path) -> None:
    with SelfTestProcess() as tryout:
        pids = []
        for folder in ("a", "a", "b"):
            (tmp_path / folder).mkdir(exist_ok=True)
            shutil.copy(bundled.model_path(), tmp_path / folder / "model.tflite")
            settings = ModelSettings(path=tmp_path / folder / "model.tflite", runtime="simulated")
            labels = tmp_path / folder / "labels.txt"
            labels.write_text("red\ngreen\nblue\n")
            for named in (settings, replace(settings, labels_file=labels)):
                tryout.run(SelfTestRequest(settings=named), timeout_s=20)
                assert tryout._child is not None
                pids.append(tryout._child.pid)
    assert len(set(pids[:4])) == len(set(pids[4:])) == 1
    assert pids[0] != pids[4]
