"""Check of the power supply: under-voltage and throttling."""

from collections.abc import Iterator

from edged.checks.doctor.finding import Finding, fail, ok, warn
from edged.host.board import Board, ThrottlingFlags

_PART = "power"
_SUPPLY_ADVICE = "use a stronger power supply or a shorter cable"
_COOLING_ADVICE = "improve the cooling"


def check_power(board: Board) -> Iterator[Finding]:
    """Read the firmware's flags and the alarm of the supply."""
    flags = board.read_throttling()
    yield assess_power(
        flags, under_voltage=board.is_under_voltage(flags), board_model=board.read_model()
    )


def assess_power(
    flags: ThrottlingFlags | None, *, under_voltage: bool | None, board_model: str
) -> Finding:
    """Assess supply voltage and throttling.

    Args:
        flags: the firmware's flags; None if the kernel does not report them.
        under_voltage: whether the supply voltage is too low now; None if unknown.
        board_model: name of the board.
    """
    if under_voltage:
        return fail(_PART, "the supply voltage is too low", _SUPPLY_ADVICE)
    if flags is not None:
        return _assess_throttling(flags)
    if under_voltage is not None:
        return ok(_PART, "the supply voltage is sufficient; throttling is not reported")
    if "Raspberry Pi" in board_model:
        advice = "use a kernel of Raspberry Pi OS: it has get_throttled or the sensor rpi_volt"
        return warn(_PART, "not measured: this kernel does not report it", advice)
    return ok(_PART, "not measured: this board does not report it")


def _assess_throttling(flags: ThrottlingFlags) -> Finding:
    if flags.throttled or flags.frequency_capped:
        advice = f"{_COOLING_ADVICE}, or {_SUPPLY_ADVICE}"
        return warn(_PART, "the processor is throttled", advice)
    if flags.under_voltage_occurred:
        return warn(_PART, "the supply voltage has been too low since boot", _SUPPLY_ADVICE)
    if flags.throttled_occurred:
        return warn(_PART, "the processor has been throttled since boot", _COOLING_ADVICE)
    return ok(_PART, "the supply voltage is sufficient, no throttling")
