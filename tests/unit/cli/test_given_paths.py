"""Files that are none, in place of a model or a picture."""

import os
from pathlib import Path

import pytest

from edged.bundled import model_path
from edged.cli.main import main


@pytest.mark.parametrize("what", ["link to itself", "named pipe"])
@pytest.mark.parametrize("option", [None, "--image", "--labels", "--delegate"])
def test_a_file_that_is_none_is_refused_in_one_line(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], what: str, option: str | None
) -> None:
    if what == "named pipe" and option in ("--labels", "--delegate"):
        pytest.skip(
            "labels may come through a pipe, as <(...) in a shell; a library is loaded by the system"
        )
    path = tmp_path / "file"
    if what == "named pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(path)
    arguments = [str(path)] if option is None else [str(model_path()), option, str(path)]
    assert main(["inspect", *arguments]) == 1
    err = capfd.readouterr().err
    assert err.startswith("edged: "), err
    assert len(err.splitlines()) == 1
    if what == "named pipe":
        assert "is not a regular file" in err
    elif option != "--delegate":  # the linker's message has the path twice, and is shortened
        assert "levels of symbolic links" in err
