"""Energy meters, on files as the kernel and the firmware write them."""

from pathlib import Path

import pytest

from edged.bench.energy import RaplMeter, count_step, open_meter, parse_pmic
from support.clock import FakeClock

PMIC = """\
   3V7_WL_SW_A current(0)=0.08930915A
    VDD_CORE_A current(7)=2.00000000A
   3V7_WL_SW_V volt(8)=3.70000000V
    VDD_CORE_V volt(15)=0.80000000V
       EXT5V_V volt(24)=5.12000000V
"""


def write_zone(root: Path, name: str, uj: int) -> Path:
    folder = root / "class" / "powercap" / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "energy_uj").write_text(f"{uj}\n")
    (folder / "max_energy_range_uj").write_text("999999999\n")
    return folder


def test_rapl_sums_the_packages_and_leaves_out_their_parts(tmp_path: Path) -> None:
    for name in ("intel-rapl:0", "intel-rapl:1", "intel-rapl:0:0"):
        write_zone(tmp_path, name, 1_000_000)
    meter = open_meter(FakeClock(), tmp_path)
    assert isinstance(meter, RaplMeter)
    with meter:
        write_zone(tmp_path, "intel-rapl:0", 3_000_000)
        write_zone(tmp_path, "intel-rapl:1", 1_500_000)
        write_zone(tmp_path, "intel-rapl:0:0", 9_000_000)
    assert meter.energy_j == pytest.approx(2.5)


def test_a_counter_that_wraps_around_goes_on() -> None:
    assert count_step(900, 100, 999) == 200
    assert count_step(100, 900, 999) == 800


def test_a_counter_that_vanishes_gives_no_figure(tmp_path: Path) -> None:
    folder = write_zone(tmp_path, "intel-rapl:0", 1)
    meter = open_meter(FakeClock(), tmp_path)
    with meter:
        (folder / "energy_uj").unlink()
    assert meter.energy_j is None


def test_a_machine_without_a_meter_gives_no_figure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with open_meter(FakeClock(), tmp_path) as meter:
        pass
    assert meter.energy_j is None


def test_the_power_of_the_rails_with_voltage_and_current_is_summed() -> None:
    assert parse_pmic(PMIC) == pytest.approx(0.08930915 * 3.7 + 2.0 * 0.8)
    assert parse_pmic("") is None
    assert parse_pmic("EXT5V_V volt(24)=5.12V") is None
