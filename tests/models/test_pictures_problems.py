"""What is wrong with a set: all of it is listed, and with skip_bad the pictures are left out."""

import os
from pathlib import Path

import pytest
from pictures_on_disk import write_coco_folder, write_picture, write_yolo_folder

from edged_models.cli.opened_pictures import open_for_command
from edged_models.errors import PicturesError
from edged_models.pictures.files import FilePictures
from edged_models.pictures.open_pictures import open_pictures, open_unchecked
from edged_models.pictures.problems import PictureProblem, ProblemKind, ProblemSeverity
from edged_models.pictures.unusable import read_usable

BOX = "0 0.5 0.5 0.2 0.4"
DATA = "names: [cat, dog]\n"
KEY_POINTS = "0 0.5 0.5 0.4 0.4 0.4 0.4 2 0.5 0.5 2 0.6 0.6 1 0 0 0"


def _open(folder: Path) -> FilePictures:
    pictures = open_unchecked(str(folder))
    assert isinstance(pictures, FilePictures)
    return pictures


def _kinds(folder: Path) -> list[ProblemKind]:
    return [one.kind for one in _open(folder).problems]


def _write(folder: Path, rows: str, data: str = DATA) -> None:
    write_yolo_folder(folder, {"images/a.jpg": rows}, data)


def test_an_empty_file_says_that_nothing_is_there_and_a_missing_one_is_counted(
    tmp_path: Path,
) -> None:
    rows = {"images/empty.jpg": "", "images/forgotten.jpg": None, "images/cat.jpg": BOX}
    write_yolo_folder(tmp_path, rows, DATA)
    pictures = open_pictures(str(tmp_path))
    assert [(Path(one.name).name, len(one.boxes)) for one in pictures] == [
        ("cat.jpg", 1),
        ("empty.jpg", 0),
    ]
    assert pictures.name == f"{tmp_path} (1 left out)"
    (problem,) = _open(tmp_path).problems
    assert problem.kind is ProblemKind.UNLABELLED
    assert "forgotten.jpg has no labels" in problem.message


def test_a_set_without_any_labels_is_refused(tmp_path: Path) -> None:
    write_yolo_folder(tmp_path, {"images/a.jpg": None}, DATA)
    with pytest.raises(PicturesError, match=r"no labelled pictures: .*a.jpg has no labels"):
        open_pictures(str(tmp_path))


def test_all_wrong_rows_are_listed_and_their_picture_is_left_out(tmp_path: Path) -> None:
    rows = {"images/a.jpg": f"{BOX}\n7 0.5 0.5 0.1 0.1\n\nx y\n", "images/b.jpg": BOX}
    write_yolo_folder(tmp_path, rows, DATA)
    problems = _open(tmp_path).problems
    assert [one.severity for one in problems] == [ProblemSeverity.ERROR] * 2
    assert "a.txt, line 2: there is no class 7" in problems[0].message
    assert "a.txt, line 4" in problems[1].message
    with pytest.raises(PicturesError, match=r"line 2: .*\(and 1 more errors\)"):
        open_pictures(str(tmp_path))
    rest = open_pictures(str(tmp_path), skip_bad=True)
    assert [Path(one.name).name for one in rest] == ["b.jpg"]
    assert rest.name.endswith("(1 left out)")


@pytest.mark.parametrize("suffixes", [(".jpg", ".png"), (".jpg", ".jpeg", ".bmp")])
def test_pictures_that_share_a_label_file_are_errors(
    tmp_path: Path, suffixes: tuple[str, ...]
) -> None:
    _write(tmp_path, BOX)
    for suffix in suffixes:
        write_picture(tmp_path / "images" / f"b{suffix}")
    (tmp_path / "labels" / "b.txt").write_text(BOX)
    (problem,) = _open(tmp_path).problems
    assert problem.kind is ProblemKind.SHARED_LABELS
    assert len(problem.pictures) == len(suffixes)
    assert len(open_pictures(str(tmp_path), skip_bad=True)) == 1


@pytest.mark.parametrize(
    ("row", "kind", "count"),
    [
        (f"{BOX}\n{BOX}", ProblemKind.DUPLICATE_BOX, 1),
        (f"{BOX}\n1{BOX[1:]}", None, 2),
        ("0 0.5 0.5 0 0.2", ProblemKind.EMPTY_BOX, 0),
        ("0 1.01 0.5 0.01 0.2", ProblemKind.OUTSIDE, 0),
        ("0 0.95 0.5 0.2 0.2", ProblemKind.OVER_BORDER, 1),
        ("0 0.905 0.5 0.2 0.2", None, 1),
    ],
)
def test_boxes_that_are_dropped_or_clipped_are_warnings(
    tmp_path: Path, row: str, kind: ProblemKind | None, count: int
) -> None:
    _write(tmp_path, row)
    assert _kinds(tmp_path) == ([kind] if kind else [])
    assert len(open_pictures(str(tmp_path))[0].boxes) == count


def test_key_points_are_not_taken_for_an_outline(tmp_path: Path) -> None:
    _write(tmp_path, KEY_POINTS)
    with pytest.raises(PicturesError, match=r"line 1: .*box with key points: .*kpt_shape"):
        open_pictures(str(tmp_path))
    _write(tmp_path, KEY_POINTS, f"{DATA}kpt_shape: [4, 3]\n")
    (picture,) = open_pictures(str(tmp_path))
    assert picture.boxes[0].tolist() == pytest.approx([0.3, 0.3, 0.7, 0.7])
    assert _kinds(tmp_path) == [ProblemKind.KEY_POINTS]


def test_key_points_without_visibility_are_suspected(tmp_path: Path) -> None:
    row = "0 0.5 0.5 0.4 0.4 0.4 0.4 0.5 0.5 0.6 0.6"
    _write(tmp_path, "\n".join([row] * 4 + [f"1{row[1:]}"]))
    assert _kinds(tmp_path).count(ProblemKind.KEY_POINTS) == 1
    _write(tmp_path, "\n".join([row, *["0 0.1 0.1 0.2 0.1 0.2 0.2 0.1 0.2 0.1 0.15"] * 4]))
    assert ProblemKind.KEY_POINTS not in _kinds(tmp_path)


def test_classes_that_differ_in_case_are_one(tmp_path: Path) -> None:
    _write(tmp_path, f"{BOX}\n2 0.1 0.1 0.1 0.1", "names: [cat, dog, Cat]\n")
    assert _kinds(tmp_path) == [ProblemKind.SIMILAR_NAMES]
    pictures = open_pictures(str(tmp_path))
    assert pictures.labels == ("cat", "dog")
    assert pictures[0].classes.tolist() == [0, 0]


def test_labels_that_are_not_read_are_named(tmp_path: Path) -> None:
    _write(tmp_path, BOX)
    (tmp_path / "images" / "a.xml").write_text("<annotation/>")
    (tmp_path / "labels" / "other.txt").write_text(BOX)
    (tmp_path / "labels" / "classes.txt").write_text("cat\n")
    messages = [one.message for one in _open(tmp_path).problems]
    assert len(messages) == 2
    assert "1 .xml files that are not read (a.xml)" in messages[0]
    assert "no picture (other.txt)" in messages[1]


def test_labels_beside_a_plain_folder_and_a_coco_set(tmp_path: Path) -> None:
    write_picture(tmp_path / "plain" / "a.jpg")
    (tmp_path / "plain" / "a.json").write_text("{}")
    assert _kinds(tmp_path / "plain") == [ProblemKind.UNREAD_LABELS]
    write_coco_folder(tmp_path / "coco")
    write_picture(tmp_path / "coco" / "c.png")
    (tmp_path / "coco" / "a.txt").write_text(BOX)
    kinds = _kinds(tmp_path / "coco")
    assert {ProblemKind.UNLISTED, ProblemKind.UNREAD_LABELS} <= set(kinds)


def test_damaged_files_are_left_out_with_their_names(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        write_picture(tmp_path / name, width=300, height=300)
    damaged = tmp_path / "b.jpg"
    damaged.write_bytes(damaged.read_bytes()[:-500])
    (tmp_path / "c.jpg").write_text("no picture")
    problems: list[PictureProblem] = []
    pictures = open_pictures(str(tmp_path))
    assert [number for number, _ in read_usable(pictures, problems)] == [0]
    assert [one.pictures[0].name for one in problems] == ["b.jpg", "c.jpg"]
    rest = open_pictures(str(tmp_path), skip_bad=True)
    assert len(rest) == 1
    assert rest.name == f"{tmp_path} (2 left out)"
    (tmp_path / "a.jpg").write_text("no picture")
    with pytest.raises(PicturesError, match="no picture that can be used"):
        open_pictures(str(tmp_path), skip_bad=True)


def test_a_picture_of_another_size_is_left_out(tmp_path: Path) -> None:
    write_coco_folder(tmp_path)
    write_picture(tmp_path / "a.png", width=40, height=80)
    rest = open_pictures(str(tmp_path), skip_bad=True)
    assert [Path(one.name).name for one in rest] == ["b.png"]
    assert isinstance(rest, FilePictures)
    assert ProblemKind.OTHER_SIZE in {one.kind for one in rest.problems}


def test_what_is_named_like_a_picture_and_is_none_is_not_opened(tmp_path: Path) -> None:
    write_picture(tmp_path / "a.jpg")
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "._a.jpg").write_bytes(b"resource fork")
    os.mkfifo(tmp_path / "pipe.jpg")
    assert len(list(open_pictures(str(tmp_path)))) == 1


def test_a_file_larger_than_any_picture_is_refused_without_reading_it(tmp_path: Path) -> None:
    write_picture(tmp_path / "a.jpg")
    with (tmp_path / "a.jpg").open("r+b") as file:
        file.truncate(1 << 40)
    with pytest.raises(PicturesError, match="File too large"):
        open_pictures(str(tmp_path))[0]


def test_labels_in_another_encoding_are_an_error_of_their_picture(tmp_path: Path) -> None:
    rows = {"images/a.jpg": BOX, "images/b.jpg": BOX, "images/c.jpg": BOX}
    write_yolo_folder(tmp_path, rows, DATA)
    (tmp_path / "labels" / "a.txt").write_bytes(b"\xff\x00\xe4")
    (tmp_path / "labels" / "b.txt").write_text(BOX, encoding="utf-16")
    assert _kinds(tmp_path) == [ProblemKind.WRONG_LABEL]
    assert len(open_pictures(str(tmp_path), skip_bad=True)) == 2


def test_a_command_says_what_is_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = dict.fromkeys([f"images/{number}.jpg" for number in range(25)], "9 0.5 0.5 0.1 0.1")
    write_yolo_folder(tmp_path, {**rows, "images/a.jpg": BOX, "images/b.jpg": None}, DATA)
    with pytest.raises(PicturesError, match="no class 9"):
        open_for_command(str(tmp_path))
    assert len(open_for_command(str(tmp_path), skip_bad=True)) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 21
    assert lines[0].startswith("not used: ")
    assert "6 more" in lines[-1]
