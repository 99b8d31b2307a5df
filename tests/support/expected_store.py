"""The expected state of a store, in a few lines that share no code with the rules: the state machine test compares the store with it."""

from dataclasses import dataclass, replace

from edged.updates.rules.deployment import MAX_CRASHES, MAX_REBOOTS, MAX_TRANSITIONS
from edged.updates.rules.ledger import FACTORY, Ledger
from support.store_sequences import VERSIONS_BY_SOURCE

DEPLOYMENT_STATES = ("fetching", "staged", "verified", "self-tested", "trial")


@dataclass(frozen=True)
class ExpectedDeployment:
    """A deployment in flight."""

    source: str
    state: str = "fetching"
    transitions: int = 1
    deaths: int = 0
    boots: int = 0


@dataclass(frozen=True)
class ExpectedStore:
    """Versions, deployment in flight and denied versions."""

    current: str = FACTORY
    previous: str = FACTORY
    epoch: int = 0
    denied: frozenset[str] = frozenset()
    deployment: ExpectedDeployment | None = None

    def after_begin(self, source: str) -> "ExpectedStore":
        return replace(self, deployment=ExpectedDeployment(source))

    def after_step(self) -> "ExpectedStore":
        assert self.deployment
        new, state = VERSIONS_BY_SOURCE[self.deployment.source], self.deployment.state
        if state == "staged" and (new.manifest.epoch < self.epoch or new.digest in self.denied):
            return self.after_end()
        if (state, new.fails_at) in {("verified", "self-test"), ("trial", "trial")}:
            return self.after_end(new.digest)
        if state != "trial":
            return self.after_transition(DEPLOYMENT_STATES[DEPLOYMENT_STATES.index(state) + 1])
        previous = self.previous if new.digest == self.current else self.current
        return replace(
            self, current=new.digest, previous=previous, epoch=new.manifest.epoch, deployment=None
        )

    def after_transition(self, state: str, *, deaths: int = 0, boots: int = 0) -> "ExpectedStore":
        assert self.deployment
        if self.deployment.transitions == MAX_TRANSITIONS:
            return self.after_end()
        underway = replace(
            self.deployment,
            state=state,
            transitions=self.deployment.transitions + 1,
            deaths=deaths,
            boots=boots,
        )
        if deaths == MAX_CRASHES or boots == MAX_REBOOTS:
            return self.after_end()
        return replace(self, deployment=underway)

    def after_end(self, denied: str = "") -> "ExpectedStore":
        return replace(self, deployment=None, denied=self.denied | ({denied} - {""}))

    def after_start(self, *, booted: bool) -> "ExpectedStore":
        if self.deployment is None:
            return self
        if self.deployment.state != "trial":
            return self.after_transition(self.deployment.state)
        deaths, boots = self.deployment.deaths + (not booted), self.deployment.boots + booted
        return self.after_transition("trial", deaths=deaths, boots=boots)

    def after_rollback(self) -> "ExpectedStore":
        return replace(self, current=self.previous, previous=FACTORY)


def expected_from(ledger: Ledger) -> ExpectedStore:
    """Return the state that a ledger has."""
    going = ledger.deployment
    underway = (
        None
        if going is None
        else ExpectedDeployment(
            going.request.source, going.state, going.transitions, going.deaths, going.boots
        )
    )
    return ExpectedStore(
        current=ledger.current,
        previous=ledger.previous,
        epoch=ledger.epoch,
        denied=frozenset(ledger.denied),
        deployment=underway,
    )
