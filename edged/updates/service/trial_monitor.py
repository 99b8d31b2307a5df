"""Watches how the models do: the one in use, for a baseline, and the one on trial, for its evidence.

`edged.updates.rules.probation` judges; this gathers what it judges by, from what the workers say.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from edged.clock import NS_PER_S, Clock
from edged.metrics import Window
from edged.updates.rules.evidence import Witness
from edged.updates.rules.probation import Back, Baseline, Going, Verdict, judge
from edged.vision.active_model import Choice
from edged.vision.messages import Compared, Declined, Faltered, Observation, Ready
from edged.vision.pool import Loss

BASELINE_WAIT_S = 60.0
"""After so much more time without a baseline another model goes on trial all the same: a camera that is lost does not hold it up."""
COME_UP_S = 120.0
"""A model that does not look by then does not come up."""
MOST_LOSSES_IN_A_ROW = 3
_FPS_WINDOW_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Frames:
    """Of one camera, since the daemon's start."""

    captured: int
    inferred: int
    failed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What there is to know beside what the workers say.

    Attributes:
        throttled: the board throttles.
        workers: how many there are.
        cameras: their frames so far, by name.
        memory_mb: of the largest worker, MiB; None if that is not known.
    """

    throttled: bool
    workers: int
    cameras: Mapping[str, Frames]
    memory_mb: float | None


class Trial:
    """See the module: an `edged.daemon.vision_service.Onlooker`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._choice: Choice | None = None
        """What is on trial; None if nothing is."""
        self._baseline = Baseline()
        self._witness = Witness()
        self._ticked_ns = self._since_ns = clock.monotonic_ns()
        self._looking = False
        """The model on trial looks."""
        self._frame_times = Window()
        self._counts: deque[tuple[int, int]] = deque()
        """When, and how many frames had been inferred, over the last half minute."""
        self._inferred = 0
        """By the model that is kept, since it was told that it looks."""
        self._losses = 0
        self.broken = ""
        """Why the model that is not on trial does not work; whoever reads it sets it to ""."""
        self.progress = 0.0
        self.looks_with = ""
        """``name@version`` of the model that looks; "" if none does."""

    # ---- What is to be watched --------------------------------------------------------------------------------------------

    def begin(self, choice: Choice, baseline: Baseline) -> None:
        """This is on trial from now on."""
        if self._choice == choice:
            return
        self._choice, self._baseline = choice, baseline
        self._witness = Witness()
        self._looking = False
        self._ticked_ns = self._since_ns = self._clock.monotonic_ns()
        self.progress = 0.0

    def over(self) -> None:
        """Nothing is on trial; what looks from now on is measured for the next baseline."""
        if self._choice is not None:
            self._forget()
        self._choice = None
        self.progress = 0.0

    def may_begin(self, surroundings: Surroundings, baseline_s: float) -> bool:
        """Whether there is a baseline of so many seconds, or there will be none."""
        if surroundings.throttled:
            return False
        if self._counts and self._counts[-1][0] - self._counts[0][0] >= baseline_s * NS_PER_S:
            return True
        waited_ns = self._clock.monotonic_ns() - self._since_ns
        return waited_ns >= (baseline_s + BASELINE_WAIT_S) * NS_PER_S

    @property
    def baseline(self) -> Baseline:
        """How the model in use has done."""
        quantiles = self._frame_times.quantiles_s()
        if not self._counts or quantiles is None:
            return Baseline()
        (began_ns, before), (ended_ns, after) = self._counts[0], self._counts[-1]
        seconds = (ended_ns - began_ns) / NS_PER_S
        return Baseline(
            fps=(after - before) / seconds if seconds else 0.0, frame_s_p95=quantiles[1]
        )

    def judge(self) -> Verdict:
        """Of the model on trial, as of the last `watch`."""
        if self._choice is None:
            return Going(0.0)
        if not self._looking and not self._witness.evidence().lost:
            waited_s = (self._clock.monotonic_ns() - self._since_ns) / NS_PER_S
            late = f"it did not come up within {COME_UP_S:.0f} s"
            return Back(late) if waited_s > COME_UP_S else Going(0.0)
        verdict = judge(
            self._choice.probation, self._choice.budgets, self._baseline, self._witness.evidence()
        )
        if isinstance(verdict, Going):
            self.progress = max(self.progress, verdict.progress)
        return verdict

    def watch(self, surroundings: Surroundings) -> None:
        """Time has passed."""
        now_ns = self._clock.monotonic_ns()
        if self._choice is None:
            self._measure(now_ns)
        elif self._looking:
            self._witness.passed(
                (now_ns - self._ticked_ns) / NS_PER_S, throttled=surroundings.throttled
            )
            for name, frames in surroundings.cameras.items():
                self._witness.counted(
                    name,
                    captured=frames.captured,
                    inferred=frames.inferred,
                    failed=frames.failed,
                )
            if surroundings.memory_mb is not None:
                self._witness.weighed(surroundings.memory_mb)
        self._ticked_ns = now_ns

    # ---- What the workers say ---------------------------------------------------------------------------------------------

    def ready(self, ready: Ready) -> None:
        """See `edged.daemon.vision_service.Onlooker`."""
        self.looks_with = ready.model
        self._losses = 0
        if self._choice is not None and ready.model == self._choice.name:
            self._looking = True
            self._ticked_ns = self._clock.monotonic_ns()
        elif self._choice is None:
            self._forget()

    def observed(self, seen: Observation) -> None:
        """See `edged.daemon.vision_service.Onlooker`."""
        self._losses = 0
        frame_ns = seen.encode_ns + seen.invoke_ns + seen.decode_ns
        if self._choice is None:
            self._frame_times.add(frame_ns)
            self._inferred += 1
        elif self._looking:
            self._witness.looked(frame_ns=frame_ns, invoke_ns=seen.invoke_ns)

    def told(self, message: Declined | Faltered | Compared) -> None:
        """See `edged.daemon.vision_service.Onlooker`."""
        if self._choice is None:
            if isinstance(message, Declined):
                self.broken = message.reason
            return
        match message:
            case Compared():
                self._witness.compared(
                    both=message.both,
                    only_new=message.only_new,
                    only_old=message.only_old,
                    old_ns=message.old_ns,
                )
            case Faltered(kind="invoke"):
                self._witness.failed()
            case Faltered(reason=reason):
                self._witness.faltered(reason)
            case Declined(reason=reason):
                self._looking = True
                self._witness.faltered(reason)

    def lost(self, loss: Loss) -> None:
        """See `edged.daemon.vision_service.Onlooker`."""
        reason = loss.fault.reason if loss.fault else loss.reason
        self.looks_with = ""
        self._losses += 1
        if self._choice is not None:
            self._witness.lost(reason)
        elif (loss.fault and loss.fault.kind == "model") or self._losses >= MOST_LOSSES_IN_A_ROW:
            self.broken = reason

    def _measure(self, now_ns: int) -> None:
        if self._inferred:
            self._counts.append((now_ns, self._inferred))
        while self._counts and now_ns - self._counts[0][0] > _FPS_WINDOW_S * NS_PER_S:
            self._counts.popleft()

    def _forget(self) -> None:
        """Another model looks: what was measured is not its."""
        self._inferred = 0
        self._frame_times = Window()
        self._counts.clear()
        self._since_ns = self._clock.monotonic_ns()
