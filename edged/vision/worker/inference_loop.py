"""The inference loop: takes frames from the slots, runs the model on them, and sends what it found and how the cameras are.

It is also the heartbeat: an invocation that does not return keeps it from reporting, with an accelerator as without.
"""

import logging
from collections.abc import Mapping, Sequence
from functools import partial

from edged.clock import NS_PER_S, Clock
from edged.errors import InvokeError, ModelError, WorkerError
from edged.types import Frame
from edged.vision.camera_messages import PictureAtRest
from edged.vision.messages import WorkerReport
from edged.vision.packets import FROM_WORKER, pack_observation
from edged.vision.worker.capture import Capture
from edged.vision.worker.channel import SupervisorChannel
from edged.vision.worker.counters import FrameCounters
from edged.vision.worker.frame_selection import FrameSelection
from edged.vision.worker.model_switch import ModelSwitcher
from edged.vision.worker.overlap import OverlappedInference
from edged.vision.worker.picture_size import widen
from edged.vision.worker.pictures import WorkerPictures
from edged.vision.worker.runners import ModelRunner
from edged.vision.worker.slots import FrameSlots
from edged.vision.worker.stage_results import FrameResult, PreparedFrame
from edged.vision.worker.stages import InferencePipeline

_log = logging.getLogger(__name__)

MAX_CONSECUTIVE_FAILURES = 3
_UNSENT_WAIT_S = 0.005
"""Between two attempts to send a part of a picture while no frame comes."""


class InferenceLoop:
    """Frames in, observations out; one thread runs it."""

    def __init__(
        self,
        *,
        captures: Sequence[Capture],
        slots: FrameSlots,
        selection: FrameSelection,
        pipeline: InferencePipeline,
        switcher: ModelSwitcher,
        pictures: WorkerPictures,
        channel: SupervisorChannel,
        camera_indices: Mapping[str, int],
        report_interval_s: float,
        clock: Clock,
    ) -> None:
        """Take the parts.

        Args:
            captures: the cameras.
            slots: takes their frames.
            selection: chooses the frames on which the model runs.
            pipeline: prepares frames.
            switcher: has the model.
            pictures: gets the frames of which pictures can be made.
            channel: to the supervisor.
            camera_indices: the cameras' indices in the job, by name.
            report_interval_s: seconds between two reports.
            clock: the clock of all times.
        """
        self._captures = captures
        self._slots = slots
        self._selection = selection
        self._pipeline = pipeline
        self._switcher = switcher
        self._pictures = pictures
        self._channel = channel
        self._camera_indices = camera_indices
        self._counters = FrameCounters(tuple(camera_indices), selection, clock)
        self._interval_s = report_interval_s
        self._report_due_ns = 0
        self._sized_for: ModelRunner | None = None
        """The runner whose needs the cameras know."""
        self._clock = clock

    def run(self) -> None:
        """Run until the supervisor has closed its end.

        Raises:
            ModelError: the outputs are nonsense, again and again; or no model can be loaded any more.
            InvokeError: the interpreter fails again and again.
            DelegateError: no model can be loaded any more, because of its delegate.
            RegistryError: no model can be loaded any more, because its runtime is gone.
            WorkerError: a camera's driver hangs beyond its own timeouts, or both models of a trial fail again and again.
        """
        while not self._channel.is_closed:
            if self._switcher.has_work:
                self._switcher.step()
            runner = self._switcher.runner
            if runner is not self._sized_for and runner is not None:
                self._sized_for = runner
                for capture in self._captures:
                    plan = self._pictures.plan_of(capture.status.name)
                    rule = runner.find_needed_size
                    capture.set_size_rule(rule if plan is None else partial(widen, rule, plan))
            if runner is None:
                self._switcher.wait(self._interval_s)  # meanwhile the newest frame waits as well
            else:
                self._infer_next(runner)
            self._send_due()

    def _infer_next(self, runner: ModelRunner) -> None:
        """Run inference on the next frame; on an accelerator, on all that follow each other without a pause."""
        frame, overlap = self._slots.take(0), runner.overlap
        if frame is not None and overlap is not None:
            prepared = self._prepare(frame)
            if prepared is not None:
                self._infer_overlapped(runner, overlap, prepared)
            return
        if frame is None:
            frame = self._wait_for_frame()
        prepared = None if frame is None else self._prepare(frame)
        if prepared is not None:
            try:
                result = runner.infer(prepared)
            except (InvokeError, ModelError, WorkerError) as error:
                self._count_failure(prepared.frame, error)
            else:
                self._send_result(runner, result)

    def _wait_for_frame(self) -> Frame | None:
        """Wait until a frame is there, or something else is due."""
        pictures = self._pictures
        if not pictures.is_on:
            return self._slots.take(self._interval_s)
        if pictures.has_unsent:  # the supervisor reads
            return self._slots.take(_UNSENT_WAIT_S)
        return self._slots.take(self._interval_s, is_interrupted=lambda: pictures.has_unsent)

    def _prepare(self, frame: Frame) -> PreparedFrame | None:
        """Prepare a frame; return None if the model need not run on it."""
        if not self._selection.is_within_rate(frame):
            self._slots.refund(frame.camera)
            if self._pictures.wants_frame(frame.camera):
                self._pictures.add_other(self._pipeline.prepare(frame).frame, is_at_rest=False)
                self._selection.reset_camera(frame.camera)  # the next ones are left out again
            return None
        prepared = self._pipeline.prepare(frame)
        if self._pictures.wants_inference(frame.camera):
            self._selection.reset_camera(frame.camera)
        if self._selection.admit(prepared):
            return prepared
        if self._pictures.is_on:
            self._pictures.add_other(frame, is_at_rest=True)
        self._slots.refund(frame.camera)
        if self._selection.is_rest_due(frame):
            camera = self._camera_indices[frame.camera]
            rest = PictureAtRest(camera=camera, frame_seq=frame.seq, captured_ns=frame.captured_ns)
            self._channel.send_observation(
                FROM_WORKER.encode(rest), is_lossless=self._slots.is_lossless(frame.camera)
            )
        return None

    def _infer_overlapped(
        self, runner: ModelRunner, overlap: OverlappedInference, first: PreparedFrame
    ) -> None:
        """Run inference on frames for as long as each is there before the accelerator has done the one before."""
        overlap.begin(first)
        while (oldest := overlap.oldest_frame) is not None:
            if not (self._switcher.has_work or self._channel.is_closed):
                following = overlap.take_next()
                prepared = None if following is None else self._prepare(following)
                if prepared is not None:
                    overlap.begin(prepared)
            try:
                result = overlap.finish()
            except (InvokeError, ModelError) as error:
                self._count_failure(oldest, error)
            else:
                self._send_result(runner, result)
            self._send_due()

    def _send_result(self, runner: ModelRunner, result: FrameResult) -> None:
        prepared, inference = result.prepared_frame, result.inference
        frame = prepared.frame
        self._selection.record(frame, result.detections)
        if self._pictures.is_on:  # before the supervisor can ask for it
            self._pictures.add_inferred(frame, inference.detections, runner.labels)
        packet = pack_observation(
            self._camera_indices[frame.camera],
            frame.seq,
            frame.captured_ns,
            frame.received_ns,
            frame.width,
            frame.height,
            (
                prepared.wait_ns,
                prepared.prepare_ns + inference.encode_ns,
                inference.invoke_ns,
                inference.decode_ns,
                inference.net_frame_ns,
                inference.net_invoke_ns,
            ),
            moving=prepared.moving,
            detections=result.detections,
        )
        is_lossless = self._slots.is_lossless(frame.camera)
        is_sent = self._channel.send_observation(packet, is_lossless=is_lossless)
        if not is_sent:
            self._selection.reset_camera(frame.camera)
        self._counters.count_inferred(frame, is_sent=is_sent)
        runner.run_shadow(result)

    def _count_failure(self, frame: Frame, error: Exception) -> None:
        """Count a frame on which the model failed; raise the error if it was one of several in a row."""
        self._counters.count_failed(frame)
        _log.warning("camera %s, frame %d: %s", frame.camera, frame.seq, error)
        if self._counters.consecutive_failures >= MAX_CONSECUTIVE_FAILURES:
            raise error

    def _serve_pictures(self) -> None:
        if self._pictures.has_unsent:
            self._pictures.send_next(self._channel)
        for camera in self._pictures.wanted_cameras:
            self._slots.defer(camera, 0, is_still=False)

    def _send_due(self) -> None:
        self._serve_pictures()
        now_ns = self._clock.monotonic_ns()
        if now_ns < self._report_due_ns:
            return
        reports = tuple(self._counters.make_camera_report(capture) for capture in self._captures)
        self._channel.send(WorkerReport(cameras=reports))
        for report in reports:
            if report.state != "running":  # the supervisor forgets what its picture showed
                self._selection.reset_camera(report.name)
        self._report_due_ns = now_ns + int(self._interval_s * NS_PER_S)
