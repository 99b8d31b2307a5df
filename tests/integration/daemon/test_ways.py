"""The way of a bundle and the way of a frame through the daemon, as files in the order of their first calls.

The limits are the present numbers: they may become smaller.
"""

from dataclasses import dataclass

import pytest

from edged import bundled
from support.bundles import make_bundle
from support.executed_files import (
    ExecutedFiles,
    hook_environment,
    in_call_order,
    read_executed_files,
)
from support.update_device import MINIMAL_TRIAL, run_edged, running_device

MAX_BUNDLE_FILES = 97
"""Files of a bundle's way from `edged model install` to "committed", in the supervisor, the installer and the self-test process.

Twenty-three of them read the model file and load it: each form of label lists, the metadata of MediaPipe's detectors, the graph and its
signatures, and the kinds that are refused have a file. Three check where the bundle comes from before its deployment begins, and one reads whom the device trusts, its
own key included. One has the rules for goldens, which a classifier needs others of than a detector. Twelve divide the work between
the supervisor's thread, which decides by frozen states, and the thread of the store's disk, which does one step at a time. Nine judge the
trial: its samples, its suspension, and the rules, each of which demands an effect beyond the spread of the samples. Two are about processes: the
supervisor's loop watches the installer, and the installer waits for the self-test.
"""
MAX_FRAME_FILES = 36
"""Files of a frame's way in the supervisor, from the dispatch of its observation to the publication of an event; two of them came with the metrics
(the latencies of the stages) and with a score for other systems (`top_median_score`)."""
BUNDLE_PROCESSES = ("edged run", "edged.updates.installer.main", "edged.selftest.main")
BUNDLE_FILES = (
    "edged/updates/",
    "edged/selftest/",
    "edged/ipc/",
    "edged/model/",
    "edged/messaging/contract/model.py",
)
DISPATCH = "edged.daemon.vision_service:VisionService.on_worker_message"
PUBLISHER = "edged/publishers/mqtt.py"
EVENT_FILES = {"edged/messaging/spool/sequence_numbers.py", PUBLISHER}
"""Files in which functions are called only if a frame makes an event that is published: only events are numbered."""


@dataclass(frozen=True)
class Ways:
    """What the processes of a daemon executed while it ran and a bundle was committed."""

    processes: tuple[ExecutedFiles, ...]

    def bundle(self) -> list[str]:
        involved = [
            process
            for process in self.processes
            if any(name in process.command for name in BUNDLE_PROCESSES)
        ]
        return [path for path in in_call_order(involved) if path.startswith(BUNDLE_FILES)]

    def frame(self) -> list[str]:
        """Return the shortest way of an event: now and then a frame does something else as well."""
        frames = [
            files[: files.index(PUBLISHER) + 1]
            for process in self.processes
            for name, files in process.calls
            if name == DISPATCH and set(files) >= EVENT_FILES
        ]
        shortest = min(frames, key=len)
        return list(shortest)


@pytest.fixture(scope="module")
def ways(tmp_path_factory: pytest.TempPathFactory) -> Ways:
    folder = tmp_path_factory.mktemp("device")
    (records := folder / "records").mkdir()
    with running_device(
        folder, model='bundled = "marks-fast"', env=hook_environment(records, DISPATCH)
    ) as device:
        device.recorder.await_event("start", timeout_s=60)
        bundle = make_bundle(
            folder,
            device.signing,
            model=bundled.model_path("marks"),
            probation=MINIMAL_TRIAL,
        )
        installed = run_edged("model", "install", "--wait", "-c", device.daemon.config, bundle)
        assert installed.returncode == 0, installed.stdout + installed.stderr
        device.recorder.await_event("end", after=device.recorder.position(), timeout_s=60)
    return Ways(read_executed_files(records))


def test_a_bundle_from_install_to_committed(ways: Ways) -> None:
    files = ways.bundle()
    print(*files, f"{len(files)} files", sep="\n")
    assert "edged/updates/installer/installer.py" in files
    assert len(files) <= MAX_BUNDLE_FILES


def test_a_frame_from_the_worker_to_the_publisher(ways: Ways) -> None:
    files = ways.frame()
    print(*files, f"{len(files)} files", sep="\n")
    assert len(files) <= MAX_FRAME_FILES
