"""Packages that only some sources need: imported when such a source opens."""

from importlib import import_module
from types import ModuleType

from emolib.core.errors import BadParameter

LIBRARIES = {"sounddevice": "PortAudio (apt install libportaudio2)", "pylsl": "liblsl"}


def extra(module: str, name: str) -> ModuleType:
    """The package that the source `name` needs. Raises BadParameter where it, or its system library, is missing."""
    try:
        return import_module(module)
    except ImportError as error:
        raise BadParameter(
            f"{name}: {error}, expected what live sources need: pip install 'emolib[live]'."
        ) from error
    except (OSError, RuntimeError) as error:
        library = LIBRARIES.get(module, "its system library")
        raise BadParameter(f"{name}: {module} cannot be loaded ({error}): install {library}.") from error
