"""TensorFlow with Keras 2. All modules import it from here, because environment variables must be set before the import."""

import os

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# One thread, unless `threads.limit_threads` has set more.
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")

import tensorflow as tf
from tensorflow.lite.python.convert import mlir_quantize
from tensorflow.lite.python.optimize.calibrator import Calibrator, add_intermediate_tensors
from tensorflow.lite.python.util import modify_model_io_type

tf.get_logger().setLevel("ERROR")

keras = tf.keras
layers = tf.keras.layers

__all__ = [
    "Calibrator",
    "add_intermediate_tensors",
    "keras",
    "layers",
    "mlir_quantize",
    "modify_model_io_type",
    "tf",
]
