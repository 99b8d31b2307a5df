"""The thresholds in a model file: read, refused, and in force unless the configuration says otherwise."""

import zipfile
from pathlib import Path

import pytest

from edged import bundled
from edged.config.settings import DetectSettings, LabelFilter
from edged.errors import ModelError
from edged.model.file.metadata import read_metadata
from edged.model.file.thresholds import THRESHOLDS_FILE, encode_thresholds
from support.worker_messages import model_ready


def test_the_bundled_models_recommend_thresholds_for_their_labels() -> None:
    for name in ("marks", "marks-fast", "marks-accurate"):
        metadata = read_metadata(bundled.model_path(name))
        assert set(metadata.thresholds) < set(metadata.labels)
        assert all(0.5 < score < 0.7 for score in metadata.thresholds.values())


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"[", "object"),
        (b"{", "truncated"),
        (b'{"qr_code": 0.4}', "0.5"),
        (b'{"qr_code": 2}', "1.0"),
        (b'{"qr_code": "high"}', "qr_code|float"),
        (b" " * (65 << 10), "larger than"),
    ],
)
def test_damaged_thresholds_are_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    graph = tmp_path / "graph.tflite"
    with zipfile.ZipFile(bundled.model_path()) as archive:
        begin = min(entry.header_offset for entry in archive.infolist())
    graph.write_bytes(bundled.model_path().read_bytes()[:begin])
    with zipfile.ZipFile(graph, "a") as archive:
        archive.writestr(THRESHOLDS_FILE, content)
    with pytest.raises(
        ModelError, match=f"{THRESHOLDS_FILE} in the model cannot be read: .*({reason})"
    ):
        read_metadata(graph)


def test_thresholds_below_the_default_cannot_be_written() -> None:
    assert b"0.6" in encode_thresholds({"qr_code": 0.6})
    with pytest.raises(ModelError, match="no thresholds"):
        encode_thresholds({"qr_code": 0.3})


def test_a_bundle_comes_before_the_file() -> None:
    ready = model_ready(thresholds={"qr_code": 0.6})
    of_file = DetectSettings(label={"qr_code": LabelFilter(threshold=0.6)})
    assert ready.choose_filters(DetectSettings()) == of_file
    of_bundle = DetectSettings(threshold=0.4)
    assert ready.choose_filters(of_bundle) == of_bundle
    assert model_ready().choose_filters(DetectSettings()) == DetectSettings()
