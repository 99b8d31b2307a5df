"""Scenario ``update``: the latency of frames while a bundle is verified, unpacked and tested on the device."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from edged.bench.daemon_config import daemon_config, synthetic_camera
from edged.bench.live_program import LiveProgram, daemon_spec, running
from edged.bench.measure_run import WARM_UP_S
from edged.bench.recording import Arrival, FrameArrival, select_frames
from edged.bench.report_values import Row, Section
from edged.bench.results import make_row, with_goals
from edged.bench.run_values import EDGED
from edged.bench.scenarios.settings import ScenarioSettings
from edged.bench.statistics import percentile
from edged.bench.workspace import Workspace
from edged.clock import Deadline
from edged.demo.artifacts import DemoArtifacts, make_artifacts
from edged.errors import EdgedError, UpdateError
from edged.messaging.contract.model import ModelState
from edged.updates.rules.ledger import DeploymentRequest
from edged.updates.service.control_messages import InstallRequest
from edged.updates.service.control_socket import ControlClient

_UNDISTURBED = "undisturbed"
_TIMEOUT_S = 60.0
_POLL_S = 0.05
_MIN_FRAMES = 5
_MODEL_SUFFIX = "/up/model"


def run_update(settings: ScenarioSettings) -> Section:
    """Measure the frames before the request, and those between the request and the begin of the trial.

    Raises:
        EdgedError: the extra for updates is missing, or the device does not install the bundle.
    """
    workspace = settings.workspace
    settings.report("making keys and a signed bundle", 0.0)
    artifacts = make_artifacts(workspace.folder.path)
    undisturbed, updating = [], []
    for number in range(settings.rounds):
        settings.report(f"update, round {number + 1}", (number + 1) / (settings.rounds + 1))
        before, during = _measure_round(settings, artifacts, number)
        undisturbed.append(before)
        updating.append(during)
    rows = (_latency_row(percent, undisturbed, updating) for percent in (50, 95, 99))
    return Section(
        title="frames while an update is installed (edged) and before",
        rows=tuple(with_goals(row, settings.conditions) for row in rows),
    )


def split_frames(
    frames: Sequence[FrameArrival], began_ns: int, requested_ns: int, ended_ns: int
) -> tuple[list[float], list[float]]:
    """Return the latencies before and during the update, in seconds.

    Args:
        frames: the frames.
        began_ns: begin of the undisturbed time, monotonic ns.
        requested_ns: time of the request, monotonic ns.
        ended_ns: end of the installation, monotonic ns.
    """
    before = [f.latency_s for f in frames if began_ns <= f.received_ns < requested_ns]
    during = [f.latency_s for f in frames if requested_ns <= f.received_ns < ended_ns]
    return before, during


def find_trial_ns(arrivals: Sequence[Arrival]) -> int | None:
    """Return when the device reported that the trial has begun, monotonic ns; None if it has not.

    Raises:
        EdgedError: the device has refused the bundle.
    """
    for one in arrivals:
        if not one.topic.endswith(_MODEL_SUFFIX):
            continue
        state = msgspec.json.decode(one.payload, type=ModelState)
        if state.candidate is not None and state.candidate.state == "trial":
            return one.arrived_ns
        if state.last is not None:
            raise EdgedError(f"the update ended as {state.last.outcome}: {state.last.reason}")
    return None


def _measure_round(
    settings: ScenarioSettings, artifacts: DemoArtifacts, number: int
) -> tuple[list[float], list[float]]:
    workspace = settings.workspace
    folder = workspace.folder.path / f"update-{number}"
    folder.mkdir()
    spec = daemon_spec(workspace, _make_config(settings, artifacts, folder))
    with running(workspace, spec) as program:
        workspace.clock.sleep(WARM_UP_S)
        began_ns = workspace.clock.monotonic_ns()
        workspace.clock.sleep(workspace.seconds)
        requested_ns = workspace.clock.monotonic_ns()
        _request(workspace, folder / "state", artifacts.good_bundle)
        ended_ns = _wait_for_trial(workspace, program)
        frames = select_frames(program.messages.read())
    before, during = split_frames(frames, began_ns, requested_ns, ended_ns)
    if min(len(before), len(during)) < _MIN_FRAMES:
        raise EdgedError(
            f"only {len(before)} and {len(during)} frames were published: use more seconds"
        )
    return before, during


def _make_config(settings: ScenarioSettings, artifacts: DemoArtifacts, folder: Path) -> str:
    return daemon_config(
        folder=folder,
        port=settings.workspace.port,
        model=None,  # an update does not replace a model that is configured by its path
        runtime=settings.model.runtime,
        tables=[
            synthetic_camera(*settings.size, fps=settings.fps),
            f'[updates]\ntrust = "{artifacts.trust_file}"\n',
        ],
    )


def _request(workspace: Workspace, state_dir: Path, bundle: Path) -> None:
    request = InstallRequest(request=DeploymentRequest(source=str(bundle)))
    deadline = Deadline(workspace.clock, _TIMEOUT_S)
    while True:
        try:
            response = ControlClient(state_dir).execute(request)
        except UpdateError:
            if deadline.expired:
                raise
            workspace.clock.sleep(_POLL_S)
            continue
        if response.error:
            raise EdgedError(f"the device refuses the bundle: {response.error}")
        return


def _wait_for_trial(workspace: Workspace, program: LiveProgram) -> int:
    deadline = Deadline(workspace.clock, _TIMEOUT_S)
    while not deadline.expired and program.process.poll() is None:
        if (trial_ns := find_trial_ns(program.messages.read())) is not None:
            return trial_ns
        workspace.clock.sleep(_POLL_S)
    raise EdgedError(f"the device did not begin a trial in {_TIMEOUT_S:g} s")


def _latency_row(
    percent: int, undisturbed: Sequence[Sequence[float]], updating: Sequence[Sequence[float]]
) -> Row:
    columns = ((_UNDISTURBED, undisturbed), (EDGED, updating))
    values = {name: [_percentile_ms(r, percent) for r in rounds] for name, rounds in columns}
    return make_row(f"update_p{percent}", f"latency of a frame, p{percent}", "ms", values)


def _percentile_ms(latencies_s: Sequence[float], percent: int) -> float:
    return (percentile(latencies_s, percent) or 0.0) * 1000
