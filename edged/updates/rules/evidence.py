"""What a trial shows: gathered by a `Witness`, and judged by `edged.updates.rules.probation` as frozen `Evidence`.

Time in which the board throttles is left out, with all that happens in it, except for what no throttling excuses: a model that
falters, and a worker that is lost.
"""

import math
import random
from dataclasses import dataclass

from edged.clock import NS_PER_S

_KEPT = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a trial has shown so far.

    Attributes:
        workers: that look at the same time.
        judged_s: how long it has lasted, without the time in which the board throttled.
        throttled: the board throttles now.
        captured: frames that the cameras gave.
        inferred: frames that the new model saw.
        failed: frames on which it failed, whether the old one looked at them instead or nobody did.
        timed: frames of which the durations are known.
        frame_s_p50: median of a frame's time in the new model: encode, invoke and decode; 0 if none is known.
        frame_s_p95: 95th percentile of the same.
        invoke_s_p95: of the interpreter alone.
        shadowed: frames that the old model saw as well.
        shadow_s_p50: median of such a frame's time in the old model; 0 if there was none.
        shadow_s_p95: 95th percentile of the same.
        shadow_s: all the time that the old model took, over all workers.
        both: detections that both models have.
        only_new: that the old one does not have.
        only_old: that the new one does not have.
        memory_mb: the most that the new model took, MiB; None if it is not known.
        faltered: why the new model is of no use, as the worker says; "" if it is.
        lost: why a worker was lost; "" if none was.
    """

    workers: int = 1
    judged_s: float = 0.0
    throttled: bool = False
    captured: int = 0
    inferred: int = 0
    failed: int = 0
    timed: int = 0
    frame_s_p50: float = 0.0
    frame_s_p95: float = 0.0
    invoke_s_p95: float = 0.0
    shadowed: int = 0
    shadow_s_p50: float = 0.0
    shadow_s_p95: float = 0.0
    shadow_s: float = 0.0
    both: int = 0
    only_new: int = 0
    only_old: int = 0
    memory_mb: float | None = None
    faltered: str = ""
    lost: str = ""

    @property
    def boxes(self) -> int:
        """Of either model, on the frames that both saw."""
        return self.both + self.only_new + self.only_old


class Reservoir:
    """Durations in constant memory: of all that ever came, each has the same chance to be kept (Vitter 1985, algorithm R)."""

    def __init__(self, size: int = _KEPT) -> None:
        self.count = 0
        self._size = size
        self._kept_ns: list[int] = []
        self._random = random.Random(0)  # noqa: S311 (nobody gains by guessing it)

    def add(self, duration_ns: int) -> None:
        """One more."""
        self.count += 1
        if len(self._kept_ns) < self._size:
            self._kept_ns.append(duration_ns)
        elif (place := self._random.randrange(self.count)) < self._size:
            self._kept_ns[place] = duration_ns

    def quantile_s(self, share: float) -> float:
        """This share of them were no longer; 0 if there was none."""
        if not self._kept_ns:
            return 0.0
        return sorted(self._kept_ns)[math.ceil(share * len(self._kept_ns)) - 1] / NS_PER_S


@dataclass(slots=True)
class _Counts:
    """Of one camera, as its worker counts."""

    captured: int
    inferred: int
    failed: int


class Witness:
    """Gathers the evidence of one trial; from its beginning on it is told all that happens."""

    def __init__(self, *, workers: int = 1) -> None:
        """Nothing was seen yet.

        Args:
            workers: that look at the same time.
        """
        self._workers = workers
        self._judged_s = 0.0
        self._throttled = False
        self._last: dict[str, _Counts] = {}
        self._sum = _Counts(0, 0, 0)
        self._stood_in = 0
        """Frames that the old model saw because the new one failed; the workers count them as inferred."""
        self._frames = Reservoir()
        self._invokes = Reservoir()
        self._shadows = Reservoir()
        self._shadow_ns = 0
        self._both = self._only_new = self._only_old = 0
        self._memory_mb: float | None = None
        self._faltered = ""
        self._lost = ""

    def passed(self, seconds: float, *, throttled: bool) -> None:
        """Time has passed; what comes until the next call is of the same kind."""
        self._throttled = throttled
        if not throttled:
            self._judged_s += seconds

    def counted(self, camera: str, *, captured: int, inferred: int, failed: int) -> None:
        """A worker says how many frames of one camera there were since its own start; the first time is where counting begins."""
        now = _Counts(captured, inferred, failed)
        last = self._last.get(camera, now)
        self._last[camera] = now
        if self._throttled:
            return
        self._sum.captured += max(now.captured - last.captured, 0)
        self._sum.inferred += max(now.inferred - last.inferred, 0)
        self._sum.failed += max(now.failed - last.failed, 0)

    def looked(self, *, frame_ns: int, invoke_ns: int) -> None:
        """The new model saw a frame: its time with encode and decode, and that of the interpreter alone."""
        if not self._throttled:
            self._frames.add(frame_ns)
            self._invokes.add(invoke_ns)

    def compared(self, *, both: int, only_new: int, only_old: int, old_ns: int) -> None:
        """Both models saw a frame; see `edged.vision.messages.Compared`."""
        if self._throttled:
            return
        self._both += both
        self._only_new += only_new
        self._only_old += only_old
        self._shadows.add(old_ns)
        self._shadow_ns += old_ns

    def failed(self) -> None:
        """The new model failed on a frame, and the old one looked at it instead."""
        if not self._throttled:
            self._stood_in += 1

    def weighed(self, memory_mb: float) -> None:
        """So much memory is the new model's at the moment."""
        self._memory_mb = max(memory_mb, self._memory_mb or 0.0)

    def faltered(self, reason: str) -> None:
        """A worker says that the new model is of no use; the first reason counts."""
        self._faltered = self._faltered or reason

    def lost(self, reason: str) -> None:
        """A worker was lost; the first reason counts."""
        self._lost = self._lost or reason

    def evidence(self) -> Evidence:
        """As of now."""
        return Evidence(
            workers=self._workers,
            judged_s=self._judged_s,
            throttled=self._throttled,
            captured=self._sum.captured,
            inferred=max(self._sum.inferred - self._stood_in, 0),
            failed=self._sum.failed + self._stood_in,
            timed=self._frames.count,
            frame_s_p50=self._frames.quantile_s(0.5),
            frame_s_p95=self._frames.quantile_s(0.95),
            invoke_s_p95=self._invokes.quantile_s(0.95),
            shadowed=self._shadows.count,
            shadow_s_p50=self._shadows.quantile_s(0.5),
            shadow_s_p95=self._shadows.quantile_s(0.95),
            shadow_s=self._shadow_ns / NS_PER_S,
            both=self._both,
            only_new=self._only_new,
            only_old=self._only_old,
            memory_mb=self._memory_mb,
            faltered=self._faltered,
            lost=self._lost,
        )
