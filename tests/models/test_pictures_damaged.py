"""Files of labels with random damage: a set is opened, or refused in one line."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from pictures_on_disk import (
    voc_object,
    write_coco_folder,
    write_picture,
    write_voc_annotation,
    write_yolo_folder,
)

from edged_models.errors import PicturesError
from edged_models.pictures.open_pictures import open_pictures

ROUNDS = 80
BOX = "0 0.5 0.5 0.2 0.4"
PIECES = (
    b"",
    b"\x00",
    b"\xff",
    b"-",
    b"1e999",
    b"nan",
    b"null",
    b"[",
    b"{",
    b"<",
    b"&a;",
    b"../",
    b": ",
    b'"',
    b"\n",
)


def _write_coco(folder: Path) -> list[Path]:
    return [write_coco_folder(folder)]


def _write_yolo(folder: Path) -> list[Path]:
    data = "path: .\ntrain: [train/images]\nval: val.txt\nnc: 1\nnames: [cat]\nkpt_shape: [4, 3]\n"
    write_yolo_folder(folder, {"train/images/a.jpg": f"{BOX}\n", "v/images/b.jpg": BOX}, data)
    (folder / "val.txt").write_text("./v/images/b.jpg\n")
    return [folder / "data.yaml", folder / "train" / "labels" / "a.txt", folder / "val.txt"]


def _write_voc(folder: Path) -> list[Path]:
    write_picture(folder / "JPEGImages" / "a.jpg")
    return [write_voc_annotation(folder / "Annotations" / "a.xml", voc_object("cat", (1, 1, 9, 9)))]


def _damage(content: bytes) -> bytes:
    start = random.randrange(len(content))
    end = min(len(content), start + random.choice([0, 1, 3, 20]))
    return content[:start] + random.choice(PIECES) * random.choice([1, 1, 50]) + content[end:]


@pytest.mark.parametrize("write", [_write_coco, _write_yolo, _write_voc])
def test_random_damage_is_an_error_in_one_line(
    tmp_path: Path, write: Callable[[Path], list[Path]]
) -> None:
    files = write(tmp_path)
    whole = {path: path.read_bytes() for path in files}
    messages = []
    for _ in range(ROUNDS):
        path = random.choice(files)
        path.write_bytes(_damage(whole[path]))
        for skip_bad in (False, True):
            try:
                open_pictures(str(tmp_path), skip_bad=skip_bad)
            except PicturesError as error:
                messages.append(str(error))
        path.write_bytes(whole[path])
    assert 0 < len(messages) < 2 * ROUNDS
    assert not any("\n" in message for message in messages)
