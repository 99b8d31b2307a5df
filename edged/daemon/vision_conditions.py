"""The conditions of cameras, workers and the model, as the vision service finds them."""

import logging
from collections.abc import Sequence

from edged.clock import Clock
from edged.health import ConditionKind, Conditions, Severity
from edged.logs import journal_fields
from edged.vision.camera_messages import CameraReport
from edged.vision.worker_loss import WorkerLoss

_log = logging.getLogger(__name__)

MODEL_FAULTS = frozenset({"model", "delegate"})
"""Kinds of `WorkerFault` that are the model's: another process will not do better."""


class VisionConditions:
    """Sets and clears conditions, and logs each that is new."""

    def __init__(self, conditions: Conditions, clock: Clock) -> None:
        self._conditions = conditions
        self._clock = clock

    def on_camera_report(self, report: CameraReport, camera_count: int) -> None:
        """Set or clear a camera's condition."""
        if report.state == "lost":
            self._set(
                ConditionKind.CAMERA,
                report.reason,
                subject=report.name,
                severity=_single_loss_severity(camera_count),
            )
        else:
            self._conditions.clear(ConditionKind.CAMERA, report.name)

    def on_worker_ready(self, worker: int) -> None:
        """Clear the conditions of a worker that runs inference again."""
        self._conditions.clear(ConditionKind.MODEL)
        self._conditions.clear(ConditionKind.WORKER, worker)

    def on_worker_loss(self, loss: WorkerLoss, camera_count: int) -> None:
        """Set the condition of the model, if a worker was lost to it, or of the worker."""
        fault = loss.fault
        if fault is not None and fault.kind in MODEL_FAULTS:
            self._set(ConditionKind.MODEL, fault.reason, severity=Severity.FAILED)
        else:
            self._set(
                ConditionKind.WORKER,
                fault.reason if fault else loss.reason,
                subject=loss.worker,
                severity=_single_loss_severity(camera_count),
            )
        _log.info("worker %d is started again in %.1f s", loss.worker, loss.retry_in_s)

    def on_label_faults(self, camera: str, faults: Sequence[str]) -> None:
        """Set or clear the condition of a camera with labels that the model does not have, or classes that have no label.

        Args:
            camera: the camera's name.
            faults: sentences for people; empty if the labels are right.
        """
        if faults:
            self._set(ConditionKind.LABELS, "; ".join(faults), subject=camera)
        else:
            self._conditions.clear(ConditionKind.LABELS, camera)

    def clear_worker(self, worker: int) -> None:
        """Clear the conditions of a worker that was replaced."""
        self._conditions.clear(ConditionKind.MODEL)
        self._conditions.clear(ConditionKind.WORKER, worker)

    def clear_camera(self, camera: str) -> None:
        """Clear the conditions of a camera that is being reopened, or is gone."""
        self._conditions.clear(ConditionKind.CAMERA, camera)
        self._conditions.clear(ConditionKind.LABELS, camera)

    def _set(
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


def _single_loss_severity(camera_count: int) -> Severity:
    """Return the severity of the loss of one camera or worker: failed if there is only one camera, otherwise degraded."""
    return Severity.FAILED if camera_count == 1 else Severity.DEGRADED
