"""A store as a user sees it, in a few lines that share nothing with the rules: what the model test compares it with."""

from dataclasses import dataclass, replace

from edged.updates.rules.deployment import MOST_BOOTS, MOST_DEATHS, MOST_TRANSITIONS
from edged.updates.rules.ledger import FACTORY, Ledger
from support.sequences import SHELF

STATES = ("fetching", "staged", "verified", "self-tested", "trial")


@dataclass(frozen=True)
class Underway:
    """A model on its way in."""

    source: str
    state: str = "fetching"
    transitions: int = 1
    deaths: int = 0
    boots: int = 0


@dataclass(frozen=True)
class Expected:
    """What is in use, what is on its way in, what has failed."""

    current: str = FACTORY
    previous: str = FACTORY
    epoch: int = 0
    denied: frozenset[str] = frozenset()
    underway: Underway | None = None

    def begun(self, source: str) -> "Expected":
        return replace(self, underway=Underway(source))

    def stepped(self) -> "Expected":
        assert self.underway
        new, state = SHELF[self.underway.source], self.underway.state
        if state == "staged" and (new.manifest.epoch < self.epoch or new.digest in self.denied):
            return self.ended()
        if (state, new.fails) in {("verified", "self-test"), ("trial", "trial")}:
            return self.ended(new.digest)
        if state != "trial":
            return self.moved(STATES[STATES.index(state) + 1])
        previous = self.previous if new.digest == self.current else self.current
        return replace(
            self, current=new.digest, previous=previous, epoch=new.manifest.epoch, underway=None
        )

    def moved(self, state: str, *, deaths: int = 0, boots: int = 0) -> "Expected":
        assert self.underway
        if self.underway.transitions == MOST_TRANSITIONS:
            trial = self.underway.state == "trial"
            return self.ended(SHELF[self.underway.source].digest if trial else "")
        underway = replace(
            self.underway,
            state=state,
            transitions=self.underway.transitions + 1,
            deaths=deaths,
            boots=boots,
        )
        if deaths == MOST_DEATHS or boots == MOST_BOOTS:
            return self.ended(SHELF[underway.source].digest)
        return replace(self, underway=underway)

    def ended(self, denied: str = "") -> "Expected":
        return replace(self, underway=None, denied=self.denied | ({denied} - {""}))

    def started(self, *, booted: bool) -> "Expected":
        if self.underway is None:
            return self
        if self.underway.state != "trial":
            return self.moved(self.underway.state)
        deaths, boots = self.underway.deaths + (not booted), self.underway.boots + booted
        return self.moved("trial", deaths=deaths, boots=boots)

    def gone_back(self) -> "Expected":
        return replace(self, current=self.previous, previous=FACTORY)


def seen(ledger: Ledger) -> Expected:
    """The same of a ledger."""
    going = ledger.deployment
    underway = (
        None
        if going is None
        else Underway(
            going.request.source, going.state, going.transitions, going.deaths, going.boots
        )
    )
    return Expected(
        current=ledger.current,
        previous=ledger.previous,
        epoch=ledger.epoch,
        denied=frozenset(ledger.denied),
        underway=underway,
    )
