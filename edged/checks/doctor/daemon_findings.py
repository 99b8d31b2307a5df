"""What a running daemon says of its parts, which it holds: nobody else can try them then. Pure."""

from collections.abc import Iterator

from edged.checks.doctor import rules as judging
from edged.checks.doctor.finding import Finding, fail, ok, warn
from edged.config.settings import Settings
from edged.messaging.contract.device import CameraHealth, DeviceHealth, DeviceInfo, HealthCondition
from edged.updates.service.control_messages import ModelStatus

_SEPARATELY_CHECKED_PREFIXES = ("board.", "camera.")
_MAX_OLDEST_AGE_S = 30.0


def assess_health(health: DeviceHealth, info: DeviceInfo, settings: Settings) -> Iterator[Finding]:
    """A finding for each camera, the model, what is written, and each other thing that it complains of."""
    wrong = {one.name: one for one in health.degradations}
    for name, camera in settings.camera.items():
        if camera.enabled:
            yield _assess_camera(name, health.cameras.get(name), wrong.pop(f"camera.{name}", None))
    yield _assess_model(info, wrong.pop("model", None), list(health.cameras.values()))
    if health.disk:
        yield judging.assess_disk_wear(health.disk.written_mb, health.uptime_s)
    for name, one in wrong.items():
        if not name.startswith(_SEPARATELY_CHECKED_PREFIXES):
            yield _degradation_finding(name, one)


def assess_models(status: ModelStatus) -> Iterator[Finding]:
    """What runs, and what is on its way in."""
    if status.pinned:
        yield ok("models", f"model.path names {status.pinned}: no updates")
        return
    for version in status.versions:
        if version.damage and version.role in {"current", "factory"}:
            advice = "edged model rollback; or install it again"
            yield fail("models", f"the {version.role} model is damaged: {version.damage}", advice)
            return
    runs = next((version.title for version in status.versions), "")
    deployment = status.deployment
    if deployment is None:
        yield ok("models", f"{runs}; nothing is on its way in")
    elif deployment.blocked_reason:
        says = f"{deployment.title or deployment.request.source} waits: {deployment.blocked_reason}"
        yield warn("models", says, "it goes on by itself when that has passed")
    else:
        title = deployment.title or deployment.request.source
        yield ok("models", f"{runs}; {title} is on its way in: {deployment.state}")


def _assess_camera(
    name: str, camera: CameraHealth | None, degradation: HealthCondition | None
) -> Finding:
    part = f"camera.{name}"
    if degradation is not None:
        return fail(part, degradation.detail, "docs/cameras.md has what each kind needs")
    if camera is None:
        return fail(part, "the daemon has not opened it", "systemctl reload edged")
    says = f"{camera.fps_in:g} frames a second, {camera.fps_inferred:g} of them looked at"
    if camera.online:
        return ok(part, says)
    # One that fails is told of as wrong: this one is being opened.
    return warn(part, "no frames yet", "look again in half a minute")


def _assess_model(
    info: DeviceInfo, degradation: HealthCondition | None, cameras: list[CameraHealth]
) -> Finding:
    if degradation is not None:
        return fail("model", degradation.detail, "edged model status; edged inspect FILE")
    times = [camera.latency_s["invoke"] for camera in cameras if "invoke" in camera.latency_s]
    if not times:
        return ok("model", f"{info.model or 'it'} has had no frame to look at lately")
    return judging.assess_model_latency(
        info.model,
        p50_ms=1000 * max(time.p50 for time in times),
        p95_ms=1000 * max(time.p95 for time in times),
        runtime=info.runtime,
        delegate=info.delegate,
    )


def assess_publisher(name: str, health: DeviceHealth) -> Finding:
    """The way out, by the daemon's word."""
    link, spool = health.link, health.spool
    if not link.connects:
        advice = "is it running, reachable, and are name, password and certificate right?"
        return fail(name, link.last_error or "not connected yet", advice)
    if spool.depth and (spool.oldest_age_s or 0) > _MAX_OLDEST_AGE_S:
        says = f"{spool.depth} messages wait, the oldest for {spool.oldest_age_s:.0f} s"
        return warn(name, f"{says}; the last trouble: {link.last_error or 'none'}")
    return ok(name, f"connected {link.connects} times, {spool.depth} messages wait")


def _degradation_finding(name: str, degradation: HealthCondition) -> Finding:
    return (
        fail(name, degradation.detail)
        if degradation.severity == "failed"
        else warn(name, degradation.detail)
    )
