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

from edged.bundled import model
from edged.updates.bundle.manifest import Probation
from edged.updates.rules.ledger import FACTORY, Ledger, Past
from support.killing import Station
from support.looking import Gap, Strike

DEFAULT_KILLS, CAMPAIGN_KILLS = 12, 1000
KILLS = int(os.environ.get("EDGED_KILLS", DEFAULT_KILLS))
STATIONS = 2
"""At the same time, each with a store of its own."""
MOST_DARK_S = 2.0
MEASURED_EVERY = 15
"""One installation in so many is left alone, and measured: a machine is not always as busy."""
QUICK = {
    "baseline_s": 0.5,
    "min_s": 0.5,
    "min_frames": 20,
    "most_s": 30.0,
    "least_fps_ratio": 0.0,
    "most_p95_ratio": 1000.0,
    "least_boxes": 0,
}
"""What a trial must show, as little as can be."""
DOOMED = {**QUICK, "least_fps_ratio": 10.0}
"""What no model can."""


class Siege:
    """One daemon and its store: one installation after the other, and kills in each."""

    def __init__(self, folder: Path, seed: int, kills: int, over: threading.Event) -> None:
        folder.mkdir()
        self._over = over
        self._chance = random.Random(seed)
        self._kills = kills
        self._station = Station(
            folder, model=model("marks-fast"), settings='bundled = "marks-fast"'
        )
        self._number = 0
        self._takes_s = 0.0
        self.gaps: list[Gap] = []
        self.outcomes: Counter[str] = Counter()

    @property
    def strikes(self) -> list[Strike]:
        return self._station.strikes

    def run(self) -> "Siege":
        try:
            with self._station:
                while len(self.strikes) < self._kills and not self._over.is_set():
                    if self._number % MEASURED_EVERY == 0:
                        self._measure()
                    self._attempt()
        except BaseException:
            self._over.set()  # for the others as well
            raise
        return self

    def _measure(self) -> None:
        """How long an installation takes without any kill; the first one has the factory model before it, which is another matter."""
        for _ in range(1 if self._number else 2):
            bundle = self._bundle(doomed=False)
            began_s = time.monotonic()
            assert self._station.install(bundle).outcome == "committed"
            self._takes_s = time.monotonic() - began_s

    def _attempt(self) -> None:
        station, chance = self._station, self._chance
        before, struck = station.ledger(), len(self.strikes)
        doomed = chance.random() < 0.25
        bundle = self._bundle(doomed=doomed)
        kills = 1 + (chance.random() < 0.25)
        moments_s = sorted(chance.uniform(0, 1.1 * self._takes_s) for _ in range(kills))
        began_ns = time.monotonic_ns()
        station.looks.clear()
        asking = station.ask_for(bundle)
        for moment_s in moments_s:
            station.watch(until_ns=began_ns + int(moment_s * 1e9))
            station.strike_any(chance)
            self._check_disk(before)
        past = station.outcome(bundle, asking)
        strikes = self.strikes[struck:]
        case = f"{bundle.name}: {past}, after {strikes}; it said:\n{station.said[-3000:]}"
        self._check_end(past, strikes, doomed=doomed, case=case)
        self._check_settled(before, past, case)
        self._await_a_look(past)
        self._check_looks(before, past, began_ns, case)
        self.outcomes[past.outcome] += 1

    def _bundle(self, *, doomed: bool) -> Path:
        self._number += 1
        return self._station.bundle(
            str(self._number),
            counter=self._number,
            epoch=self._number // 4,
            probation=Probation(**(DOOMED if doomed else QUICK)),  # type: ignore[arg-type] # by name
        )

    def _check_disk(self, before: Ledger) -> None:
        """At any moment: the ledger can be read, and what it calls current is whole; the floor never sinks."""
        ledger = self._station.ledger()
        assert ledger.current != FACTORY
        self._station.store.version(ledger.current)
        assert ledger.epoch >= before.epoch

    def _check_end(self, past: Past, strikes: list[Strike], *, doomed: bool, case: str) -> None:
        lost = any(strike.victim == "worker" for strike in strikes)
        if past.outcome == "committed":
            assert not doomed, case
            assert not past.flagged, case
        else:
            assert past.outcome == "rolled-back", case
            assert doomed or (lost and "a worker was lost" in past.reason), case
            assert past.reason, case

    def _check_settled(self, before: Ledger, past: Past, case: str) -> None:
        station = self._station
        station.until(lambda: None if station.leftovers() else True)
        ledger = station.ledger()
        committed = past.outcome == "committed"
        current = past.digest if committed else before.current
        previous = before.current if committed else before.previous
        assert (ledger.current, ledger.previous) == (current, previous), case
        manifests = [station.store.version(digest).manifest for digest in (current, previous)]
        assert ledger.epoch == max(before.epoch, manifests[0].epoch), case
        for name, digest in (("current", current), ("previous", previous)):
            assert (station.root / name).readlink() == Path("versions", digest), case

    def _await_a_look(self, past: Past) -> None:
        """The model that is to look now does so, in a process that nobody kills any more."""
        station = self._station
        wanted = station.store.version(station.ledger().current).manifest.title
        assert past.outcome != "committed" or wanted == past.title
        station.await_model(wanted)

    def _check_looks(self, before: Ledger, past: Past, began_ns: int, case: str) -> None:
        station = self._station
        old = self._title(before.current) or self._title(station.ledger().current)
        models = {look.model for look in station.looks if look.at_ns > began_ns}
        assert models <= {old, past.title}, case
        gaps = station.gaps()
        worst = max(gaps, key=lambda gap: gap.seconds - gap.waited_s)
        assert worst.seconds - worst.waited_s < MOST_DARK_S, f"{worst}; {case}"
        self.gaps.append(max(gaps, key=lambda gap: gap.seconds))

    def _title(self, digest: str) -> str:
        kept = digest in self._station.store.versions()
        return self._station.store.version(digest).manifest.title if kept else ""


def lay_siege(folder: Path, kills: int) -> None:
    seed = random.SystemRandom().randrange(1 << 32)
    seed = int(os.environ.get("EDGED_SEED", seed))
    print(f"seed {seed}")
    began_s, over = time.monotonic(), threading.Event()
    sieges = [
        Siege(folder / f"station-{number}", seed + number, -(-kills // STATIONS), over)
        for number in range(STATIONS)
    ]
    with ThreadPoolExecutor(STATIONS) as threads:
        for done in [threads.submit(siege.run) for siege in sieges]:
            done.result()
    took_s = time.monotonic() - began_s
    strikes = [strike for siege in sieges for strike in siege.strikes]
    gaps = [gap for siege in sieges for gap in siege.gaps]
    print(
        f"{len(strikes)} kills in {took_s:.0f} s, {took_s / len(strikes):.2f} s each; nobody looked for "
        f"{spread([gap.seconds for gap in gaps])}; without the time in which there was no processor to be had, "
        f"for {spread([gap.seconds - gap.waited_s for gap in gaps])}"
    )
    print(f"victims {dict(Counter(strike.victim for strike in strikes))}")
    print(f"states {dict(Counter(strike.state or 'none in flight' for strike in strikes))}")
    print(f"outcomes {dict(sum((siege.outcomes for siege in sieges), Counter()))}")


def spread(seconds: list[float]) -> str:
    p50, p95, most = np.percentile(seconds, (50, 95, 100))
    return f"{p50:.2f} s (50 %), {p95:.2f} s (95 %), {most:.2f} s at most"


@pytest.mark.timeout(300 + 20 * KILLS)
def test_whoever_is_killed_in_an_installation_inference_goes_on(tmp_path: Path) -> None:
    lay_siege(tmp_path, KILLS)


@pytest.mark.campaign
@pytest.mark.timeout(20 * CAMPAIGN_KILLS)
def test_a_thousand_kills_in_installations(tmp_path: Path) -> None:
    lay_siege(tmp_path, CAMPAIGN_KILLS)
