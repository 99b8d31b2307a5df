"""The forms of data.yaml that Roboflow and Ultralytics write, and sets in parts."""

from pathlib import Path

import pytest
from pictures_on_disk import write_coco_folder, write_picture, write_yolo_folder

from edged_models.errors import PicturesError
from edged_models.pictures.labelled import Task
from edged_models.pictures.open_pictures import open_pictures

BOX = "0 0.5 0.5 0.2 0.4"
ROBOFLOW = """\
train: ../train/images
val: ../valid/images
test: ../test/images

nc: 2
names: ['cat', 'dog']

roboflow:
  workspace: example
  project: pets
  version: 1
  license: CC BY 4.0
"""


def _names(spec: str) -> list[str]:
    return [Path(one.name).name for one in open_pictures(spec)]


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """Return an export of Roboflow without the part `test`, beside another set in whose folder the paths would end literally."""
    folder = tmp_path / "pets"
    write_yolo_folder(
        folder, {"train/images/own.jpg": BOX, "valid/images/own-val.jpg": BOX}, ROBOFLOW
    )
    for part in ("train", "test"):
        write_picture(tmp_path / part / "images" / f"foreign-{part}.jpg")
        (tmp_path / part / "labels").mkdir()
        (tmp_path / part / "labels" / f"foreign-{part}.txt").write_text(BOX)
    return folder


def test_a_part_is_the_exports_own_and_not_the_folder_beside_it(export: Path) -> None:
    assert _names(f"{export}:train") == ["own.jpg"]
    assert _names(f"{export / 'data.yaml'}:val") == ["own-val.jpg"]
    assert _names(f"{export}:valid") == ["own-val.jpg"]


def test_a_part_that_was_not_exported_is_refused_by_name(export: Path) -> None:
    with pytest.raises(PicturesError, match=r"`test` as ../test/images, which is not there"):
        open_pictures(f"{export}:test")
    with pytest.raises(PicturesError, match=r"`test` .*not exported.* name them"):
        open_pictures(str(export))
    assert len(open_pictures(str(export), skip_bad=True)) == 2


def test_a_file_in_a_folder_of_its_own_may_name_pictures_outside(tmp_path: Path) -> None:
    write_yolo_folder(tmp_path, {"train/images/a.jpg": BOX}, "")
    (tmp_path / "data.yaml").unlink()
    settings = tmp_path / "settings" / "pets.yaml"
    settings.parent.mkdir()
    settings.write_text("train: ../train/images\nnames: [cat]\n")
    assert _names(f"{settings}:train") == ["a.jpg"]


@pytest.mark.parametrize("root", ["pets", "coco8", "/content/pets", ""])
def test_the_root_is_the_named_folder_or_that_of_the_file(tmp_path: Path, root: str) -> None:
    write_yolo_folder(
        tmp_path / "pets",
        {"images/train/a.jpg": None},
        f"path: {root}\ntrain: images/train\nnames: {{0: cat}}\n",
    )
    labels = tmp_path / "pets" / "labels" / "train"
    labels.mkdir(parents=True)
    (labels / "a.txt").write_text(BOX)
    file = tmp_path / "pets" / "data.yaml"
    if root == "pets":  # beside the folder that it names
        file = file.rename(tmp_path / "pets.yaml")
    assert _names(f"{file}:train") == ["a.jpg"]


def test_a_part_may_be_a_list_of_folders_or_a_text_file_of_pictures(tmp_path: Path) -> None:
    rows = {f"{folder}/images/{folder}.jpg": BOX for folder in ("x", "y", "z")}
    write_yolo_folder(tmp_path, rows, "train: [x/images, y/images]\nval: val.txt\nnames: [cat]\n")
    absolute = tmp_path / "x" / "images" / "x.jpg"
    (tmp_path / "val.txt").write_text(f"./z/images/z.jpg\n{absolute}\n\n")
    assert _names(f"{tmp_path}:train") == ["x.jpg", "y.jpg"]
    assert _names(f"{tmp_path}:val") == ["z.jpg", "x.jpg"]
    (tmp_path / "val.txt").write_text("./z/images/missing.jpg\n./z/images/z.jpg\n")
    with pytest.raises(PicturesError, match=r"val.txt, line 1: there is no picture .*missing.jpg"):
        open_pictures(f"{tmp_path}:val")
    assert len(open_pictures(f"{tmp_path}:val", skip_bad=True)) == 1


def test_names_of_another_set_above_are_not_used(tmp_path: Path) -> None:
    write_yolo_folder(tmp_path / "a", {"images/a.jpg": BOX}, "")
    (tmp_path / "a" / "data.yaml").unlink()
    (tmp_path / "data.yaml").write_text("train: b/images\nnames: [bird]\n")
    assert open_pictures(str(tmp_path / "a")).labels == ("class-0",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("train: {a: b}\nnames: [cat]\n", "`train` is not a path"),
        ("path: [a]\nnames: [cat]\n", "`path` is not the path"),
        ("names: [[a, b], cat]\n", "`names` are not texts"),
        ("kpt_shape: 17\nnames: [cat]\n", "`kpt_shape` is not"),
        ("[" * 5000, "is not YAML"),
    ],
)
def test_a_data_file_that_is_wrong(tmp_path: Path, content: str, message: str) -> None:
    write_yolo_folder(tmp_path, {"images/a.jpg": BOX}, content)
    with pytest.raises(PicturesError, match=message):
        open_pictures(str(tmp_path))


def test_aliases_within_aliases_are_refused_at_once(tmp_path: Path) -> None:
    levels = [f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 9)}]" for i in range(1, 12)]
    content = "\n".join(["l0: &l0 [x]", *levels, "names: *l11"])
    write_yolo_folder(tmp_path, {"images/a.jpg": BOX}, content)
    with pytest.raises(PicturesError, match="`names` are not texts"):
        open_pictures(str(tmp_path))


def test_parts_with_a_coco_file_each_are_not_classes(tmp_path: Path) -> None:
    for part in ("train", "valid"):
        write_coco_folder(tmp_path / part)
    with pytest.raises(PicturesError, match=r"name one of train/_annotations.coco.json"):
        open_pictures(str(tmp_path))
    assert len(open_pictures(f"{tmp_path}:val")) == 2


def test_folders_named_like_parts_are_no_classes(tmp_path: Path) -> None:
    for part in ("train", "test"):
        write_picture(tmp_path / part / "a.png")
    assert open_pictures(str(tmp_path)).task is Task.DETECTION
    write_picture(tmp_path / "cat" / "a.png")
    assert open_pictures(str(tmp_path)).task is Task.CLASSIFICATION
