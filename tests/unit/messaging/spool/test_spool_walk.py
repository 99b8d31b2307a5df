"""Every interleaving of the spool's calls with a late disk, its failures, and ends of the run: nothing is lost or repeated in silence.

The other suites choose the order of a few calls; this one takes random walks, and accounts for every number.
"""

import random
import shutil
from pathlib import Path

from support.memory_folder import memory_folder
from support.sampling import Sampler, sampled
from support.spool_walk import SpoolWalk

SEEDS = range(4000)
_STEP_COUNTS = (5, 30, 100, 300)


@sampled
def test_every_number_is_accounted_for_however_late_the_disk_is(
    sampler: Sampler, tmp_path: Path
) -> None:
    with memory_folder(tmp_path) as parent:
        for seed in sampler.pick(SEEDS, 150):
            (folder := parent / str(seed)).mkdir()
            rng = random.Random(seed)
            walk = SpoolWalk(folder, rng)
            try:
                walk.walk(rng.choice(_STEP_COUNTS))
                walk.check()
            except BaseException as error:
                error.add_note(f"seed {seed}: {' '.join(walk.log[-40:])}")
                raise
            walk.end()
            shutil.rmtree(folder)
