"""Processes of a running daemon are killed at random times in an installation: it looks on, or again at once, and the update comes to its end."""

import os
import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from edged.bundled import model_path
from edged.updates.bundle.manifest import Probation
from edged.updates.rules.ledger import FACTORY, DeploymentRecord, Ledger
from support.inference_gaps import InferenceGap, ProcessKill
from support.kill_daemon import KillableDaemon

DEFAULT_KILLS, CAMPAIGN_KILLS = 12, 1000
KILLS = int(os.environ.get("EDGED_KILLS", DEFAULT_KILLS))
DAEMONS = 2
"""At the same time, each with a store of its own."""
MAX_GAP_S = 2.0
MEASURED_EVERY = 15
"""One installation in so many is left alone, and measured: a machine is not always as busy."""
QUICK = {
    "min_baseline_s": 0.5,
    "min_s": 0.5,
    "min_frames": 20,
    "max_s": 30.0,
    "min_fps_ratio": 0.0,
    "max_p95_ratio": 1000.0,
    "min_boxes": 0,
}
"""What a trial must show, as little as can be."""
UNPASSABLE = {**QUICK, "min_fps_ratio": 10.0}
"""What no model can."""


class KillCampaign:
    """One daemon and its store: one installation after the other, and kills in each."""

    def __init__(self, folder: Path, seed: int, max_kills: int, stop: threading.Event) -> None:
        folder.mkdir()
        self._stop = stop
        self._rng = random.Random(seed)
        self._max_kills = max_kills
        self._daemon = KillableDaemon(
            folder, model=model_path("marks-fast"), settings='bundled = "marks-fast"'
        )
        self._number = 0
        self._install_s = 0.0
        self.gaps: list[InferenceGap] = []
        self.outcomes: Counter[str] = Counter()

    @property
    def kills(self) -> list[ProcessKill]:
        return self._daemon.kills

    def run(self) -> "KillCampaign":
        try:
            with self._daemon:
                while len(self.kills) < self._max_kills and not self._stop.is_set():
                    if self._number % MEASURED_EVERY == 0:
                        self._measure_install()
                    self._run_install()
        except BaseException:
            self._stop.set()  # for the others as well
            raise
        return self

    def _measure_install(self) -> None:
        """How long an installation takes without any kill; the first one has the factory model before it, which is another matter."""
        for _ in range(1 if self._number else 2):
            bundle = self._build_bundle(unpassable=False)
            began_s = time.monotonic()
            assert self._daemon.install(bundle).outcome == "committed"
            self._install_s = time.monotonic() - began_s

    def _run_install(self) -> None:
        station, chance = self._daemon, self._rng
        before, struck = station.ledger(), len(self.kills)
        doomed = chance.random() < 0.25
        bundle = self._build_bundle(unpassable=doomed)
        kills = 1 + (chance.random() < 0.25)
        moments_s = sorted(chance.uniform(0, 1.1 * self._install_s) for _ in range(kills))
        began_ns = time.monotonic_ns()
        station.inferred_frames.clear()
        asking = station.request_install(bundle)
        for moment_s in moments_s:
            station.read_detections(until_ns=began_ns + int(moment_s * 1e9))
            station.kill_random(chance)
            self._check_disk(before)
        past = station.await_outcome(bundle, asking)
        strikes = self.kills[struck:]
        case = f"{bundle.name}: {past}, after {strikes}; it said:\n{station.log_text[-3000:]}"
        self._check_end(past, strikes, unpassable=doomed, case=case)
        self._check_settled(before, past, case)
        self._await_inference(past)
        self._check_inference(before, past, began_ns, case)
        self.outcomes[past.outcome] += 1

    def _build_bundle(self, *, unpassable: bool) -> Path:
        self._number += 1
        return self._daemon.build_bundle(
            str(self._number),
            counter=self._number,
            epoch=self._number // 4,
            probation=Probation(**(UNPASSABLE if unpassable else QUICK)),  # type: ignore[arg-type] # by name
        )

    def _check_disk(self, before: Ledger) -> None:
        """At any moment: the ledger can be read, and what it calls current is whole; the floor never sinks."""
        ledger = self._daemon.ledger()
        assert ledger.current != FACTORY
        self._daemon.store.read_version(ledger.current)
        assert ledger.epoch >= before.epoch

    def _check_end(
        self, past: DeploymentRecord, kills: list[ProcessKill], *, unpassable: bool, case: str
    ) -> None:
        lost = any(strike.victim == "worker" for strike in kills)
        if past.outcome == "committed":
            assert not unpassable, case
            assert not past.flagged, case
        else:
            assert past.outcome == "rolled-back", case
            assert unpassable or (lost and "a worker was lost" in past.reason), case
            assert past.reason, case

    def _check_settled(self, before: Ledger, past: DeploymentRecord, case: str) -> None:
        station = self._daemon
        station.wait_for(lambda: None if station.unneeded_files() else True)
        ledger = station.ledger()
        committed = past.outcome == "committed"
        current = past.digest if committed else before.current
        previous = before.current if committed else before.previous
        assert (ledger.current, ledger.previous) == (current, previous), case
        manifests = [station.store.read_version(digest).manifest for digest in (current, previous)]
        assert ledger.epoch == max(before.epoch, manifests[0].epoch), case
        for name, digest in (("current", current), ("previous", previous)):
            assert (station.root / name).readlink() == Path("versions", digest), case

    def _await_inference(self, past: DeploymentRecord) -> None:
        """The model that is to look now does so, in a process that nobody kills any more."""
        station = self._daemon
        wanted = station.store.read_version(station.ledger().current).manifest.title
        assert past.outcome != "committed" or wanted == past.title
        station.await_inference(wanted)

    def _check_inference(
        self, before: Ledger, past: DeploymentRecord, began_ns: int, case: str
    ) -> None:
        station = self._daemon
        old = self._title(before.current) or self._title(station.ledger().current)
        models = {look.model for look in station.inferred_frames if look.at_ns > began_ns}
        assert models <= {old, past.title}, case
        gaps = station.inference_gaps()
        worst = max(gaps, key=lambda gap: gap.seconds - gap.cpu_wait_s)
        assert worst.seconds - worst.cpu_wait_s < MAX_GAP_S, f"{worst}; {case}"
        self.gaps.append(max(gaps, key=lambda gap: gap.seconds))

    def _title(self, digest: str) -> str:
        kept = digest in self._daemon.store.list_versions()
        return self._daemon.store.read_version(digest).manifest.title if kept else ""


def run_kill_campaign(folder: Path, kills: int) -> None:
    seed = random.SystemRandom().randrange(1 << 32)
    seed = int(os.environ.get("EDGED_SEED", seed))
    print(f"seed {seed}")
    began_s, over = time.monotonic(), threading.Event()
    sieges = [
        KillCampaign(folder / f"station-{number}", seed + number, -(-kills // DAEMONS), over)
        for number in range(DAEMONS)
    ]
    with ThreadPoolExecutor(DAEMONS) as threads:
        for done in [threads.submit(siege.run) for siege in sieges]:
            done.result()
    took_s = time.monotonic() - began_s
    strikes = [strike for siege in sieges for strike in siege.kills]
    gaps = [gap for siege in sieges for gap in siege.gaps]
    print(
        f"{len(strikes)} kills in {took_s:.0f} s, {took_s / len(strikes):.2f} s each; nobody looked for "
        f"{percentiles([gap.seconds for gap in gaps])}; without the time in which there was no processor to be had, "
        f"for {percentiles([gap.seconds - gap.cpu_wait_s for gap in gaps])}"
    )
    print(f"victims {dict(Counter(strike.victim for strike in strikes))}")
    print(f"states {dict(Counter(strike.state or 'none in flight' for strike in strikes))}")
    print(f"outcomes {dict(sum((siege.outcomes for siege in sieges), Counter()))}")


def percentiles(seconds: list[float]) -> str:
    p50, p95, most = np.percentile(seconds, (50, 95, 100))
    return f"{p50:.2f} s (50 %), {p95:.2f} s (95 %), {most:.2f} s at most"


@pytest.mark.timeout(300 + 20 * KILLS)
def test_whichever_process_is_killed_in_an_installation_inference_goes_on(tmp_path: Path) -> None:
    run_kill_campaign(tmp_path, KILLS)


@pytest.mark.campaign
@pytest.mark.timeout(20 * CAMPAIGN_KILLS)
def test_a_thousand_kills_in_installations(tmp_path: Path) -> None:
    run_kill_campaign(tmp_path, CAMPAIGN_KILLS)
