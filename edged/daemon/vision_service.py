"""The vision side: what the workers say, what it means for each camera's scene, and what is told of it."""

import itertools
import logging
from typing import Protocol

from edged.clock import Clock
from edged.config.problems import nearest
from edged.config.settings import DetectSettings, Settings
from edged.daemon.camera_state import CameraWatch
from edged.daemon.event_reporter import Teller
from edged.daemon.inbox import Inbox
from edged.health import Conditions, Verdict
from edged.logs import fields
from edged.messaging.contract.header import Stamper
from edged.messaging.contract.model import ModelFailure
from edged.messaging.outbox import Outbox
from edged.scene.filters import UNNAMED
from edged.scene.scene import Scene
from edged.vision.active_model import Choice
from edged.vision.jobs import vision_jobs
from edged.vision.messages import (
    CameraReport,
    Compared,
    Declined,
    Faltered,
    Fault,
    Observation,
    Ready,
    Report,
    VisionJob,
)
from edged.vision.messages_in import Gone, Heard
from edged.vision.pool import Crew, Loss
from edged.vision.process import VisionProcess

_log = logging.getLogger(__name__)

CREW_STOP_S = 0.7
"""Part of the two seconds in which the daemon ends."""


class Onlooker(Protocol):
    """Sees how the models do: `edged.updates.service.trial_monitor.Trial`."""

    def ready(self, ready: Ready) -> None:
        """A worker looks with the model of this plan from here on."""

    def observed(self, seen: Observation) -> None:
        """A frame was inferred."""

    def told(self, message: Declined | Faltered | Compared) -> None:
        """A worker has something to say of its plan."""

    def lost(self, loss: Loss) -> None:
        """A worker ended."""


class Lookout:
    """Every camera of one configuration, and the crew that looks through them."""

    def __init__(
        self,
        settings: Settings,
        choice: Choice,
        *,
        inbox: Inbox,
        outbox: Outbox,
        conditions: Conditions,
        stamper: Stamper,
        clock: Clock,
        onlooker: Onlooker,
    ) -> None:
        self._inbox = inbox
        self._outbox = outbox
        self._conditions = conditions
        self._stamper = stamper
        self._clock = clock
        self._ids = itertools.count(1)
        self.losses = 0
        self.last_loss = ""
        self.model_failure: ModelFailure | None = None
        self.watches: dict[str, CameraWatch] = {}
        self._ready: dict[int, Ready] = {}
        self._rules: dict[int, tuple[tuple[str, ...], DetectSettings]] = {}
        """By worker: the labels and the maker's filters that its scenes were made with."""
        self._judged: set[int] = set()
        self._settings = settings
        self._choice = choice
        self._onlooker = onlooker
        self._plan = 0
        self._crew = self._make_crew(first_run=0)
        self._set_up()

    def follow(self, choice: Choice) -> None:
        """Look with another model; the workers go on until they have it."""
        if choice == self._choice:
            return
        self._choice = choice
        self._plan += 1
        self._crew.follow(self._jobs())

    def adopt(self, settings: Settings, choice: Choice) -> None:
        """Go on with another configuration; the workers are replaced only if it concerns them."""
        jobs_before, hang_s_before = self._jobs(), self._settings.model.hang_s
        self._settings, self._choice = settings, choice
        if self._jobs() == jobs_before and settings.model.hang_s == hang_s_before:
            self.end_all()
            self._redress()
            self._crew.hurry()
            return
        self._crew.stop(CREW_STOP_S)
        for watch in self.watches.values():
            watch.report = None
        self.end_all()
        self._crew = self._make_crew(first_run=self._crew.next_run)
        self._conditions.clear_all("camera.")
        self._conditions.clear_all("worker.")
        self._conditions.clear_all("labels.")
        self._conditions.clear("model")
        self._set_up()

    @property
    def model(self) -> str:
        """The model in use; "" until one runs."""
        return next((ready.model for ready in self._ready.values()), "")

    @property
    def ready(self) -> Ready | None:
        """What a worker said of its model and runtime; None until one runs."""
        return next(iter(self._ready.values()), None)

    @property
    def judged(self) -> bool:
        """Whether it is known of every worker if it can do its job."""
        return len(self._judged) == self._crew.size

    @property
    def all_ended(self) -> bool:
        """Whether every camera was finite and is through."""
        return all(watch.ended for watch in self.watches.values())

    def heard(self, item: Heard) -> None:
        """A worker said something."""
        if not self._crew.heard(item):
            return
        match item.message:
            case Observation() as seen:
                self._observe(item.worker, seen)
            case Report(cameras=reports):
                for report in reports:
                    self._note(report)
            case Ready() as ready:
                self._welcome(item.worker, ready)
            case Fault():
                pass  # its end follows, and bears it
            case Declined(plan=plan) | Faltered(plan=plan) | Compared(plan=plan):
                # One that has been overtaken says nothing of the choice of now.
                if plan == self._plan:
                    self._onlooker.told(item.message)

    def gone(self, item: Gone) -> None:
        """A worker ended; its cameras see nothing until the next one runs."""
        loss = self._crew.gone(item)
        if loss is None:
            return
        self._judged.add(item.worker)
        self._complain(loss)
        self._onlooker.lost(loss)
        self.losses += 1
        self.last_loss = loss.reason
        for camera in self._crew.job(item.worker).cameras:
            watch = self.watches[camera.name]
            watch.report = None
            self._lose(watch)
        self._ready.pop(item.worker, None)

    def tick(self) -> None:
        """Start, watch and replace workers."""
        self._crew.tick()

    @property
    def hopeless(self) -> str:
        """Why replacing workers does not help any more; "" while it may."""
        return self._crew.hopeless

    def pids(self) -> dict[int, int]:
        """Of the workers that run, by index."""
        return self._crew.pids()

    def stop(self) -> None:
        """End the workers."""
        self._crew.stop(CREW_STOP_S)

    def end_all(self) -> None:
        """End every object and write every camera's state for the last time."""
        for watch in self.watches.values():
            self._lose(watch)

    def _jobs(self) -> tuple[VisionJob, ...]:
        return vision_jobs(self._settings, self._choice, number=self._plan)

    def _make_crew(self, *, first_run: int) -> Crew:
        return Crew(
            self._jobs(),
            hang_s=self._settings.model.hang_s,
            clock=self._clock,
            launch=self._launch,
            first_run=first_run,
        )

    def _make_teller(self) -> Teller:
        return Teller(self._settings.events, outbox=self._outbox, stamper=self._stamper)

    def _launch(self, job: VisionJob, worker: int, run: int) -> VisionProcess:
        return VisionProcess(job, worker=worker, run=run, notify=self._inbox.put)

    def _set_up(self) -> None:
        names = [name for name, camera in self._settings.camera.items() if camera.enabled]
        # A camera that stays keeps its counters.
        self.watches = {name: self.watches.get(name) or CameraWatch(name) for name in names}
        for name, watch in self.watches.items():
            watch.begin(tuple(self._settings.camera[name].zone))
        self._ready.clear()
        self._judged.clear()
        self._teller = self._make_teller()
        for watch in self.watches.values():
            self._teller.state(watch)

    def _redress(self) -> None:
        self._teller = self._make_teller()
        for worker, ready in self._ready.items():
            for camera in self._crew.job(worker).cameras:
                self._dress(self.watches[camera.name], ready.labels)

    def _welcome(self, worker: int, ready: Ready) -> None:
        runtime = f"{ready.runtime} on {ready.delegate}" if ready.delegate else ready.runtime
        _log.info(
            "worker %d looks with %s (%s, %s)",
            *(worker, ready.model, ready.family, runtime),
            extra=fields(worker=worker, model=ready.model),
        )
        before = self._ready.get(worker)
        self._judged.add(worker)
        self._ready[worker] = ready
        self._conditions.clear("model")
        self._conditions.clear(f"worker.{worker}")
        self._onlooker.ready(ready)
        rules = (ready.labels, self._choice.recommended)
        if before is not None and self._rules.get(worker) == rules:
            return  # what is there is the same to the new model: objects go on
        self._rules[worker] = rules
        for camera in self._crew.job(worker).cameras:
            watch = self.watches[camera.name]
            if before is not None:
                self._lose(watch)
            self._dress(watch, ready.labels)

    def _dress(self, watch: CameraWatch, labels: tuple[str, ...]) -> None:
        settings = self._settings
        scene = Scene(
            settings.camera[watch.name],
            detect=settings.detect,
            track=settings.track,
            events=settings.events,
            labels=labels,
            ids=self._ids,
            recommended=self._choice.recommended,
        )
        unknown = scene.filters.unknown_labels
        if unknown:
            known = [label for label in labels if label not in UNNAMED]
            hints = filter(None, (nearest(name, known) for name in unknown))
            reason = " ".join((f"the model knows no {', '.join(unknown)};", *hints))
            self._hold(f"labels.{watch.name}", reason, severity=Verdict.DEGRADED)
        else:
            self._conditions.clear(f"labels.{watch.name}")
        watch.dress(scene)

    def _observe(self, worker: int, seen: Observation) -> None:
        cameras = self._crew.job(worker).cameras
        ready = self._ready.get(worker)
        if ready is None or seen.camera >= len(cameras):
            return  # a worker is not trusted to keep to the order of things
        watch = self.watches[cameras[seen.camera].name]
        now_ns = self._clock.monotonic_ns()
        self._onlooker.observed(seen)
        updates = watch.observe(seen, now_ns)
        for update in updates:
            self._teller.update(watch, update, ready.model)
        if updates:
            self._teller.detections(watch, seen, updates[-1], ready, now_ns)

    def _note(self, report: CameraReport) -> None:
        watch = self.watches.get(report.name)
        if watch is None:
            return
        was_online = watch.online
        watch.note(report)
        if report.state == "lost":
            self._hold(f"camera.{watch.name}", report.reason, severity=self._one_lost)
        else:
            self._conditions.clear(f"camera.{watch.name}")
        if was_online and not watch.online:
            self._lose(watch)
        elif watch.online and not was_online:
            self._teller.state(watch)

    def _complain(self, loss: Loss) -> None:
        fault = loss.fault
        if fault is not None and fault.kind in {"model", "delegate"}:
            name, reason = "model", fault.reason
            self.model_failure = ModelFailure(
                name=self._choice.name or str(self._settings.model.path or "bundled"),
                time=self._stamper.time_of(self._clock.monotonic_ns()),
                reason=reason,
            )
        else:
            name, reason = f"worker.{loss.worker}", fault.reason if fault else loss.reason
        self._hold(name, reason, severity=Verdict.FAILED if name == "model" else self._one_lost)
        _log.info("worker %d is started again in %.1f s", loss.worker, loss.retry_in_s)

    @property
    def _one_lost(self) -> Verdict:
        """What the loss of one camera or worker means: one of several is a degradation, the only one a failure."""
        return Verdict.FAILED if len(self.watches) == 1 else Verdict.DEGRADED

    def _hold(self, name: str, reason: str, *, severity: Verdict) -> None:
        now_ns = self._clock.monotonic_ns()
        if self._conditions.hold(name, reason, now_ns=now_ns, severity=severity):
            _log.error("%s: %s", name, reason, extra=fields(condition=name))

    def _lose(self, watch: CameraWatch) -> None:
        update = watch.end_all()
        if update is not None:
            self._teller.update(watch, update, self.model)
        self._teller.state(watch)
