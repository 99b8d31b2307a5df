"""The vision side: what the workers say, what it means for each camera's scene, and what is told of it."""

import itertools
import logging
from typing import Protocol

from edged.clock import Clock
from edged.config.problems import closest_name
from edged.config.settings import DetectSettings, Settings
from edged.daemon.camera_monitor import CameraMonitor
from edged.daemon.event_reporter import EventReporter
from edged.daemon.inbox import Inbox
from edged.health import ConditionKind, Conditions, Severity
from edged.logs import journal_fields
from edged.messaging.contract.header import Stamper
from edged.messaging.contract.model import ModelFailure
from edged.messaging.outbox import Outbox
from edged.scene.filters import UNNAMED_LABELS
from edged.scene.scene import Scene
from edged.vision.active_model import ActiveModel
from edged.vision.jobs import make_vision_jobs
from edged.vision.messages import (
    CameraReport,
    CandidateFailure,
    ModelReady,
    Observation,
    PlanDeclined,
    ShadowComparison,
    VisionJob,
    WorkerFault,
    WorkerReport,
)
from edged.vision.pool import WorkerLoss, WorkerPool
from edged.vision.process import VisionProcess
from edged.vision.worker_events import WorkerExited, WorkerMessage

_log = logging.getLogger(__name__)

POOL_STOP_TIMEOUT_S = 0.7
"""Part of the two seconds in which the daemon ends."""


class VisionListener(Protocol):
    """Sees how the models do: `edged.updates.service.trial_monitor.TrialMonitor`."""

    def on_ready(self, ready: ModelReady) -> None:
        """A worker looks with the model of this plan from here on."""

    def on_observation(self, observation: Observation) -> None:
        """A frame was inferred."""

    def on_plan_message(self, message: PlanDeclined | CandidateFailure | ShadowComparison) -> None:
        """A worker has something to say of its plan."""

    def on_worker_lost(self, loss: WorkerLoss) -> None:
        """A worker ended."""


class VisionService:
    """Every camera of one configuration, and the crew that looks through them."""

    def __init__(
        self,
        settings: Settings,
        active_model: ActiveModel,
        *,
        inbox: Inbox,
        outbox: Outbox,
        conditions: Conditions,
        stamper: Stamper,
        clock: Clock,
        listener: VisionListener,
    ) -> None:
        self._inbox = inbox
        self._outbox = outbox
        self._conditions = conditions
        self._stamper = stamper
        self._clock = clock
        self._object_ids = itertools.count(1)
        self.worker_losses = 0
        self.last_worker_loss = ""
        self.model_failure: ModelFailure | None = None
        self.cameras: dict[str, CameraMonitor] = {}
        self._ready_by_worker: dict[int, ModelReady] = {}
        self._scene_rules: dict[int, tuple[tuple[str, ...], DetectSettings]] = {}
        """By worker: the labels and the maker's filters that its scenes were made with."""
        self._settled_workers: set[int] = set()
        self._settings = settings
        self._active_model = active_model
        self._listener = listener
        self._plan_number = 0
        self._pool = self._make_pool(first_run=0)
        self._set_up()

    def set_active_model(self, active_model: ActiveModel) -> None:
        """Look with another model; the workers go on until they have it."""
        if active_model == self._active_model:
            return
        self._active_model = active_model
        self._plan_number += 1
        self._pool.update_jobs(self._make_jobs())

    def apply_settings(self, settings: Settings, active_model: ActiveModel) -> None:
        """Go on with another configuration; the workers are replaced only if it concerns them."""
        jobs_before, hang_s_before = self._make_jobs(), self._settings.model.hang_s
        self._settings, self._active_model = settings, active_model
        if self._make_jobs() == jobs_before and settings.model.hang_s == hang_s_before:
            self.end_all_objects()
            self._rebuild_scenes()
            self._pool.retry_now()
            return
        self._pool.stop(POOL_STOP_TIMEOUT_S)
        for watch in self.cameras.values():
            watch.report = None
        self.end_all_objects()
        self._pool = self._make_pool(first_run=self._pool.next_run)
        self._conditions.clear_all(ConditionKind.CAMERA)
        self._conditions.clear_all(ConditionKind.WORKER)
        self._conditions.clear_all(ConditionKind.LABELS)
        self._conditions.clear(ConditionKind.MODEL)
        self._set_up()

    @property
    def active_model_name(self) -> str:
        """The model in use; "" until one runs."""
        return next((ready.model_name for ready in self._ready_by_worker.values()), "")

    @property
    def model_info(self) -> ModelReady | None:
        """What a worker said of its model and runtime; None until one runs."""
        return next(iter(self._ready_by_worker.values()), None)

    @property
    def is_startup_complete(self) -> bool:
        """Whether it is known of every worker if it can do its job."""
        return len(self._settled_workers) == self._pool.size

    @property
    def all_cameras_ended(self) -> bool:
        """Whether every camera was finite and is through."""
        return all(watch.has_ended for watch in self.cameras.values())

    def on_worker_message(self, item: WorkerMessage) -> None:
        """A worker said something."""
        if not self._pool.on_message(item):
            return
        match item.message:
            case Observation() as seen:
                self._on_observation(item.worker, seen)
            case WorkerReport(cameras=reports):
                for report in reports:
                    self._on_camera_report(report)
            case ModelReady() as ready:
                self._on_ready(item.worker, ready)
            case WorkerFault():
                pass  # its end follows, and bears it
            case (
                PlanDeclined(plan=plan) | CandidateFailure(plan=plan) | ShadowComparison(plan=plan)
            ):
                # One that has been overtaken says nothing of the choice of now.
                if plan == self._plan_number:
                    self._listener.on_plan_message(item.message)

    def on_worker_exit(self, item: WorkerExited) -> None:
        """A worker ended; its cameras see nothing until the next one runs."""
        loss = self._pool.on_exit(item)
        if loss is None:
            return
        self._settled_workers.add(item.worker)
        self._report_worker_loss(loss)
        self._listener.on_worker_lost(loss)
        self.worker_losses += 1
        self.last_worker_loss = loss.reason
        for camera in self._pool.job(item.worker).cameras:
            watch = self.cameras[camera.name]
            watch.report = None
            self._end_camera_objects(watch)
        self._ready_by_worker.pop(item.worker, None)

    def tick(self) -> None:
        """Start, watch and replace workers."""
        self._pool.tick()

    @property
    def unrecoverable_reason(self) -> str:
        """Why replacing workers does not help any more; "" while it may."""
        return self._pool.unrecoverable_reason

    def worker_pids(self) -> dict[int, int]:
        """Of the workers that run, by index."""
        return self._pool.pids()

    def stop(self) -> None:
        """End the workers."""
        self._pool.stop(POOL_STOP_TIMEOUT_S)

    def end_all_objects(self) -> None:
        """End every object and write every camera's state for the last time."""
        for watch in self.cameras.values():
            self._end_camera_objects(watch)

    def _make_jobs(self) -> tuple[VisionJob, ...]:
        return make_vision_jobs(self._settings, self._active_model, plan_number=self._plan_number)

    def _make_pool(self, *, first_run: int) -> WorkerPool:
        return WorkerPool(
            self._make_jobs(),
            hang_s=self._settings.model.hang_s,
            clock=self._clock,
            launch=self._launch,
            first_run=first_run,
        )

    def _make_event_reporter(self) -> EventReporter:
        return EventReporter(self._settings.events, outbox=self._outbox, stamper=self._stamper)

    def _launch(self, job: VisionJob, worker: int, run: int) -> VisionProcess:
        return VisionProcess(job, worker=worker, run=run, notify=self._inbox.put)

    def _set_up(self) -> None:
        names = [name for name, camera in self._settings.camera.items() if camera.enabled]
        # A camera that stays keeps its counters.
        self.cameras = {name: self.cameras.get(name) or CameraMonitor(name) for name in names}
        for name, watch in self.cameras.items():
            watch.reset(tuple(self._settings.camera[name].zone))
        self._ready_by_worker.clear()
        self._settled_workers.clear()
        self._event_reporter = self._make_event_reporter()
        for watch in self.cameras.values():
            self._event_reporter.report_state(watch)

    def _rebuild_scenes(self) -> None:
        self._event_reporter = self._make_event_reporter()
        for worker, ready in self._ready_by_worker.items():
            for camera in self._pool.job(worker).cameras:
                self._build_scene(self.cameras[camera.name], ready.labels)

    def _on_ready(self, worker: int, ready: ModelReady) -> None:
        runtime = f"{ready.runtime} on {ready.delegate}" if ready.delegate else ready.runtime
        _log.info(
            "worker %d looks with %s (%s, %s)",
            *(worker, ready.model_name, ready.family, runtime),
            extra=journal_fields(worker=worker, model=ready.model_name),
        )
        before = self._ready_by_worker.get(worker)
        self._settled_workers.add(worker)
        self._ready_by_worker[worker] = ready
        self._conditions.clear(ConditionKind.MODEL)
        self._conditions.clear(ConditionKind.WORKER, worker)
        self._listener.on_ready(ready)
        rules = (ready.labels, self._active_model.recommended_filters)
        if before is not None and self._scene_rules.get(worker) == rules:
            return  # what is there is the same to the new model: objects go on
        self._scene_rules[worker] = rules
        for camera in self._pool.job(worker).cameras:
            watch = self.cameras[camera.name]
            if before is not None:
                self._end_camera_objects(watch)
            self._build_scene(watch, ready.labels)

    def _build_scene(self, camera: CameraMonitor, labels: tuple[str, ...]) -> None:
        settings = self._settings
        scene = Scene(
            settings.camera[camera.name],
            detect=settings.detect,
            track=settings.track,
            events=settings.events,
            labels=labels,
            ids=self._object_ids,
            recommended=self._active_model.recommended_filters,
        )
        unknown = scene.filters.unknown_labels
        if unknown:
            known = [label for label in labels if label not in UNNAMED_LABELS]
            hints = filter(None, (closest_name(name, known) for name in unknown))
            reason = " ".join((f"the model knows no {', '.join(unknown)};", *hints))
            self._set_condition(ConditionKind.LABELS, reason, subject=camera.name)
        else:
            self._conditions.clear(ConditionKind.LABELS, camera.name)
        camera.set_scene(scene)

    def _on_observation(self, worker: int, observation: Observation) -> None:
        cameras = self._pool.job(worker).cameras
        ready = self._ready_by_worker.get(worker)
        if ready is None or observation.camera >= len(cameras):
            return  # a worker is not trusted to keep to the order of things
        watch = self.cameras[cameras[observation.camera].name]
        now_ns = self._clock.monotonic_ns()
        self._listener.on_observation(observation)
        updates = watch.observe(observation, now_ns)
        for update in updates:
            self._event_reporter.report_update(watch, update, ready.model_name)
        if updates:
            self._event_reporter.report_detections(watch, observation, updates[-1], ready, now_ns)

    def _on_camera_report(self, report: CameraReport) -> None:
        watch = self.cameras.get(report.name)
        if watch is None:
            return
        was_online = watch.is_online
        watch.update_report(report)
        if report.state == "lost":
            self._set_condition(
                ConditionKind.CAMERA,
                report.reason,
                subject=watch.name,
                severity=self._single_loss_severity,
            )
        else:
            self._conditions.clear(ConditionKind.CAMERA, watch.name)
        if was_online and not watch.is_online:
            self._end_camera_objects(watch)
        elif watch.is_online and not was_online:
            self._event_reporter.report_state(watch)

    def _report_worker_loss(self, loss: WorkerLoss) -> None:
        fault = loss.fault
        if fault is not None and fault.kind in {"model", "delegate"}:
            self.model_failure = ModelFailure(
                name=self._active_model.name or str(self._settings.model.path or "bundled"),
                time=self._stamper.time_of(self._clock.monotonic_ns()),
                reason=fault.reason,
            )
            self._set_condition(ConditionKind.MODEL, fault.reason, severity=Severity.FAILED)
        else:
            self._set_condition(
                ConditionKind.WORKER,
                fault.reason if fault else loss.reason,
                subject=loss.worker,
                severity=self._single_loss_severity,
            )
        _log.info("worker %d is started again in %.1f s", loss.worker, loss.retry_in_s)

    @property
    def _single_loss_severity(self) -> Severity:
        """What the loss of one camera or worker means: one of several is a degradation, the only one a failure."""
        return Severity.FAILED if len(self.cameras) == 1 else Severity.DEGRADED

    def _set_condition(
        self,
        kind: ConditionKind,
        reason: str,
        *,
        subject: object = None,
        severity: Severity = Severity.DEGRADED,
    ) -> None:
        now_ns = self._clock.monotonic_ns()
        if self._conditions.set(kind, reason, now_ns=now_ns, subject=subject, severity=severity):
            name = kind.name_of(subject)
            _log.error("%s: %s", name, reason, extra=journal_fields(condition=name))

    def _end_camera_objects(self, camera: CameraMonitor) -> None:
        update = camera.end_all_objects()
        if update is not None:
            self._event_reporter.report_update(camera, update, self.active_model_name)
        self._event_reporter.report_state(camera)
