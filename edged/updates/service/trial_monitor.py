"""Watches how the models do: the one in use, for a baseline, and the one on trial, for its evidence.

`edged.updates.rules.probation` judges; this gathers what it judges by, from what the workers say.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from edged.clock import NS_PER_S, Clock
from edged.metrics import LatencyWindow
from edged.updates.rules.evidence import EvidenceCollector
from edged.updates.rules.probation import (
    Baseline,
    ContinueVerdict,
    RollbackVerdict,
    TrialVerdict,
    evaluate_trial,
)
from edged.vision.active_model import ActiveModel
from edged.vision.messages import (
    CandidateFailure,
    ModelReady,
    Observation,
    PlanDeclined,
    ShadowComparison,
)
from edged.vision.pool import WorkerLoss

MAX_BASELINE_WAIT_S = 60.0
"""After so much more time without a baseline another model goes on trial all the same: a camera that is lost does not hold it up."""
MAX_STARTUP_S = 120.0
"""A model that does not look by then does not come up."""
MAX_CONSECUTIVE_LOSSES = 3
_FPS_WINDOW_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameCounts:
    """Of one camera, since the daemon's start."""

    captured: int
    inferred: int
    failed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemSample:
    """What there is to know beside what the workers say.

    Attributes:
        throttled: the board throttles.
        worker_count: how many there are.
        cameras: their frames so far, by name.
        largest_worker_mb: of the largest worker, MiB; None if that is not known.
    """

    throttled: bool
    worker_count: int
    cameras: Mapping[str, FrameCounts]
    largest_worker_mb: float | None


class TrialMonitor:
    """See the module: an `edged.daemon.vision_service.VisionListener`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._model_on_trial: ActiveModel | None = None
        """What is on trial; None if nothing is."""
        self._baseline = Baseline()
        self._evidence_collector = EvidenceCollector()
        self._last_sample_ns = self._since_ns = clock.monotonic_ns()
        self._is_trial_model_active = False
        """The model on trial looks."""
        self._frame_times = LatencyWindow()
        self._inferred_counts: deque[tuple[int, int]] = deque()
        """When, and how many frames had been inferred, over the last half minute."""
        self._inferred_frames = 0
        """By the model that is kept, since it was told that it looks."""
        self._consecutive_losses = 0
        self.installed_model_failure = ""
        """Why the model that is not on trial does not work; whoever reads it sets it to ""."""
        self.progress = 0.0
        self.active_model_name = ""
        """``name@version`` of the model that looks; "" if none does."""

    # ---- What is to be watched --------------------------------------------------------------------------------------------

    def begin(self, active_model: ActiveModel, baseline: Baseline) -> None:
        """This is on trial from now on."""
        if self._model_on_trial == active_model:
            return
        self._model_on_trial, self._baseline = active_model, baseline
        self._evidence_collector = EvidenceCollector()
        self._is_trial_model_active = False
        self._last_sample_ns = self._since_ns = self._clock.monotonic_ns()
        self.progress = 0.0

    def end(self) -> None:
        """Nothing is on trial; what looks from now on is measured for the next baseline."""
        if self._model_on_trial is not None:
            self._reset_baseline()
        self._model_on_trial = None
        self.progress = 0.0

    def can_begin(self, sample: SystemSample, min_baseline_s: float) -> bool:
        """Whether there is a baseline of so many seconds, or there will be none."""
        if sample.throttled:
            return False
        if (
            self._inferred_counts
            and self._inferred_counts[-1][0] - self._inferred_counts[0][0]
            >= min_baseline_s * NS_PER_S
        ):
            return True
        waited_ns = self._clock.monotonic_ns() - self._since_ns
        return waited_ns >= (min_baseline_s + MAX_BASELINE_WAIT_S) * NS_PER_S

    @property
    def baseline(self) -> Baseline:
        """How the model in use has done."""
        quantiles = self._frame_times.compute_quantiles_s()
        if not self._inferred_counts or quantiles is None:
            return Baseline()
        (began_ns, before), (ended_ns, after) = self._inferred_counts[0], self._inferred_counts[-1]
        seconds = (ended_ns - began_ns) / NS_PER_S
        return Baseline(
            fps=(after - before) / seconds if seconds else 0.0, frame_s_p95=quantiles[1]
        )

    def evaluate(self) -> TrialVerdict:
        """Of the model on trial, as of the last `watch`."""
        if self._model_on_trial is None:
            return ContinueVerdict(0.0)
        if (
            not self._is_trial_model_active
            and not self._evidence_collector.build_evidence().worker_loss
        ):
            waited_s = (self._clock.monotonic_ns() - self._since_ns) / NS_PER_S
            late = f"it did not come up within {MAX_STARTUP_S:.0f} s"
            return RollbackVerdict(late) if waited_s > MAX_STARTUP_S else ContinueVerdict(0.0)
        verdict = evaluate_trial(
            self._model_on_trial.probation,
            self._model_on_trial.budgets,
            self._baseline,
            self._evidence_collector.build_evidence(),
        )
        if isinstance(verdict, ContinueVerdict):
            self.progress = max(self.progress, verdict.progress)
        return verdict

    def add_sample(self, sample: SystemSample) -> None:
        """Time has passed."""
        now_ns = self._clock.monotonic_ns()
        if self._model_on_trial is None:
            self._record_throughput(now_ns)
        elif self._is_trial_model_active:
            self._evidence_collector.add_elapsed_time(
                (now_ns - self._last_sample_ns) / NS_PER_S, throttled=sample.throttled
            )
            for name, frames in sample.cameras.items():
                self._evidence_collector.add_frame_counts(
                    name,
                    captured=frames.captured,
                    inferred=frames.inferred,
                    failed=frames.failed,
                )
            if sample.largest_worker_mb is not None:
                self._evidence_collector.add_memory_sample(sample.largest_worker_mb)
        self._last_sample_ns = now_ns

    # ---- What the workers say ---------------------------------------------------------------------------------------------

    def on_ready(self, ready: ModelReady) -> None:
        """See `edged.daemon.vision_service.VisionListener`."""
        self.active_model_name = ready.model_name
        self._consecutive_losses = 0
        if self._model_on_trial is not None and ready.model_name == self._model_on_trial.name:
            self._is_trial_model_active = True
            self._last_sample_ns = self._clock.monotonic_ns()
        elif self._model_on_trial is None:
            self._reset_baseline()

    def on_observation(self, observation: Observation) -> None:
        """See `edged.daemon.vision_service.VisionListener`."""
        self._consecutive_losses = 0
        frame_ns = observation.encode_ns + observation.invoke_ns + observation.decode_ns
        if self._model_on_trial is None:
            self._frame_times.add(frame_ns)
            self._inferred_frames += 1
        elif self._is_trial_model_active:
            self._evidence_collector.add_inference(
                frame_ns=frame_ns, invoke_ns=observation.invoke_ns
            )

    def on_plan_message(self, message: PlanDeclined | CandidateFailure | ShadowComparison) -> None:
        """See `edged.daemon.vision_service.VisionListener`."""
        if self._model_on_trial is None:
            if isinstance(message, PlanDeclined):
                self.installed_model_failure = message.reason
            return
        match message:
            case ShadowComparison():
                self._evidence_collector.add_comparison(
                    both=message.both,
                    only_new=message.only_new,
                    only_old=message.only_old,
                    old_ns=message.old_ns,
                )
            case CandidateFailure(kind="invoke"):
                self._evidence_collector.add_failed_frame()
            case CandidateFailure(reason=reason):
                self._evidence_collector.set_model_failure(reason)
            case PlanDeclined(reason=reason):
                self._is_trial_model_active = True
                self._evidence_collector.set_model_failure(reason)

    def on_worker_lost(self, loss: WorkerLoss) -> None:
        """See `edged.daemon.vision_service.VisionListener`."""
        reason = loss.fault.reason if loss.fault else loss.reason
        self.active_model_name = ""
        self._consecutive_losses += 1
        if self._model_on_trial is not None:
            self._evidence_collector.set_worker_loss(reason)
        elif (
            loss.fault and loss.fault.kind == "model"
        ) or self._consecutive_losses >= MAX_CONSECUTIVE_LOSSES:
            self.installed_model_failure = reason

    def _record_throughput(self, now_ns: int) -> None:
        if self._inferred_frames:
            self._inferred_counts.append((now_ns, self._inferred_frames))
        while (
            self._inferred_counts
            and now_ns - self._inferred_counts[0][0] > _FPS_WINDOW_S * NS_PER_S
        ):
            self._inferred_counts.popleft()

    def _reset_baseline(self) -> None:
        """Another model looks: what was measured is not its."""
        self._inferred_frames = 0
        self._frame_times = LatencyWindow()
        self._inferred_counts.clear()
        self._since_ns = self._clock.monotonic_ns()
