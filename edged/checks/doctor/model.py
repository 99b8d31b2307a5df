"""Check of the active model: a self-test, or the daemon's report on it."""

from collections.abc import Iterable, Iterator

from edged.checks.doctor.finding import Finding, fail, ok, warn
from edged.config.settings import ModelSettings
from edged.errors import DelegateError, EdgedError
from edged.messaging.contract.camera_health import CameraHealth
from edged.messaging.contract.device import DeviceInfo, HealthCondition
from edged.selftest.process import self_test_model

MAX_P95_MS = 1000.0
_PART = "model"
_SELF_TEST_TIMEOUT_S = 25.0


def check_model(settings: ModelSettings) -> Iterator[Finding]:
    """Run the self-test of a model in a process of its own."""
    try:
        report = self_test_model(settings, timeout_s=_SELF_TEST_TIMEOUT_S)
    except DelegateError as error:
        yield fail(_PART, str(error), "connect the accelerator, and install its library")
    except EdgedError as error:
        yield fail(_PART, str(error), f"edged inspect {settings.resolve_file()}")
    else:
        yield assess_model_latency(
            report.name,
            p50_ms=report.invoke_ms_p50,
            p95_ms=report.invoke_ms_p95,
            runtime=report.runtime,
            delegate=report.delegate,
        )


def assess_model_health(
    info: DeviceInfo, cameras: Iterable[CameraHealth], condition: HealthCondition | None
) -> Finding:
    """Assess the daemon's report on the active model.

    Args:
        info: ``up/info``.
        cameras: the cameras of ``up/health``.
        condition: the model's condition; None if the daemon reports none.
    """
    if condition is not None:
        return fail(_PART, condition.detail, "edged model status; edged inspect FILE")
    times = [camera.latency_s["invoke"] for camera in cameras if "invoke" in camera.latency_s]
    if not times:
        return ok(_PART, f"{info.model or 'no model yet'}: no recent frame")
    return assess_model_latency(
        info.model,
        p50_ms=1000 * max(time.p50 for time in times),
        p95_ms=1000 * max(time.p95 for time in times),
        runtime=info.runtime,
        delegate=info.delegate,
    )


def assess_model_latency(
    model: str, *, p50_ms: float, p95_ms: float, runtime: str, delegate: str
) -> Finding:
    """Assess how fast a model runs, and on which kernels.

    Args:
        model: name of the model.
        p50_ms: median time of an invocation, in ms.
        p95_ms: 95th percentile of that duration, in ms.
        runtime: name and version of the interpreter.
        delegate: what the graph runs on; "" for the reference kernels.
    """
    kernels = delegate or "reference kernels"
    message = f"{model}: {p50_ms:.1f} ms per frame, p95 {p95_ms:.1f} ms, {runtime} on {kernels}"
    if not delegate and not runtime.startswith("simulated"):
        advice = "XNNPACK does not run: /proc/cpuinfo and /sys must be readable (ProcSubset=all)"
        return warn(_PART, message, advice)
    if p95_ms > MAX_P95_MS:
        advice = 'set model.bundled = "marks-fast", use a smaller model, or add an accelerator'
        return warn(_PART, message, advice)
    return ok(_PART, message)
