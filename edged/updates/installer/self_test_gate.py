"""Tests a version on this device before its trial: runs every variant on its goldens in a sandboxed process."""

from typing import Literal

from msgspec.structs import replace

from edged.clock import Clock, Deadline
from edged.config.settings import ModelSettings
from edged.errors import DelegateError, ModelError
from edged.selftest.messages import SelfTestReport, SelfTestRequest
from edged.selftest.process import SelfTestKilledError, SelfTestProcess
from edged.updates.bundle.manifest import Budgets, Manifest
from edged.updates.store.versions import InstalledVersion

MAX_SELF_TEST_S = 60.0
"""The time limit for each variant."""
_MAX_ATTEMPTS = 3
_MAX_FAULTS_SHOWN = 3


def self_test_version(
    version: InstalledVersion, model: ModelSettings, *, is_device_free: bool, clock: Clock
) -> None:
    """Test all variants of a version.

    The EdgeTPU variant runs on its goldens only if a delegate is configured and its device is free. Otherwise it is only parsed, and the
    worker that holds the device finds out in the trial whether it runs there.

    Args:
        version: the version to test.
        model: how this device runs models.
        is_device_free: no other process uses the delegate's device.
        clock: the clock of the time limit.

    Raises:
        ModelError: the version is faulty; the message says why.
        InvokeError: the interpreter failed on a golden.
        RegistryError: this device has no runtime or family for it.
        WorkerError: the process cannot be started.
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
            return  # the device is not connected


def _self_test_variant(
    version: InstalledVersion, kind: Literal["cpu", "edgetpu"], model: ModelSettings, clock: Clock
) -> None:
    request = SelfTestRequest(
        settings=replace(model, path=version.model_file(kind)), goldens=version.goldens_file(kind)
    )
    deadline = Deadline(clock, MAX_SELF_TEST_S)
    with SelfTestProcess() as process:
        for left in reversed(range(_MAX_ATTEMPTS)):
            try:
                report = process.run(request, timeout_s=max(deadline.remaining_s, 1.0))
            except SelfTestKilledError:
                if left:
                    continue
                raise
            _check_report(report, version.manifest)
            excess = _find_budget_excess(report, version.manifest.budgets)
            if excess is None:
                return
            # The device runs its usual load meanwhile: one slow run may be chance, and so may be one kill.
            if not left or deadline.remaining_s < MAX_SELF_TEST_S / 2:
                raise ModelError(excess)


def _check_report(report: SelfTestReport, manifest: Manifest) -> None:
    if report.golden_mismatches:
        mismatches = "; ".join(report.golden_mismatches[:_MAX_FAULTS_SHOWN])
        raise ModelError(f"its detections differ from its goldens: {mismatches}")
    actual, listed = report.input, manifest.input
    if (actual.width, actual.height) != (listed.width, listed.height):
        raise ModelError(
            f"its input is {actual.width} x {actual.height}; its manifest says {listed.width} x {listed.height}"
        )
    if report.family != manifest.family:
        raise ModelError(
            f"it is a model of the family {report.family}; its manifest says {manifest.family}"
        )
    budget_mb = manifest.budgets.memory_mb
    if budget_mb is not None and report.peak_memory_mb > budget_mb:
        raise ModelError(
            f"it takes {report.peak_memory_mb:.0f} MiB of memory; its budget is {budget_mb:g} MiB"
        )


def _find_budget_excess(report: SelfTestReport, budgets: Budgets) -> str | None:
    budget_ms, actual_ms = budgets.invoke_ms_p95, report.invoke_ms_p95
    if budget_ms is None or actual_ms <= budget_ms:
        return None
    return f"an invocation takes {actual_ms:.1f} ms here (95th percentile); its budget is {budget_ms:g} ms"
