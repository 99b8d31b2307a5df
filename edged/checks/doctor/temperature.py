"""Check of the SoC temperature."""

from collections.abc import Iterator

from edged.checks.doctor.finding import Finding, ok, warn
from edged.host.board import Board

MAX_TEMPERATURE_C = 80.0
_PART = "temperature"


def check_temperature(board: Board) -> Iterator[Finding]:
    """Check the SoC temperature."""
    yield assess_temperature(board.read_temperature_c())


def assess_temperature(celsius: float | None) -> Finding:
    """Assess the SoC temperature in °C; None if the board does not report it."""
    if celsius is None:
        return ok(_PART, "not measured: this board does not report it")
    message = f"{celsius:.0f} °C"
    if celsius >= MAX_TEMPERATURE_C:
        return warn(_PART, message, "improve the cooling: a board throttles at 80 to 85 °C")
    return ok(_PART, message)
