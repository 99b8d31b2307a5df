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

from edged_models.cli.main import main

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
    tmp_path: Path, write: Callable[[Path], list[Path]], capsys: pytest.CaptureFixture[str]
) -> None:
    files = write(tmp_path)
    whole = {path: path.read_bytes() for path in files}
    refused = 0
    for _ in range(ROUNDS):
        path = random.choice(files)
        path.write_bytes(_damage(whole[path]))
        for options in ([], ["--skip-bad"]):
            refused += main(["pictures", str(tmp_path), *options])
            assert capsys.readouterr().err.count("\n") <= 1
        path.write_bytes(whole[path])
    assert 0 < refused < 2 * ROUNDS
