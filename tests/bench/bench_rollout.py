"""Rollouts to simulated fleets: whether the outcomes are right, and what they cost the controller: ``bench_rollout.py 100 300 1000 > rollout.json``.

A tenth of the devices never respond or are lost, a tenth fail their trial, and a third of the rest are slow. Each is a folder with a local connection,
and its `edged` is `support/fake_edged.py`: the devices' part runs on this machine too, and is in the processor time.
"""

import json
import os
import random
import resource
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.simulated_fleet import AnsibleController, SimulatedFleet

DIGEST = "5e" * 32
SEED = 20
FORKS = 40
SLOW_S = 3.0
_KIB_PER_MIB = 1024


def add_devices(fleet: SimulatedFleet, hosts: int, rng: random.Random) -> dict[str, str]:
    """Add the hosts, and return the expected outcome of each."""
    kinds = ["away"] * (hosts // 20) + ["lost"] * (hosts // 20) + ["failing"] * (hosts // 10)
    good = hosts - len(kinds)
    kinds += ["slow"] * (good // 3) + ["quick"] * (good - good // 3)
    rng.shuffle(kinds)
    behaviours: dict[str, dict[str, Any]] = {
        "away": {"lost_from": 1},
        "lost": {"lost_from": 3, "trial_s": 1e6},
        "failing": {"outcome": "rolled-back", "reason": "f1 0.21 is below 0.6"},
        "slow": {"trial_s": SLOW_S},
        "quick": {},
    }
    outcomes = {"away": "offline", "lost": "unreachable", "failing": "rolled-back"}
    return {fleet.add(**behaviours[kind]): outcomes.get(kind, "committed") for kind in kinds}


class PeakMemory(threading.Thread):
    """The peak memory of the processes of ansible-playbook in MiB, each page counted once (PSS)."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.peak_mib = 0.0
        self.stopped = threading.Event()

    def run(self) -> None:
        while not self.stopped.wait(0.5):
            self.peak_mib = max(self.peak_mib, sum(map(self._mib, Path("/proc").glob("[0-9]*"))))

    @staticmethod
    def _mib(process: Path) -> float:
        try:
            if "edged.fleet.model_rollout" not in (process / "cmdline").read_text():
                return 0.0
            rollup = (process / "smaps_rollup").read_text()
        except OSError:
            return 0.0
        return (
            next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
            / _KIB_PER_MIB
        )


def measure(hosts: int) -> dict[str, Any]:
    """Measure one rollout."""
    with tempfile.TemporaryDirectory(prefix="fleet-") as name:
        folder = Path(name)
        fleet, controller = SimulatedFleet(folder), AnsibleController(folder, forks=FORKS)
        expected = add_devices(fleet, hosts, random.Random(SEED))
        inventory = fleet.write_inventory(
            rollout_canaries=10,
            rollout_min_canary_share=0.5,
            rollout_waves=[50, 100, 200],
            rollout_min_wave_share=0.5,
        )
        memory = PeakMemory()
        memory.start()
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        played = controller.play(
            "model_rollout",
            inventory,
            rollout_url="http://mirror.example/x.edgem",
            rollout_digest=DIGEST,
        )
        took_s, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
        memory.stopped.set()
        memory.join()
        results = fleet.read_results(DIGEST)
        reported = {
            host: one["outcome"]
            for wave in results["wave_results"]
            for host, one in wave["hosts"].items()
        }
        reported |= dict.fromkeys(results["offline"], "offline")
        wrong = {
            host: [reported.get(host), want]
            for host, want in expected.items()
            if reported.get(host) != want
        }
        if wrong:
            print(played.output[-3000:], file=sys.stderr)
        return {
            "hosts": hosts,
            "verdicts": Counter(reported.values()),
            "wrong": wrong,
            "waves": [f"{wave['committed']}/{wave['size']}" for wave in results["wave_results"]],
            "exit_code": played.exit_code,
            "seconds": round(took_s, 1),
            "cpu_s": round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 1),
            "peak_mib": round(memory.peak_mib),
            "load": os.getloadavg()[0],
        }


if __name__ == "__main__":
    for count in map(int, sys.argv[1:]):
        print(json.dumps(measure(count)), flush=True)
