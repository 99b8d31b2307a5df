"""Folders with a subfolder for each class."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from edged_models.errors import PicturesError
from edged_models.pictures.files import FilePictures
from edged_models.pictures.labelled import Task
from edged_models.pictures.open_pictures import open_pictures
from edged_models.pictures.problems import ProblemKind


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number, name in enumerate(("cat", "cat", "dog", "ant")):
        path = tmp_path / name / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        cv2.imwrite(str(path), np.full((8, 10, 3), number, np.uint8))
    return tmp_path


def test_each_picture_has_the_class_of_its_folder(folder: Path) -> None:
    pictures = open_pictures(str(folder))
    assert pictures.task is Task.CLASSIFICATION
    assert pictures.labels == ("ant", "cat", "dog")
    assert [int(one.classes[0]) for one in pictures] == [0, 1, 1, 2]
    assert [one.boxes.tolist() for one in pictures] == [[[0, 0, 1, 1]]] * 4


def test_the_classes_are_mapped_to_given_labels(folder: Path) -> None:
    pictures = open_pictures(str(folder), labels=("Dog", "Cat", "Ant"))
    assert [int(one.classes[0]) for one in pictures] == [2, 1, 1, 0]
    with pytest.raises(PicturesError, match="contains 'ant', which is not among"):
        open_pictures(str(folder), labels=("cat", "dog"))


def test_a_picture_beside_the_subfolders_makes_it_a_folder_without_labels(folder: Path) -> None:
    cv2.imwrite(str(folder / "own.png"), np.zeros((8, 10, 3), np.uint8))
    pictures = open_pictures(str(folder))
    assert pictures.task is Task.DETECTION
    assert pictures.labels == ()
    assert len(pictures) == 5


def test_folders_that_differ_in_case_are_one_class(folder: Path) -> None:
    (folder / "dog").rename(folder / "Cat")
    pictures = open_pictures(str(folder))
    assert isinstance(pictures, FilePictures)
    assert pictures.labels == ("Cat", "ant")
    assert [one.kind for one in pictures.problems] == [ProblemKind.SIMILAR_NAMES]
