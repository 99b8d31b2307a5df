"""Eager execution of TensorFlow functions: tracing a training step takes much longer than running a few small ones."""

from collections.abc import Iterator
from contextlib import contextmanager

from edged_models.tensorflow import tf


@contextmanager
def run_eagerly() -> Iterator[None]:
    """Run TensorFlow functions eagerly in the block; models cannot be converted in it."""
    tf.config.run_functions_eagerly(run_eagerly=True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(run_eagerly=False)
