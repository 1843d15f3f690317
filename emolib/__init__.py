"""emolib: on-device multimodal emotion recognition, from recordings to fused int8 models."""

__version__ = "0.1.0"


def __getattr__(name: str):
    if name == "load_pretrained":  # numpy and an interpreter are imported where it is used
        from emolib.device.pretrained import load_pretrained

        return load_pretrained
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
