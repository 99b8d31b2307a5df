"""Builds a delegate that simulates an EdgeTPU."""

from pathlib import Path

from support.compiler import compile_library


def build_simulator(folder: Path) -> Path:
    """Compile edgetpu_sim.c into `folder`, or skip the test where there is no compiler."""
    return compile_library(Path(__file__).with_name("edgetpu_sim.c"), folder / "libedgetpu_sim.so")
