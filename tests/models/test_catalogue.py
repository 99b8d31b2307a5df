"""``edged-models fetch``."""

import hashlib
import json
import tomllib
from pathlib import Path

import pytest

from edged.catalogue.catalogue import read_catalogue
from edged_models.cli.main import main
from edged_models.model_folder import default_model_folder
from support import fetch_server as net

ENTRIES = read_catalogue().model
ONE = """\
[[model]]
name = "tiny"
family = "ssd"
input_px = [8, 8]
licence = "MIT"
description = "nothing"
[model.cpu]
urls = ["http://127.0.0.1:9/m"]
sha256 = "{digest}"
digest_source = "here"
"""


def test_the_default_folder_is_the_daemons_if_writable_else_the_users(tmp_path: Path) -> None:
    home = {"HOME": "/home/me"}
    assert default_model_folder(home, tmp_path) == tmp_path / "models"
    assert default_model_folder(home, tmp_path / "none") == Path(
        "/home/me/.local/share/edged/models"
    )
    xdg = home | {"XDG_DATA_HOME": "/data"}
    assert default_model_folder(xdg, tmp_path / "none") == Path("/data/edged/models")
    relative = home | {"XDG_DATA_HOME": "data"}
    assert default_model_folder(relative, tmp_path / "none").is_relative_to("/home/me")


def test_the_command_lists(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fetch", "--list"]) == 0
    output = capsys.readouterr().out
    assert all(f"{entry.name}  (" in output for entry in ENTRIES)
    assert main(["fetch", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["model"]) == len(ENTRIES)


def test_the_command_fetches_and_prints_the_configuration(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    content = b"a model"
    with net.serve_site() as site:
        site.files["/m"] = content
        own = ONE.format(digest=hashlib.sha256(content).hexdigest())
        own = own.replace("http://127.0.0.1:9", site.url)
        catalogue = tmp_path / "own.toml"
        catalogue.write_text(own + own.partition("[model.cpu]")[2].join(["[model.labels]", ""]))
        arguments = ["fetch", "tiny", "--catalogue", str(catalogue), "--to", str(tmp_path)]
        assert main(arguments) == 0
        output = capsys.readouterr().out
        assert main([*arguments, "--json"]) == 0
    settings = tomllib.loads(output[output.index("[model]") :])["model"]
    assert Path(settings["path"]).read_bytes() == content
    assert settings["labels_file"] == str(tmp_path / "tiny.txt")
    result = json.loads(capsys.readouterr().out)
    assert [file["downloaded"] for file in result["files"]] == [False, False]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["yolo-nano"], 'the catalogue has no yolo-nano; did you mean "yolox-nano"?'),
        (["yolox-nano", "--edgetpu"], "yolox-nano is available for cpu only"),
        (["yolox-nano", "--catalogue", "/none.toml"], "cannot read the catalogue /none.toml"),
    ],
)
def test_errors_are_one_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fetch", *arguments]) == 1
    output = capsys.readouterr()
    assert message in output.err
    assert output.err.count("\n") == 1
    assert output.out == ""
