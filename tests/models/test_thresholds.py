"""Recommended thresholds in a model file: the graph stays as it is, and the daemon reads them."""

from pathlib import Path

import pytest

from edged.errors import ModelError
from edged.model.file.metadata import read_metadata
from edged_models import bundled
from edged_models.conversion.associated_files import split_associated_files
from edged_models.conversion.thresholds import attach_thresholds
from edged_models.release.variants import VARIANTS, BundledVariant


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.file)
def test_the_bundled_files_have_the_thresholds_of_their_variant(variant: BundledVariant) -> None:
    metadata = read_metadata(bundled.FOLDER / variant.file)
    assert metadata.thresholds == variant.thresholds
    assert set(variant.thresholds) <= set(metadata.labels)


def test_thresholds_are_replaced_and_removed_and_the_graph_is_the_same(tmp_path: Path) -> None:
    original = (bundled.FOLDER / "marks.tflite").read_bytes()
    changed = attach_thresholds(original, {"barcode": 0.9})
    path = tmp_path / "changed.tflite"
    path.write_bytes(changed)
    assert read_metadata(path).thresholds == {"barcode": 0.9}
    assert read_metadata(path).labels == read_metadata(bundled.FOLDER / "marks.tflite").labels
    assert split_associated_files(changed)[0] == split_associated_files(original)[0]
    path.write_bytes(attach_thresholds(changed, {}))
    assert read_metadata(path).thresholds == {}


def test_a_threshold_below_the_default_is_refused() -> None:
    with pytest.raises(ModelError, match="no thresholds"):
        attach_thresholds((bundled.FOLDER / "marks.tflite").read_bytes(), {"barcode": 0.2})
