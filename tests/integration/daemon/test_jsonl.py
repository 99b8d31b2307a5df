"""The daemon with ``[jsonl]`` in a pipe."""

import subprocess
import sys
from pathlib import Path

CONFIG = """
[device]
name = "porch"
state_dir = "{folder}/state"

[jsonl]

[model]
runtime = "simulated"

[camera.front]
source = "synthetic"
"""


def test_the_daemon_ends_when_the_reader_of_its_output_has_gone(tmp_path: Path) -> None:
    config = tmp_path / "edged.toml"
    config.write_text(CONFIG.format(folder=tmp_path))
    daemon = subprocess.Popen(
        [sys.executable, "-m", "edged", "run", "-c", str(config)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert daemon.stdout is not None
    assert daemon.stderr is not None
    with daemon.stderr:
        line = daemon.stdout.readline()
        daemon.stdout.close()
        code = daemon.wait(30)
        log = daemon.stderr.read().decode()

    assert line.startswith(b'{"topic":')
    assert code == 0, log
    assert "the reader of the standard output has closed it" in log
    assert "Traceback" not in log
