"""Who a device's owner is: a profile for each model that learns people. It is in memory, and on disk only where it is asked for."""

import shutil
from pathlib import Path
from threading import Lock

import numpy as np

from emolib.core.errors import BadArtifact, BadParameter, check_name
from emolib.core.paths import private, profiles_folder
from emolib.signals.owner import Prior, Profile, summary


class Owner:
    """One person's profiles, by source; `with Owner(name) as owner:` keeps them on disk under a name when the block ends.
    Without a name they are gone with it. Raises BadParameter for a bad name, BadArtifact for a damaged profile."""

    def __init__(self, name: str = ""):
        self.folder, self.lock = profiles_folder() / check_name(name, "profile") if name else None, Lock()
        files = sorted(self.folder.glob("*-*")) if name else []
        try:
            self.profiles = {path.name: Profile.from_bytes(path.read_bytes()) for path in files}
        except BadArtifact as error:
            raise BadArtifact(f"{self.folder}: {error}") from error

    def __enter__(self) -> "Owner":
        return self

    def __exit__(self, *error):
        with self.lock:
            for source, profile in self.profiles.items() if self.folder else ():
                self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                half = self.folder / ".half"
                with open(half, "wb", opener=private) as file:
                    file.write(profile.to_bytes())
                half.replace(self.folder / check_name(source, "source"))

    def known(self, source: str, prior: Prior) -> Profile:
        """What was heard so far. Raises BadArtifact for a profile of other features."""
        n_features = prior.within.size
        profile = self.profiles.get(source) or Profile.empty(n_features)
        if len(profile.mean) != n_features:
            got = f"{self.folder}: {source} has {len(profile.mean)} features"
            raise BadArtifact(f"{got}, expected {n_features} as in this bundle: erase it.")
        return profile

    def hear(self, source: str, prior: Prior, x: np.ndarray):
        """Count a window x (*shape) that has been answered."""
        with self.lock:
            self.profiles[source] = self.known(source, prior).heard(*summary(x, prior.axis))

    def forget(self):
        """Erase all, on disk too; what is heard from now on is not kept."""
        with self.lock:
            self.profiles.clear()
            if self.folder:
                shutil.rmtree(self.folder, ignore_errors=True)
            self.folder = None


def kept() -> dict[str, tuple[int, int]]:
    """Profiles on this machine: by name the windows that were heard, and the bytes."""
    found = {}
    for folder in sorted(path for path in profiles_folder().glob("*") if path.is_dir()):
        n = sum(round(profile.n) for profile in Owner(folder.name).profiles.values())
        found[folder.name] = n, sum(path.stat().st_size for path in folder.iterdir())
    return found


def erase(name: str) -> None:
    """Erase a profile from this machine, a damaged one too. Raises BadParameter where there is none."""
    folder: Path = profiles_folder() / check_name(name, "profile")
    if not folder.is_dir():
        raise BadParameter(f"profile: got {name}, of whom none is kept: `emolib profile list` names them.")
    shutil.rmtree(folder)
