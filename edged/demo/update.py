"""The demo's updates: a better model, which is kept, and then a worse one, which the device sends back by itself."""

from dataclasses import dataclass
from pathlib import Path

from edged.demo.artifacts import DemoArtifacts
from edged.errors import EdgedError, UpdateError
from edged.messaging.contract.model import DeploymentResult, ModelState
from edged.updates.rules.ledger import DeploymentRequest
from edged.updates.service.control_messages import InstallRequest
from edged.updates.service.control_socket import ControlClient

EXPECTED_OUTCOMES = ("committed", "rolled-back")
"""How the two must end."""


@dataclass(frozen=True, slots=True)
class UpdateStep:
    """An update of the show: what is said when it begins, and the bundle."""

    description: str
    bundle: Path


class UpdateScenario:
    """Asks the device for one update after the other; `is_done` once both are over."""

    def __init__(self, artifacts: DemoArtifacts, state_dir: Path) -> None:
        self._control = ControlClient(state_dir)
        self._steps = [
            UpdateStep(
                "a better model arrives: signed, tried on its goldens, now on trial",
                artifacts.good_bundle,
            ),
            UpdateStep(
                "a worse model arrives: signed as rightly, and good at its own goldens",
                artifacts.bad_bundle,
            ),
        ]
        self._current_id = ""
        self.outcomes: list[DeploymentResult] = []

    @property
    def is_done(self) -> bool:
        """Whether all that is to happen has happened."""
        return not self._steps and not self._current_id

    @property
    def has_succeeded(self) -> bool:
        """Whether it happened as it should."""
        return tuple(past.outcome for past in self.outcomes) == EXPECTED_OUTCOMES

    def start_next(self) -> str:
        """Begin the next update if none is under way: what is to be said of it, else "".

        Raises:
            EdgedError: the device refuses it.
        """
        if self._current_id or not self._steps:
            return ""
        step = self._steps[0]
        request = InstallRequest(request=DeploymentRequest(source=str(step.bundle)))
        try:
            answer = self._control.execute(request)
        except UpdateError:
            return ""  # the device is not up yet
        if answer.error:
            raise EdgedError(f"the device refuses {step.bundle.name}: {answer.error}")
        self._current_id = answer.id
        self._steps.pop(0)
        return step.description

    def on_model_state(self, state: ModelState) -> None:
        """What the device says on `up/model`."""
        if state.last is not None and state.last.id == self._current_id:
            self.outcomes.append(state.last)
            self._current_id = ""


def format_model_state(state: ModelState) -> str:
    """What `up/model` says, as a line of text."""
    installed = state.installed.name if state.installed else "none"
    if state.candidate is not None:
        version = state.candidate.version
        what = version.name if version else "a bundle"
        if state.candidate.state == "trial":
            tenths = int(state.candidate.progress * 10)
            return f"model {installed}; {what} on trial: {tenths * 10} %"
        return f"model {installed}; {what} {state.candidate.state}"
    if state.last is not None:
        reason = f": {state.last.reason}" if state.last.reason else ""
        return (
            f"model {installed}; {state.last.title} {state.last.outcome.replace('-', ' ')}{reason}"
        )
    return f"model {installed}"
