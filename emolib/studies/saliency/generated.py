"""The truth behind the pictures of a synthetic set: where face, eyes, cheeks and mouth are on each of them."""

import numpy as np

from emolib.core.errors import BadSet
from emolib.signals.generated import face
from emolib.signals.generated.affect import affects


def window_regions(
    trial: np.ndarray,
    size: int = face.SIZE,
    hop_s: float = 2.0,
    n_subjects: int = 10,
    n_trials: int = 40,
    trial_s: float = 8.0,
    seed: int = 0,
) -> dict[str, np.ndarray]:
    """Boxes of `face.face_regions` on the windows of a whole set, each (n_windows, 4), in pixels of `size`.

    `trial` is the set's column, (n_windows,); size and hop_s are those of its front end, the others the options
    of its corpus. Raises BadSet for windows that these options do not give.
    """
    hop = round(hop_s * face.SFREQ)
    shown = {
        affect.trial_id: face.face_regions(face.portrait(affect), size)
        for affect in affects(n_subjects, n_trials, trial_s, seed)
    }
    names, first = np.unique(trial, return_index=True)
    names = names[np.argsort(first)]
    made = [name for name in names if name in shown for _ in shown[name]["face"][::hop]]
    if made != trial.tolist():
        raise BadSet(
            f"{len(trial)} windows of {len(names)} trials, but these options give {len(made)} on those: "
            "pass the whole set with the options of its corpus and front end."
        )
    return {part: np.concatenate([shown[name][part][::hop] for name in names]) for part in shown[names[0]]}
