"""``edged-models pictures``: counts, digests, and COCO folders that read back unchanged."""

import json
from pathlib import Path

import numpy as np
import pytest

from edged_models.cli.main import main
from edged_models.pictures.open_pictures import open_pictures


def test_a_set_written_as_coco_reads_back_unchanged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "coco"
    assert main(["pictures", "scenes:held-out:6", "--out", str(out), "--json"]) == 0
    (report,) = json.loads(capsys.readouterr().out)["sets"]
    drawn, read = open_pictures("scenes:held-out:6"), open_pictures(str(out))
    assert read.labels == drawn.labels
    assert sum(report["objects"].values()) == sum(len(one.boxes) for one in drawn)
    for written, reread in zip(drawn, read, strict=True):
        assert np.array_equal(written.image, reread.image)
        assert reread.classes.tolist() == written.classes.tolist()
        assert reread.boxes == pytest.approx(written.boxes, abs=1e-3)


def test_the_same_seeds_have_the_same_digest(capsys: pytest.CaptureFixture[str]) -> None:
    digests = []
    for spec in ("scenes:train:4", "scenes:train:4", "scenes:held-out:4"):
        assert main(["pictures", spec, "--json"]) == 0
        digests.append(json.loads(capsys.readouterr().out)["sets"][0]["sha256"])
    assert digests[0] == digests[1] != digests[2]


def test_a_folder_with_a_set_is_not_overwritten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "annotations.json").write_text("{}")
    assert main(["pictures", "scenes:held-out:2", "--out", str(tmp_path)]) == 1
    assert "already" in capsys.readouterr().err
    assert (tmp_path / "annotations.json").read_text() == "{}"


def test_a_missing_set_is_reported_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pictures", "/nowhere"]) == 1
    assert "/nowhere" in capsys.readouterr().err
