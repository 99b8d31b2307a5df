"""Another user than the one that runs the tests, and a Python for that user."""

import subprocess
import sys

NOBODY_UID = 65_534
_TEST = "/usr/bin/test"


def find_python_of_everyone() -> str | None:
    """Return a Python of this version that any user can run; None if there is none."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    for python in (sys.executable, f"/usr/bin/python{version}"):
        can_run = [_TEST, "-x", python]
        if not subprocess.run(can_run, user=NOBODY_UID, check=False).returncode:
            return python
    return None
