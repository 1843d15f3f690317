"""Files from outside: how much a packed one may unfold to, what its numbers may be, and the decoding of sound and pictures.

A file is damaged, or made to harm, until it is read: what its head promises takes no memory before it is there.
"""

import io
import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain, count, takewhile
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image

FLOAT32_MAX = np.finfo(np.float32).max
MOST_HZ = 50_000.0  # of EEG and pulse; above, time stamps are finer than seconds
MOST_STILL_S = 60.0  # for which a frame of a video is shown
PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".webp")
VIDEOS = (".mp4", ".webm", ".mov", ".avi", ".mkv")
SOUNDS = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".m4a", ".aac", *VIDEOS)
UNKNOWN_FORMAT, UNKNOWN_LENGTH = 1, 1 << 62  # of libsndfile: its error's number, and more frames than any file has
STREAMED = 0x7FFFF000  # bytes, or more, that the head of a streamed wav promises
PADDING_S = 0.25  # by which a coder's sound may be shorter than its container says
AV_OPTIONS = {  # no playlists: they would open other files, and addresses
    "format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,ogg,aac,mp3,wav,flac,avi,caf,amr,aiff,asf",
    "protocol_whitelist": "file",
}
SOUND_HZ = (1000, 192_000)  # other rates make resampling take all memory
PICTURE_FORMATS = "PNG", "JPEG", "BMP", "GIF", "WEBP"  # Pillow decodes them itself; for EPS it runs a program
MOST_PIXELS = 50_000_000


def most_unfolded(n_packed: int) -> int:
    """Bytes that n_packed bytes may unfold to. Deflate reaches 1000 times as many on zeros."""
    return max(200 * n_packed, 64 << 20)


def decode_sound(content: bytes) -> tuple[np.ndarray, int]:
    """A sound file: samples (n_times, n_channels) float32 in [-1, 1], and their rate in Hz. libsndfile decodes wav, flac, ogg,
    opus and mp3; PyAV, where it is installed, what else phones record, and the sound of a video. A file that was streamed,
    so that its head knows no length, is read to its end. Raises ValueError, with the reason, for what does not decode, is
    cut off or is too large."""
    import soundfile

    class Sound(soundfile.SoundFile):
        def seekable(self) -> bool:  # else soundfile seeks behind each block, which fails at the end of a streamed flac
            return False

    try:
        with Sound(io.BytesIO(_with_size(content))) as file:
            _check_rate(file.samplerate)
            size = max(1, (1 << 20) // file.channels)  # decoded at a time
            blocks = takewhile(len, (file.read(size, dtype="float32", always_2d=True) for _ in count()))
            samples = _gathered(blocks, len(content), file.channels)
            if file.format != "MP3" and len(samples) < file.frames < UNKNOWN_LENGTH:  # an mp3's length is a guess
                raise ValueError(f"it is cut off: got {len(samples)} of {file.frames} samples")
            return samples, file.samplerate
    except soundfile.LibsndfileError as error:
        if error.code != UNKNOWN_FORMAT and content[8:12] != b"AVI ":
            raise ValueError(error.error_string) from error
    return _by_av(content)


def _by_av(content: bytes) -> tuple[np.ndarray, int]:
    try:
        import av
    except ImportError as error:
        raise ValueError("it is no wav, flac, ogg, opus or mp3; m4a, aac and videos need pip install av") from error
    try:
        with av.open(io.BytesIO(content), options=AV_OPTIONS) as file:
            if not file.streams.audio:
                raise ValueError("it has no sound")
            stream = file.streams.audio[0]
            _check_rate(rate := stream.rate)
            floats = av.AudioResampler("flt", stream.layout, rate)
            frames = (one for frame in chain(file.decode(stream), [None]) for one in floats.resample(frame))
            blocks = (frame.to_ndarray().reshape(-1, stream.channels) for frame in frames)
            samples = _gathered(blocks, len(content), stream.channels)
            expected_s = float(stream.duration * stream.time_base) if stream.duration else 0.0
    except (av.FFmpegError, AttributeError, TypeError) as error:  # of a damaged file PyAV lacks attributes, too
        raise ValueError(f"PyAV says: {getattr(error, 'strerror', error)}") from error
    if len(samples) < (expected_s - PADDING_S) * rate:
        raise ValueError(f"it is cut off: got {len(samples) / rate:.2f} of {expected_s:.2f} s")
    return samples, rate


def _check_rate(sfreq: int) -> None:
    if not SOUND_HZ[0] <= sfreq <= SOUND_HZ[1]:
        raise ValueError(f"its rate is {sfreq} Hz, expected {SOUND_HZ[0]} to {SOUND_HZ[1]}")


def _gathered(blocks: Iterable[np.ndarray], n_packed: int, n_channels: int) -> np.ndarray:
    """Blocks (n_times, n_channels) as one array. Raises ValueError for more than n_packed bytes hold."""
    found, left = [np.zeros((0, n_channels), np.float32)], most_unfolded(n_packed)
    for block in blocks:
        found.append(block)
        left -= block.nbytes
        if left < 0:
            raise ValueError(f"it unfolds to more than {most_unfolded(n_packed)} bytes, the most expected")
    return np.concatenate(found)


def _with_size(content: bytes) -> bytes:
    """A wav whose head says how many bytes of samples follow, also if it was streamed; other files as they are. Raises
    ValueError for a wav that is cut off."""
    at, end = 12, len(content)
    while content[:4] == b"RIFF" and content[8:12] == b"WAVE" and at + 8 <= end:
        name, n_bytes = struct.unpack_from("<4sI", content, at)
        if name == b"data":
            there, whole = end - at - 8, struct.unpack_from("<I", content, 4)[0] + 8
            if n_bytes >= STREAMED or (n_bytes == 0 and whole != end):
                mended = bytearray(content)
                struct.pack_into("<I", mended, 4, end - 8)
                struct.pack_into("<I", mended, at + 4, there)
                return bytes(mended)
            if n_bytes > there:
                raise ValueError(f"it is cut off: got {there} of {n_bytes} bytes of samples")
            break
        at += 8 + n_bytes + n_bytes % 2
    return content


@contextmanager
def open_picture(source: Path | BinaryIO) -> "Iterator[Image]":
    """A picture whose pixels are decoded when they are used. Opening and decoding raise ValueError with the reason."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(source, formats=PICTURE_FORMATS) as image:
            n_pixels = image.width * image.height
            if n_pixels > MOST_PIXELS:
                raise ValueError(f"it is too large: {n_pixels} pixels, expected {MOST_PIXELS} at most")
            yield image
    except UnidentifiedImageError as error:
        raise ValueError(f"it is none of {', '.join(PICTURE_FORMATS)}") from error
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(str(error)) from error


def decode_picture(source: Path | BinaryIO) -> np.ndarray:
    """Pixels uint8, upright as EXIF says: (height, width) if grey, else (height, width, 3). 16 bits are scaled to 8; what is
    transparent lies on white. Raises ValueError with the reason."""
    from PIL import Image, ImageOps

    with open_picture(source) as stored:
        image = ImageOps.exif_transpose(stored)
        if image.mode.startswith("I"):  # 16-bit grey; Pillow scales 16-bit colours itself, by their upper byte
            return (np.asarray(image) >> 8).astype(np.uint8)
        to = "L" if image.mode in ("1", "L", "LA") else "RGB"
        if image.has_transparency_data:
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
        return np.asarray(image.convert(to))


def in_colour(image: np.ndarray) -> np.ndarray:
    """A grey picture as (height, width, 3); one in colour as it is."""
    return image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2)


def decode_video(path: Path) -> Iterator[tuple[float, np.ndarray]]:
    """When each frame is shown, in s from the first one, and the frame (height, width, 3) uint8, by PyAV, else OpenCV. Raises
    ValueError for what does not decode, and ImportError where neither is installed."""
    try:
        import av
    except ImportError:
        frames = _video_by_cv2(path)
    else:
        frames = _video_by_av(av, path)
    start_s = last_s = None
    for time_s, frame in frames:
        start_s = time_s if start_s is None else start_s
        if last_s is not None and not 0 <= time_s - last_s <= MOST_STILL_S:
            raise ValueError(
                f"its frames go from {last_s:g} to {time_s:g} s, expected steps of 0 to {MOST_STILL_S:g} s"
            )
        last_s = time_s
        yield time_s - start_s, frame
    if start_s is None:
        raise ValueError("it has no pictures")


def _video_by_av(av: ModuleType, path: Path) -> Iterator[tuple[float, np.ndarray]]:
    try:
        with av.open(str(path), options=AV_OPTIONS) as file:
            for frame in file.decode(*file.streams.video[:1]) if file.streams.video else ():
                turned = np.rot90(frame.to_ndarray(format="rgb24"), round(frame.rotation / 90))
                yield frame.time or 0.0, np.ascontiguousarray(turned)
    except (av.FFmpegError, AttributeError, TypeError) as error:  # of a damaged file PyAV lacks attributes, too
        raise ValueError(f"PyAV says: {getattr(error, 'strerror', error)}") from error


def _video_by_cv2(path: Path) -> Iterator[tuple[float, np.ndarray]]:
    import cv2

    video = cv2.VideoCapture(str(path))
    try:
        while (found := video.read())[0]:
            yield video.get(cv2.CAP_PROP_POS_MSEC) / 1000, cv2.cvtColor(found[1], cv2.COLOR_BGR2RGB)
    finally:
        video.release()
