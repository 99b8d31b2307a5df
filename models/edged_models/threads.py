"""How many threads TensorFlow computes with."""

import os


def limit_threads(count: int) -> None:
    """Hold TensorFlow to so many threads, 0 for one a core; it heeds that until it has computed something.

    Without it, it is one: then the same numbers are added in the same order, and the same seed gives the same weights.
    """
    os.environ["TF_NUM_INTRAOP_THREADS"] = str(count or os.cpu_count() or 1)
