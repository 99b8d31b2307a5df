"""The catalogue, and the command over it."""

import hashlib
import json
import tomllib
from pathlib import Path

import pytest

from edged.config.settings import ModelSettings
from edged.registry import FAMILIES
from edged.selftest.process import try_model
from edged_models.cli.main import main
from edged_models.errors import FetchError
from edged_models.fetching.catalogue import CATALOGUE, Entry, choose, read_catalogue
from edged_models.fetching.place import default_folder
from support import fetch_server as net
from support.data import data

ENTRIES = read_catalogue(CATALOGUE)
KNOWN_HERE = {
    "coco-ssd-mobilenet-v1": "coco_ssd_mobilenet_v1_1.0_quant_2018_06_29",
    "yolox-nano": "yolox_nano_float16_quantize",
    "mobilenet-v1-128": "mobilenet_v1_0.25_128_quant",
}
ONE = """\
[[model]]
name = "tiny"
family = "ssd"
input_px = [8, 8]
licence = "MIT"
good_for = "nothing"
[model.cpu]
urls = ["http://127.0.0.1:9/m"]
sha256 = "{digest}"
known_from = "here"
"""
GOOD = ONE.format(digest="0" * 64)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_every_entry_is_one_that_edged_reads_and_says_who_knows_its_digests(
    entry: Entry,
) -> None:
    assert entry.family in FAMILIES
    sources = [s for s in (entry.cpu, entry.edgetpu, entry.labels) if s]
    assert all(url.startswith("https://") for source in sources for url in source.urls)
    assert all(source.known_from for source in sources)


@pytest.mark.parametrize(("name", "file"), KNOWN_HERE.items())
def test_what_is_said_of_the_models_at_hand_is_so(name: str, file: str) -> None:
    (entry,) = choose(ENTRIES, [name])
    path = data(f"models/{file}.tflite")
    content = path.read_bytes()
    assert entry.cpu is not None
    assert hashlib.sha256(content).hexdigest() == entry.cpu.sha256
    assert len(content) == entry.cpu.bytes
    report = try_model(ModelSettings(path=path))
    assert report.family == entry.family
    assert (report.input.width, report.input.height) == entry.input_px


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[[model", "cannot read the catalogue"),
        (GOOD.replace("0" * 64, "abc"), "sha256"),
        (GOOD.replace("http:", "file:"), "urls"),
        (GOOD.replace("tiny", "../tiny"), "name"),
        (GOOD + "size = 3\n", "size"),
        (GOOD + GOOD, "has tiny twice"),
        (GOOD.replace("model.cpu", "model.labels"), "tiny without a file"),
    ],
)
def test_a_catalogue_that_is_not_as_it_must_be_is_refused(
    tmp_path: Path, text: str, complaint: str
) -> None:
    path = tmp_path / "own.toml"
    path.write_text(text)
    with pytest.raises(FetchError, match=complaint):
        read_catalogue(path)


def test_the_default_folder_is_the_daemons_if_it_is_there_else_the_users(tmp_path: Path) -> None:
    home = {"HOME": "/home/me"}
    assert default_folder(home, tmp_path) == tmp_path / "models"
    assert default_folder(home, tmp_path / "none") == Path("/home/me/.local/share/edged/models")
    xdg = home | {"XDG_DATA_HOME": "/data"}
    assert default_folder(xdg, tmp_path / "none") == Path("/data/edged/models")
    relative = home | {"XDG_DATA_HOME": "data"}
    assert default_folder(relative, tmp_path / "none").is_relative_to("/home/me")


def test_the_command_lists(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fetch", "--list"]) == 0
    shown = capsys.readouterr().out
    assert all(f"{entry.name}  (" in shown for entry in ENTRIES)
    assert main(["fetch", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["models"]) == len(ENTRIES)


def test_the_command_fetches_and_says_what_to_write_into_the_configuration(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    content = b"a model"
    with net.serving() as site:
        site.files["/m"] = content
        own = ONE.format(digest=hashlib.sha256(content).hexdigest())
        own = own.replace("http://127.0.0.1:9", site.url)
        catalogue = tmp_path / "own.toml"
        catalogue.write_text(own + own.partition("[model.cpu]")[2].join(["[model.labels]", ""]))
        asked = ["fetch", "tiny", "--catalogue", str(catalogue), "--to", str(tmp_path)]
        assert main(asked) == 0
        shown = capsys.readouterr().out
        assert main([*asked, "--json"]) == 0
    settings = tomllib.loads(shown[shown.index("[model]") :])["model"]
    assert Path(settings["path"]).read_bytes() == content
    assert settings["labels_file"] == str(tmp_path / "tiny.txt")
    result = json.loads(capsys.readouterr().out)
    assert [file["came"] for file in result["files"]] == [False, False]


@pytest.mark.parametrize(
    ("asked", "complaint"),
    [
        (["yolo-nano"], 'the catalogue has no yolo-nano; did you mean "yolox-nano"?'),
        (["yolox-nano", "--edgetpu"], "yolox-nano is there for cpu only"),
        (["yolox-nano", "--catalogue", "/none.toml"], "cannot read the catalogue /none.toml"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(
    asked: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fetch", *asked]) == 1
    shown = capsys.readouterr()
    assert complaint in shown.err
    assert shown.err.count("\n") == 1
    assert shown.out == ""
