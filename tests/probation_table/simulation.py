"""One simulated trial: the real collector and the real rules, with evidence that is drawn from what was measured."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from msgspec.structs import replace

from edged.updates.bundle.manifest import Budgets, Probation
from edged.updates.rules.baseline import Baseline
from edged.updates.rules.evidence import EvidenceCollector
from edged.updates.rules.probation import ContinueVerdict, TrialVerdict, evaluate_trial
from edged.updates.rules.samples import Comparison, PairedTimes
from edged.updates.rules.significance import find_upper_bound
from probation_table.measured import Measured, draw, read_measured

PROBATION = Probation()
MEMORY_BUDGET_MB = 50.0
INVOKE_BUDGET_RATIO = 1.5
"""The budget of an invocation, as a multiple of the good model's 95th percentile on a quiet machine."""
_WORKER_MB = 60.0
_CHUNK_S = 20.0
_US = 1000
_P95 = 0.95


@dataclass(frozen=True)
class Candidate:
    """A model on trial.

    Attributes:
        name: what it is, in words.
        is_good: it should be committed.
        slower: how much longer it takes for a frame than the old one.
        slow_every: every so many frames it takes four times as long; 0: never.
        lost_share: share of the frames that it leaves out beyond what the load does.
        failed_share: share of the frames on which it fails.
        memory_mb: what the worker takes more with it than before, MiB.
        boxes: whose boxes it finds: "copy", or a candidate that was measured.
        found_share: share of its boxes that it finds.
        has_shadow: the old model runs beside it; False if both need the same accelerator.
    """

    name: str
    is_good: bool = False
    slower: float = 1.0
    slow_every: int = 0
    lost_share: float = 0.0
    failed_share: float = 0.0
    memory_mb: float = 30.0
    boxes: str = "copy"
    found_share: float = 1.0
    has_shadow: bool = True

    @property
    def probation(self) -> Probation:
        """The conditions of its trial: the defaults, without boxes where there are none to compare."""
        return PROBATION if self.has_shadow else replace(PROBATION, min_boxes=0)


def simulate_trial(candidate: Candidate, load: int, seed: str) -> TrialVerdict:
    """Run one trial beside so many busy processes; its baseline is from the quiet machine.

    Args:
        candidate: the model on trial.
        load: the number of processes, one of those that were measured.
        seed: another seed gives another trial.
    """
    rng = random.Random(seed)
    quiet, budgets = _measured()[0][0], _budgets()
    baseline, collector = _draw_baseline(rng, quiet), EvidenceCollector()
    trial = _Trial(candidate, _measured()[0][load], collector, rng)
    verdict: TrialVerdict = ContinueVerdict(0.0)
    while isinstance(verdict, ContinueVerdict):
        trial.run(_CHUNK_S)
        evidence = collector.build_evidence()
        verdict = evaluate_trial(candidate.probation, budgets, baseline, evidence)
    return verdict


class _Trial:
    """The frames of one trial."""

    def __init__(
        self,
        candidate: Candidate,
        measured: Measured,
        collector: EvidenceCollector,
        rng: random.Random,
    ) -> None:
        self._candidate = candidate
        self._measured = measured
        self._collector = collector
        self._rng = rng
        self._captured = self._inferred = self._failed = 0.0
        self._frames = 0
        self._draw_boxes = _box_source(candidate, rng)
        collector.add_frame_counts("camera", captured=0, inferred=0, failed=0)
        collector.add_memory_sample(_WORKER_MB + candidate.memory_mb)

    def run(self, seconds: float) -> None:
        """Let so much time pass."""
        count = int(seconds / 0.25)
        began = self._captured
        for elapsed_s, waited_s, captured, inferred in draw(
            self._rng, self._measured.samples, count
        ):
            self._captured += captured
            self._inferred += inferred * (1 - self._candidate.lost_share)
            self._collector.add_frame_counts(
                "camera",
                captured=int(self._captured),
                inferred=int(self._inferred),
                failed=int(self._failed),
            )
            self._collector.add_elapsed_time(elapsed_s, waited_s=waited_s)
        self._compare(int((self._captured - began) / PROBATION.shadow_every))

    def _compare(self, count: int) -> None:
        """Add what both models did on so many frames, and the failures and invocations of that time."""
        measured, rng = self._measured, self._rng
        if self._candidate.has_shadow:
            pairs = draw(rng, measured.pairs_us, count)
            for (new_us, old_us), boxes in zip(pairs, self._draw_boxes(count), strict=True):
                self._collector.add_comparison(
                    boxes,
                    PairedTimes(int(new_us * self._next_factor() * _US), old_us * _US),
                    is_new_first=self._frames % 2 == 0,
                    shadow_s=old_us / 1e6,
                )
        alone_us, invoke_us = (
            draw(rng, measured.alone_us, count),
            draw(rng, measured.invoke_us, count),
        )
        for frame, invoke in zip(alone_us, invoke_us, strict=True):
            factor = self._next_factor() * _US
            self._collector.add_inference(
                frame_ns=int(frame * factor), invoke_ns=int(invoke * factor)
            )
        for _ in range(count * PROBATION.shadow_every):
            if rng.random() < self._candidate.failed_share:
                self._collector.add_failed_frame()

    def _next_factor(self) -> float:
        """Return how much longer the candidate takes for its next frame than its equal."""
        self._frames += 1
        every = self._candidate.slow_every
        return self._candidate.slower * (4.0 if every and self._frames % every == 0 else 1.0)


def _box_source(candidate: Candidate, rng: random.Random) -> Callable[[int], list[Comparison]]:
    _, boxes = _measured()
    if candidate.boxes == "copy":
        seen = [(both + only_old, 0, 0) for both, _, only_old in boxes["good"]]
    else:
        seen = boxes[candidate.boxes]

    def lose(both: int, only_new: int, only_old: int) -> Comparison:
        lost = sum(rng.random() >= candidate.found_share for _ in range(both))
        return Comparison(both - lost, only_new, only_old + lost)

    return lambda count: [lose(*one) for one in draw(rng, seen, count)]


def _draw_baseline(rng: random.Random, quiet: Measured) -> Baseline:
    """Return what the daemon measured of the old model in the shortest time that it does, five seconds."""
    samples = draw(rng, quiet.samples, 20)
    times_us = draw(rng, quiet.alone_us, 75)
    seconds, _, _, inferred = (sum(column) for column in zip(*samples, strict=True))
    return Baseline(
        fps=inferred / seconds,
        frame_s=(find_upper_bound(times_us, 0.5) or 0.0) / 1e6,
        memory_mb=_WORKER_MB,
    )


@lru_cache(maxsize=1)
def _measured() -> tuple[dict[int, Measured], dict[str, list[tuple[int, int, int]]]]:
    return read_measured()


@lru_cache(maxsize=1)
def _budgets() -> Budgets:
    times_us = sorted(_measured()[0][0].invoke_us)
    return Budgets(
        invoke_ms_p95=INVOKE_BUDGET_RATIO * times_us[int(_P95 * len(times_us))] / 1000,
        memory_mb=MEMORY_BUDGET_MB,
    )
