"""Overlapped inference: the next frame is prepared while an accelerator works on the last one. docs/scheduling.md explains when and why."""

from collections import deque
from collections.abc import Callable, Mapping

from msgspec import Struct

from edged.clock import NS_PER_S, Clock
from edged.model.encode import Encoder
from edged.types import Frame
from edged.vision.worker.accelerator import AcceleratorThread
from edged.vision.worker.loading import LoadedModel
from edged.vision.worker.preparation_time import PreparationTime
from edged.vision.worker.slots import FrameSlots
from edged.vision.worker.stage_results import (
    EncodedFrame,
    FrameResult,
    PreparedFrame,
    make_result,
)
from edged.vision.worker.stages import InferencePipeline


class _InFlight(Struct, frozen=True, gc=False):
    prepared: PreparedFrame
    encoded: EncodedFrame


class OverlappedInference:
    """One model on an accelerator: at most one frame is with the accelerator, and one is ready for it.

    One thread calls it. The frames come out in the order in which they went in.
    """

    def __init__(
        self,
        loaded_model: LoadedModel,
        *,
        pipeline: InferencePipeline,
        accelerator: AcceleratorThread,
        slots: FrameSlots,
        min_scores: Mapping[str, float],
        decode_scores: Mapping[str, float],
        is_measured: Callable[[int], bool],
        clock: Clock,
    ) -> None:
        """Take the parts.

        Args:
            loaded_model: the model.
            pipeline: all stages but invoke.
            accelerator: invokes; nothing is in flight in it.
            slots: the frames; its `wait` and `take` are interrupted when an invocation is over.
            min_scores: lowest score to report, by camera.
            decode_scores: lowest score for which the model is asked, by camera.
            is_measured: called once for each frame with the time at which it was taken; returns whether its net times are measured.
            clock: the clock of all times.
        """
        self._model = loaded_model
        self._pipeline = pipeline
        self._accelerator = accelerator
        self._slots = slots
        self._min_scores = min_scores
        self._decode_scores = decode_scores
        self._is_measured = is_measured
        self._clock = clock
        # The encoder reuses its memory, and the accelerator may still read the last tensor.
        other = Encoder(loaded_model.model.family.input)
        self._encoders = deque((loaded_model.model.encoder, other))
        self._times = PreparationTime()
        self._frames: deque[_InFlight] = deque()
        self._due_ns = 0

    @property
    def oldest_frame(self) -> Frame | None:
        """The frame that `finish` is to return; None if none is in flight."""
        return self._frames[0].prepared.frame if self._frames else None

    def begin(self, prepared: PreparedFrame) -> None:
        """Encode a frame and hand it to the accelerator."""
        taken_ns = prepared.frame.received_ns + prepared.wait_ns
        began_ns = self._due_ns or taken_ns
        is_measured = self._is_measured(taken_ns)
        self._encoders.rotate()
        encoded = self._pipeline.encode(
            self._model, prepared, is_measured=is_measured, encoder=self._encoders[0]
        )
        self._frames.append(_InFlight(prepared, encoded))
        self._accelerator.submit(self._model, encoded)
        self._times.add_preparation(self._clock.monotonic_ns() - began_ns)

    def take_next(self) -> Frame | None:
        """Wait until the next frame is to be prepared, and take it; None if none is there before the accelerator is done."""
        start_ns = self._times.find_start_ns(self._accelerator.invoked_ns)
        wait_s = (start_ns - self._clock.monotonic_ns()) / NS_PER_S
        self._due_ns = 0
        if wait_s > 0 and not self._slots.wait(self._is_done, wait_s):
            self._due_ns = start_ns
        frame = self._slots.take(0)
        if frame is None:
            self._due_ns = 0  # it comes late by itself
            frame = self._slots.take(None, is_interrupted=self._is_done)
        return frame

    def finish(self) -> FrameResult:
        """Wait for the oldest frame's inference, however long that takes, and return it.

        Raises:
            InvokeError: the interpreter failed.
            ModelError: the outputs are nonsense.
        """
        self._slots.wait(self._is_done, None)
        outcome, in_flight = self._accelerator.take_outcome(), self._frames.popleft()
        if outcome.invocation is None:
            raise outcome.error or AssertionError("neither outputs nor an error")
        self._times.add_invocation(outcome.invocation.invoke_ns)
        prepared = in_flight.prepared
        decode_score = self._decode_scores[prepared.frame.camera]
        inference = self._pipeline.decode(
            self._model, in_flight.encoded, outcome.invocation, decode_score
        )
        return make_result(
            prepared, inference, decode_score, self._min_scores[prepared.frame.camera]
        )

    def _is_done(self) -> bool:
        return self._accelerator.has_outcome
