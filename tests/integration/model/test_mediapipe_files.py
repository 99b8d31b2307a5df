"""Two detectors with metadata by MediaPipe's own writer are decoded as MediaPipe's own ObjectDetector decodes them.

The expected values are those of MediaPipe 0.10.21 and 1.2.3, which agree, for detections that lie wholly inside the picture.
"""

from pathlib import Path

import numpy as np
import pytest

from edged.cli.main import main
from edged.config.settings import ModelSettings
from edged.families.mediapipe import MediaPipeFamily
from edged.model.file.metadata import read_metadata
from edged.model.load import Model, load_model
from support import make_mediapipe_model
from support.pictures import frame, run_inference

pytestmark = pytest.mark.runtime

FOLDER = Path(make_mediapipe_model.__file__).parent
QUARTERS_RGB = [[(200, 60, 40), (10, 220, 90)], [(250, 250, 20), (30, 30, 200)]]
EXPECTED = {
    "float": [
        ("green", 0.9991, (0.2203, 0.1750, 0.6750, 0.3234)),
        ("blue", 0.9768, (0.3891, 0.1016, 0.4828, 0.3734)),
        ("blue", 0.9663, (0.3172, 0.5328, 0.4875, 0.8047)),
        ("red", 0.9339, (0.1219, 0.4141, 0.5625, 0.4266)),
    ],
    "uint8": [
        ("green", 0.9961, (0.2219, 0.1797, 0.6719, 0.3250)),
        ("blue", 0.9766, (0.3875, 0.1031, 0.4828, 0.3734)),
        ("blue", 0.9648, (0.3219, 0.5297, 0.4953, 0.7969)),
        ("red", 0.9297, (0.1219, 0.4141, 0.5578, 0.4266)),
    ],
}
_PIXELS = 2 / 640
"""MediaPipe rounds to whole pixels of the picture."""


def opened(name: str) -> Model:
    return load_model(ModelSettings(path=FOLDER / f"mediapipe_{name}.tflite"))


@pytest.mark.parametrize("name", EXPECTED)
def test_the_metadata_of_mediapipes_writer_is_read(name: str) -> None:
    decoding = read_metadata(FOLDER / f"mediapipe_{name}.tflite").box_decoding
    assert decoding is not None
    anchors = np.array(make_mediapipe_model.make_anchors())[:, [1, 0, 3, 2]]
    assert decoding.read_anchors() == pytest.approx(anchors, abs=1e-6)
    assert decoding.scales == make_mediapipe_model.SCALES
    assert (decoding.class_count, decoding.value_count) == (3, 4)
    assert (decoding.has_exponential_sizes, decoding.has_logits) == (True, False)
    assert decoding.output_names == ("score", "location")


@pytest.mark.parametrize("name", EXPECTED)
def test_the_detections_are_mediapipes(name: str) -> None:
    model = opened(name)
    assert isinstance(model.family, MediaPipeFamily)
    quarters = np.array(QUARTERS_RGB, np.uint8)[..., ::-1]
    picture = frame(np.ascontiguousarray(quarters.repeat(320, axis=0).repeat(320, axis=1)))
    found = run_inference(model, picture, 0.5)
    for label, score, box in EXPECTED[name]:
        near = np.abs(found.boxes - np.array(box)).max(axis=1) < _PIXELS
        assert [model.label_of(int(i)) for i in found.class_ids[near]] == [label]
        assert found.scores[near] == pytest.approx([score], abs=0.005)


def test_inspect_reports_the_model_in_words_and_in_json(
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = str(FOLDER / "mediapipe_float.tflite")
    assert main(["inspect", path]) == 0
    assert "family       mediapipe\n" in capsys.readouterr().out
    assert main(["inspect", path, "--json"]) == 0
    assert '"class_count": 3' in capsys.readouterr().out
