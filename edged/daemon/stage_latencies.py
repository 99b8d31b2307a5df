"""Latencies of the stages of one camera's frames: percentiles of the newest frames, and histograms of all of them for the metrics."""

from collections.abc import Mapping

from edged.messaging.contract.camera_health import Percentiles
from edged.metrics import LatencyHistogram, LatencyWindow
from edged.vision.messages import Observation

_STAGES = ("wait", "encode", "invoke", "decode", "total")


class StageLatencies:
    """The latencies of one camera."""

    def __init__(self, *, has_histograms: bool) -> None:
        """Begin without a frame; histograms cost a few microseconds a frame, and are kept only where something reads them."""
        self._windows = tuple(LatencyWindow() for _ in _STAGES)
        self._histograms = tuple(LatencyHistogram() for _ in _STAGES) if has_histograms else ()
        self._recorders = (self._windows, self._histograms) if has_histograms else (self._windows,)

    def record(self, observation: Observation, now_ns: int) -> None:
        """Take the stages of an inferred frame; `now_ns` is the monotonic time at which its detections are processed."""
        # Written out, because it runs for each frame: a loop over the stages takes three times as long.
        total_ns = now_ns - observation.received_ns
        for wait, encode, invoke, decode, total in self._recorders:
            wait.add(observation.wait_ns)
            encode.add(observation.encode_ns)
            invoke.add(observation.invoke_ns)
            decode.add(observation.decode_ns)
            total.add(total_ns)

    def compute_percentiles(self) -> dict[str, Percentiles]:
        """Return the percentiles of each stage; none before the first frame."""
        return {
            stage: percentiles
            for stage, window in zip(_STAGES, self._windows, strict=True)
            if (percentiles := _percentiles(window)) is not None
        }

    @property
    def histograms(self) -> Mapping[str, LatencyHistogram]:
        """The histogram of each stage; empty if none are kept."""
        return dict(zip(_STAGES, self._histograms, strict=False))


def _percentiles(window: LatencyWindow) -> Percentiles | None:
    quantiles = window.compute_quantiles_s()
    if quantiles is None:
        return None
    p50, p95, p99 = quantiles
    return Percentiles(p50=p50, p95=p95, p99=p99)
