"""From what was read of the host to what is to be thought of it. Pure: numbers in, findings out."""

from edged.checks.doctor.finding import Finding, fail, ok, warn
from edged.checks.systemd_unit import ServiceState
from edged.clock import Quality
from edged.host.board import Throttling

HOT_C = 80.0
LEAST_FREE_MB = 16.0
LEAST_MEMORY_MB = 100.0
SLOW_MS = 1000.0
LEAST_CONTRAST = 2.0
MUCH_WRITTEN_MB_A_DAY = 2000.0
_SUPPLY = "a stronger power supply, or a shorter cable"
_LEAST_UPTIME_S = 600.0
_DAY_S = 86_400.0


def service(state: ServiceState | None) -> Finding:
    """Whether systemd runs it, and will again."""
    if state is None:
        return warn(
            "service",
            "systemd knows no edged.service here",
            "install the package, or deploy/systemd",
        )
    says = f"{state.active}, {state.enabled or 'not enabled'}" + (
        f", started again {state.restarts} times by systemd" if state.restarts else ""
    )
    if state.active == "failed" or (state.active == "activating" and state.restarts):
        return fail("service", says, "journalctl -u edged -e says why")
    if state.active == "inactive":
        return fail("service", says, "systemctl start edged")
    doubts = {
        "wait until it has started or ended, and ask again": state.active != "active",
        "its unit files were changed: systemctl daemon-reload": state.stale,
        "nobody notices if it hangs: its unit has no WatchdogSec=": not state.watchdog,
        "it will not start at boot: systemctl enable edged": not state.enabled.startswith(
            "enabled"
        ),
        "journalctl -u edged says why it was started again": state.restarts > 0,
    }
    advice = next((what for what, holds in doubts.items() if holds), "")
    return warn("service", says, advice) if advice else ok("service", says)


def power(flags: Throttling | None, under_voltage: bool | None, model: str) -> Finding:  # noqa: FBT001 - as the board tells it
    """What the firmware of a board, `model`, says of supply and clock rate."""
    if under_voltage:
        return fail("power", "the supply voltage is too low now", _SUPPLY)
    if flags is not None:
        return _throttling(flags)
    if under_voltage is not None:
        return ok("power", "the supply is well; whether it is throttled is not told")
    if "Raspberry Pi" in model:
        advice = "a kernel of Raspberry Pi OS passes it on: get_throttled, or the sensor rpi_volt"
        return warn("power", "not measured: this kernel does not pass on what is known", advice)
    return ok("power", "not measured: this board does not tell")


def _throttling(flags: Throttling) -> Finding:
    if flags.throttled or flags.frequency_capped:
        return warn("power", "the processor is throttled now", f"cooling, or {_SUPPLY}")
    if flags.under_voltage_occurred:
        return warn("power", "the supply voltage has been too low since boot", _SUPPLY)
    if flags.throttled_occurred:
        return warn("power", "the processor has been throttled since boot", "cooling")
    return ok("power", "the supply is well, nothing is throttled")


def temperature(celsius: float | None) -> Finding:
    """Of the SoC."""
    if celsius is None:
        return ok("temperature", "not measured: this board does not tell")
    if celsius >= HOT_C:
        return warn("temperature", f"{celsius:.0f} °C", "cooling: at 80 to 85 °C a board throttles")
    return ok("temperature", f"{celsius:.0f} °C")


def clock(quality: Quality) -> Finding:
    """Whether times in messages can be believed."""
    advice = "enable a time service (systemd-timesyncd, chrony), and let it reach its servers"
    if quality == "unsynced":
        return fail("clock", "it shows a time before edged was installed", advice)
    if quality == "floor":
        return warn("clock", "nothing keeps it right", advice)
    return ok("clock", "it is kept right")


def memory(mb: tuple[float, float] | None) -> Finding:
    """Total and available."""
    if mb is None:
        return ok("memory", "not measured")
    says = f"{mb[1]:.0f} of {mb[0]:.0f} MB are free"
    if mb[1] < LEAST_MEMORY_MB:
        return warn("memory", says, "fewer or smaller models (model.workers), fewer services")
    return ok("memory", says)


def disk(mb: tuple[float, float] | None, *, fault: str, wanted_mb: float) -> Finding:
    """Of the state directory.

    Args:
        mb: total and free; None if they cannot be read.
        fault: why nothing could be written there; "" if it could.
        wanted_mb: what the spool and updates may still take.
    """
    if fault:
        return fail("disk", fault, "mount it writable; a card that turns read-only is worn out")
    if mb is None:
        return fail("disk", "it cannot be looked at")
    says = f"{mb[1]:.0f} of {mb[0]:.0f} MB are free, and can be written"
    if mb[1] < LEAST_FREE_MB:
        return fail("disk", says, "make room")
    if mb[1] < wanted_mb:
        advice = f"make room, or lower spool.max_mb and updates.reserve_mb: they may want {wanted_mb:.0f} MB"
        return warn("disk", says, advice)
    return ok("disk", says)


def wear(written_mb: float | None, uptime_s: float) -> Finding:
    """What the daemon has written since its start."""
    if written_mb is None:
        return ok("wear", "not measured: this kernel does not count what is written")
    says = f"{written_mb:.1f} MB written in {uptime_s / 3600:.1f} h"
    if uptime_s >= _LEAST_UPTIME_S:
        a_day = written_mb * _DAY_S / uptime_s
        says += f", {a_day:.0f} MB a day"
        if a_day > MUCH_WRITTEN_MB_A_DAY:
            return warn(
                "wear",
                says,
                "longer events.update_s; a broker that is reached; a disk that bears it",
            )
    return ok("wear", says)


def speed(model: str, *, p50_ms: float, p95_ms: float, runtime: str, delegate: str) -> Finding:
    """How fast a model runs, and on what."""
    says = f"{model}: {p50_ms:.1f} ms a frame, 95 of 100 within {p95_ms:.1f} ms, {runtime} on {delegate or 'reference kernels'}"
    if not delegate and not runtime.startswith("simulated"):
        advice = "XNNPACK did not take the graph: /proc/cpuinfo and /sys must be visible (ProcSubset=all)"
        return warn("model", says, advice)
    if p95_ms > SLOW_MS:
        return warn(
            "model", says, 'model.bundled = "marks-fast", a smaller model, or an accelerator'
        )
    return ok("model", says)


def picture(part: str, *, device: str, width: int, height: int, contrast: float) -> Finding:
    """What a camera gave: `contrast` is the standard deviation of its grey levels."""
    says = f"{width} x {height} from {device or 'the camera'}"
    if contrast < LEAST_CONTRAST:
        return warn(
            part, f"{says}: the picture is of one colour", "is the lens covered, or is it dark?"
        )
    return ok(part, says)
