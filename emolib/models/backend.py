"""Keras and TensorFlow, imported without the log lines that TensorFlow writes past Python's stderr."""

from emolib.device.backends import native_silence

with native_silence():
    import keras
    import tensorflow as tf

__all__ = ["keras", "tf"]
