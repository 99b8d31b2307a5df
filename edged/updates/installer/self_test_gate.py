"""Tries a version on this device before it may look through a camera: every variant in a sandboxed child, on its goldens."""

from typing import Literal

from msgspec.structs import replace

from edged.clock import Clock, Deadline
from edged.config.settings import ModelSettings
from edged.errors import DelegateError, ModelError
from edged.selftest.messages import ModelReport, Request
from edged.selftest.process import KilledError, Tryout
from edged.updates.bundle.manifest import Budgets, Manifest
from edged.updates.store.store import InstalledVersion

MOST_S = 60.0
"""For each variant."""
_MEASUREMENTS = 3
_MOST_FAULTS_TOLD = 3


def prove(
    version: InstalledVersion, model: ModelSettings, *, device_is_free: bool, clock: Clock
) -> None:
    """Try all variants of a version.

    The EdgeTPU variant is run on its goldens if a delegate is configured and its device is free. Else it is only parsed: whether the
    device takes it, the worker finds out that has the device.

    Args:
        version: to be tried.
        model: how this device runs models.
        device_is_free: nobody uses the delegate's device.
        clock: for the time that it may take.

    Raises:
        ModelError: the version is to blame; the message says why.
        InvokeError: likewise.
        RegistryError: this device lacks the runtime or the family.
        WorkerError: the child cannot be started.
    """
    manifest = version.manifest
    own = replace(
        model,
        labels=manifest.labels or None,
        labels_file=None,
        family=manifest.family,
    )
    _try(version, "cpu", replace(own, delegate=None), clock)
    if manifest.variant("edgetpu"):
        delegate = model.delegate if device_is_free else None
        try:
            _try(version, "edgetpu", replace(own, delegate=delegate), clock)
        except DelegateError:
            return  # it needs a device that is not here


def _try(
    version: InstalledVersion, kind: Literal["cpu", "edgetpu"], model: ModelSettings, clock: Clock
) -> None:
    request = Request(
        settings=replace(model, path=version.model_file(kind)), goldens=version.goldens_file(kind)
    )
    deadline = Deadline(clock, MOST_S)
    with Tryout() as tryout:
        for left in reversed(range(_MEASUREMENTS)):
            try:
                report = tryout.try_model(request, timeout_s=max(deadline.remaining_s, 1.0))
            except KilledError:
                if left:
                    continue
                raise
            _check(report, version.manifest)
            slow = _slow(report, version.manifest.budgets)
            if not slow:
                return
            # The device is busy with what it does all day: once may be chance, and so it is with a kill.
            if not left or deadline.remaining_s < MOST_S / 2:
                raise ModelError(slow)


def _check(report: ModelReport, manifest: Manifest) -> None:
    if report.golden_faults:
        told = "; ".join(report.golden_faults[:_MOST_FAULTS_TOLD])
        raise ModelError(f"it does not find in its goldens what it should: {told}")
    found, wanted = report.input, manifest.input
    if (found.width, found.height) != (wanted.width, wanted.height):
        raise ModelError(
            f"its input is {found.width} x {found.height}, not {wanted.width} x {wanted.height}, as its manifest says"
        )
    if report.family != manifest.family:
        raise ModelError(
            f"it is a model of the family {report.family}, not {manifest.family}, as its manifest says"
        )
    most_mb = manifest.budgets.memory_mb
    if most_mb is not None and report.peak_memory_mb > most_mb:
        raise ModelError(
            f"it takes {report.peak_memory_mb:.0f} MiB of memory; its budget is {most_mb:g}"
        )


def _slow(report: ModelReport, budgets: Budgets) -> str:
    most_ms, found_ms = budgets.invoke_ms_p95, report.invoke_ms_p95
    if most_ms is None or found_ms <= most_ms:
        return ""
    return f"an invocation takes {found_ms:.1f} ms here (95th percentile); its budget is {most_ms:g} ms"
