"""The self-test child: what a model does to it stays in it."""

from pathlib import Path

import pytest

from edged.config.settings import ModelSettings
from edged.errors import ConfigError, InvokeError, ModelError, RegistryError
from edged.interpreters.simulated import LABELS
from edged.selftest.messages import SelfTestRequest
from edged.selftest.process import SelfTestKilledError, SelfTestProcess, self_test_model
from support.data_files import data_file


def simulated(**options: str) -> ModelSettings:
    return ModelSettings(
        runtime="simulated", path=Path("simulated.tflite"), delegate_options=options
    )


def test_a_model_is_reported_as_it_is() -> None:
    report = self_test_model(simulated(latency_ms="3"))
    assert (report.name, report.family, report.runtime) == ("simulated@1", "ssd", "simulated")
    assert report.labels == LABELS
    assert report.ops == {"TFLite_Detection_PostProcess": 1}
    assert (report.input.width, report.input.height) == (320, 240)
    assert 3.0 <= report.invoke_ms_p50 <= report.invoke_ms_p95
    assert report.detections == ()


def test_a_crash_is_an_error_that_names_the_signal_and_the_next_model_gets_a_new_child() -> None:
    with SelfTestProcess() as tryout:
        with pytest.raises(ModelError, match=r"simulated\.tflite crashed the interpreter.*SIGABRT"):
            tryout.run(SelfTestRequest(settings=simulated(crash_after="1")), timeout_s=20)
        assert tryout.run(SelfTestRequest(settings=simulated()), timeout_s=20).family == "ssd"


def test_a_hang_is_stopped() -> None:
    with pytest.raises(ModelError, match=r"took more than 1\.5 s and was stopped"):
        self_test_model(simulated(hang_after="0"), timeout_s=1.5)


def test_errors_keep_their_kind_across_the_processes() -> None:
    no_picture = data_file("models/coco_labelmap.txt")
    with SelfTestProcess() as tryout:
        for settings, kind in (
            (simulated(fail_after="1"), InvokeError),
            (ModelSettings(runtime="onnx"), RegistryError),
        ):
            with pytest.raises(kind):
                tryout.run(SelfTestRequest(settings=settings), timeout_s=20)
        with pytest.raises(ConfigError, match="cannot read"):
            tryout.run(SelfTestRequest(settings=simulated(), image=no_picture), timeout_s=20)


def test_a_model_with_too_much_metadata_is_refused(tmp_path: Path) -> None:
    labels = tmp_path / "labels.txt"
    labels.write_text("\n".join(f"label number {i}" for i in range(20_000)))
    settings = ModelSettings(runtime="simulated", labels_file=labels)
    with pytest.raises(
        ModelError, match=r"labels and metadata are too long.* over the 131072 bytes"
    ):
        self_test_model(settings)


def test_the_child_may_write_no_files_and_leaves_no_core() -> None:
    with SelfTestProcess() as tryout:
        tryout.run(SelfTestRequest(settings=simulated()), timeout_s=20)
        assert tryout._child is not None
        limits = Path(f"/proc/{tryout._child.pid}/limits").read_text()
    assert "Max file size             0 " in limits
    assert "Max core file size        0 " in limits


def install_fake_package(folder: Path, package: str, interpreter: str) -> None:
    """A package of that name in front of the real one, whose `interpreter` module is this source."""
    module = folder / package
    module.mkdir()
    (module / "__init__.py").write_text("__version__ = '2.14.0'\n")
    (module / "interpreter.py").write_text(interpreter)


def test_runtimes_that_cannot_be_used_are_reported_with_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One is not there; the other does what tflite-runtime does beside numpy 2: its import is well, its constructor is not."""
    install_fake_package(tmp_path, "ai_edge_litert", "raise ImportError('not here')")
    install_fake_package(
        tmp_path, "tflite_runtime", "def Interpreter(**_): raise SystemError('wrong numpy')"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    path = data_file("models/mobilenet_v1_0.25_128_quant.tflite")
    with pytest.raises(RegistryError) as refused:
        self_test_model(ModelSettings(path=path))
    assert "(not here): install edged[litert]" in str(refused.value)
    assert "tflite 2.14.0 does not work with numpy" in str(refused.value)


def test_a_self_test_that_cannot_even_start_says_nothing_about_the_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broken installation, a full disk or an upgrade under way: the model crashed nothing."""
    monkeypatch.setenv("PYTHONHOME", str(tmp_path / "nowhere"))
    with (
        SelfTestProcess() as process,
        pytest.raises(SelfTestKilledError, match="exited with 1 without an answer"),
    ):
        process.run(SelfTestRequest(settings=simulated()), timeout_s=20.0)
