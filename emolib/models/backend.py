"""Keras and TensorFlow, imported without the log lines that TensorFlow writes past Python's stderr.

Whatever a notebook may import first takes them from here.
"""

from emolib.device.backends import native_silence

with native_silence():
    import keras
    import tensorflow as tf

__all__ = ["keras", "tf"]
