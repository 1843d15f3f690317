"""A device that learns its owner: bit by bit as offline, kept only where asked, and forgotten."""

import http.client
import json
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from bundles import TRAINED, Recording, recording, write

from emolib.__main__ import main
from emolib.core.errors import BadArtifact, BadParameter
from emolib.device.bundle import Bundle
from emolib.device.engine import Engine
from emolib.device.live import replay
from emolib.device.owner import Owner, erase, kept
from emolib.device.page.server import Server
from emolib.device.page.session import Session
from emolib.device.stream import Signal

EEG, SPEECH = (f"synthetic-{modality}-emotion-loso" for modality in ("eeg", "speech"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A bundle of two models that learn their owner."""
    folder = write(tmp_path_factory.mktemp("bundle"), ["eeg", "speech"])
    record = json.loads((folder / "bundle.json").read_text())
    for entry in record["models"].values():
        within = (0.7 * np.array(entry["standardiser"]["std"])).tolist()
        prior = {"within": within, "mean_weight": 4.0, "spread_weight": 9.0, "alike": 0.5, "stretch": 8.0}
        entry["normalise"], entry["standardiser"] = "owner", entry["standardiser"] | prior
    (folder / "bundle.json").write_text(json.dumps(record))
    return folder


@pytest.fixture(autouse=True)
def profiles(tmp_path, monkeypatch):
    monkeypatch.setenv("EMOLIB_PROFILES", str(tmp_path / "profiles"))
    return tmp_path / "profiles"


@pytest.mark.parametrize("hop_s", [2.0, 0.5])
def test_a_stream_learns_bit_by_bit_as_offline_however_often_it_answers(folder, hop_s):
    pipeline, data = Bundle(folder).pipeline(EEG), recording("eeg")
    X, _ = pipeline.windows([data], 128.0)
    offline = [pipeline.scores(x[None])[0] for x in X]
    stream, found = Signal(pipeline, TRAINED["eeg"], False, Owner()), {}
    for k, chunk in enumerate(Recording("eeg", data, chunks_s=(hop_s,)).chunks(), start=1):
        stream.push(chunk, 0.0)
        if (reading := stream.answer(k * hop_s)).scores is not None:
            found[k * hop_s] = reading
    for i, scores in enumerate(offline):
        reading = found[4.0 + 2 * i]
        assert reading.heard == i
        np.testing.assert_array_equal(reading.scores[0], scores)
    assert len(found) == 1 + (40 - 4) / hop_s


def test_answers_of_an_engine_say_how_much_was_heard(folder):
    engine = Engine(Bundle(folder), ["eeg"], hop_s=2.0)
    heard = [result.to_dict()["parts"]["eeg"]["heard"] for result in replay(engine, [Recording("eeg")])]
    assert heard == [None, *range(19)]


def test_files_of_one_person_are_learned_in_turn_and_kept_under_a_name(folder, tmp_path, profiles, capsys):
    paths = [str(tmp_path / f"{k}.wav") for k in range(2)]
    for k, path in enumerate(paths):
        soundfile.write(path, recording("speech", 5.0, seed=k), 16000, subtype="FLOAT")
    files = [word for path in paths for word in ("--speech", path)]

    def run(*more):
        assert main(["run", str(folder), *files, *more]) == 0
        return [json.loads(line)["speech"] for line in capsys.readouterr().out.splitlines()]

    first = run()
    assert [told["heard"] for told in first] == [0, 5] and not profiles.exists()
    assert run("--profile", "me")[0]["scores"] == first[0]["scores"]
    again = run("--profile", "me")
    assert [told["heard"] for told in again] == [10, 15] and again[0]["scores"] != first[0]["scores"]
    assert main(["profile", "list"]) == 0 and "me: 20 windows heard" in capsys.readouterr().out
    size = sum(path.stat().st_size for path in (profiles / "me").iterdir())
    assert kept() == {"me": (20, size)} and size < 3000
    assert main(["profile", "erase", "me"]) == 0 and kept() == {}
    with pytest.raises(BadParameter, match="got me, of whom none is kept"):
        erase("me")


def test_who_is_forgotten_is_gone_and_a_page_can_ask_for_it(folder, profiles):
    pipeline = Bundle(folder).pipeline(EEG)
    with Owner("me") as owner:
        pipeline.windows([recording("eeg")], 128.0, owner)
    with Owner("me") as owner, Server(Session(SimpleNamespace(owner=owner), []), {}) as server:
        assert owner.known(EEG, pipeline.standardiser).n == 19
        page = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=5)
        origin = {"Origin": f"http://127.0.0.1:{server.server_port}"}
        page.request("POST", f"/{server.token}/forget?tab=tab-00000001", b"", origin)
        assert page.getresponse().status == 204 and not (profiles / "me").exists()
        page.close()
        pipeline.windows([recording("eeg")], 128.0, owner)  # the session goes on, in memory
    assert kept() == {}


def test_a_profile_of_other_features_and_a_damaged_one_are_refused(folder, profiles):
    pipeline = Bundle(folder).pipeline(EEG)
    (profiles / "me").mkdir(parents=True)
    (profiles / "me" / EEG).write_bytes(np.ones(3, "<f8").tobytes())
    with pytest.raises(BadArtifact, match="has 2 features, expected 6 as in this bundle: erase it"):
        pipeline.windows([recording("eeg")], 128.0, Owner("me"))
    (profiles / "me" / EEG).write_bytes(b"12345")
    with pytest.raises(BadArtifact, match="5 bytes"):
        Owner("me")


@pytest.mark.parametrize("harm", [{"within": [1.0]}, {"mean_weight": float("nan")}, {"spread_weight": -1}])
def test_a_bundle_with_a_bad_prior_is_refused(folder, tmp_path, harm):
    record = json.loads((folder / "bundle.json").read_text())
    record["models"][EEG]["standardiser"] |= harm
    (tmp_path / "bundle.json").write_text(json.dumps(record))
    with pytest.raises(BadArtifact, match="is damaged"):
        Bundle(tmp_path)
