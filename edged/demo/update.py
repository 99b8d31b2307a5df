"""The update demo: a better model, which is committed, and then a degraded one, which the device rolls back."""

from dataclasses import dataclass
from pathlib import Path

from edged.demo.artifacts import DemoArtifacts
from edged.errors import EdgedError, UpdateError
from edged.messaging.contract.model import DeploymentResult, ModelState
from edged.updates.rules.ledger import DeploymentRequest
from edged.updates.service.control_messages import InstallRequest
from edged.updates.service.control_socket import ControlClient

EXPECTED_OUTCOMES = ("committed", "rolled-back")
"""Outcomes of the two updates."""


@dataclass(frozen=True, slots=True)
class UpdateStep:
    """One update of the demo.

    Attributes:
        description: text to show when the update starts.
        bundle: the bundle.
    """

    description: str
    bundle: Path


class UpdateScenario:
    """Installs one update after the other on a running device."""

    def __init__(self, artifacts: DemoArtifacts, state_dir: Path) -> None:
        self._control = ControlClient(state_dir)
        self._steps = [
            UpdateStep(
                "installing a better model: signed, and it passes its goldens",
                artifacts.good_bundle,
            ),
            UpdateStep(
                "installing a degraded model: signed too, and it passes its own goldens",
                artifacts.bad_bundle,
            ),
        ]
        self._current_id: str | None = None
        self.results: list[DeploymentResult] = []

    @property
    def is_done(self) -> bool:
        """True once both updates have an outcome."""
        return not self._steps and self._current_id is None

    @property
    def has_succeeded(self) -> bool:
        """True if both updates have the expected outcomes."""
        return tuple(result.outcome for result in self.results) == EXPECTED_OUTCOMES

    def start_next(self) -> str | None:
        """Start the next update if none is in progress.

        Returns:
            The description of the update; None if no update was started, also while the device is still starting.

        Raises:
            EdgedError: the device refuses the update.
        """
        if self._current_id is not None or not self._steps:
            return None
        step = self._steps[0]
        request = InstallRequest(request=DeploymentRequest(source=str(step.bundle)))
        try:
            response = self._control.execute(request)
        except UpdateError:
            return None
        if response.error:
            raise EdgedError(f"the device refuses {step.bundle.name}: {response.error}")
        self._current_id = response.id
        return self._steps.pop(0).description

    def on_model_state(self, state: ModelState) -> None:
        """Take the device's message on ``up/model``."""
        if state.last is not None and state.last.id == self._current_id:
            self.results.append(state.last)
            self._current_id = None


def format_model_state(state: ModelState) -> str:
    """Format the device's message on ``up/model`` as one line."""
    installed = state.installed.name if state.installed else "none"
    if state.candidate is not None:
        version = state.candidate.version
        name = version.name if version else "a bundle"
        if state.candidate.state == "trial":
            tenths = int(state.candidate.progress * 10)
            return f"model {installed}; {name} in trial: {tenths * 10} %"
        return f"model {installed}; {name} {state.candidate.state}"
    if state.last is not None:
        reason = f": {state.last.reason}" if state.last.reason else ""
        outcome = state.last.outcome.replace("-", " ")
        return f"model {installed}; {state.last.title} {outcome}{reason}"
    return f"model {installed}"
