"""A login in any setting: no command shows it, whether the configuration is refused or not."""

from pathlib import Path

import pytest

from edged.cli.main import main
from support.settings_walk import iter_texts, make_config

SPELLINGS = (
    "rtsp://admin:hush@cam/1",
    "rtsp://admin:a#hush@cam/1",
    "rtsp://admin:a/hush@cam/1",
    "rtsp://admin:a?hush@cam/1",
    "rtsp://admin:12/hush@cam/1",
    "rtsp://cam/user=admin&password=hush&channel=1",
    "https://cam/video.cgi?user=admin&pwd=hush",
    "https:/admin:hush@cam/1",
    "mqtts://admin:hush@broker:8883",
    "admin:hush@broker",
)
TEXTS = tuple(iter_texts())


@pytest.mark.parametrize(("key_path", "is_list"), TEXTS, ids=[".".join(k) for k, _ in TEXTS])
def test_a_login_in_any_setting_is_not_shown(
    key_path: tuple[str, ...],
    is_list: bool,  # noqa: FBT001 (a parameter of the test)
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    config = tmp_path / "edged.toml"
    # A path is shown as it is written; what could be an address is no path.
    for spelling in SPELLINGS[:-1] if key_path == ("model", "path") else SPELLINGS:
        config.write_text(make_config(key_path, [spelling] if is_list else spelling))
        main(["check", "-c", str(config)])
        main(["check", "--json", "-c", str(config)])
        main(["model", "status", "-c", str(config)])
        out, err = capsys.readouterr()
        assert "hush" not in out + err, spelling
        assert "Traceback" not in err


def test_the_walk_reaches_the_settings_of_all_drivers() -> None:
    names = {key_path[-1] for key_path, _ in TEXTS}
    assert {"url", "host", "password_file", "key", "delegate", "path", "labels_file"} <= names
