"""Output to a stream whose encoding lacks most characters."""

import os
import subprocess
import sys


def test_a_stream_that_is_only_ascii_gets_escapes_and_no_error() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "edged", "check", "-c", "/nowhere/kamera-größe.toml"],
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )

    assert done.returncode == 1
    assert b"kamera-gr\\u00f6\\u00dfe.toml" in done.stdout + done.stderr
    assert b"Traceback" not in done.stderr
