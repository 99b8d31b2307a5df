"""``edged-models card``: its facts are those of the file and of the evaluation."""

import json
from hashlib import sha256
from pathlib import Path

import pytest
from colour_classifier import write_classifier, write_colours
from pictures_on_disk import write_picture

from edged import bundled
from edged.marks import MARK_LABELS
from edged_models.cli.main import main

MODEL = str(bundled.model_path())
SHA = sha256(bundled.model_path().read_bytes()).hexdigest()


def test_the_card_has_contents_figures_and_provenance(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_picture(tmp_path / "photographs" / "a.png")
    about = tmp_path / "about.md"
    about.write_text("## What it is for\n\nMarks on parcels.\n")
    provenance = tmp_path / "provenance.json"
    provenance.write_text(json.dumps({"seed": 7, "models": [{"file": "a|b", "sha256": SHA}]}))
    out = tmp_path / "new" / "CARD.md"
    assert main([
        "card", MODEL, "--pictures", "scenes:held-out:9", "--pictures", str(tmp_path / "photographs"),
        "--about", str(about), "--provenance", str(provenance), "--out", str(out), "--json",
    ]) == 0  # fmt: skip
    assert json.loads(capsys.readouterr().out)["evaluations"] == 2
    text = out.read_text()
    facts = json.loads(out.with_suffix(".json").read_text())
    scenes, photographs = facts["evaluations"]
    assert text.startswith(f"# {facts['model']['title']}\n")
    for expected in (
        SHA,
        ", ".join(MARK_LABELS),
        "Apache-2.0",
        "Marks on parcels.",
        "[CARD.json](CARD.json)",
    ):
        assert expected in text
    assert f"| AP | {scenes['ap']:.3f} (at IoU 0.5 {scenes['ap50']:.3f}" in text
    assert photographs["ap"] is None
    assert "the pictures have no labels" in text
    assert "| seed | 7 |" in text
    assert "| models, 1, file | a\\|b |" in text


def test_without_pictures_the_card_has_no_evaluation(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["card", MODEL, "--out", str(tmp_path / "CARD.md")]) == 0
    assert "see --pictures" in capsys.readouterr().out
    text = (tmp_path / "CARD.md").read_text()
    assert "Not evaluated." in text
    assert "Provenance" not in text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{}", "is not the provenance of"),
        (f'["{SHA}"]', "is not a JSON object"),
        ("\udcff", "not text in UTF-8"),
        (" " * (1 << 21), "larger than"),
    ],
)
def test_an_invalid_provenance_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, message: str
) -> None:
    provenance = tmp_path / "provenance.json"
    provenance.write_bytes(content.encode(errors="surrogateescape"))
    out = tmp_path / "CARD.md"
    assert main(["card", MODEL, "--provenance", str(provenance), "--out", str(out)]) == 1
    assert message in capsys.readouterr().err
    assert not out.exists()


def test_invalid_input_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["card", str(tmp_path / "none.tflite"), "--out", str(tmp_path / "a.md")]) == 1
    assert "none.tflite" in capsys.readouterr().err
    assert main(["card", MODEL, "--pictures", "nowhere", "--out", str(tmp_path / "a.md")]) == 1
    assert "no such file" in capsys.readouterr().err
    assert (
        main(["card", MODEL, "--about", str(tmp_path / "b"), "--out", str(tmp_path / "a.md")]) == 1
    )
    assert "cannot read" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(SystemExit) as ended:
        main(["card", MODEL, "--out", str(tmp_path / "a.json")])
    assert ended.value.code == 2


def test_the_card_of_a_classifier_has_its_accuracy(tmp_path: Path) -> None:
    model = write_classifier(tmp_path / "colours.tflite")
    folder = write_colours(tmp_path / "colours", per_class=4)
    out = tmp_path / "CARD.md"
    assert main(["card", str(model), "--pictures", str(folder), "--out", str(out)]) == 0
    facts = json.loads(out.with_suffix(".json").read_text())
    (figures,) = facts["evaluations"]
    assert facts["family"] == figures["task"] == "classification"
    text = out.read_text()
    assert f"| accuracy | top-1 {figures['top1']:.3f}, top-5 {figures['top5']:.3f} |" in text
    assert f"| calibration error | {figures['calibration_error']:.3f} " in text
    assert "| light cyan | 4 |" in text
    assert "AP is average precision" not in text
