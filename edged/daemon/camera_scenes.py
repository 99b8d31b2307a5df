"""The cameras' scenes: when their rules are made, their objects end, and their state is reported."""

import itertools
import logging
from collections.abc import Iterable

from msgspec.structs import replace

from edged.config.people_hint import explain_missing_people
from edged.config.settings import DetectSettings, Settings
from edged.daemon.camera_monitor import CameraMonitor
from edged.daemon.event_reporter import EventReporter
from edged.daemon.label_faults import LabelFaults
from edged.daemon.picture_service import PictureService
from edged.daemon.recordings import RecordingPositions
from edged.daemon.vision_conditions import VisionConditions
from edged.scene.scene import Scene
from edged.vision.camera_messages import CameraReport, PictureAtRest
from edged.vision.messages import ModelReady, Observation, PlanDeclined, VisionJob
from edged.vision.picture_policy import allows
from edged.vision.trial_messages import CandidateFailure, ShadowComparison

_log = logging.getLogger(__name__)


class CameraScenes:
    """Every enabled camera of the configuration."""

    def __init__(
        self, event_reporter: EventReporter, conditions: VisionConditions, pictures: PictureService
    ) -> None:
        """Start without cameras: `apply_settings` brings them."""
        self._pictures = pictures
        self._event_reporter = event_reporter
        self._conditions = conditions
        self._object_ids = itertools.count(1)
        self._settings = Settings()
        self._label_faults: dict[str, LabelFaults] = {}
        """By camera, for the model that its scene was built for."""
        self._positions = RecordingPositions()
        self._have_ended = False
        self.monitors: dict[str, CameraMonitor] = {}

    def resume_recordings(self, job: VisionJob) -> VisionJob:
        """Return a worker's job with the positions at which its recordings go on."""
        cameras = tuple(
            self._positions.resume(camera, self.monitors[camera.name].read_count)
            for camera in job.cameras
        )
        return replace(job, cameras=cameras)

    def apply_settings(self, settings: Settings) -> None:
        """Take the cameras of a configuration; those that stay keep their counters, and their scenes until `build` or `reset`."""
        self._settings = settings
        self._event_reporter.apply_settings(settings.events)
        self._event_reporter.picture_cameras = {
            name for name in settings.camera if allows(settings, name, "event")
        }
        names = [name for name, camera in settings.camera.items() if camera.enabled]
        for name in self.monitors.keys() - names:
            self._conditions.clear_camera(name)
        has_histograms = settings.metrics.listen is not None
        self.monitors = {
            name: self.monitors.get(name) or CameraMonitor(name, has_histograms=has_histograms)
            for name in names
        }
        for monitor in self.monitors.values():
            if monitor.model is not None:
                self._check_labels(monitor, monitor.model.labels)

    def reset(self, cameras: Iterable[str]) -> None:
        """Report cameras as offline and empty until their worker runs."""
        for name in cameras:
            monitor = self.monitors[name]
            monitor.reset(tuple(self._settings.camera[name].zone))
            self._conditions.clear_camera(name)
            self._event_reporter.report_state(monitor)

    def set_model(
        self, cameras: Iterable[str], model: ModelReady, recommended: DetectSettings
    ) -> None:
        """Run other cameras' scenes with a model; objects go on if its labels and its recommended filters are those of the one before.

        Args:
            cameras: names of the cameras.
            model: the model that runs on their frames from now on.
            recommended: the filters that its maker recommends.
        """
        new_scenes = []
        for name in cameras:
            monitor = self.monitors[name]
            keeps_scene = self._fits_scene(monitor, model, recommended)
            if monitor.model is not None and not keeps_scene:
                self._end_objects(monitor)
            monitor.set_model(model)
            if not keeps_scene:
                monitor.forget_picture()
                self._build(monitor, model.labels, recommended)
                new_scenes.append(name)
        if hint := explain_missing_people(self._settings, new_scenes, model.labels):
            _log.info("%s", hint)

    def _fits_scene(
        self, monitor: CameraMonitor, model: ModelReady, recommended: DetectSettings
    ) -> bool:
        """Return whether a camera's scene was built for the same labels and recommended filters."""
        return (
            monitor.model is not None
            and monitor.model.labels == model.labels
            and monitor.recommended_filters == recommended
        )

    def rebuild(self, cameras: Iterable[str]) -> None:
        """End the objects of these cameras, and restart with the rules of the configuration."""
        for name in cameras:
            monitor = self.monitors[name]
            self._end_objects(monitor)
            if monitor.model is not None:
                self._build(monitor, monitor.model.labels, monitor.recommended_filters)

    def observe(
        self, camera: str, observation: Observation, now_ns: int, *, is_superseded: bool
    ) -> None:
        """Take an inferred frame, and report what it changes.

        Args:
            camera: name of the camera.
            observation: the frame.
            now_ns: monotonic time.
            is_superseded: only count it: a newer one waits.
        """
        monitor = self.monitors[camera]
        if is_superseded or self._have_ended:
            monitor.skip()
            return
        updates = monitor.observe(observation, now_ns)
        self._event_reporter.report_frame(monitor, observation, updates, now_ns)
        self._pictures.examples.observe(monitor, observation)
        if camera in self._event_reporter.picture_cameras:
            for update in updates:
                self._pictures.observe(monitor, update, observation.frame_seq)

    def observe_rest(self, camera: str, rest: PictureAtRest) -> None:
        """Let time pass in a scene whose picture is at rest, and report what that changes."""
        if self._have_ended:
            return
        monitor = self.monitors[camera]
        update = monitor.observe_rest(rest)
        if update is not None:
            self._event_reporter.report_update(monitor, update)

    def on_plan_message(self, message: PlanDeclined | CandidateFailure | ShadowComparison) -> None:
        """Take a worker's message about a plan: where two models disagree, the frame is a hard example."""
        if not isinstance(message, ShadowComparison) or not (message.only_new or message.only_old):
            return
        monitor = self.monitors.get(message.camera)
        if monitor is not None:
            self._pictures.examples.on_disagreement(monitor, message.frame_seq)

    def on_camera_reports(self, reports: Iterable[CameraReport]) -> None:
        """Take a worker's reports on its cameras."""
        for report in reports:
            self._on_camera_report(report)

    def _on_camera_report(self, report: CameraReport) -> None:
        """Take a worker's report on a camera: a camera that goes offline loses its objects, and classes that have no label are reported."""
        monitor = self.monitors.get(report.name)
        if monitor is None:
            return
        was_online = monitor.is_online
        monitor.update_report(report)
        self._conditions.on_camera_report(report, len(self.monitors))
        self._check_classes(monitor)
        if was_online and not monitor.is_online:
            monitor.forget_picture()  # the worker runs the model on the next one
            self._end_objects(monitor)
        elif monitor.is_online and not was_online:
            self._event_reporter.report_state(monitor)

    def on_worker_lost(self, cameras: Iterable[str]) -> None:
        """End the objects of cameras that have no worker any more."""
        for name in cameras:
            monitor = self.monitors.get(name)
            if monitor is not None:
                monitor.report = None
                monitor.forget_picture()
                self._end_objects(monitor)
                monitor.set_model(None)

    def end_all_objects(self) -> None:
        """End every object, and report every camera's state for the last time: no object begins in what a worker still sends."""
        self._have_ended = True
        for monitor in self.monitors.values():
            self._end_objects(monitor)

    def _build(
        self, monitor: CameraMonitor, labels: tuple[str, ...], recommended: DetectSettings
    ) -> None:
        settings = self._settings
        monitor.recommended_filters = recommended
        scene = Scene(
            settings.camera[monitor.name],
            detect=settings.detect,
            track=settings.track,
            events=settings.events,
            labels=labels,
            ids=self._object_ids,
            recommended=recommended,
        )
        monitor.set_scene(scene)
        self._check_labels(monitor, labels)

    def _check_labels(self, monitor: CameraMonitor, labels: tuple[str, ...]) -> None:
        self._label_faults[monitor.name] = LabelFaults(self._settings, monitor.name, labels)
        self._report_label_faults(monitor.name)

    def _check_classes(self, monitor: CameraMonitor) -> None:
        faults = self._label_faults.get(monitor.name)
        if faults is not None and faults.add_class_id(monitor.highest_class_id):
            self._report_label_faults(monitor.name)

    def _report_label_faults(self, camera: str) -> None:
        self._conditions.on_label_faults(camera, self._label_faults[camera].descriptions)

    def _end_objects(self, monitor: CameraMonitor) -> None:
        update = monitor.end_all_objects()
        if update is not None:
            self._event_reporter.report_update(monitor, update)
        self._event_reporter.report_state(monitor)
