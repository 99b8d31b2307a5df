"""The vision side of the daemon: the workers, their messages, and the cameras' scenes."""

from edged.clock import Clock
from edged.config.reload_effects import plan_reload
from edged.config.settings import Settings
from edged.daemon.active_plan import ActivePlan
from edged.daemon.camera_monitor import CameraMonitor
from edged.daemon.camera_scenes import CameraScenes
from edged.daemon.event_reporter import EventReporter
from edged.daemon.picture_requests import OnPicture
from edged.daemon.picture_service import PictureService
from edged.daemon.settled_workers import SettledWorkers
from edged.daemon.vision_conditions import VisionConditions
from edged.daemon.worker_losses import WorkerLosses
from edged.event_loop import EventLoop
from edged.health import Conditions
from edged.messaging.contract.header import Stamper
from edged.messaging.outbox import Outbox
from edged.vision.active_model import ActiveModel
from edged.vision.camera_messages import PictureAtRest
from edged.vision.listener import VisionListener
from edged.vision.messages import ModelReady, Observation, PlanDeclined, VisionJob, WorkerReport
from edged.vision.picture_messages import JpegChunk, PictureFailure, PictureOptions
from edged.vision.pool import MAX_TICK_GAP_S, WorkerPool
from edged.vision.process import VisionProcess, WorkerExited, WorkerMessage
from edged.vision.spare_workers import SpareWorkers
from edged.vision.trial_messages import CandidateFailure, ShadowComparison
from edged.vision.worker_loss import WorkerLoss

POOL_STOP_TIMEOUT_S = 0.6
"""Part of the two seconds in which the daemon ends; a worker's cameras have 0.5 s of it."""


class VisionService:
    """The workers and the cameras of the configuration."""

    def __init__(
        self,
        settings: Settings,
        active_model: ActiveModel,
        *,
        loop: EventLoop,
        spares: SpareWorkers,
        outbox: Outbox,
        conditions: Conditions,
        stamper: Stamper,
        clock: Clock,
        listener: VisionListener,
        pictures: PictureService,
    ) -> None:
        """Start no worker yet: `tick` does.

        Args:
            settings: the configuration.
            active_model: the model to run.
            loop: watches the workers.
            spares: processes for the workers' first runs.
            outbox: takes messages.
            conditions: the active conditions.
            stamper: turns monotonic times into wall-clock times.
            clock: the clock of all times.
            listener: gets what the workers report of their models.
            pictures: asks the workers for pictures.
        """
        self._loop = loop
        self._spares = spares
        self._stamper = stamper
        self._clock = clock
        self._listener = listener
        self._plan = ActivePlan(settings, active_model)
        self._conditions = VisionConditions(conditions, clock)
        self.pictures = pictures
        self._event_reporter = EventReporter(settings.events, outbox=outbox, stamper=stamper)
        self._scenes = CameraScenes(self._event_reporter, self._conditions, self.pictures)
        self._settled = SettledWorkers()
        self.losses = WorkerLosses()
        self._pool = WorkerPool(
            self._plan.make_jobs(),
            hang_s=settings.model.hang_s,
            clock=clock,
            launch=self._launch,
            max_step_s=MAX_TICK_GAP_S,
        )
        self.pictures.use_pool(self._pool)
        self.pictures.apply_settings(settings)
        self._scenes.apply_settings(settings)
        self._scenes.reset(self._scenes.monitors)

    def set_active_model(self, active_model: ActiveModel) -> None:
        """Run another model; the workers keep the one that they have until they have loaded it."""
        if active_model != self._plan.model:
            self._plan.set_model(active_model)
            self._pool.assign_jobs(self._make_jobs())

    def apply_settings(self, settings: Settings, active_model: ActiveModel) -> None:
        """Go on with another configuration; only workers that cannot take the change while they run are replaced."""
        plan = plan_reload(self._plan.settings, settings)
        jobs_before = self._pool.jobs
        self._plan.settings = settings
        self.pictures.apply_settings(settings)
        self._plan.set_model(active_model)
        self._pool.hang_s = settings.model.hang_s
        jobs, replaces_all = self._make_jobs(), plan.replaces_all_workers
        replaced = self._pool.assign_jobs(
            jobs, replace_all=replaces_all, stop_timeout_s=POOL_STOP_TIMEOUT_S
        )
        self._pool.retry_now()
        for worker in replaced:
            self._scenes.on_worker_lost(jobs_before[worker].camera_names)
            self.pictures.on_worker_lost(worker)
            self._conditions.clear_worker(worker)
            self._settled.forget(worker)
        self._scenes.apply_settings(settings)
        for worker, job in self._pool.jobs.items():
            if worker in replaced or worker not in jobs_before:
                self._scenes.reset(job.camera_names)
            else:
                self._scenes.rebuild(filter(plan.rebuilds_scene, job.camera_names))

    @property
    def cameras(self) -> dict[str, CameraMonitor]:
        """The enabled cameras, by name."""
        return self._scenes.monitors

    @property
    def model_info(self) -> ModelReady | None:
        """A worker's description of its model and runtime; None until one runs."""
        return self._settled.model_info

    @property
    def is_startup_complete(self) -> bool:
        """True once every worker has either got its model running or failed to."""
        return len(self._settled) == len(self._pool.jobs)

    @property
    def all_cameras_ended(self) -> bool:
        """True once every camera was finite and has ended."""
        return all(monitor.has_ended for monitor in self.cameras.values())

    @property
    def unrecoverable_reason(self) -> str | None:
        """The reason why replacing workers does not help any more; None while it may."""
        return self._pool.unrecoverable_reason

    @property
    def worker_pids(self) -> dict[int, int]:
        """The processes of the workers that run, by the worker's number."""
        return {number: process.pid for number, process in self._pool.processes.items()}

    def on_worker_message(self, item: WorkerMessage) -> None:
        """Process a worker's message; `WorkerFault` and `ModelLoading` are for the pool alone."""
        if not self._pool.on_message(item):
            return
        match item.message:
            case Observation() as observation:
                self._on_observation(item.worker, observation, is_superseded=item.is_superseded)
            case PictureAtRest(camera=index) as rest:
                if camera := self._find_camera(item.worker, index):
                    self._scenes.observe_rest(camera, rest)
            case JpegChunk() | PictureFailure() as answer:
                self.pictures.on_message(item.worker, answer)
            case WorkerReport(cameras=reports):
                self._scenes.on_camera_reports(reports)
            case ModelReady() as ready:
                self._on_ready(item.worker, ready)
            case PlanDeclined() | CandidateFailure() | ShadowComparison() as message:
                # A message of a superseded plan says nothing about the active model.
                if message.plan == self._plan.number:
                    self._listener.on_plan_message(message)
                    self._scenes.on_plan_message(message)

    def take_picture(self, camera: str, options: PictureOptions, on_picture: OnPicture) -> None:
        """Take a picture of what a camera sees now.

        Args:
            camera: name of the camera.
            options: how the picture is made.
            on_picture: called once with the picture or the reason why there is none, possibly at once.
        """
        self.pictures.take(camera, self.cameras.get(camera), options, on_picture)

    def on_worker_exit(self, item: WorkerExited) -> None:
        """Process the end of a worker; its cameras are offline until the next one runs."""
        loss = self._pool.on_exit(item)
        if loss is not None:
            self._on_worker_loss(loss)
        self.tick()  # the process that follows one that was replaced need not wait

    def tick(self) -> None:
        """Start, watch and replace workers."""
        for loss in self._pool.tick():
            self._on_worker_loss(loss)

    def stop(self) -> None:
        """Ask the workers to end; go on to call `tick` until it `has_stopped`."""
        self._pool.stop(POOL_STOP_TIMEOUT_S)

    @property
    def has_stopped(self) -> bool:
        """True once every worker has ended after `stop`."""
        return self._pool.has_stopped

    def end_all_objects(self) -> None:
        """End every object and report every camera's state for the last time."""
        self._scenes.end_all_objects()

    def _make_jobs(self) -> tuple[VisionJob, ...]:
        return self._plan.make_jobs([job.camera_names for job in self._pool.jobs.values()])

    def _launch(self, job: VisionJob, worker: int, run: int) -> VisionProcess:
        resumed = self._scenes.resume_recordings(job)
        return VisionProcess(
            resumed,
            worker=worker,
            run=run,
            loop=self._loop,
            spares=self._spares,
            on_message=self.on_worker_message,
            on_exit=self.on_worker_exit,
        )

    def _on_ready(self, worker: int, ready: ModelReady) -> None:
        self._settled.on_ready(worker, ready)
        self._conditions.on_worker_ready(worker)
        self._listener.on_ready(ready)
        filters = ready.choose_filters(self._plan.model.recommended_filters)
        self._scenes.set_model(self._pool.jobs[worker].camera_names, ready, filters)

    def _on_observation(
        self, worker: int, observation: Observation, *, is_superseded: bool
    ) -> None:
        if (camera := self._find_camera(worker, observation.camera)) is None:
            return
        # A trial gets them all: which of them the supervisor is too late for says nothing about a model.
        self._listener.on_observation(observation)
        now_ns = self._clock.monotonic_ns()
        self._scenes.observe(camera, observation, now_ns, is_superseded=is_superseded)

    def _find_camera(self, worker: int, index: int) -> str | None:
        jobs = self._pool.jobs  # a worker is not trusted to keep to the protocol
        return jobs[worker].find_camera(index) if self._settled.is_running(worker) else None

    def _on_worker_loss(self, loss: WorkerLoss) -> None:
        time = self._stamper.time_of(self._clock.monotonic_ns())
        self.losses.record(loss, self._plan.model_name, time)
        self.pictures.on_worker_lost(loss.worker)
        self._conditions.on_worker_loss(loss, len(self.cameras))
        self._settled.on_lost(loss.worker)
        self._listener.on_worker_lost(loss)
        self._scenes.on_worker_lost(self._pool.jobs[loss.worker].camera_names)
