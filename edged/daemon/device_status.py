"""What the device tells of itself: `up/info`, `up/health` and `up/model`, retained."""

import os
import platform
from pathlib import Path

import edged
from edged.clock import NS_PER_S, Clock
from edged.config.settings import Settings
from edged.daemon.status_files import Noticeboard
from edged.daemon.vision_service import Lookout
from edged.health import Condition, Conditions, Verdict
from edged.host.board import Board
from edged.host.board import Throttling as BoardThrottling
from edged.messaging.contract.device import (
    CameraEntry,
    Degradation,
    Disk,
    Health,
    Info,
    Memory,
    Throttling,
)
from edged.messaging.contract.header import Stamper
from edged.messaging.contract.model import ModelState
from edged.messaging.outbox import Outbox
from edged.updates.service.status_payload import ModelReport, model_state
from edged.vision.messages import CameraReport

_ADVICE = {
    "board.under_voltage": "the supply voltage is too low: use a stronger power supply or a shorter cable",
    "board.throttled": "the processor is throttled: it is too hot, or its supply too weak",
}
_NOT_SOONER_S = 1.0
"""A condition that flaps must not flood the broker."""


class Telemetry:
    """Builds and retains them: when something changed, and health at its interval too."""

    def __init__(
        self,
        *,
        board: Board,
        clock: Clock,
        stamper: Stamper,
        outbox: Outbox,
        conditions: Conditions,
        state_dir: Path,
        noticeboard: Noticeboard,
        interval_s: float,
    ) -> None:
        self._board = board
        self._clock = clock
        self._stamper = stamper
        self._outbox = outbox
        self._conditions = conditions
        self._state_dir = state_dir
        self._noticeboard = noticeboard
        self.interval_s = interval_s
        self._started_ns = clock.monotonic_ns()
        self._newest_info: Info | None = None
        self._told_ns: int | None = None
        self._told: tuple[object, ...] = ()
        self._names: dict[str, str] = {}
        """What the models that have looked are called, by their sha256."""

    def tick(self, lookout: Lookout, models: ModelReport, settings: Settings) -> None:
        """Tell what is due."""
        self._look_at_board()
        self._newest_info = self._info(lookout, settings)
        self._outbox.retain(self._newest_info)
        self._outbox.retain(self._model(lookout, models))
        news = self._news(lookout)
        now_ns = self._clock.monotonic_ns()
        waited_s = (now_ns - self._told_ns) / NS_PER_S if self._told_ns is not None else None
        if (
            waited_s is None
            or waited_s >= self.interval_s
            or (news != self._told and waited_s >= _NOT_SOONER_S)
        ):
            self.tell_health(lookout)

    def _news(self, lookout: Lookout) -> tuple[object, ...]:
        """What is told at once when it changes."""
        online = tuple(name for name, watch in lookout.watches.items() if watch.online)
        return self._conditions.held, lookout.losses, online, self._outbox.link_state().connects

    def _model(self, lookout: Lookout, models: ModelReport) -> ModelState:
        ready = lookout.ready
        if ready and ready.model in {one.title for one in models.status.versions if one.digest}:
            # A bundle may bear another name than the same file without one.
            self._names.setdefault(ready.sha256, ready.model)
        elif ready:
            self._names[ready.sha256] = ready.model
        return model_state(
            models, names=self._names, failure=lookout.model_failure, stamper=self._stamper
        )

    def tell_health(self, lookout: Lookout) -> None:
        """Tell it now."""
        self._told_ns = self._clock.monotonic_ns()
        self._told = self._news(lookout)
        health = self._health(lookout, self._told_ns)
        self._outbox.retain(health)
        self._noticeboard.post(self._stamper.stamp(health))
        if self._newest_info is not None:
            self._noticeboard.post(self._stamper.stamp(self._newest_info))

    def _look_at_board(self) -> None:
        now_ns = self._clock.monotonic_ns()
        flags = self._board.throttling()
        troubles = {
            "board.under_voltage": self._board.under_voltage(flags) is True,
            "board.throttled": flags is not None and flags.throttled,
        }
        for name, held in troubles.items():
            if held:
                self._conditions.hold(name, _ADVICE[name], now_ns=now_ns)
            else:
                self._conditions.clear(name)

    def _info(self, lookout: Lookout, settings: Settings) -> Info:
        ready = lookout.ready
        return Info(
            version=edged.__version__,
            python=platform.python_version(),
            system=f"{platform.system()} {platform.release()}",
            board=self._board.model(),
            runtime=ready.runtime if ready else "",
            delegate=ready.delegate if ready else "",
            model=lookout.model,
            cameras=tuple(
                _camera_entry(name, settings.camera[name].source, watch.report)
                for name, watch in lookout.watches.items()
            ),
        )

    def _health(self, lookout: Lookout, now_ns: int) -> Health:
        flags = self._board.throttling()
        return Health(
            overall=self._conditions.verdict.value,
            degradations=tuple(self._degradation(c) for c in self._conditions.held),
            uptime_s=round((now_ns - self._started_ns) / NS_PER_S, 1),
            worker_restarts=lookout.losses,
            last_worker_loss=lookout.last_loss,
            throttling=_throttling(flags) if flags else None,
            soc_temperature_c=self._board.temperature_c(),
            memory=self._memory(lookout),
            disk=self._disk(),
            spool=self._outbox.spool_state(),
            link=self._outbox.link_state(),
            cameras={name: watch.health(now_ns) for name, watch in lookout.watches.items()},
        )

    def _degradation(self, condition: Condition) -> Degradation:
        return Degradation(
            name=condition.name,
            since=self._stamper.time_of(condition.since_ns),
            severity="failed" if condition.severity is Verdict.FAILED else "degraded",
            detail=condition.reason,
        )

    def _memory(self, lookout: Lookout) -> Memory | None:
        host = self._board.memory_mb()
        if host is None:
            return None
        total_mb, available_mb = host
        pids = {"supervisor": os.getpid()}
        for worker, pid in lookout.pids().items():
            pids[f"vision.{worker}"] = pid
            cameras = self._board.children(pid)
            pids |= {f"vision.{worker}.camera.{n}": child for n, child in enumerate(cameras)}
        rss = {name: self._board.rss_mb(pid) for name, pid in pids.items()}
        return Memory(
            total_mb=round(total_mb),
            available_mb=round(available_mb),
            rss_mb={name: round(mb, 1) for name, mb in rss.items() if mb is not None},
        )

    def _disk(self) -> Disk | None:
        disk = self._board.disk_mb(self._state_dir)
        written_mb = self._board.written_mb(os.getpid())
        return disk and Disk(
            total_mb=round(disk[0]),
            free_mb=round(disk[1]),
            written_mb=None if written_mb is None else round(written_mb, 1),
        )


def _camera_entry(name: str, source: str, report: CameraReport | None) -> CameraEntry:
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


def _throttling(flags: BoardThrottling) -> Throttling:
    return Throttling(
        under_voltage=flags.under_voltage,
        frequency_capped=flags.frequency_capped,
        throttled=flags.throttled,
        soft_temp_limit=flags.soft_temperature_limit,
        under_voltage_occurred=flags.under_voltage_occurred,
        throttled_occurred=flags.throttled_occurred,
    )
