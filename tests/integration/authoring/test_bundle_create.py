"""``edged bundle create``: real models, tried in a child, become bundles that a device would take."""

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edged import bundled
from edged.cli.main import main
from edged.model.goldens import read_goldens
from edged.updates.bundle.bundle import check_goldens, iter_verified_content, open_bundle
from edged.updates.bundle.manifest import Manifest
from edged.updates.bundle.signing import generate_key_pair
from edged.updates.bundle.trust import ModelRole, Role, TrustFile
from support.bundles import (
    GOLDENS,
    SigningKey,
    bundle_files,
    make_goldens,
    scene_images,
    write_files,
)

pytestmark = pytest.mark.runtime

MODEL = bundled.model_path("marks-fast")
EDGETPU = b"what the compiler made, with an edgetpu-custom-op inside"


class BundleBench:
    """Makes bundles in one folder, signed by one key."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys
        key = generate_key_pair(folder / "alice")
        self._trust = TrustFile(
            version=1,
            keys={key.id: key, SigningKey("root").id: SigningKey("root").public},
            root=Role(keys=(SigningKey("root").id,)),
            models=(ModelRole(keys=(key.id,), names=("marks",)),),
        )

    def create(self, *options: str | Path, code: int = 0) -> str:
        """Make ``marks.edgem``; what was said."""
        fixed = (
            "create", "--name", "marks", "--version", "2", "--counter", "5", "--epoch", "1",
            "--licence", "apache-2.0", "--out", self.folder / "marks.edgem",
            "--key", self.folder / "alice.pem",
        )  # fmt: skip
        arguments = (
            [*fixed, *options] if "--model" in options else [*fixed, "--model", MODEL, *options]
        )
        assert main(["bundle", *map(str, arguments)]) == code
        out, err = self._capsys.readouterr()
        return out if code == 0 else err

    def unpacked(self) -> tuple[Manifest, dict[str, bytes]]:
        path = self.folder / "marks.edgem"
        with path.open("rb") as file:
            bundle = open_bundle(file, path.stat().st_size, self._trust)
            files = {
                entry.name: b"".join(iter_verified_content(file, bundle, entry))
                for entry in bundle.manifest.files
            }
        check_goldens(bundle.manifest, files.__getitem__)
        return bundle.manifest, files

    def write_folder(self, name: str, files: Mapping[str, bytes]) -> Path:
        write_files(self.folder / name, files)
        return self.folder / name


@pytest.fixture
def bench(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> BundleBench:
    return BundleBench(tmp_path, capsys)


def test_a_model_and_its_goldens_become_a_bundle(bench: BundleBench) -> None:
    goldens = bench.write_folder(
        "goldens", {**make_goldens(MODEL), "notes.txt": b"not for devices"}
    )
    (bench.folder / "manifest.toml").write_text(
        'provenance = "here"\n[requirements]\nruntimes = ["litert", "tflite"]\n'
    )
    assert "marks@2" in bench.create(
        "--goldens", goldens, "--manifest", bench.folder / "manifest.toml"
    )
    manifest, files = bench.unpacked()
    assert files == bundle_files(MODEL)
    assert (manifest.title, manifest.counter, manifest.epoch) == ("marks@2", 5, 1)
    assert (manifest.licence, manifest.provenance) == ("Apache-2.0", "here")
    assert (manifest.input.width, manifest.input.height, manifest.family) == (192, 192, "ssd")
    assert manifest.requirements.runtimes == ("litert", "tflite")


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (
            "[thresholds.labels]\nbarcod = 0.5\n",
            'thresholds.labels.barcod: the model has no label "barcod"; did you mean "barcode"?',
        ),
        ('labels = ["a", "b"]\n', "the 2 given labels are not those of the model"),
    ],
)
def test_labels_that_are_not_those_of_the_model_make_no_bundle(
    bench: BundleBench, table: str, reason: str
) -> None:
    goldens = bench.write_folder("goldens", make_goldens(MODEL))
    manifest = bench.folder / "manifest.toml"
    manifest.write_text(table)
    words = bench.create("--goldens", goldens, "--manifest", manifest, code=1)
    assert reason in words


def test_the_same_makes_the_same_bytes(bench: BundleBench) -> None:
    goldens = bench.write_folder("goldens", make_goldens(MODEL))
    bench.create("--goldens", goldens)
    before = (bench.folder / "marks.edgem").read_bytes()
    bench.create("--goldens", goldens)
    assert (bench.folder / "marks.edgem").read_bytes() == before


def test_an_edgetpu_model_stands_beside_it(bench: BundleBench) -> None:
    goldens = bench.write_folder("goldens", make_goldens(MODEL))
    compiled = bench.folder / "compiled.tflite"
    compiled.write_bytes(EDGETPU)
    bench.create("--goldens", goldens, "--edgetpu", compiled)
    manifest, files = bench.unpacked()
    assert files["model-edgetpu.tflite"] == EDGETPU
    assert manifest.variants[1].goldens == GOLDENS
    compiled.write_bytes(b"not compiled")
    words = bench.create("--goldens", goldens, "--edgetpu", compiled, code=1)
    assert "was not made by the EdgeTPU compiler" in words


def test_an_edgetpu_model_has_its_own_goldens(bench: BundleBench) -> None:
    goldens = bench.write_folder("goldens", make_goldens(MODEL))
    other = make_goldens(bundled.model_path())
    theirs = bench.write_folder("theirs", with_changed_picture(other))
    compiled = bench.folder / "compiled.tflite"
    compiled.write_bytes(EDGETPU)
    bench.create("--goldens", goldens, "--edgetpu", compiled, "--edgetpu-goldens", theirs)
    manifest, files = bench.unpacked()
    assert manifest.variants[1].goldens == "goldens-edgetpu.json"
    own = read_goldens(files["goldens-edgetpu.json"])
    assert [one.detections for one in own.goldens] == [
        one.detections for one in read_goldens(other[GOLDENS]).goldens
    ]
    assert own.goldens[0].picture == "edgetpu-01.png"


def with_changed_picture(files: dict[str, bytes]) -> dict[str, bytes]:
    """The first picture with other bytes under the same name."""
    longer = files["01.png"] + b"\0"
    old, new = (sha256(png).hexdigest().encode() for png in (files["01.png"], longer))
    return {**files, "01.png": longer, GOLDENS: files[GOLDENS].replace(old, new)}


def test_a_model_that_does_not_find_what_its_goldens_expect(bench: BundleBench) -> None:
    files = make_goldens(MODEL)
    decoded: dict[str, Any] = json.loads(files[GOLDENS])
    decoded["goldens"][-1]["detections"] = [
        {"label": "a", "class_id": 0, "score": 0.9, "box": [0.1, 0.1, 0.4, 0.4]}
    ]
    goldens = bench.write_folder("goldens", {**files, GOLDENS: json.dumps(decoded).encode()})
    words = bench.create("--goldens", goldens, code=1)
    assert "detections differ from its goldens: 08.png: no a of 0.90" in words
    assert not (bench.folder / "marks.edgem").exists()


def test_a_file_that_is_no_model(bench: BundleBench) -> None:
    goldens = bench.write_folder("goldens", make_goldens(MODEL))
    assert "edged: " in bench.create("--model", __file__, "--goldens", goldens, code=1)
    assert not (bench.folder / "marks.edgem").exists()


def write_pictures(folder: Path, *, full: int, empty: int) -> Path:
    """Pictures as a camera gives them, and what else lies in folders."""
    folder.mkdir()
    shots = scene_images()
    for number, pixels in enumerate([*shots[:full], *shots[len(shots) - empty :]]):
        large = cv2.resize(pixels, (960, 720)) if number == 0 else pixels
        cv2.imwrite(str(folder / f"picture {number:02}.jpg"), large)
    (folder / "Thumbs.db").write_bytes(b"")
    (folder / "readme.txt").write_text("pictures")
    (folder / "more").mkdir()
    return folder


def test_pictures_will_do_for_goldens(bench: BundleBench) -> None:
    pictures = write_pictures(bench.folder / "pictures", full=10, empty=6)
    lines = [
        line for line in bench.create("--pictures", pictures).splitlines() if line[:6] == "golden"
    ]
    _, files = bench.unpacked()
    goldens = read_goldens(files[GOLDENS])
    assert len(lines) == len(goldens.goldens)
    assert sum(line.endswith(": no detections") for line in lines) == 4
    assert all((pictures / line[12:].split(":")[0].strip()).is_file() for line in lines)
    assert 8 <= len(goldens.goldens) <= 16
    assert sum(not one.detections for one in goldens.goldens) == 4
    pngs = (one for name, one in files.items() if name.endswith(".png"))
    sizes = {np.asarray(cv2.imdecode(np.frombuffer(png, np.uint8), 1)).shape for png in pngs}
    assert sizes == {(480, 640, 3), (240, 320, 3)}


@pytest.mark.parametrize(
    ("full", "empty", "words"),
    [
        (4, 2, "usable are 2 without and 4 with detections: add pictures"),
        (10, 1, "usable are 1 without and"),
        (0, 8, "usable are 4 without and 0 with detections"),
        (0, 0, "usable are 0 without and 0 with detections"),
    ],
)
def test_too_few_pictures(bench: BundleBench, full: int, empty: int, words: str) -> None:
    pictures = write_pictures(bench.folder / "pictures", full=full, empty=empty)
    assert words in bench.create("--pictures", pictures, code=1)


def test_no_folder_of_pictures(bench: BundleBench) -> None:
    assert "cannot read the pictures in" in bench.create("--pictures", MODEL, code=1)
