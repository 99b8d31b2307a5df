"""Watches the models at work: the installed one for its baseline, and the one on trial for its evidence.

What the vision workers report comes in here. `edged.updates.rules.probation` judges the evidence.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from edged.clock import NS_PER_S, Clock
from edged.updates.rules.baseline import Baseline, BaselineMeter
from edged.updates.rules.evidence import EvidenceCollector
from edged.updates.rules.probation import (
    ContinueVerdict,
    RollbackVerdict,
    TrialVerdict,
    evaluate_trial,
)
from edged.updates.service.installed_versions import RunnableVersion
from edged.vision.messages import (
    CandidateFailure,
    ModelReady,
    Observation,
    PlanDeclined,
    ShadowComparison,
)
from edged.vision.pool import WorkerLoss

MAX_BASELINE_WAIT_S = 60.0
"""A trial begins without a baseline after this additional time: a lost camera must not hold it up."""
MAX_STARTUP_S = 120.0
"""A candidate that does not run by then has failed its trial."""
MAX_CONSECUTIVE_LOSSES = 3
"""An installed model that loses its worker so often in a row has failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameCounts:
    """The frame counters of one camera since the daemon's start.

    Attributes:
        captured: frames that the camera gave.
        inferred: frames on which a model ran.
        failed: frames on which none could.
    """

    captured: int
    inferred: int
    failed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemSample:
    """The state of the system at one moment, beside what the workers report.

    Attributes:
        throttled: the board throttles.
        worker_count: number of workers.
        cameras: the frame counters, by the camera's name.
        largest_worker_mb: memory of the largest worker, MiB; None if unknown.
    """

    throttled: bool
    worker_count: int
    cameras: Mapping[str, FrameCounts]
    largest_worker_mb: float | None


class TrialMonitor:
    """Measures the installed model, or gathers the evidence of the one on trial: a `VisionListener`."""

    def __init__(self, clock: Clock) -> None:
        """Watch the installed model.

        Args:
            clock: the clock of durations.
        """
        self._clock = clock
        now_ns = clock.monotonic_ns()
        self._baseline_meter = BaselineMeter(now_ns)
        self._on_trial: RunnableVersion | None = None
        self._baseline = Baseline()
        """The baseline of the present trial."""
        self._evidence = EvidenceCollector()
        self._last_sample_ns = self._trial_began_ns = now_ns
        self._is_candidate_running = False
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
    def baseline(self) -> Baseline:
        """The performance of the installed model."""
        return self._baseline_meter.baseline

    def begin(self, candidate: RunnableVersion, baseline: Baseline) -> None:
        """Gather evidence for a candidate from now on; nothing changes if it is on trial already."""
        if self._on_trial == candidate:
            return
        self._on_trial, self._baseline = candidate, baseline
        self._evidence = EvidenceCollector()
        self._is_candidate_running = False
        self._last_sample_ns = self._trial_began_ns = self._clock.monotonic_ns()
        self._progress = 0.0

    def end(self) -> None:
        """Measure the installed model from now on; nothing changes if no model is on trial."""
        if self._on_trial is not None:
            self._baseline_meter.reset(self._clock.monotonic_ns())
        self._on_trial = None
        self._progress = 0.0

    def can_begin(self, min_baseline_s: float) -> bool:
        """Return whether the baseline covers `min_baseline_s` seconds, or none is to be expected."""
        measured_s = self._baseline_meter.measured_s
        if measured_s is not None and measured_s >= min_baseline_s:
            return True
        waited_s = self._baseline_meter.waited_s(self._clock.monotonic_ns())
        return waited_s >= min_baseline_s + MAX_BASELINE_WAIT_S

    def evaluate(self) -> TrialVerdict:
        """Judge the model on trial by the evidence until the last sample."""
        if self._on_trial is None:
            return ContinueVerdict(0.0)
        evidence = self._evidence.build_evidence()
        if not self._is_candidate_running and not evidence.worker_loss:
            waited_s = (self._clock.monotonic_ns() - self._trial_began_ns) / NS_PER_S
            if waited_s <= MAX_STARTUP_S:
                return ContinueVerdict(0.0)
            return RollbackVerdict(f"the model did not start within {MAX_STARTUP_S:.0f} s")
        verdict = evaluate_trial(
            self._on_trial.probation, self._on_trial.budgets, self._baseline, evidence
        )
        if isinstance(verdict, ContinueVerdict):
            self._progress = max(self._progress, verdict.progress)
        return verdict

    def add_sample(self, sample: SystemSample) -> str | None:
        """Add a sample of the system.

        Returns:
            Why the installed model failed since the last sample; None if it did not.
        """
        now_ns = self._clock.monotonic_ns()
        if self._on_trial is None:
            self._baseline_meter.add_sample(now_ns)
        elif self._is_candidate_running:
            self._add_evidence(sample, (now_ns - self._last_sample_ns) / NS_PER_S)
        self._last_sample_ns = now_ns
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
            self._last_sample_ns = self._clock.monotonic_ns()

    def on_observation(self, observation: Observation) -> None:
        """Add the times of one frame."""
        self._consecutive_losses = 0
        frame_ns = observation.encode_ns + observation.invoke_ns + observation.decode_ns
        if self._on_trial is None:
            self._baseline_meter.add_frame(frame_ns)
        elif self._is_candidate_running:
            self._evidence.add_inference(frame_ns=frame_ns, invoke_ns=observation.invoke_ns)

    def on_plan_message(self, message: PlanDeclined | CandidateFailure | ShadowComparison) -> None:
        """Add what a worker reports about its plan."""
        if self._on_trial is None:
            if isinstance(message, PlanDeclined):
                self._installed_failure = message.reason
            return
        match message:
            case ShadowComparison(both=both, only_new=only_new, only_old=only_old, old_ns=old_ns):
                self._evidence.add_comparison(
                    both=both, only_new=only_new, only_old=only_old, old_ns=old_ns
                )
            case CandidateFailure(kind="invoke"):
                self._evidence.add_failed_frame()
            case CandidateFailure(reason=reason):
                self._evidence.set_model_failure(reason)
            case PlanDeclined(reason=reason):
                self._is_candidate_running = True
                self._evidence.set_model_failure(reason)

    def on_worker_lost(self, loss: WorkerLoss) -> None:
        """Note the loss of a worker: it ends a trial, and several in a row exclude the installed model."""
        reason = loss.fault.reason if loss.fault else loss.reason
        is_model_fault = loss.fault is not None and loss.fault.kind == "model"
        self._active_model_name = None
        self._consecutive_losses += 1
        if self._on_trial is not None:
            self._evidence.set_worker_loss(reason)
        elif is_model_fault or self._consecutive_losses >= MAX_CONSECUTIVE_LOSSES:
            self._installed_failure = reason

    def _add_evidence(self, sample: SystemSample, elapsed_s: float) -> None:
        self._evidence.add_elapsed_time(
            elapsed_s, throttled=sample.throttled, worker_count=sample.worker_count
        )
        for name, frames in sample.cameras.items():
            self._evidence.add_frame_counts(
                name, captured=frames.captured, inferred=frames.inferred, failed=frames.failed
            )
        if sample.largest_worker_mb is not None:
            self._evidence.add_memory_sample(sample.largest_worker_mb)
