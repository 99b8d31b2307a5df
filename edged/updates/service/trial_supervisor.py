"""Judges the trial in the supervisor's thread, and remembers a verdict until it is recorded."""

from dataclasses import dataclass, replace

from edged.updates.rules.baseline import Baseline
from edged.updates.rules.probation import CommitVerdict, RollbackVerdict
from edged.updates.service.installed_versions import RunnableVersion
from edged.updates.service.store_state import StoreState
from edged.updates.service.trial_monitor import TrialMonitor


@dataclass(frozen=True, slots=True)
class TrialEnd:
    """How a trial ends.

    Attributes:
        deployment_id: ID of the deployment on trial.
        verdict: the verdict on it; None for a failure that could not be recorded before.
    """

    deployment_id: str
    verdict: CommitVerdict | RollbackVerdict | None


class TrialSupervisor:
    """Makes the monitor follow the store's state, and passes one verdict on each trial.

    A model that failed stops running before that is recorded. A model that passed goes on running until its commit is recorded.
    """

    def __init__(self, monitor: TrialMonitor) -> None:
        """Watch no trial yet; `monitor` gathers the evidence."""
        self._monitor = monitor
        self._end: TrialEnd | None = None
        self._is_ending = False
        """The end of the trial is being recorded."""
        self._is_stopped = False
        """The candidate has stopped running, and the store does not know it yet."""
        self._measured_for: str | None = None
        """ID of the deployment for whose trial the installed version is measured; None if none waits for its trial."""

    @property
    def has_end(self) -> bool:
        """True if the end of the present trial is to be recorded."""
        return self._end is not None

    def select_active(self, state: StoreState) -> RunnableVersion:
        """Return the version that the workers are to run; before a trial it sees every frame, as the candidate will in it."""
        if state.is_trial_due:
            return replace(
                state.installed, model=replace(state.installed.model, sees_every_frame=True)
            )
        return state.installed if self._is_stopped else state.active

    def judge(self, state: StoreState, *, can_record: bool) -> None:
        """Judge the present trial, once.

        Args:
            state: the state of the store.
            can_record: the end of a trial can be recorded now; if not, a model that passed is judged again later.
        """
        if state.trial is None or self._end is not None or self._is_ending:
            return
        if state.candidate is None or self._is_stopped:
            if state.is_trial_over and can_record:
                self._end = TrialEnd(state.trial.id, None)
            return
        match self._monitor.evaluate():
            case RollbackVerdict() as verdict:
                self._end = TrialEnd(state.trial.id, verdict)
                self._stop(state)
            case CommitVerdict() as verdict if can_record:
                self._end = TrialEnd(state.trial.id, verdict)

    def begin_recording(self) -> TrialEnd:
        """Return the end that is being recorded from now on; the state that is followed next is the result.

        Raises:
            ValueError: there is none.
        """
        if self._end is None:
            raise ValueError("no trial has ended")
        end, self._end = self._end, None
        self._is_ending = True
        return end

    def begin_rollback(self, state: StoreState) -> None:
        """Stop a candidate whose rollback an operator requests; the state that is followed next is the result."""
        if state.is_open and state.trial is not None:
            self._is_ending = True
            self._stop(state)

    def follow_state(self, state: StoreState) -> None:
        """Watch the version that is active by a new state."""
        self._follow_baseline(state)
        trial = state.trial
        if self._end is not None and (trial is None or trial.id != self._end.deployment_id):
            self._end = None
        self._is_ending = False
        self._is_stopped = self._end is not None and isinstance(self._end.verdict, RollbackVerdict)
        if trial is None or state.candidate is None or self._is_stopped:
            self._monitor.end()
            return
        baseline = Baseline(
            fps=trial.baseline_fps,
            frame_s=trial.baseline_frame_s,
            memory_mb=trial.baseline_memory_mb,
        )
        self._monitor.begin(state.candidate, baseline)

    def _follow_baseline(self, state: StoreState) -> None:
        """Measure the installed version once a trial is due: what its gate let it see before is no rate to compare with."""
        due = state.deployment.id if state.deployment and state.is_trial_due else None
        if due is not None and due != self._measured_for:
            self._monitor.restart_baseline()
        self._measured_for = due

    def _stop(self, state: StoreState) -> None:
        self._is_stopped = state.candidate is not None
        self._monitor.end()
