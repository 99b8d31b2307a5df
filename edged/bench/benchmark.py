"""The main benchmark: rounds of the bare interpreter, the tutorial loop and one or two builds of edged, on one source of frames."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from edged.bench.build import Build
from edged.bench.daemon_config import Speed, daemon_config, replay_camera, synthetic_camera
from edged.bench.goals import BenchConditions
from edged.bench.live_program import ProgramSpec, daemon_spec, tutorial_spec
from edged.bench.measure_run import BareMeasurement, measure_bare, measure_program, measure_start
from edged.bench.report_values import Section
from edged.bench.results import compute_section
from edged.bench.run_values import EDGED, TUTORIAL, ProgramRun, Round
from edged.bench.workspace import ModelOnRuntime, Workspace

Report = Callable[[str, float], None]
"""Takes what is done now, and the share, 0..1, of the work that is done."""


@dataclass(frozen=True, slots=True)
class StillFiles:
    """One frame as files: the synthetic camera takes longer to draw its room than a program takes to start.

    Attributes:
        folder: a folder with one uncompressed picture, for the daemon.
        array: a .npy file, for the tutorial loop.
    """

    folder: Path
    array: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchSource:
    """Where frames come from.

    Attributes:
        title: its name in the report.
        size: width and height of its frames, in pixels.
        clip: a video file; None for the synthetic camera.
        array: the frames for the tutorial loop: a .npy file, or the clip.
        still: one frame to measure start and memory with; None if they are not measured.
    """

    title: str
    size: tuple[int, int]
    clip: Path | None
    array: Path
    still: StillFiles | None = None

    def camera(self, fps: float, speed: Speed) -> str:
        """Return the table of the daemon's camera."""
        if self.clip is not None:
            return replay_camera(self.clip, fps=fps, speed=speed)
        return synthetic_camera(*self.size, fps=fps, speed=speed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """The settings of all rounds.

    Attributes:
        workspace: what the runs share.
        model: the model.
        builds: the builds of edged, this one last.
        source: where frames come from.
        fps: frames per second of the paced runs.
        has_tutorial: whether the tutorial loop can run the model.
    """

    workspace: Workspace
    model: ModelOnRuntime
    builds: Sequence[Build]
    source: BenchSource
    fps: float
    has_tutorial: bool

    def run(self, count: int, report: Report) -> Section:
        """Run the rounds, and return the rows.

        Args:
            count: number of rounds.
            report: is called before each run.

        Raises:
            EdgedError: a program cannot be run, or publishes nothing.
        """
        progress = _RunProgress(report, self.source.title, count * self._runs_in_round)
        bare: BareMeasurement | None = None
        rounds = []
        for number in range(count):
            progress.step(f"round {number + 1}: bare interpreter")
            bare = measure_bare(self.workspace, self.model)
            rounds.append(self._run_round(bare.run, progress, backwards=number % 2 == 1))
        if bare is None:
            raise ValueError("count is 0")
        return compute_section(rounds, self.source.title, self._conditions(bare, rounds))

    @property
    def _runs_in_round(self) -> int:
        programs = len(self.builds) + self.has_tutorial
        return 1 + programs * (3 if self.source.still else 2)

    def _run_round(self, bare: ProgramRun, progress: "_RunProgress", *, backwards: bool) -> Round:
        """Run each program once in each way; every second round in the opposite order, so that no program always comes first."""
        names = [*([TUTORIAL] if self.has_tutorial else []), *(b.name for b in self.builds)]
        ordered = names[::-1] if backwards else names
        saturated, paced, started = {}, {}, {}
        for name in ordered:
            progress.step(f"{name}, saturated")
            saturated[name] = measure_program(self.workspace, self._spec(name, 0.0))
        for name in ordered:
            progress.step(f"{name}, {self.fps:g} frames per second")
            paced[name] = measure_program(self.workspace, self._spec(name, self.fps))
        if self.source.still is not None:
            for name in ordered:
                progress.step(f"{name}, start")
                spec = self._start_spec(name, self.source.still)
                started[name] = measure_start(self.workspace, spec)
        in_order = {name: saturated[name] for name in names}
        return Round(bare=bare, saturated=in_order, paced=paced, started=started)

    def _spec(self, name: str, fps: float) -> ProgramSpec:
        """Return a program; `fps` 0 saturates it."""
        if name == TUTORIAL:
            return tutorial_spec(self.workspace, self.model, self.source.array, fps)
        camera = self.source.camera(fps or self.fps, "real" if fps else "max")
        return self._daemon(name, camera)

    def _start_spec(self, name: str, still: StillFiles) -> ProgramSpec:
        if name == TUTORIAL:
            return tutorial_spec(self.workspace, self.model, still.array, self.fps)
        return self._daemon(name, replay_camera(still.folder, fps=self.fps))

    def _daemon(self, name: str, camera: str) -> ProgramSpec:
        config = daemon_config(
            folder=self.workspace.folder.path,
            port=self.workspace.port,
            model=self.model.path,
            runtime=self.model.runtime,
            tables=[camera],
        )
        build = next(one for one in self.builds if one.name == name)
        return daemon_spec(self.workspace, config, build)

    def _conditions(self, bare: BareMeasurement, rounds: Sequence[Round]) -> BenchConditions:
        refs = [build.name for build in self.builds if build.name != EDGED]
        return BenchConditions(
            invoke_ms=median(one.bare.invoke_s for one in rounds) * 1000,
            frame=self.source.size,
            model_input=input_size(bare.input_shape),
            ref=refs[0] if refs else None,
        )


class _RunProgress:
    def __init__(self, report: Report, title: str, count: int) -> None:
        self._report = report
        self._title = title
        self._count = count
        self._done = 0

    def step(self, text: str) -> None:
        """Show the run that begins now."""
        self._report(f"{self._title}: {text}", self._done / self._count)
        self._done += 1


def input_size(shape: Sequence[int]) -> tuple[int, int]:
    """Return width and height of a model's input of any layout, in pixels; (0, 0) if the shape is not that of a picture."""
    channels = (1, 3)
    match tuple(shape):
        case (_, height, width, depth) if depth in channels:
            return width, height
        case (_, depth, height, width) if depth in channels:
            return width, height
    return 0, 0
