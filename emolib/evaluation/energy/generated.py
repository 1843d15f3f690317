"""A *synthetic* log of known energy, to check the method on."""

from dataclasses import dataclass

import numpy as np

from emolib.device.markers import PATTERN, SYNC, Marker
from emolib.evaluation.energy.alignment import Activity
from emolib.evaluation.energy.trace import Trace

START_S = 1_700_000_000.0  # of the device's clock


@dataclass(frozen=True)
class Bench:
    """A device of `net_w` above `idle_w` while it infers, and a meter that averages over 1 / sfreq seconds.

    meter's clock = (device's clock - START_S - offset_s) / (1 + drift). `quantum_w` is the meter's last digit,
    `noise_w` the standard deviation of a reading. `gap_s` (start, end) on the meter's clock was not logged. The
    pattern before the work has `unit_s` seconds a digit; 0 leaves it out.
    """

    idle_w: float = 2.5
    net_w: float = 1.2
    n_blocks: int = 12
    block_s: float = 8.0
    pause_s: float = 6.0
    per_block: int = 200
    sfreq: float = 10.0
    offset_s: float = 37.4
    drift: float = 2e-4
    noise_w: float = 0.05
    quantum_w: float = 0.01
    gap_s: tuple[float, float] | None = None
    unit_s: float = 2.0
    what: str = "inference"

    @property
    def energy_mj(self) -> float:
        """True mJ of one inference."""
        return 1e3 * self.net_w * self.block_s / self.per_block

    def markers(self) -> list[Marker]:
        """The pattern, then blocks with a pause behind each; on the device's clock, which begins at START_S."""
        start_s = START_S + 20.0
        markers = [
            Marker(start_s + k * self.unit_s, start_s + (k + 1) * self.unit_s, 0, SYNC)
            for k, on in enumerate(PATTERN)
            if on == "1" and self.unit_s
        ]
        start_s += len(PATTERN) * self.unit_s + self.pause_s
        for k in range(self.n_blocks):
            begin_s = start_s + k * (self.block_s + self.pause_s)
            markers.append(Marker(begin_s, begin_s + self.block_s, self.per_block, self.what))
        return markers

    def run(self, seed: int = 0) -> tuple[Trace, list[Marker]]:
        """The meter's log and the device's markers."""
        rng, markers = np.random.default_rng(seed), self.markers()
        end_s = (markers[-1].end_s + 20.0 - START_S - self.offset_s) / (1 + self.drift)
        first_s = -self.offset_s / (1 + self.drift)
        time_s = np.arange(np.ceil(first_s * self.sfreq), end_s * self.sfreq) / self.sfreq
        half_s = np.array([[-1], [1]]) / 2 / self.sfreq
        device_s = START_S + self.offset_s + (1 + self.drift) * (time_s + half_s)
        before, after = Activity(markers, 0.0).until(device_s)
        busy = (after - before) * self.sfreq / (1 + self.drift)
        power_w = self.idle_w + self.net_w * busy + rng.normal(0, self.noise_w, len(time_s))
        power_w = np.round(power_w / self.quantum_w) * self.quantum_w
        begin_s, gone_s = self.gap_s or (np.inf, np.inf)
        known = (time_s < begin_s) | (time_s > gone_s)
        return Trace(time_s[known] - time_s[0], power_w[known], "generated log"), markers
