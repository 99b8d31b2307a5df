"""`.ci/failed_alone.py`: failed tests run once more, alone, and only those that fail there too fail the run."""

import os
import subprocess
import sys
from pathlib import Path

PROGRAM = Path(__file__).parents[3] / ".ci" / "failed_alone.py"
# A worker of xdist has this variable; a test that runs alone has not.
BESIDE_OTHERS = "PYTEST_XDIST_WORKER"
LOAD_SENSITIVE = f"""
import os
def test_quick(): assert "{BESIDE_OTHERS}" not in os.environ
"""
SOUND = "def test_sound(): pass\n"
BROKEN = "def test_broken(): assert False\n"
SEED = """
import os, pathlib
def test_choice():
    with pathlib.Path("seeds").open("a") as seeds:
        print(os.environ["EDGED_SEED"], file=seeds)
    assert False
"""
HEADING = "failed beside other tests, passed alone"


def run(folder: Path, *arguments: str, **tests: str) -> subprocess.CompletedProcess[str]:
    (folder / "pytest.ini").write_text("[pytest]\n")
    for name, text in tests.items():
        (folder / f"test_{name}.py").write_text(text)
    beside = ("--numprocesses", "2", "--maxprocesses", "2", "--dist", "loadfile")
    inherited = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("PYTEST", "EDGED", "PYTHONPATH"))
    }
    return subprocess.run(
        [sys.executable, PROGRAM, *beside, *arguments],
        cwd=folder,
        env=inherited,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_test_that_passes_alone_is_named_and_fails_nothing(tmp_path: Path) -> None:
    done = run(tmp_path, load=LOAD_SENSITIVE, sound=SOUND)
    assert done.returncode == 0, done.stdout
    below = done.stdout.partition(HEADING)[2]
    assert "\ntest_load.py::test_quick\n" in below
    assert "test_sound" not in below
    assert "1 passed" in below.splitlines()[-1]


def test_a_test_that_fails_again_fails_the_run(tmp_path: Path) -> None:
    done = run(tmp_path, load=LOAD_SENSITIVE, broken=BROKEN)
    assert done.returncode == 1
    below = done.stdout.partition(HEADING)[2]
    assert "test_load.py::test_quick\n" in below
    assert "FAILED" not in below.partition("mend them")[0]
    assert "FAILED test_broken.py::test_broken" in done.stdout
    assert "1 failed, 1 passed" in done.stdout.splitlines()[-1]


def test_nothing_is_repeated_after_a_run_without_failures(tmp_path: Path) -> None:
    done = run(tmp_path, sound=SOUND)
    assert done.returncode == 0
    assert done.stdout.count("test session starts") == 1


def test_failures_of_an_earlier_run_are_not_repeated(tmp_path: Path) -> None:
    run(tmp_path, broken=BROKEN)
    done = run(tmp_path, broken=SOUND, load=LOAD_SENSITIVE)
    assert done.returncode == 0
    assert "1 tests failed beside others" in done.stdout


def test_a_run_that_did_not_get_to_its_tests_is_not_repeated(tmp_path: Path) -> None:
    done = run(tmp_path, "--no-such-option", sound=SOUND)
    assert done.returncode == 4
    assert HEADING not in done.stdout


def test_a_file_that_cannot_be_imported_fails_the_run(tmp_path: Path) -> None:
    assert run(tmp_path, odd="import no_such_module\n", sound=SOUND).returncode != 0


def test_both_runs_make_the_same_random_choices(tmp_path: Path) -> None:
    run(tmp_path, seed=SEED)
    first, second = (tmp_path / "seeds").read_text().splitlines()
    assert first == second
