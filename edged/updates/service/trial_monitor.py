"""Watches the models at work: the installed one for its baseline, and the one on trial for its evidence.

What the vision workers report comes in here. `edged.updates.rules.probation` judges the evidence.
"""

from edged.clock import NS_PER_S, Clock, PauseFreeClock
from edged.updates.rules.baseline import Baseline, BaselineMeasurement, BaselineMeter
from edged.updates.rules.evidence import EvidenceCollector
from edged.updates.rules.probation import (
    ContinueVerdict,
    RollbackVerdict,
    TrialVerdict,
    evaluate_trial,
)
from edged.updates.rules.samples import Comparison, PairedTimes
from edged.updates.service.installed_versions import RunnableVersion
from edged.updates.service.suspension import MAX_GAP_S, TrialSuspension
from edged.updates.service.system_sample import SystemSample
from edged.vision.messages import ModelReady, Observation, PlanDeclined
from edged.vision.trial_messages import CandidateFailure, ShadowComparison
from edged.vision.worker_loss import WorkerLoss, find_outside_fault

MAX_STARTUP_S = 120.0
"""A candidate that does not run by then cannot be tried here: it passed its self-test, so the host or its accelerator is too slow, or busy."""
MAX_CONSECUTIVE_LOSSES = 3
"""An installed model that loses its worker so often in a row has failed."""


class TrialMonitor:
    """Measures the installed model, or gathers the evidence of the one on trial: a `VisionListener`."""

    def __init__(self, clock: Clock) -> None:
        """Watch the installed model.

        Args:
            clock: the clock of durations.
        """
        self._clock = clock
        self._unpaused_clock = PauseFreeClock(clock, MAX_GAP_S)
        self._suspension = TrialSuspension(clock)
        now_ns = clock.monotonic_ns()
        self._baseline_meter = BaselineMeter(now_ns)
        self._on_trial: RunnableVersion | None = None
        self._baseline = Baseline()
        """The baseline of the present trial."""
        self._evidence = EvidenceCollector()
        self._is_candidate_running = False
        self._awaited_since_ns = self._unpaused_clock.monotonic_ns()
        """When the workers began to load the candidate, on the time line without pauses."""
        self._sampled_ns = self._awaited_since_ns
        """When the last sample was added, on the same time line."""
        self._waited_s = 0.0
        self._consecutive_losses = 0
        self._installed_failure: str | None = None
        self._active_model_name: str | None = None
        self._progress = 0.0

    @property
    def active_model_name(self) -> str | None:
        """``name@version`` of the model that the workers run; None if none runs."""
        return self._active_model_name

    @property
    def progress(self) -> float:
        """The progress of the trial, 0..1."""
        return self._progress

    @property
    def suspended_reason(self) -> str | None:
        """The reason why the trial is suspended, in words; None if it is not, or none is under way."""
        return None if self._on_trial is None else self._suspension.reason

    def begin(self, candidate: RunnableVersion, baseline: Baseline) -> None:
        """Gather evidence for a candidate from now on; nothing changes if it is on trial already."""
        if self._on_trial == candidate:
            return
        self._on_trial, self._baseline = candidate, baseline
        delegate = candidate.model.settings.delegate
        self._evidence = EvidenceCollector(uses_delegate=delegate is not None)
        self._await_candidate()
        self._progress = 0.0

    def end(self) -> None:
        """Measure the installed model from now on; nothing changes if no model is on trial."""
        if self._on_trial is not None:
            self._baseline_meter.reset(self._clock.monotonic_ns())
        self._on_trial = None
        self._progress = 0.0

    def restart_baseline(self) -> None:
        """Measure the installed model anew: from now on it sees every frame."""
        self._baseline_meter.reset(self._clock.monotonic_ns())

    def measure_baseline(self) -> BaselineMeasurement:
        """Return what was measured of the installed model until now."""
        return self._baseline_meter.measure(self._clock.monotonic_ns())

    def evaluate(self) -> TrialVerdict:
        """Judge the model on trial by the evidence until the last sample."""
        if self._on_trial is None:
            return ContinueVerdict(0.0)
        verdict = evaluate_trial(
            self._on_trial.probation,
            self._on_trial.budgets,
            self._baseline,
            self._evidence.build_evidence(),
        )
        if isinstance(verdict, RollbackVerdict) or self._is_candidate_running:
            return self._follow_progress(verdict)
        awaited_ns = self._unpaused_clock.monotonic_ns() - self._awaited_since_ns
        if awaited_ns <= MAX_STARTUP_S * NS_PER_S:
            return ContinueVerdict(self._progress)
        return RollbackVerdict(
            f"the model did not start within {MAX_STARTUP_S:.0f} s", is_model_fault=False
        )

    def _follow_progress(self, verdict: TrialVerdict) -> TrialVerdict:
        if isinstance(verdict, ContinueVerdict):
            self._progress = max(self._progress, verdict.progress)
        return verdict

    def add_sample(self, sample: SystemSample, *, disk_silent_s: float = 0.0) -> str | None:
        """Add a sample of the system.

        Args:
            sample: the sample.
            disk_silent_s: how long a disk of the daemon has not answered, seconds; 0 if all do.

        Returns:
            Why the installed model failed since the last sample; None if it did not.
        """
        elapsed_s = self._suspension.update(sample, disk_silent_s)
        waited_s, self._waited_s = max(sample.waited_s - self._waited_s, 0.0), sample.waited_s
        self._excuse_loading()
        if self._on_trial is None:
            if self._suspension.pause_reason is not None:
                self._baseline_meter.reset(self._clock.monotonic_ns())
            self._baseline_meter.add_sample(self._clock.monotonic_ns())
            self._baseline_meter.set_memory(sample.largest_worker_mb or 0.0)
        else:
            self._evidence.suspend(self._suspension.reason or self._loading_reason)
            self._add_evidence(sample, elapsed_s, waited_s)
        failure, self._installed_failure = self._installed_failure, None
        return failure

    def on_ready(self, ready: ModelReady) -> None:
        """Note that a worker runs a model from now on."""
        self._active_model_name = ready.model_name
        self._consecutive_losses = 0
        if self._on_trial is None:
            self._baseline_meter.reset(self._clock.monotonic_ns())
        elif ready.model_name == self._on_trial.model.name:
            self._is_candidate_running = True

    def on_observation(self, observation: Observation) -> None:
        """Add the times of one frame."""
        self._consecutive_losses = 0
        if self._on_trial is None:
            self._baseline_meter.add_frame(observation.net_frame_ns or None)
        elif self._is_candidate_running and observation.net_frame_ns:
            self._evidence.add_inference(
                frame_ns=observation.net_frame_ns, invoke_ns=observation.net_invoke_ns
            )

    def on_plan_message(self, message: PlanDeclined | CandidateFailure | ShadowComparison) -> None:
        """Add what a worker reports about its plan."""
        if self._on_trial is None:
            if isinstance(message, PlanDeclined):
                self._installed_failure = message.reason
            return
        match message:
            case ShadowComparison(both=both, only_new=only_new, only_old=only_old) as compared:
                self._evidence.add_comparison(
                    Comparison(both, only_new, only_old),
                    PairedTimes(compared.new_net_ns, compared.old_net_ns),
                    is_new_first=compared.is_new_first,
                    shadow_s=compared.old_ns / NS_PER_S,
                )
            case CandidateFailure(kind="invoke"):
                self._evidence.add_failed_frame()
            case CandidateFailure(kind="shared"):
                self._evidence.add_shared_failure()
            case CandidateFailure(reason=reason):
                self._evidence.set_model_failure(reason)
            case PlanDeclined(reason=reason, kind=kind):
                uses_delegate = self._on_trial.model.settings.delegate is not None
                if cause := find_outside_fault(kind, uses_delegate=uses_delegate):
                    self._evidence.set_outside_failure(f"{reason} ({cause})")
                else:
                    self._evidence.set_model_failure(reason)

    def on_worker_lost(self, loss: WorkerLoss) -> None:
        """Note the loss of a worker: one that the model can be the cause of ends a trial, and several in a row exclude the installed model."""
        self._active_model_name = None
        reason = loss.fault.reason if loss.fault else loss.reason
        if self._on_trial is None:
            self._note_installed_loss(loss, reason)
            return
        self._suspension.notice_pause()
        cause = loss.outside_cause or (None if loss.fault else self._suspension.pause_reason)
        if cause is None:
            self._evidence.set_worker_loss(reason)
        else:
            self._evidence.add_outside_loss(f"{reason} ({cause})")
        self._await_candidate()

    def _note_installed_loss(self, loss: WorkerLoss, reason: str) -> None:
        kind = loss.fault.kind if loss.fault else None
        is_disk_silent = loss.fault is None and self._suspension.is_disk_silent
        if kind != "internal" and not is_disk_silent:  # a camera, or the host
            self._consecutive_losses += 1
        if kind == "model" or self._consecutive_losses >= MAX_CONSECUTIVE_LOSSES:
            self._installed_failure = reason

    def _await_candidate(self) -> None:
        """Measure nothing until the workers run the candidate."""
        self._is_candidate_running = False
        self._awaited_since_ns = self._unpaused_clock.monotonic_ns()

    def _excuse_loading(self) -> None:
        """Do not count the time since the last sample as time to start in, if the disk gave no model meanwhile."""
        now_ns = self._unpaused_clock.monotonic_ns()
        if self._suspension.is_disk_silent:
            self._awaited_since_ns += now_ns - self._sampled_ns
        self._sampled_ns = now_ns

    @property
    def _loading_reason(self) -> str | None:
        return None if self._is_candidate_running else "the workers load the model"

    def _add_evidence(self, sample: SystemSample, elapsed_s: float, waited_s: float) -> None:
        for name, frames in sample.cameras.items():
            self._evidence.add_frame_counts(
                name, captured=frames.captured, inferred=frames.inferred, failed=frames.failed
            )
        self._evidence.add_elapsed_time(elapsed_s, waited_s=waited_s, workers=sample.worker_count)
        if sample.largest_worker_mb is not None:
            self._evidence.add_memory_sample(sample.largest_worker_mb)
