"""A bundle as C++ sources for tflite-micro, with vectors to test a firmware by."""

from emolib.quantization.firmware.files import write

__all__ = ["write"]
