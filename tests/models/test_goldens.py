"""``edged-models goldens``: the files it writes; both runtimes match them, and a damaged model does not."""

import json
from collections import Counter
from hashlib import sha256
from pathlib import Path

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from pictures_on_disk import write_picture

from edged import bundled
from edged.model.goldens import ExpectedDetection, Goldens, find_mismatches, read_goldens
from edged_models.cli.main import main
from edged_models.errors import PicturesError
from edged_models.evaluation.evaluated_model import EvaluatedModel
from edged_models.goldens.candidates import GoldenCandidate, shrink_picture
from edged_models.goldens.generation import GeneratedGoldens, make_goldens
from edged_models.goldens.selection import derive_tolerances, select_goldens
from edged_models.pictures.labelled import LabelledPicture
from edged_models.pictures.open_pictures import open_pictures

MODEL = bundled.model_path()


@pytest.fixture(scope="module")
def made() -> GeneratedGoldens:
    return make_goldens(MODEL, open_pictures("scenes:held-out:24"))


@pytest.fixture(scope="module")
def pictures(
    made: GeneratedGoldens, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, LabelledPicture]:
    """Return the goldens' pictures by file name, as a device would read them."""
    folder = tmp_path_factory.mktemp("goldens")
    for name, content in made.files.items():
        (folder / name).write_bytes(content)
    return {Path(one.name).name: one for one in open_pictures(str(folder))}


def _find_all_mismatches(
    goldens: Goldens, pictures: dict[str, LabelledPicture], model: Path, runtime: str
) -> list[str]:
    mismatches: list[str] = []
    min_score = goldens.tolerances.lower_min_score(goldens.min_score)
    with EvaluatedModel(model, runtime=runtime) as opened:
        for golden in goldens.goldens:
            found, _ = opened.detect(pictures[golden.picture], min_score=min_score)
            mismatches += find_mismatches(
                golden.detections, found, goldens.tolerances, min_score=goldens.min_score
            )
    return mismatches


def test_kinds_and_digests(made: GeneratedGoldens, pictures: dict[str, LabelledPicture]) -> None:
    goldens = read_goldens(made.files["goldens.json"])
    assert goldens == made.goldens
    assert goldens.model_sha256 == sha256(MODEL.read_bytes()).hexdigest()
    kinds = Counter(golden.kind for golden in goldens.goldens)
    assert kinds == {"empty": 2, "easy": 2, "many": 2, "small": 1, "doubtful": 1}
    assert set(made.files) == {*pictures, "goldens.json"}
    for golden in goldens.goldens:
        assert sha256(made.files[golden.picture]).hexdigest() == golden.sha256
        assert bool(golden.detections) is (golden.kind != "empty")
        assert all(one.score >= goldens.min_score for one in golden.detections)


@pytest.mark.parametrize("runtime", ["litert", "tflite"])
def test_the_model_matches_its_goldens(
    made: GeneratedGoldens, pictures: dict[str, LabelledPicture], runtime: str
) -> None:
    assert _find_all_mismatches(made.goldens, pictures, MODEL, runtime) == []
    assert any(one.startswith(runtime) for one in made.runtimes)


def test_a_model_with_one_layer_reversed_does_not_match_them(
    made: GeneratedGoldens, pictures: dict[str, LabelledPicture], tmp_path: Path
) -> None:
    tree = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(MODEL.read_bytes(), 0))
    largest = max(tree.buffers, key=lambda buffer: 0 if buffer.data is None else len(buffer.data))
    largest.data = np.asarray(largest.data, np.uint8)[::-1]
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(tree.Pack(builder), b"TFL3")
    damaged = tmp_path / "damaged.tflite"
    damaged.write_bytes(builder.Output())
    assert _find_all_mismatches(made.goldens, pictures, damaged, "litert") != []


def test_the_command_writes_a_folder_and_replaces_only_goldens(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tmp_path / "marks.tflite"
    model.write_bytes(MODEL.read_bytes())
    args = ["goldens", str(model), "scenes:held-out:9", "--count", "4"]
    assert main([*args, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    out = tmp_path / "marks.goldens"
    assert result["out"] == str(out)
    assert result["pictures"] == 9
    assert len(list(out.iterdir())) == 5
    first = {path.name: path.read_bytes() for path in out.iterdir()}
    (out / "stale.png").write_bytes(b"")
    assert main(args) == 0
    assert "IoU at least" in capsys.readouterr().out
    assert {path.name: path.read_bytes() for path in out.iterdir()} == first
    assert sorted(p.name for p in tmp_path.iterdir()) == ["marks.goldens", "marks.tflite"]


def test_large_pictures_are_shrunk(tmp_path: Path) -> None:
    write_picture(tmp_path / "large.png", width=1300, height=400)
    write_picture(tmp_path / "small.png", width=300, height=400)
    large, small = open_pictures(str(tmp_path))
    assert shrink_picture(large).image.shape == (197, 640, 3)
    assert shrink_picture(small) is small


def _refused(capsys: pytest.CaptureFixture[str], *args: str) -> str:
    assert main(["goldens", str(MODEL), *args]) == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if "edged-models" in line]
    assert len(lines) == 1
    return lines[0]


def test_invalid_input_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = tmp_path / "photographs"
    write_picture(other / "a.png")
    out = ["--out", str(tmp_path / "out")]
    assert "files other than goldens" in _refused(capsys, "scenes:hard:9", "--out", str(other))
    assert "is not a folder" in _refused(capsys, "scenes:hard:9", "--out", str(MODEL))
    assert "8 goldens need 2 pictures without objects" in _refused(capsys, str(other), *out)
    assert "cannot write" in _refused(
        capsys, "scenes:held-out:9", "--count", "4", "--out", "/proc/none/goldens"
    )
    assert [p.name for p in tmp_path.iterdir()] == ["photographs"]
    with pytest.raises(SystemExit) as ended:
        main(["goldens", str(MODEL), "scenes:hard:9", "--count", "3"])
    assert ended.value.code == 2


def _candidate(
    index: int, *scores: float, side: float = 0.2, label: str = "cat"
) -> GoldenCandidate:
    expected = tuple(
        ExpectedDetection(label=label, class_id=0, score=score, box=(0.1, 0.1, 0.1 + side, 0.3))
        for score in scores
    )
    return GoldenCandidate(
        index=index, expected=expected, near_miss_score=0.4, min_iou=0.9, max_score_gap=0.01
    )


def test_every_kind_is_selected_and_new_labels_come_first() -> None:
    candidates = [
        _candidate(0),
        _candidate(1),
        _candidate(2, 0.9),
        _candidate(3, 0.8, 0.7, 0.6),
        _candidate(4, 0.7, side=0.01),
        _candidate(5, 0.51),
        _candidate(6, 0.6, label="dog"),
    ]
    selected = [(one.candidate.index, one.kind) for one in select_goldens(candidates, 7)]
    assert selected[:4] == [(0, "empty"), (1, "empty"), (2, "easy"), (6, "many")]
    assert selected[4:] == [(4, "small"), (5, "doubtful"), (3, "easy")]
    with pytest.raises(PicturesError, match="there are 2 and 5"):
        select_goldens(candidates, 8)


def test_tolerances_cover_the_measured_differences_and_a_margin() -> None:
    tolerances = derive_tolerances([_candidate(0), _candidate(1)])
    assert tolerances.min_iou == pytest.approx(0.85)
    assert tolerances.max_score_difference == pytest.approx(0.03)
