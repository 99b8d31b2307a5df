"""TensorFlow step by step: tracing a training step takes far longer than a few small ones."""

from collections.abc import Iterator
from contextlib import contextmanager

from edged_models.tensorflow import tf


@contextmanager
def untraced() -> Iterator[None]:
    """In the block functions run as they are written; nothing can be converted."""
    tf.config.run_functions_eagerly(run_eagerly=True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(run_eagerly=False)
