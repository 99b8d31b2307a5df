"""Pictures in the Pascal VOC format."""

from pathlib import Path

import numpy as np
import pytest
from pictures_on_disk import HEIGHT_PX, voc_object, write_picture, write_voc_annotation

from edged_models.errors import PicturesError
from edged_models.pictures.files import FilePictures
from edged_models.pictures.open_pictures import open_pictures, open_unchecked
from edged_models.pictures.problems import ProblemKind

CAT = voc_object("cat", (9, 5, 24, 12))
DIFFICULT = voc_object("dog", (1, 1, 80, 40), "<difficult>1</difficult>")


def _write_set(folder: Path, **objects: str) -> Path:
    """Write a set as the VOC challenge has it, with a picture and a file for each name."""
    for name, text in objects.items():
        write_picture(folder / "JPEGImages" / f"{name}.jpg")
        write_voc_annotation(folder / "Annotations" / f"{name}.xml", text)
    return folder


def _kinds(spec: Path) -> list[ProblemKind]:
    pictures = open_unchecked(str(spec))
    assert isinstance(pictures, FilePictures)
    return [one.kind for one in pictures.problems]


def test_pixels_are_counted_from_1_and_the_last_belongs_to_the_box(tmp_path: Path) -> None:
    _write_set(tmp_path, a=CAT + voc_object("dog", (1, 1, 80, 40)))
    (picture,) = open_pictures(str(tmp_path))
    assert np.allclose(picture.boxes, [[0.1, 0.1, 0.3, 0.3], [0, 0, 1, 1]])
    assert picture.classes.tolist() == [0, 1]


def test_a_set_in_which_a_box_begins_at_0_counts_from_0(tmp_path: Path) -> None:
    _write_set(tmp_path, a=CAT, b=voc_object("cat", (0, 0, 40, 20)))
    first, second = open_pictures(str(tmp_path))
    assert np.allclose(first.boxes, [[9 / 80, 5 / 40, 0.3, 0.3]])
    assert np.allclose(second.boxes, [[0, 0, 0.5, 0.5]])
    assert _kinds(tmp_path) == [ProblemKind.COORDINATES]


def test_difficult_objects_are_neither_right_nor_wrong(tmp_path: Path) -> None:
    _write_set(tmp_path, a=CAT + DIFFICULT)
    (picture,) = open_pictures(str(tmp_path))
    assert picture.classes.tolist() == [0]
    assert picture.crowd_boxes.tolist() == [[0, 0, 1, 1]]
    assert picture.crowd_classes.tolist() == [1]


def test_one_of_its_lists(tmp_path: Path) -> None:
    folder = _write_set(tmp_path / "VOC2012", a=CAT, b=CAT, c="")
    lists = folder / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    (lists / "trainval.txt").write_text("c\nb\n")
    (lists / "cat_val.txt").write_text("a  1\nc -1\n")
    assert [Path(one.name).stem for one in open_pictures(f"{folder}:trainval")] == ["c", "b"]
    assert [len(one.boxes) for one in open_pictures(f"{folder}:cat_val")] == [1, 0]
    with pytest.raises(PicturesError, match=r"no .*val.txt; lists: cat_val, trainval"):
        open_pictures(f"{folder}:val")
    (lists / "val.txt").write_text("a\nmissing\n")
    with pytest.raises(PicturesError, match=r"missing.xml: there is no picture"):
        open_pictures(f"{folder}:val")


def test_files_beside_the_pictures_and_parts(tmp_path: Path) -> None:
    for part in ("train", "valid"):
        write_picture(tmp_path / part / "a.jpg")
        write_voc_annotation(tmp_path / part / "a.xml", CAT)
    assert open_pictures(str(tmp_path / "train")).labels == ("cat",)
    assert open_pictures(f"{tmp_path}:val")[0].name == str(tmp_path / "valid" / "a.jpg")
    with pytest.raises(PicturesError, match="several parts: name one"):
        open_pictures(str(tmp_path))


def test_folders_in_lower_case(tmp_path: Path) -> None:
    write_picture(tmp_path / "images" / "a.png")
    write_voc_annotation(tmp_path / "annotations" / "a.xml", CAT)
    assert open_pictures(str(tmp_path)).labels == ("cat",)


def test_masks_beside_the_pictures_are_not_classes(tmp_path: Path) -> None:
    _write_set(tmp_path, a=CAT)
    for name in ("SegmentationClass", "SegmentationObject"):
        write_picture(tmp_path / name / "a.png")
    assert open_pictures(str(tmp_path)).labels == ("cat",)


def test_what_does_not_fit_together_is_listed(tmp_path: Path) -> None:
    _write_set(tmp_path, a=CAT, b=CAT, c=CAT, d=CAT + CAT)
    (tmp_path / "JPEGImages" / "a.jpg").unlink()
    (tmp_path / "Annotations" / "b.xml").unlink()
    write_picture(tmp_path / "JPEGImages" / "c.png")
    assert _kinds(tmp_path) == [
        ProblemKind.MISSING,
        ProblemKind.UNLABELLED,
        ProblemKind.SHARED_LABELS,
        ProblemKind.DUPLICATE_BOX,
    ]
    (rest,) = open_pictures(str(tmp_path), skip_bad=True)
    assert Path(rest.name).name == "d.jpg"


def test_without_a_size_that_of_the_picture_is_used(tmp_path: Path) -> None:
    _write_set(tmp_path, a=CAT)
    write_voc_annotation(tmp_path / "Annotations" / "a.xml", CAT, width=0)
    assert np.allclose(open_pictures(str(tmp_path))[0].boxes, [[0.1, 0.1, 0.3, 0.3]])
    write_voc_annotation(tmp_path / "Annotations" / "a.xml", CAT, width=HEIGHT_PX)
    with pytest.raises(PicturesError, match="80x40, and its labels were made for 40x40"):
        open_pictures(str(tmp_path))[0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("<annotation>", "is not XML, or is damaged"),
        ("<other/>", "not in the Pascal VOC format"),
        (f"<annotation>{voc_object('', (1, 1, 2, 2))}</annotation>", "object 1: it has no name"),
        (f"<annotation>{voc_object('cat', (9, 1, 2, 2))}</annotation>", "has a negative side"),
        ("<annotation><object><name>cat</name></object></annotation>", "it has no xmin"),
        (
            "<!DOCTYPE a [<!ENTITY e 'x'>]><annotation><folder>&e;</folder></annotation>",
            "declares a document type or entities",
        ),
        ("<annotation><size><width>wide</width></size></annotation>", "not in whole pixels"),
    ],
)
def test_errors_name_the_mistake(tmp_path: Path, content: str, message: str) -> None:
    _write_set(tmp_path, a=CAT, b=CAT)
    (tmp_path / "Annotations" / "a.xml").write_text(content)
    with pytest.raises(PicturesError, match=rf"a.xml.*{message}"):
        open_pictures(str(tmp_path))
    assert len(open_pictures(str(tmp_path), skip_bad=True)) == 1


def test_text_in_utf_16_is_read_and_another_encoding_is_an_error(tmp_path: Path) -> None:
    _write_set(tmp_path, a=CAT, b=CAT)
    xml = f'<?xml version="1.0" encoding="utf-16"?><annotation>{CAT}</annotation>'
    (tmp_path / "Annotations" / "a.xml").write_text(xml, encoding="utf-16")
    assert len(open_pictures(str(tmp_path))[0].boxes) == 1
    (tmp_path / "Annotations" / "a.xml").write_bytes(b"<annotation>\xe4</annotation>")
    with pytest.raises(PicturesError, match="not UTF-8"):
        open_pictures(str(tmp_path))
