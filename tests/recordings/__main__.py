"""`python -m recordings`: every recording with the simulator beside it."""

from __future__ import annotations

import sys

import numpy as np

from recordings.recording import CALIBRATION, read, recordings
from recordings.replay import line, replay
from scaleproof.tuner.calibration_file import read_calibration

if __name__ == "__main__":
    calibration = read_calibration(CALIBRATION)
    beside = [each for file in recordings() for each in replay(read(file), calibration)]
    sys.stdout.write("\n".join(map(line, beside)) + "\n")
    errors = np.array([abs(each.error) for each in beside])
    sys.stdout.write(
        f"median error with known phases {np.median(errors):.1%}, greatest {errors.max():.1%}; inside the interval of any phase {sum(each.is_inside for each in beside)} of "
        f"{len(beside)}; timelines {np.mean([each.share_inside for each in beside]):.1%} of the seconds\n"
    )
