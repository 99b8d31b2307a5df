"""``edged demo --update``: what README promises, as a newcomer runs it."""

import subprocess
import sys


def test_a_better_model_is_committed_and_a_degraded_one_is_rolled_back() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "edged", "demo", "--update"],
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    committed, rolled_back = done.stdout.splitlines()[-2:]
    assert committed.startswith("marks@1.0 committed")
    assert rolled_back.startswith("marks@2.0 rolled back: it agrees with the old model to 0.")
