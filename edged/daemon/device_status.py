"""Reports on the device itself: `up/info`, `up/health` and `up/model`, retained."""

import os
import platform

import edged
from edged.clock import NS_PER_S, Clock
from edged.config.settings import Settings
from edged.daemon.board_health import build_memory, build_throttling
from edged.daemon.disk_monitor import DiskMonitor
from edged.daemon.final_health import set_stopped, with_cameras_offline
from edged.daemon.lag_monitor import LagMonitor
from edged.daemon.status_files import StatusFiles
from edged.daemon.vision_service import VisionService
from edged.health import Condition, ConditionKind, Conditions, Severity
from edged.host.board import Board
from edged.messaging.contract.device import (
    CameraEntry,
    DeviceHealth,
    DeviceInfo,
    DiskHealth,
    HealthCondition,
)
from edged.messaging.contract.header import Stamper
from edged.messaging.contract.model import ModelState
from edged.messaging.outbox import Outbox
from edged.redaction import redact_text
from edged.updates.service.status_payload import ModelStatusReport, RunModel, build_model_state
from edged.vision.camera_messages import CameraReport

_ADVICE = {
    ConditionKind.UNDER_VOLTAGE: "the supply voltage is too low: use a stronger power supply or a shorter cable",
    ConditionKind.THROTTLED: "the processor is throttled: it is too hot, or the power supply is too weak",
}
_MIN_INTERVAL_S = 1.0
"""A condition that comes and goes must not flood the broker."""


class DeviceStatusReporter:
    """Publishes the three when something has changed, and `up/health` at an interval too."""

    def __init__(
        self,
        *,
        board: Board,
        clock: Clock,
        stamper: Stamper,
        outbox: Outbox,
        conditions: Conditions,
        disks: DiskMonitor,
        lag: LagMonitor,
        status_files: StatusFiles,
    ) -> None:
        """Report nothing yet.

        Args:
            board: the host's hardware.
            clock: the clock of all times.
            stamper: fills headers.
            outbox: takes the messages.
            conditions: the active conditions; those of the board are set here.
            disks: watches the disks.
            lag: measures how late the supervisor is.
            status_files: the copies for programs on the device.
        """
        self._board = board
        self._clock = clock
        self._stamper = stamper
        self._outbox = outbox
        self._conditions = conditions
        self._disks = disks
        self._lag = lag
        self._status_files = status_files
        self._started_ns = clock.monotonic_ns()
        self._latest_info: DeviceInfo | None = None
        self._health_published_ns: int | None = None
        self._published_change_key: tuple[object, ...] = ()
        self._loaded_models: dict[str, RunModel] = {}
        """The models that have run, by their file's sha256."""

    def tick(
        self, vision: VisionService, model_report: ModelStatusReport | None, settings: Settings
    ) -> None:
        """Report what is due.

        Args:
            vision: workers and cameras.
            model_report: the state of the model updates; None while it is not known.
            settings: the configuration.
        """
        self._check_board()
        self._lag.tick()
        self._latest_info = self._build_info(vision, settings)
        self._outbox.retain(self._latest_info)
        if model_report is not None:
            self._outbox.retain(self._build_model_state(vision, model_report))
        if self._is_health_due(vision, settings.health.interval_s):
            self.publish_health(vision)

    def _is_health_due(self, vision: VisionService, interval_s: float) -> bool:
        if self._health_published_ns is None:
            return True
        waited_s = (self._clock.monotonic_ns() - self._health_published_ns) / NS_PER_S
        has_changed = self._make_change_key(vision) != self._published_change_key
        return waited_s >= interval_s or (has_changed and waited_s >= _MIN_INTERVAL_S)

    def _make_change_key(self, vision: VisionService) -> tuple[object, ...]:
        """Return what is reported at once when it changes."""
        return (
            self._conditions.active,
            vision.losses.count,
            tuple(name for name, monitor in vision.cameras.items() if monitor.is_online),
            self._outbox.link_state().connects,
        )

    def _build_model_state(
        self, vision: VisionService, model_report: ModelStatusReport
    ) -> ModelState:
        ready = vision.model_info
        if ready and ready.model_name in {
            one.title for one in model_report.status.versions if one.digest
        }:
            # A bundle can have another name than the same file without one.
            self._loaded_models.setdefault(ready.sha256, RunModel(ready.model_name, ready.family))
        elif ready:
            self._loaded_models[ready.sha256] = RunModel(ready.model_name, ready.family)
        return build_model_state(
            model_report,
            loaded=self._loaded_models,
            failure=vision.losses.model_failure,
            stamper=self._stamper,
        )

    def publish_health(self, vision: VisionService) -> None:
        """Report the device's health now."""
        self._health_published_ns = self._clock.monotonic_ns()
        self._published_change_key = self._make_change_key(vision)
        health = self._build_health(vision, self._health_published_ns)
        self._outbox.retain(health)
        self._status_files.write(self._stamper.stamp(health))
        if self._latest_info is not None:
            self._status_files.write(self._stamper.stamp(self._latest_info))

    def make_final_health(self, vision: VisionService, stop_reason: str) -> DeviceHealth:
        """Return the health that is true after the daemon has stopped for this reason."""
        now_ns = self._clock.monotonic_ns()
        set_stopped(self._conditions, stop_reason, now_ns)
        return with_cameras_offline(self._build_health(vision, now_ns))

    def _check_board(self) -> None:
        now_ns = self._clock.monotonic_ns()
        flags = self._board.read_throttling()
        board_conditions = {
            ConditionKind.UNDER_VOLTAGE: self._board.is_under_voltage(flags) is True,
            ConditionKind.THROTTLED: flags is not None and flags.throttled,
        }
        for kind, is_active in board_conditions.items():
            if is_active:
                self._conditions.set(kind, _ADVICE[kind], now_ns=now_ns)
            else:
                self._conditions.clear(kind)

    def _build_info(self, vision: VisionService, settings: Settings) -> DeviceInfo:
        ready = vision.model_info
        return DeviceInfo(
            version=edged.__version__,
            python=platform.python_version(),
            system=f"{platform.system()} {platform.release()}",
            board=self._board.read_model(),
            runtime=ready.runtime if ready else "",
            delegate=ready.delegate if ready else "",
            model=ready.model_name if ready else "",
            cameras=tuple(
                _build_camera_entry(name, settings.camera[name].source, monitor.report)
                for name, monitor in vision.cameras.items()
            ),
        )

    def _build_health(self, vision: VisionService, now_ns: int) -> DeviceHealth:
        flags = self._board.read_throttling()
        return DeviceHealth(
            overall=self._conditions.overall_severity.value,
            degradations=tuple(self._build_degradation(c) for c in self._conditions.active),
            uptime_s=round((now_ns - self._started_ns) / NS_PER_S, 1),
            worker_restarts=vision.losses.count,
            last_worker_loss=redact_text(vision.losses.last_reason or ""),
            throttling=build_throttling(flags) if flags else None,
            soc_temperature_c=self._board.read_temperature_c(),
            memory=build_memory(self._board, vision.worker_pids),
            disk=self._build_disk(),
            disk_silent_s=self._disks.silent_s,
            loop=self._lag.take(),
            collected=vision.pictures.examples.health,
            spool=self._outbox.spool_state(),
            link=self._outbox.link_state(),
            cameras={
                name: monitor.sample_health(now_ns) for name, monitor in vision.cameras.items()
            },
        )

    def _build_degradation(self, condition: Condition) -> HealthCondition:
        return HealthCondition(
            name=condition.name,
            since=self._stamper.time_of(condition.since_ns),
            severity="failed" if condition.severity is Severity.FAILED else "degraded",
            detail=condition.reason,
        )

    def _build_disk(self) -> DiskHealth | None:
        disk = self._disks.space_mb
        written_mb = self._board.read_written_mb(os.getpid())
        return disk and DiskHealth(
            total_mb=round(disk[0]),
            free_mb=round(disk[1]),
            written_mb=None if written_mb is None else round(written_mb, 1),
        )


def _build_camera_entry(name: str, source: str, report: CameraReport | None) -> CameraEntry:
    if report is None:
        return CameraEntry(name=name, source=source)
    return CameraEntry(
        name=name,
        source=source,
        description=report.description,
        width=report.width or None,
        height=report.height or None,
        fps=report.fps or None,
    )
