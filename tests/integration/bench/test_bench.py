"""``edged bench`` with real processes: a broker, a subscriber, the tutorial loop, this build and one of a git ref."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from edged.bench.build import extract_build, read_commit
from edged.bench.measure_run import measure_control
from edged.bench.recording import recording
from edged.bench.session import SCENARIOS
from edged.bench.workspace import open_workspace
from edged.cli import bench_options
from edged.cli.main import PROGRAM
from edged.clock import SystemClock
from edged.errors import EdgedError
from support.subscriber import publish_message
from support.waiting import wait_for

pytestmark = pytest.mark.timeout(300)


def run_bench(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "edged", "bench", *arguments],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.runtime
def test_a_quick_run_measures_all_programs_and_its_report_can_be_kept_and_compared(
    tmp_path: Path,
) -> None:
    kept = tmp_path / "kept.json"
    commit = read_commit()
    against = ("--against", "HEAD") if commit else ()
    arguments = ("--quick", "--size", "320x240", "--json", "--out", str(kept), *against)
    measured = json.loads(run_bench(*arguments))
    assert measured == json.loads(kept.read_text())
    sections = {section["title"]: section["rows"] for section in measured["sections"]}
    rows = {row["key"]: row for row in sections["synthetic camera"]}
    builds = {"edged", commit} if commit else {"edged"}
    assert set(rows["fps"]["values"]) == {"bare", "tutorial"} | builds
    assert set(rows["added_p50"]["values"]) == {"tutorial"} | builds
    for key in ("share", "cpu", "cpu_worker", "cpu_supervisor", "rss", "start"):
        assert rows[key]["values"]["edged"]["median"] > 0, key
    assert rows["cpu"]["ratios"]["tutorial"]["median"] > 0
    assert rows["stage_invoke"]["values"]["edged"]["median"] > 0
    [control] = [rows for title, rows in sections.items() if title.startswith("control")]
    assert control[0]["values"]["control"]["median"] > 0
    assert any(line.startswith("model.threads = ") for line in measured["suggestions"])
    text = run_bench("--from", str(kept), "--compare", str(kept))
    assert "share of the bare rate" in text
    assert "one round only" in text
    assert list(tmp_path.iterdir()) == [kept]


@pytest.mark.parametrize("name", ["static", "update"])
def test_a_scenario_measures_its_ratio(name: str) -> None:
    measured = json.loads(run_bench("--quick", "--size", "320x240", "--json", "--scenario", name))
    [section] = measured["sections"]
    assert all(row["values"]["edged"]["median"] >= 0 for row in section["rows"])
    assert all(row["ratios"] for row in section["rows"])


def test_the_command_offers_every_scenario() -> None:
    assert tuple(SCENARIOS) == bench_options.SCENARIO_NAMES


def test_the_control_measures_the_path_without_edged() -> None:
    with open_workspace(SystemClock(), seconds=0.5) as workspace:
        arrived = measure_control(workspace, fps=20.0)
        folder = workspace.folder.path
    assert [one.frame for one in arrived] == list(range(10))
    assert all(0 < one.latency_s < 1 for one in arrived)
    assert not folder.exists()


def test_what_an_earlier_run_left_retained_is_not_recorded() -> None:
    clock = SystemClock()
    with open_workspace(clock, seconds=1.0) as workspace:
        publish_message(workspace.port, "x/detections", b"old", retain=True)
        with recording(workspace.folder, workspace.port, "x/#", workspace.cores, clock) as messages:
            publish_message(workspace.port, "x/detections", b"new", retain=True)
            wait_for(messages.read)
            assert [one.payload for one in messages.read()] == [b"new"]


def test_a_git_ref_is_extracted_without_a_trace_in_the_repository(tmp_path: Path) -> None:
    commit = read_commit()
    if commit is None:
        pytest.skip("this edged is not in a git checkout")
    build = extract_build("HEAD", tmp_path)
    assert build.name == commit
    shown = subprocess.run(
        [sys.executable, "-c", "import edged; print(edged.__file__)"],
        capture_output=True,
        text=True,
        check=True,
        env=build.environment,
        cwd=build.folder,
    )
    assert shown.stdout.startswith(str(tmp_path))
    with pytest.raises(EdgedError, match="no commit 'no-such-ref'"):
        extract_build("no-such-ref", tmp_path)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--model", "/none.tflite"), "--model: no such file"),
        (("--clip", __file__), "OpenCV cannot read a frame"),
        (("--out", "/none/report.json"), "--out"),
        (("--compare", __file__), "not a report of edged bench"),
        (("--json", "--compare", __file__), "--json prints the report alone"),
        (("--against", "no-such-ref"), "no commit 'no-such-ref'"),
        (("--scenario", "static", "--against", "HEAD"), "not to a --scenario"),
    ],
)
def test_a_wrong_argument_is_one_line(
    arguments: tuple[str, ...], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert PROGRAM.run(["bench", "--quick", *arguments]) == 1
    errors = capsys.readouterr().err.strip()
    assert reason in errors
    assert "\n" not in errors
