"""TensorFlow with Keras 2: everything here imports it from this file, because a variable must be set before the import."""

import os

os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import tensorflow as tf

tf.get_logger().setLevel("ERROR")

keras = tf.keras
layers = tf.keras.layers

__all__ = ["keras", "layers", "tf"]
