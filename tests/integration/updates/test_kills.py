"""Processes of a daemon are killed at random times in installations: inference goes on, or resumes at once, and every update comes to its end."""

import os
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
from support.sampling import seeded_random

DEFAULT_KILLS, CAMPAIGN_KILLS = 12, 1000
KILLS = int(os.environ.get("EDGED_KILLS", DEFAULT_KILLS))
DAEMONS = 2
"""Daemons at the same time, each with a store of its own."""
MAX_GAP_S = 2.0
MEASURED_EVERY = 15
"""One installation in so many is not disturbed, and its time is measured: the machine's load changes."""
QUICK = {
    "min_baseline_s": 0.5,
    "min_s": 0.5,
    "min_frames": 20,
    "max_s": 30.0,
    "min_fps_ratio": 0.0,
    "max_p95_ratio": 1000.0,
    "min_boxes": 0,
}
"""A trial that every working model passes."""
UNPASSABLE = {**QUICK, "max_p95_ratio": 0.001, "shadow_every": 1}
"""A trial that no model passes."""


class KillCampaign:
    """One daemon and its store: installations one after the other, with kills in each."""

    def __init__(self, folder: Path, max_kills: int, stop: threading.Event) -> None:
        folder.mkdir()
        self._stop = stop
        self._rng = seeded_random("kills", folder.name)
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
            self._stop.set()  # stops the other daemons too
            raise
        return self

    def _measure_install(self) -> None:
        """Measure an installation without kills; the very first one does not count, because it follows the factory model."""
        for _ in range(1 if self._number else 2):
            bundle = self._build_bundle(unpassable=False)
            began_s = time.monotonic()
            assert self._daemon.install(bundle).outcome == "committed"
            self._install_s = time.monotonic() - began_s

    def _run_install(self) -> None:
        daemon, rng = self._daemon, self._rng
        before, kills_before = daemon.ledger(), len(self.kills)
        unpassable = rng.random() < 0.25
        bundle = self._build_bundle(unpassable=unpassable)
        kill_count = 1 + (rng.random() < 0.25)
        kill_times_s = sorted(rng.uniform(0, 1.1 * self._install_s) for _ in range(kill_count))
        began_ns = time.monotonic_ns()
        daemon.inferred_frames.clear()
        request = daemon.request_install(bundle)
        for kill_time_s in kill_times_s:
            daemon.read_detections(until_ns=began_ns + int(kill_time_s * 1e9))
            daemon.kill_random(rng)
            self._check_disk(before)
        past = daemon.await_outcome(bundle, request)
        kills = self.kills[kills_before:]
        case = f"{bundle.name}: {past}, after {kills}; the log:\n{daemon.log_text[-3000:]}"
        self._check_end(past, kills, unpassable=unpassable, case=case)
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
        """Check that the ledger and its current version are readable, and that the lowest allowed epoch has not become lower."""
        ledger = self._daemon.ledger()
        assert ledger.current != FACTORY
        self._daemon.store.read_version(ledger.current)
        assert ledger.epoch >= before.epoch

    def _check_end(
        self, past: DeploymentRecord, kills: list[ProcessKill], *, unpassable: bool, case: str
    ) -> None:
        lost = any(kill.victim == "worker" for kill in kills)
        if past.outcome == "committed":
            assert not unpassable, case
            assert not past.flagged, case
        else:
            assert past.outcome == "rolled-back", case
            assert unpassable or (lost and "a worker was lost" in past.reason), case
            assert past.reason, case

    def _check_settled(self, before: Ledger, past: DeploymentRecord, case: str) -> None:
        daemon = self._daemon
        daemon.wait_for(lambda: None if daemon.unneeded_files() else True)
        ledger = daemon.ledger()
        committed = past.outcome == "committed"
        current = past.digest if committed else before.current
        previous = before.current if committed else before.previous
        assert (ledger.current, ledger.previous) == (current, previous), case
        manifests = [daemon.store.read_version(digest).manifest for digest in (current, previous)]
        assert ledger.epoch == max(before.epoch, manifests[0].epoch), case
        for name, digest in (("current", current), ("previous", previous)):
            assert (daemon.root / name).readlink() == Path("versions", digest), case

    def _await_inference(self, past: DeploymentRecord) -> None:
        """Wait for inference by the current model."""
        daemon = self._daemon
        wanted = daemon.store.read_version(daemon.ledger().current).manifest.title
        assert past.outcome != "committed" or wanted == past.title
        daemon.await_inference(wanted)

    def _check_inference(
        self, before: Ledger, past: DeploymentRecord, began_ns: int, case: str
    ) -> None:
        daemon = self._daemon
        old = self._title(before.current) or self._title(daemon.ledger().current)
        models = {frame.model for frame in daemon.inferred_frames if frame.at_ns > began_ns}
        assert models <= {old, past.title}, case
        gaps = daemon.inference_gaps()
        worst = max(gaps, key=lambda gap: gap.seconds - gap.cpu_wait_s)
        assert worst.seconds - worst.cpu_wait_s < MAX_GAP_S, f"{worst}; {case}"
        self.gaps.append(max(gaps, key=lambda gap: gap.seconds))

    def _title(self, digest: str) -> str:
        kept = digest in self._daemon.store.list_versions()
        return self._daemon.store.read_version(digest).manifest.title if kept else ""


def run_kill_campaign(folder: Path, kills: int) -> None:
    began_s, stop = time.monotonic(), threading.Event()
    campaigns = [
        KillCampaign(folder / f"daemon-{number}", -(-kills // DAEMONS), stop)
        for number in range(DAEMONS)
    ]
    with ThreadPoolExecutor(DAEMONS) as threads:
        for done in [threads.submit(campaign.run) for campaign in campaigns]:
            done.result()
    took_s = time.monotonic() - began_s
    kill_list = [kill for campaign in campaigns for kill in campaign.kills]
    gaps = [gap for campaign in campaigns for gap in campaign.gaps]
    print(
        f"{len(kill_list)} kills in {took_s:.0f} s, {took_s / len(kill_list):.2f} s each; gaps in inference: "
        f"{percentiles([gap.seconds for gap in gaps])}; without the time in which no processor was free: "
        f"{percentiles([gap.seconds - gap.cpu_wait_s for gap in gaps])}"
    )
    print(f"victims {dict(Counter(kill.victim for kill in kill_list))}")
    print(f"states {dict(Counter(kill.state or 'none in flight' for kill in kill_list))}")
    print(f"outcomes {dict(sum((campaign.outcomes for campaign in campaigns), Counter()))}")


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
