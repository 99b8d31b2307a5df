"""The number of threads that TensorFlow computes with."""

import os


def limit_threads(count: int) -> None:
    """Set the number of TensorFlow's threads; 0 means one for each core.

    Call it before TensorFlow has computed anything: later calls have no effect. The default is one thread: numbers are then
    always added in the same order, so the same seed gives the same weights.
    """
    os.environ["TF_NUM_INTRAOP_THREADS"] = str(count or os.cpu_count() or 1)
