"""``edged-models evaluate`` on the bundled model and on third-party models."""

import json
from pathlib import Path

import msgspec
import numpy as np
import pytest
from pictures_on_disk import write_coco_folder, write_picture

from edged import bundled
from edged.config.settings import ModelSettings
from edged.model.load import load_model
from edged_models.cli.main import main
from edged_models.evaluation.evaluate import evaluate
from edged_models.evaluation.evaluated_model import to_frame
from edged_models.evaluation.results import Evaluation
from edged_models.pictures.labelled import PictureSet
from edged_models.pictures.open_pictures import open_pictures
from support.data_files import data_file

MODEL = str(bundled.model_path())


@pytest.fixture(scope="module")
def evaluation(scenes: PictureSet) -> Evaluation:
    return evaluate(bundled.model_path(), scenes, runtime="litert")


def test_the_figures_agree_with_one_another(evaluation: Evaluation, scenes: PictureSet) -> None:
    assert evaluation.pictures == len(scenes)
    assert evaluation.objects == sum(len(p.boxes) for p in scenes)
    assert evaluation.empty_pictures == sum(not len(p.boxes) for p in scenes)
    assert evaluation.objects == sum(one.count for one in evaluation.by_label)
    assert evaluation.objects == sum(one.count for one in evaluation.by_size)
    assert evaluation.objects == sum(map(sum, evaluation.confusion.counts[:-1]))
    right = sum(row[i] for i, row in enumerate(evaluation.confusion.counts))
    assert evaluation.recall == pytest.approx(right / evaluation.objects)
    assert evaluation.ap < evaluation.ap50
    assert evaluation.ap50 > 0.6


def test_detections_equal_those_of_the_daemon(evaluation: Evaluation, scenes: PictureSet) -> None:
    model = load_model(ModelSettings(path=bundled.model_path(), runtime="litert"))
    found = 0
    for scene in scenes:
        tensor = model.encoder(to_frame(scene.image))
        outputs = model.interpreter.invoke(tensor.array)
        found += len(model.family.decode(outputs, tensor.fit, min_score=evaluation.min_score))
    model.interpreter.close()
    counts = np.array(evaluation.confusion.counts)
    assert counts[:, :-1].sum() == found


def test_both_runtimes_give_nearly_the_same_figures(
    evaluation: Evaluation, scenes: PictureSet
) -> None:
    other = evaluate(bundled.model_path(), scenes, runtime="tflite")
    assert other.runtime.startswith("tflite")
    assert other.ap50 == pytest.approx(evaluation.ap50, abs=0.05)


def test_two_models_side_by_side_with_plots(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    curves = tmp_path / "new" / "curves.png"
    scenes = "scenes:held-out:3"
    assert main(["evaluate", MODEL, MODEL, scenes, "--json", "--curves", str(curves)]) == 0
    first, second = json.loads(capsys.readouterr().out)["evaluations"]
    assert first["ap"] == second["ap"]
    assert curves.read_bytes().startswith(b"\x89PNG")
    assert main(["evaluate", MODEL, MODEL, scenes]) == 0
    assert "invoke ms" in capsys.readouterr().out


def test_one_model_as_text_with_plots(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [tmp_path / "curves.svg", tmp_path / "confusion.png"]
    options = ["--curves", str(files[0]), "--confusion", str(files[1])]
    assert main(["evaluate", MODEL, "scenes:held-out:9", "--limit", "4", *options]) == 0
    out = capsys.readouterr().out
    assert "(4 of 9)" in out
    assert "small, below 32" in out
    assert sorted(tmp_path.iterdir()) == sorted(files)


def test_pictures_without_labels_are_pictures_without_objects(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_picture(tmp_path / "a.png")
    assert main(["evaluate", MODEL, str(tmp_path), "--json"]) == 0
    (result,) = json.loads(capsys.readouterr().out)["evaluations"]
    assert result["ap"] is None
    assert result["empty_pictures"] == 1
    assert main(["evaluate", MODEL, str(tmp_path), "--curves", str(tmp_path / "c.png")]) == 1
    assert "no labels" in capsys.readouterr().err


def test_a_third_party_model_on_a_clip_with_one_of_its_classes() -> None:
    path = data_file("video/one-by-one-person-detection.mp4")
    model = data_file("models/coco_ssd_mobilenet_v1_1.0_quant_2018_06_29.tflite")
    frames = [0, 8, 30, 100]  # of the labelled frames: none with a person, then some
    clip = open_pictures(f"{path}:person")
    chosen = _SelectedPictures(clip, frames)
    result = evaluate(model, chosen)
    assert [one.label for one in result.by_label] == ["person"]
    assert "bicycle" in result.not_in_pictures
    assert result.recall == 1.0
    assert result.false_alarms_per_empty_picture == 0.0


class _SelectedPictures:
    def __init__(self, pictures: PictureSet, indices: list[int]) -> None:
        self.name, self.labels, self.task = pictures.name, pictures.labels, pictures.task
        self._pictures = [pictures[index] for index in indices]

    def __len__(self) -> int:
        return len(self._pictures)

    def __getitem__(self, index: int) -> object:
        return self._pictures[index]

    def __iter__(self) -> object:
        return iter(self._pictures)


def _refused(capsys: pytest.CaptureFixture[str], *args: str) -> str:
    assert main(["evaluate", *args]) == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if "edged-models" in line]
    assert len(lines) == 1
    return lines[0]


def test_invalid_input_is_one_clear_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_coco_folder(tmp_path / "animals")
    junk = tmp_path / "junk.tflite"
    junk.write_bytes(b"no model at all")
    damaged = tmp_path / "damaged.tflite"
    damaged.write_bytes(bundled.model_path().read_bytes()[:20_000])
    assert "knows none of the pictures' labels" in _refused(
        capsys, MODEL, str(tmp_path / "animals")
    )
    assert "no such file" in _refused(capsys, MODEL, str(tmp_path / "nowhere"))
    assert "not a TensorFlow Lite model" in _refused(capsys, str(junk), "scenes:held-out:1")
    assert str(damaged) in _refused(capsys, str(damaged), "scenes:held-out:1")
    plot = ["--curves", "/proc/none/curves.png"]
    assert "cannot write" in _refused(capsys, MODEL, "scenes:held-out:2", *plot)


def test_a_classifier_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    classifier = data_file("models/mobilenet_v1_0.25_128_quant.tflite")
    assert "is not a detector" in _refused(capsys, str(classifier), "scenes:held-out:1")


@pytest.mark.parametrize(
    "args",
    [
        [MODEL],
        [MODEL, "scenes:hard:1", "--min-score", "2"],
        [MODEL, "scenes:hard:1", "--limit", "0"],
        [MODEL, "scenes:hard:1", "--curves", "a.gif"],
        [MODEL, MODEL, "scenes:hard:1", "--confusion", "a.png"],
    ],
)
def test_wrong_use(args: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["evaluate", *args])
    assert ended.value.code == 2


def test_the_evaluation_can_be_decoded_again(evaluation: Evaluation) -> None:
    assert msgspec.json.decode(msgspec.json.encode(evaluation), type=Evaluation) == evaluation
