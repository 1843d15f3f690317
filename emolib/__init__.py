"""emolib: on-device multimodal emotion recognition, from recordings to fused int8 models."""

__version__ = "0.1.0"
