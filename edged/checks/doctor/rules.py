"""From what was read of the host to what is to be thought of it. Pure: numbers in, findings out."""

from edged.checks.doctor.finding import Finding, fail, ok, warn
from edged.checks.systemd_unit import UnitState
from edged.clock import ClockQuality
from edged.host.board import ThrottlingFlags

MAX_TEMPERATURE_C = 80.0
MIN_FREE_MB = 16.0
MIN_MEMORY_MB = 100.0
MAX_P95_MS = 1000.0
MIN_CONTRAST = 2.0
MAX_WRITTEN_MB_PER_DAY = 2000.0
_SUPPLY_ADVICE = "a stronger power supply, or a shorter cable"
_MIN_UPTIME_S = 600.0
_DAY_S = 86_400.0


def assess_service(state: UnitState | None) -> Finding:
    """Whether systemd runs it, and will again."""
    if state is None:
        return warn(
            "service",
            "systemd knows no edged.service here",
            "install the package, or deploy/systemd",
        )
    says = f"{state.active_state}, {state.unit_file_state or 'not enabled'}" + (
        f", started again {state.restarts} times by systemd" if state.restarts else ""
    )
    if state.active_state == "failed" or (state.active_state == "activating" and state.restarts):
        return fail("service", says, "journalctl -u edged -e says why")
    if state.active_state == "inactive":
        return fail("service", says, "systemctl start edged")
    doubts = {
        "wait until it has started or ended, and ask again": state.active_state != "active",
        "its unit files were changed: systemctl daemon-reload": state.needs_daemon_reload,
        "nobody notices if it hangs: its unit has no WatchdogSec=": not state.has_watchdog,
        "it will not start at boot: systemctl enable edged": not state.unit_file_state.startswith(
            "enabled"
        ),
        "journalctl -u edged says why it was started again": state.restarts > 0,
    }
    advice = next((what for what, holds in doubts.items() if holds), "")
    return warn("service", says, advice) if advice else ok("service", says)


def assess_power(flags: ThrottlingFlags | None, under_voltage: bool | None, model: str) -> Finding:  # noqa: FBT001 - as the board tells it
    """What the firmware of a board, `model`, says of supply and clock rate."""
    if under_voltage:
        return fail("power", "the supply voltage is too low now", _SUPPLY_ADVICE)
    if flags is not None:
        return _assess_throttling(flags)
    if under_voltage is not None:
        return ok("power", "the supply is well; whether it is throttled is not told")
    if "Raspberry Pi" in model:
        advice = "a kernel of Raspberry Pi OS passes it on: get_throttled, or the sensor rpi_volt"
        return warn("power", "not measured: this kernel does not pass on what is known", advice)
    return ok("power", "not measured: this board does not tell")


def _assess_throttling(flags: ThrottlingFlags) -> Finding:
    if flags.throttled or flags.frequency_capped:
        return warn("power", "the processor is throttled now", f"cooling, or {_SUPPLY_ADVICE}")
    if flags.under_voltage_occurred:
        return warn("power", "the supply voltage has been too low since boot", _SUPPLY_ADVICE)
    if flags.throttled_occurred:
        return warn("power", "the processor has been throttled since boot", "cooling")
    return ok("power", "the supply is well, nothing is throttled")


def assess_temperature(celsius: float | None) -> Finding:
    """Of the SoC."""
    if celsius is None:
        return ok("temperature", "not measured: this board does not tell")
    if celsius >= MAX_TEMPERATURE_C:
        return warn("temperature", f"{celsius:.0f} °C", "cooling: at 80 to 85 °C a board throttles")
    return ok("temperature", f"{celsius:.0f} °C")


def assess_clock(quality: ClockQuality) -> Finding:
    """Whether times in messages can be believed."""
    advice = "enable a time service (systemd-timesyncd, chrony), and let it reach its servers"
    if quality == "unsynced":
        return fail("clock", "it shows a time before edged was installed", advice)
    if quality == "floor":
        return warn("clock", "nothing keeps it right", advice)
    return ok("clock", "it is kept right")


def assess_memory(total_and_available_mb: tuple[float, float] | None) -> Finding:
    """Total and available."""
    if total_and_available_mb is None:
        return ok("memory", "not measured")
    says = f"{total_and_available_mb[1]:.0f} of {total_and_available_mb[0]:.0f} MB are free"
    if total_and_available_mb[1] < MIN_MEMORY_MB:
        return warn("memory", says, "fewer or smaller models (model.workers), fewer services")
    return ok("memory", says)


def assess_disk(
    total_and_free_mb: tuple[float, float] | None, *, write_error: str, required_mb: float
) -> Finding:
    """Of the state directory.

    Args:
        total_and_free_mb: total and free; None if they cannot be read.
        write_error: why nothing could be written there; "" if it could.
        required_mb: what the spool and updates may still take.
    """
    if write_error:
        return fail(
            "disk", write_error, "mount it writable; a card that turns read-only is worn out"
        )
    if total_and_free_mb is None:
        return fail("disk", "it cannot be looked at")
    says = (
        f"{total_and_free_mb[1]:.0f} of {total_and_free_mb[0]:.0f} MB are free, and can be written"
    )
    if total_and_free_mb[1] < MIN_FREE_MB:
        return fail("disk", says, "make room")
    if total_and_free_mb[1] < required_mb:
        advice = f"make room, or lower spool.max_mb and updates.reserve_mb: they may want {required_mb:.0f} MB"
        return warn("disk", says, advice)
    return ok("disk", says)


def assess_disk_wear(written_mb: float | None, uptime_s: float) -> Finding:
    """What the daemon has written since its start."""
    if written_mb is None:
        return ok("wear", "not measured: this kernel does not count what is written")
    says = f"{written_mb:.1f} MB written in {uptime_s / 3600:.1f} h"
    if uptime_s >= _MIN_UPTIME_S:
        a_day = written_mb * _DAY_S / uptime_s
        says += f", {a_day:.0f} MB a day"
        if a_day > MAX_WRITTEN_MB_PER_DAY:
            return warn(
                "wear",
                says,
                "longer events.update_s; a broker that is reached; a disk that bears it",
            )
    return ok("wear", says)


def assess_model_latency(
    model: str, *, p50_ms: float, p95_ms: float, runtime: str, delegate: str
) -> Finding:
    """How fast a model runs, and on what."""
    says = f"{model}: {p50_ms:.1f} ms a frame, 95 of 100 within {p95_ms:.1f} ms, {runtime} on {delegate or 'reference kernels'}"
    if not delegate and not runtime.startswith("simulated"):
        advice = "XNNPACK did not take the graph: /proc/cpuinfo and /sys must be visible (ProcSubset=all)"
        return warn("model", says, advice)
    if p95_ms > MAX_P95_MS:
        return warn(
            "model", says, 'model.bundled = "marks-fast", a smaller model, or an accelerator'
        )
    return ok("model", says)


def assess_picture(part: str, *, device: str, width: int, height: int, contrast: float) -> Finding:
    """What a camera gave: `contrast` is the standard deviation of its grey levels."""
    says = f"{width} x {height} from {device or 'the camera'}"
    if contrast < MIN_CONTRAST:
        return warn(
            part, f"{says}: the picture is of one colour", "is the lens covered, or is it dark?"
        )
    return ok(part, says)
