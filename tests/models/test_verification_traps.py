"""Networks with traps: what is written with exit 0 still gives what the network gives, judged by the network itself."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from trap_nets.colour_task import draw_pictures, write_pictures
from trap_nets.trap_net import TrapNet, read_classes
from trap_nets.traps import build_trap_net

from edged.errors import ModelError
from edged.families.inputs import image_input
from edged.families.outputs import dequantise
from edged.model.encode import Encoder
from edged.model.load import find_family
from edged.types import Fitting, Frame, InputSpec, ModelSignature, PixelFormat
from edged_models.cli.main import main
from edged_models.tensorflow import tf
from edged_models.verification.runtime_messages import RuntimeRefusal
from edged_models.verification.runtime_process import RuntimeProcess

SCHEMES = ("int8", "dynamic", "float16", "int16x8")
MIN_AGREEMENT = {"int8": 0.85, "dynamic": 0.9, "float16": 0.95, "int16x8": 0.9}
_TEST_SEED = 99


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a net: whether it was written, and on which share of the pictures it agrees with the network."""

    name: str
    scheme: str
    is_written: bool
    agreement: float

    @property
    def is_ruined(self) -> bool:
        return self.is_written and self.agreement < MIN_AGREEMENT[self.scheme]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pictures(tmp_path_factory.mktemp("colours"), 40, seed=5)


def quantize(trap: TrapNet, scheme: str, pictures: Path, folder: Path) -> Verdict:
    """Quantise a net by the command, and judge what it wrote."""
    source, out = folder / "net", folder / f"{scheme}.tflite"
    if not source.exists():
        tf.saved_model.save(trap.net, str(source))
    needs_calibration = scheme in ("int8", "int16x8")
    options = ["--calibrate" if needs_calibration else "--verify-on", str(pictures)]
    if not trap.takes_pixels:
        options += ["--mean", "127.5", "--std", "127.5"]
    code = main(["quantize", str(source), "--scheme", scheme, "--out", str(out), *options])
    assert out.exists() == (code == 0)
    agreement = judge(trap, out) if code == 0 else float("nan")
    return Verdict(trap.name, scheme, code == 0, agreement)


def judge(trap: TrapNet, path: Path) -> float:
    """Return the share of new pictures in which the file, fed by the daemon's encoder, has the class that the network gives.

    The file runs on the first runtime that runs it, in a process of its own: both do not stand each other.
    """
    images, _ = draw_pictures(60, _TEST_SEED)
    for runtime in ("litert", "tflite"):
        with RuntimeProcess(path, runtime) as process:
            loaded = process.load()
            if isinstance(loaded, RuntimeRefusal):
                continue
            encoder = Encoder(_find_spec(loaded.signature))
            frames = [Frame.from_pixels(image, PixelFormat.RGB24) for image in images]
            inputs = path.with_name("judged.npy")
            np.save(inputs, np.stack([encoder(frame).array.copy() for frame in frames]))
            process.start(inputs, budget_s=60, min_pictures=len(frames))
            outputs = process.collect(1)
            assert not isinstance(outputs, RuntimeRefusal), outputs
            (info,) = loaded.signature.outputs
            scores = np.stack([dequantise(one, info).ravel() for (one,) in outputs])
            return float((read_classes(scores) == trap.classify(images)).mean())
    return 0.0


def _find_spec(signature: ModelSignature) -> InputSpec:
    try:
        return find_family(signature, Path("model")).input
    except ModelError:
        spec = image_input(signature, fitting=Fitting.STRETCH, mean=0.0, std=1.0)
        assert not isinstance(spec, str), spec
        return spec


def judge_all(
    schemes_by_number: dict[int, tuple[str, ...]], pictures: Path, folder: Path
) -> Iterator[Verdict]:
    """Build the nets, quantise each with its schemes, and judge what was written."""
    for number, schemes in schemes_by_number.items():
        trap = build_trap_net(number)
        images, classes = draw_pictures(60, _TEST_SEED)
        accuracy = float((trap.classify(images) == classes).mean())
        assert accuracy >= 0.8, (
            f"{trap.name} is right on {accuracy:.2f}: it has not learned its task"
        )
        for scheme in schemes:
            yield quantize(trap, scheme, pictures, folder / trap.name)


def test_no_trap_is_written_as_a_ruined_model(pictures: Path, tmp_path: Path) -> None:
    schemes = {0: ("int8",), 1: ("int8",), 2: ("int16x8",), 3: ("float16",), 4: ("dynamic",)}
    schemes |= {5: ("int8",), 7: ("int8",), 11: ("int8",)}
    verdicts = list(judge_all(schemes, pictures, tmp_path))
    assert not [one for one in verdicts if one.is_ruined]
    assert sum(one.is_written for one in verdicts) >= 4, "a tool that refuses all is no proof"
    assert any(not one.is_written for one in verdicts), "nets without a trap prove nothing"


@pytest.mark.campaign
@pytest.mark.timeout(3600)
def test_no_trap_of_fifty_is_written_as_a_ruined_model(pictures: Path, tmp_path: Path) -> None:
    verdicts = list(judge_all(dict.fromkeys(range(50), SCHEMES), pictures, tmp_path))
    for one in verdicts:
        print(one)
    assert not [one for one in verdicts if one.is_ruined]
    assert sum(one.is_written for one in verdicts) >= len(verdicts) / 2
