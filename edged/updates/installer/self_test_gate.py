"""Tries a version on this device before it may look through a camera: every variant in a sandboxed child, on its goldens."""

from typing import Literal

from msgspec.structs import replace

from edged.clock import Clock, Deadline
from edged.config.settings import ModelSettings
from edged.errors import DelegateError, ModelError
from edged.selftest.messages import SelfTestReport, SelfTestRequest
from edged.selftest.process import SelfTestKilledError, SelfTestProcess
from edged.updates.bundle.manifest import Budgets, Manifest
from edged.updates.store.store import InstalledVersion

MAX_SELF_TEST_S = 60.0
"""For each variant."""
_MAX_ATTEMPTS = 3
_MAX_FAULTS_SHOWN = 3


def self_test_version(
    version: InstalledVersion, model: ModelSettings, *, is_device_free: bool, clock: Clock
) -> None:
    """Try all variants of a version.

    The EdgeTPU variant is run on its goldens if a delegate is configured and its device is free. Else it is only parsed: whether the
    device takes it, the worker finds out that has the device.

    Args:
        version: to be tried.
        model: how this device runs models.
        is_device_free: nobody uses the delegate's device.
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
    _self_test_variant(version, "cpu", replace(own, delegate=None), clock)
    if manifest.variant("edgetpu"):
        delegate = model.delegate if is_device_free else None
        try:
            _self_test_variant(version, "edgetpu", replace(own, delegate=delegate), clock)
        except DelegateError:
            return  # it needs a device that is not here


def _self_test_variant(
    version: InstalledVersion, kind: Literal["cpu", "edgetpu"], model: ModelSettings, clock: Clock
) -> None:
    request = SelfTestRequest(
        settings=replace(model, path=version.model_file(kind)), goldens=version.goldens_file(kind)
    )
    deadline = Deadline(clock, MAX_SELF_TEST_S)
    with SelfTestProcess() as tryout:
        for left in reversed(range(_MAX_ATTEMPTS)):
            try:
                report = tryout.run(request, timeout_s=max(deadline.remaining_s, 1.0))
            except SelfTestKilledError:
                if left:
                    continue
                raise
            _check_report(report, version.manifest)
            slow = _find_budget_excess(report, version.manifest.budgets)
            if not slow:
                return
            # The device is busy with what it does all day: once may be chance, and so it is with a kill.
            if not left or deadline.remaining_s < MAX_SELF_TEST_S / 2:
                raise ModelError(slow)


def _check_report(report: SelfTestReport, manifest: Manifest) -> None:
    if report.golden_mismatches:
        told = "; ".join(report.golden_mismatches[:_MAX_FAULTS_SHOWN])
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


def _find_budget_excess(report: SelfTestReport, budgets: Budgets) -> str:
    most_ms, found_ms = budgets.invoke_ms_p95, report.invoke_ms_p95
    if most_ms is None or found_ms <= most_ms:
        return ""
    return f"an invocation takes {found_ms:.1f} ms here (95th percentile); its budget is {most_ms:g} ms"
