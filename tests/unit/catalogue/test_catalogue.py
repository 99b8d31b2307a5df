"""The catalogue: what ships, what is refused, and what an origin means."""

import hashlib
from pathlib import Path

import pytest

from edged.catalogue.catalogue import CatalogueEntry, CatalogueFile, read_catalogue
from edged.catalogue.origin import find_addresses, parse_origin
from edged.errors import CatalogueError
from edged.registry import FAMILIES
from support.data_files import data_file

CATALOGUE = read_catalogue()
LOCAL_MODELS = {
    "coco-ssd-mobilenet-v1": "coco_ssd_mobilenet_v1_1.0_quant_2018_06_29",
    "yolox-nano": "yolox_nano_float16_quantize",
    "mobilenet-v1-128": "mobilenet_v1_0.25_128_quant",
}
GOOD = """\
[[model]]
name = "tiny"
family = "ssd"
input_px = [8, 8]
licence = "MIT"
description = "nothing"
[model.cpu]
urls = ["http://127.0.0.1:9/m"]
sha256 = "0000000000000000000000000000000000000000000000000000000000000000"
digest_source = "here"
"""
FILE = CatalogueFile(
    urls=("https://a.invalid/x/m.tflite?v=1", "https://b.invalid/m.tflite"),
    sha256="0" * 64,
    digest_source="here",
)


@pytest.mark.parametrize("entry", CATALOGUE.model, ids=lambda entry: entry.name)
def test_every_entry_says_what_helps_to_choose(entry: CatalogueEntry) -> None:
    assert entry.family in FAMILIES
    assert entry.good_for
    assert entry.bad_for
    sources = [s for s in (entry.cpu, entry.edgetpu, entry.labels) if s]
    assert all(url.startswith("https://") for source in sources for url in source.urls)
    assert all(source.digest_source for source in sources)
    if entry.family != "classification":
        assert entry.camera_labels[0] == "person"


@pytest.mark.parametrize(("name", "file"), LOCAL_MODELS.items())
def test_entries_match_the_local_models(name: str, file: str) -> None:
    (entry,) = CATALOGUE.select([name])
    content = data_file(f"models/{file}.tflite").read_bytes()
    assert entry.cpu is not None
    assert hashlib.sha256(content).hexdigest() == entry.cpu.sha256
    assert len(content) == entry.cpu.bytes


def test_camera_labels_are_labels_of_the_model() -> None:
    (entry,) = CATALOGUE.select(["yolox-nano"])
    labels = CATALOGUE.find_label_list(entry)
    assert len(labels) == 80
    assert set(entry.camera_labels) <= set(labels)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[model", "cannot read the catalogue"),
        (GOOD.replace("0" * 64, "abc"), "sha256"),
        (GOOD.replace("http:", "file:"), "urls"),
        (GOOD.replace("tiny", "../tiny"), "name"),
        (GOOD + "size = 3\n", "size"),
        (GOOD + GOOD, "lists tiny twice"),
        (GOOD.replace("model.cpu", "model.labels"), "tiny without a file"),
        (
            GOOD.replace("[model.cpu]", 'label_list = "x"\n[model.cpu]'),
            "tiny with the label list x",
        ),
    ],
)
def test_an_invalid_catalogue_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "own.toml"
    path.write_text(text)
    with pytest.raises(CatalogueError, match=message):
        read_catalogue(path)


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(CatalogueError, match='has no yolo-nano; did you mean "yolox-nano"'):
        CATALOGUE.select(["yolo-nano"])
    with pytest.raises(CatalogueError, match="has no zzz; it has: coco-ssd-mobilenet-v1, "):
        CATALOGUE.select(["zzz"])


def test_a_variant_that_does_not_exist_is_refused() -> None:
    (entry,) = CATALOGUE.select(["yolox-nano"])
    with pytest.raises(CatalogueError, match="for cpu only: leave --edgetpu out"):
        entry.get_file("edgetpu")
    (entry,) = CATALOGUE.select(["ssd-mobilenet-v2"])
    with pytest.raises(CatalogueError, match="for edgetpu only: add --edgetpu"):
        entry.get_file("cpu")


@pytest.mark.parametrize(
    ("origin", "is_model", "addresses"),
    [
        (None, True, FILE.urls),
        ("http://m.invalid", True, ("http://m.invalid/m.tflite",)),
        ("http://m.invalid/all/", False, ("http://m.invalid/all/m.tflite",)),
        ("http://m.invalid/all?key=1", True, ("http://m.invalid/all/m.tflite?key=1",)),
        ("http://m.invalid/all/x.tflite?key=1", True, ("http://m.invalid/all/x.tflite?key=1",)),
        ("http://m.invalid/all/x.zip", False, ("http://m.invalid/all/m.tflite",)),
    ],
)
def test_where_a_file_is_looked_for(
    origin: str | None, *, is_model: bool, addresses: tuple[str, ...]
) -> None:
    assert find_addresses(FILE, origin, is_model=is_model) == addresses


@pytest.mark.parametrize(
    ("origin", "message"),
    [
        ("", "it is empty"),
        ("ftp://m.invalid/x", "use a path, or a URL that begins with one of file, http, https"),
        ("http:/m.invalid", "two slashes"),
        ("/none/at/all", "there is no such file or folder"),
    ],
)
def test_an_origin_that_can_be_none_is_refused(origin: str, message: str) -> None:
    with pytest.raises(CatalogueError, match=message):
        parse_origin(origin)
