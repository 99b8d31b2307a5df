"""Goldens of a classifier: both runtimes match them, a bundle with them is taken, and a damaged model does not match them."""

import json
import shutil
from collections import Counter
from pathlib import Path

import pytest
from colour_classifier import LABELS, write_classifier, write_colours
from msgspec.structs import replace
from pictures_on_disk import write_coco_folder

from edged import bundled
from edged.authoring.bundle_contents import BundleContents, make_bundle_contents
from edged.authoring.bundle_spec import BundleSpec, ManifestDetails
from edged.config.settings import ModelSettings
from edged.errors import BundleError, ConfigError
from edged.model.golden_run import run_goldens
from edged.model.goldens import ExpectedDetection, read_goldens, write_goldens
from edged.model.load import load_model
from edged.selftest.messages import SelfTestRequest
from edged.selftest.process import SelfTestProcess
from edged_models.cli.main import main
from edged_models.errors import PicturesError
from edged_models.goldens.candidates import GoldenCandidate
from edged_models.goldens.selection import select_class_goldens


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_classifier(tmp_path_factory.mktemp("models") / "colours.tflite")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_colours(tmp_path_factory.mktemp("sets") / "colours", per_class=6)


@pytest.fixture(scope="module")
def goldens(model: Path, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("goldens") / "out"
    assert main(["goldens", str(model), str(folder), "--out", str(out), "--count", "16"]) == 0
    return out / "goldens.json"


def _mismatches(model: Path, goldens: Path, runtime: str) -> tuple[str, ...]:
    loaded = load_model(ModelSettings(path=model, runtime=runtime))
    try:
        return run_goldens(loaded, goldens)
    finally:
        loaded.interpreter.close()


def test_the_expected_classes_are_those_of_the_folders(goldens: Path) -> None:
    content = read_goldens(goldens.read_bytes())
    assert len(content.goldens) == 16
    assert Counter(one.kind for one in content.goldens) == {"easy": 8, "doubtful": 8}
    for one in content.goldens:
        (expected,) = one.detections
        assert expected.label == LABELS[expected.class_id]
        assert expected.box == (0.0, 0.0, 1.0, 1.0)
        assert expected.score >= content.min_score
    # Sixteen goldens of seven classes: two or three of each.
    counts = Counter(one.detections[0].label for one in content.goldens)
    assert set(counts) == set(LABELS)
    assert max(counts.values()) == 3


@pytest.mark.parametrize("runtime", ["litert", "tflite"])
def test_the_daemon_finds_the_expected_classes(model: Path, goldens: Path, runtime: str) -> None:
    assert _mismatches(model, goldens, runtime) == ()


@pytest.mark.parametrize("change", [{"damage": 1.0}, {"gain": 0.3}])
def test_a_damaged_classifier_does_not_match_them(
    tmp_path: Path, goldens: Path, change: dict[str, float]
) -> None:
    damaged = write_classifier(tmp_path / "damaged.tflite", **change)
    assert _mismatches(damaged, goldens, "litert") != ()


def test_the_sandboxed_self_test_reports_the_wrong_classes(tmp_path: Path, goldens: Path) -> None:
    damaged = write_classifier(tmp_path / "damaged.tflite", damage=1.0)
    with SelfTestProcess() as process:
        request = SelfTestRequest(settings=ModelSettings(path=damaged), goldens=goldens)
        report = process.run(request, timeout_s=60)
    assert report.family == "classification"
    assert any("no " in clause for clause in report.golden_mismatches)


def _make_bundle(
    folder: Path, model: Path, *, goldens: Path | None = None, pictures: Path | None = None
) -> BundleContents:
    """Make the contents of a bundle: they are self-tested, and checked as a device does."""
    spec = BundleSpec(
        name="colours",
        version="1",
        counter=1,
        epoch=0,
        licence="Apache-2.0",
        model=model,
        goldens=goldens,
        pictures=pictures,
        details=ManifestDetails(),
    )
    folder.mkdir()
    return make_bundle_contents(spec, folder, lambda _text, _share: None)


def test_a_bundle_of_a_classifier_is_made_with_them(
    tmp_path: Path, model: Path, goldens: Path
) -> None:
    made = _make_bundle(tmp_path / "bundle", model, goldens=goldens.parent)
    assert made.manifest.family == "classification"
    assert len([name for name in made.sources if name.endswith(".png")]) == 16
    one_class = tmp_path / "one"
    shutil.copytree(goldens.parent, one_class)
    content = read_goldens(goldens.read_bytes())
    (first, *_) = content.goldens
    names = [one.picture for one in content.goldens[:8]]
    for name in names:
        shutil.copy(goldens.parent / first.picture, one_class / name)
    same = tuple(replace(first, picture=name) for name in names)
    (one_class / "goldens.json").write_bytes(write_goldens(replace(content, goldens=same)))
    with pytest.raises(BundleError, match="8 pictures with 1 different answers of the classifier"):
        _make_bundle(tmp_path / "other", model, goldens=one_class)


def test_pictures_alone_make_a_bundle_of_a_classifier(
    tmp_path: Path, model: Path, folder: Path
) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for label in ("blue", "green"):
        for path in (folder / label).iterdir():
            shutil.copy(path, pictures)
    made = _make_bundle(tmp_path / "bundle", model, pictures=pictures)
    content = read_goldens(made.sources["goldens.json"].read_bytes())
    answers = {one.detections[0].label for one in content.goldens if one.detections}
    assert {"blue", "green"} <= answers
    few = tmp_path / "few"
    few.mkdir()
    for number in range(8):
        shutil.copy(folder / "blue" / "blue-00.png", few / f"{number}.png")
    with pytest.raises(ConfigError, match="usable are 6 with 1 different answers"):
        _make_bundle(tmp_path / "other", model, pictures=few)


def test_pictures_of_the_wrong_class_or_without_a_clear_one_are_unusable(
    model: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = ["--out", str(tmp_path / "out")]
    assert main(["goldens", str(model), str(folder), *out, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert 0 < result["unusable_pictures"] < result["pictures"] == 42
    assert result["tolerances"]["max_score_difference"] <= 0.05
    first = (tmp_path / "out" / "goldens.json").read_bytes()
    assert main(["goldens", str(model), str(folder), *out]) == 0
    assert (tmp_path / "out" / "goldens.json").read_bytes() == first


def test_unlabelled_pictures_serve_too(
    model: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = tmp_path / "plain"
    plain.mkdir()
    for path in folder.rglob("*.png"):
        (plain / path.name).write_bytes(path.read_bytes())
    assert main(["goldens", str(model), str(plain), "--out", str(tmp_path / "out"), "--json"]) == 0
    # Of these some are not sure enough for any class, and are expected to give none.
    kinds = json.loads(capsys.readouterr().out)["kinds"]
    assert kinds == {"empty": 2, "easy": 3, "doubtful": 3}


def test_sets_that_do_not_fit_are_refused(
    model: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = ["--out", str(tmp_path / "out")]
    write_coco_folder(tmp_path / "coco")
    assert main(["goldens", str(model), str(tmp_path / "coco"), *out]) == 1
    assert "is not a detector but a classifier" in capsys.readouterr().err
    assert main(["goldens", str(bundled.model_path()), str(folder), *out]) == 1
    assert "is a detector, and" in capsys.readouterr().err
    assert main(["goldens", str(model), str(folder / "red"), *out]) == 1
    assert "of 2 classes or more; there are" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def _candidate(index: int, label: str, score: float) -> GoldenCandidate:
    expected = ExpectedDetection(label=label, class_id=0, score=score, box=(0, 0, 1, 1))
    return GoldenCandidate(
        index=index, expected=(expected,), near_miss_score=0.0, min_iou=1.0, max_score_gap=0.0
    )


def test_sure_and_doubtful_pictures_of_all_classes_are_selected_by_turns() -> None:
    candidates = [
        _candidate(0, "cat", 0.99),
        _candidate(1, "cat", 0.6),
        _candidate(2, "dog", 0.9),
        _candidate(3, "dog", 0.7),
        _candidate(4, "dog", 0.8),
    ]
    selected = [(one.candidate.index, one.kind) for one in select_class_goldens(candidates, 4)]
    assert selected == [(0, "easy"), (3, "doubtful"), (2, "easy"), (1, "doubtful")]
    with pytest.raises(PicturesError, match="there are 2, of 1"):
        select_class_goldens(candidates[:2], 2)
