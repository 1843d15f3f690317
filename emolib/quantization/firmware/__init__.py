"""A bundle as C++ sources for tflite-micro, with vectors to test a firmware by; and the check of these sources."""

from emolib.quantization.firmware.files import check, write

__all__ = ["check", "write"]
