"""What all scenarios are given."""

from collections.abc import Callable
from dataclasses import dataclass

from edged.bench.benchmark import Report
from edged.bench.goals import BenchConditions
from edged.bench.report_values import Section
from edged.bench.workspace import ModelOnRuntime, Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioSettings:
    """The settings of a scenario.

    Attributes:
        workspace: what the runs share.
        model: the model.
        size: width and height of the frames, in pixels.
        fps: frames per second of each camera.
        rounds: number of rounds.
        report: is called before each run.
    """

    workspace: Workspace
    model: ModelOnRuntime
    size: tuple[int, int]
    fps: float
    rounds: int
    report: Report

    @property
    def conditions(self) -> BenchConditions:
        """BenchConditions of goals that depend on no model."""
        return BenchConditions(invoke_ms=0.0, frame=self.size, model_input=(0, 0))


Scenario = Callable[[ScenarioSettings], Section]
