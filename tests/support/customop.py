"""Builds the library of a custom operator."""

from pathlib import Path

from support.compiler import compile_library

MODEL = Path(__file__).with_name("custom_op.tflite")
"""A classifier of the colour that fills a picture; make_custom_op_model.py made it."""
LABELS = ("red", "green", "blue")


def build_library(folder: Path) -> Path:
    """Compile custom_op.c into `folder`, or skip the test where there is no compiler."""
    return compile_library(Path(__file__).with_name("custom_op.c"), folder / "libmeancolour.so")
