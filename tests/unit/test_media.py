"""Sound, pictures and videos of corpora: what is decoded, and what is refused; size and crop against Pillow."""

import sys
from importlib.util import find_spec

import numpy as np
import pytest
import soundfile
from PIL import Image

from emolib.core.errors import BadRecording
from emolib.datasets import media
from emolib.datasets.archives import open_tree
from emolib.datasets.media import read_audio, read_frames, read_image, read_video
from emolib.signals.image import crop, resize, to_grey
from emolib.signals.readers import read_face, read_speech

RNG = np.random.default_rng(0)
NOISE = RNG.integers(0, 256, (61, 83, 3), np.uint8)


def tone(sfreq=16000, seconds=0.2, hz=440):
    return 0.5 * np.sin(2 * np.pi * hz * np.arange(int(seconds * sfreq)) / sfreq)


def heard(folder, samples, sfreq=16000, name="a.wav"):
    """What is read of a sound file with these samples."""
    soundfile.write(folder / name, samples, sfreq, subtype="PCM_16")
    return read_audio(open_tree(folder), name)


@pytest.mark.parametrize("sfreq", [48000, 24414, 8000])
def test_other_rates_become_16_khz(tmp_path, sfreq):
    found = heard(tmp_path, tone(sfreq, seconds=1.0), sfreq)
    assert found.dtype == np.float32 and len(found) == pytest.approx(16000, abs=1)
    np.testing.assert_allclose(found[4000:12000], tone(seconds=1.0)[4000:12000], atol=5e-3)
    above = heard(tmp_path, tone(sfreq, 1.0, hz=11000), sfreq)
    assert sfreq < 22000 or np.abs(above[2000:-2000]).max() < 0.01  # what would alias


def test_stereo_becomes_the_mean_of_its_channels(tmp_path):
    found = heard(tmp_path, np.stack([tone(), np.zeros_like(tone())], axis=1), name="a.flac")
    np.testing.assert_allclose(found, tone() / 2, atol=1e-4)


@pytest.mark.parametrize("name", ["a.wav", "a.flac"])
def test_a_truncated_sound_is_named(tmp_path, name):
    heard(tmp_path, tone(seconds=2.0), name=name)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: int(0.98 * len(content))])
    with pytest.raises(BadRecording, match=rf"{name} .*fetch it again"):
        read_audio(open_tree(tmp_path), name)


@pytest.mark.parametrize(
    ("sizes", "left"), [((0xFFFFFFFF, 0xFFFFFFFF), 1), ((36, 0), 1), ((0, 0x7FFFF000), 1), ((36, 0), 0)]
)
def test_a_streamed_wav_is_read_to_its_end(tmp_path, sizes, left):
    """What sits at bytes 4 and 40 of a plain wav are the sizes of the file and of the samples; an empty one stays empty."""
    whole = heard(tmp_path, tone())
    content = bytearray((tmp_path / "a.wav").read_bytes()[: None if left else 44])
    content[4:8], content[40:44] = (size.to_bytes(4, "little") for size in sizes)
    (tmp_path / "a.wav").write_bytes(content)
    np.testing.assert_array_equal(read_audio(open_tree(tmp_path), "a.wav"), whole[: len(whole) * left])


def test_a_streamed_flac_is_read_to_its_end(tmp_path):
    whole = heard(tmp_path, tone(), name="a.flac")
    content = bytearray((tmp_path / "a.flac").read_bytes())
    content[21] &= 0xF0  # the number of samples, 36 bits of STREAMINFO: 0 is unknown
    content[22:26] = bytes(4)
    (tmp_path / "a.flac").write_bytes(content)
    np.testing.assert_array_equal(read_audio(open_tree(tmp_path), "a.flac"), whole)
    np.testing.assert_array_equal(read_speech(tmp_path / "a.flac").data, whole)


def test_sound_that_only_pyav_decodes(tmp_path):
    path = tmp_path / "a.m4a"
    if not find_spec("av"):
        path.write_bytes(bytes(4) + b"ftypM4A " + bytes(99))
        with pytest.raises(BadRecording, match="a.m4a .*pip install av"):
            read_audio(open_tree(tmp_path), "a.m4a")
        pytest.skip("av is not installed: only its error was tried")
    import av

    with av.open(str(path), "w") as file:
        stream = file.add_stream("aac", rate=16000, layout="mono")
        frame = av.AudioFrame.from_ndarray(tone(seconds=1.0).astype(np.float32)[None], "fltp", "mono")
        frame.sample_rate = 16000
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            file.mux(packet)
    found = read_audio(open_tree(tmp_path), "a.m4a")
    spectrum = np.abs(np.fft.rfft(found[4000:12000]))
    assert len(found) == pytest.approx(16000, abs=2048) and spectrum.argmax() == 440 / 2
    playlist = f"#EXTM3U\n#EXTINF:1,\n{path}\n"
    (tmp_path / "list.m4a").write_text(playlist)
    with pytest.raises(BadRecording, match="list.m4a does not decode"):
        read_audio(open_tree(tmp_path), "list.m4a")


def test_16_bit_grey_is_scaled_and_what_is_transparent_is_white(tmp_path):
    grey = RNG.integers(0, 256, (8, 9), np.uint8)
    Image.fromarray(grey.astype(np.uint16) * 257).save(tmp_path / "deep.PNG")
    alpha = np.where(np.arange(9) < 4, 0, 255) * np.ones((8, 1))
    Image.fromarray(np.dstack([grey, grey, grey, alpha]).astype(np.uint8)).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_image(open_tree(tmp_path), "deep.PNG"), grey)
    np.testing.assert_array_equal(read_face(tmp_path / "deep.PNG").data, np.dstack([grey] * 3))
    found = read_image(open_tree(tmp_path), "a.png")[..., 1]
    assert (found[:, :4] == 255).all() and (found[:, 4:] == grey[:, 4:]).all()


def test_a_grey_frame_among_coloured_ones_becomes_coloured(tmp_path):
    Image.fromarray(NOISE).save(tmp_path / "1.png")
    Image.fromarray(NOISE[..., 0]).save(tmp_path / "2.png")
    frames = read_frames(open_tree(tmp_path), "", ["1.png", "2.png"])
    np.testing.assert_array_equal(frames[1], np.dstack([NOISE[..., 0]] * 3))


def test_a_video_of_uneven_times_is_sampled_by_them(tmp_path, monkeypatch):
    """Frames at 0, 0.1, 1.0 and 1.1 s: what is shown at 0, 0.2, … 1.0 s is the first, then four times the second, the third."""
    (tmp_path / "a.MOV").write_bytes(b"")
    shown = [(t, np.full((2, 2, 3), i, np.uint8)) for i, t in enumerate((0.0, 0.1, 1.0, 1.1))]
    monkeypatch.setattr(media, "decode_video", lambda path: iter(shown))
    frames, fps = read_video(open_tree(tmp_path), "a.MOV")
    assert fps == 5 and frames[:, 0, 0, 0].tolist() == [0, 1, 1, 1, 1, 2]


def test_pictures_of_any_mode_are_grey_or_rgb_and_upright(tmp_path):
    grey = Image.fromarray(np.arange(72, dtype=np.uint8).reshape(8, 9))
    expected = {"1": (8, 9), "L": (8, 9), "LA": (8, 9), "P": (8, 9, 3), "RGBA": (8, 9, 3)}
    for mode in expected:
        grey.convert(mode).save(tmp_path / f"{mode}.png")
    assert {mode: read_image(open_tree(tmp_path), f"{mode}.png").shape for mode in expected} == expected
    upright, exif = np.arange(24, dtype=np.uint8).reshape(4, 6), Image.Exif()
    cases = {2: upright[:, ::-1], 3: upright[::-1, ::-1], 5: upright.T, 6: np.rot90(upright)}
    for exif[274], stored in cases.items():
        Image.fromarray(np.ascontiguousarray(stored)).save(tmp_path / "a.png", exif=exif)
        np.testing.assert_array_equal(read_image(open_tree(tmp_path), "a.png"), upright)


def test_a_video(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)  # OpenCV alone
    cv2 = pytest.importorskip("cv2", reason="opencv-python-headless is not installed")
    path = tmp_path / "a.mp4"
    video = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 30.0, (64, 48))
    for i in range(30):
        video.write(np.full((48, 64, 3), (0, 0, 8 * i), np.uint8))  # red rises, in OpenCV's BGR
    video.release()
    frames, fps = read_video(open_tree(tmp_path), "a.mp4")
    assert (frames.shape, fps) == ((5, 48, 64, 3), 5)
    np.testing.assert_allclose(frames[:, 24, 32, 0], 8 * np.arange(0, 30, 6), atol=6)
    assert frames[..., 2].max() < 20
    path.write_bytes(b"no video")
    with pytest.raises(BadRecording, match="a.mp4 does not decode"):
        read_video(open_tree(tmp_path), "a.mp4")


@pytest.mark.parametrize(
    "shape, height, width", [((61, 83), 200, 150), ((61, 83, 3), 1, 1), ((430, 910, 3), 96, 60), ((1500, 7), 50, 40)]
)
def test_resize_is_pillows_within_one_level(shape, height, width):
    """In one band or more, rows or columns first."""
    image = RNG.integers(0, 256, shape, np.uint8)
    expected = np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR))
    found = resize(image, height, width)
    assert found.dtype == np.uint8 and found.shape == expected.shape and found.flags.c_contiguous
    assert np.abs(found.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("level", [1, 255])
def test_an_even_picture_stays_even(level):
    """Shares are of float32: their sums must not round 255 up to 0, nor another level to its neighbour."""
    assert (resize(np.full((777, 1333, 3), level, np.uint8), 192, 191) == level).all()


@pytest.mark.parametrize("box", [(10, 5, 40, 50), (-7, -3, 20, 20), (-20, -20, 120, 90)])
def test_crop_is_pillows_also_outside(box):
    np.testing.assert_array_equal(crop(NOISE, *box, 0), np.asarray(Image.fromarray(NOISE).crop(box)))


def test_an_array_that_is_no_picture_is_refused():
    with pytest.raises(BadRecording, match="expected uint8"):
        to_grey(NOISE.astype(float))
