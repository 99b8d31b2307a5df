"""Carries out model updates while the daemon runs: what comes next, and when; what is allowed, `edged.ota` says.

One thread, the supervisor's, calls every method. A bundle is fetched, verified and tried out by a child (`edged.updates.installer.main`), so
that neither the network, nor a hostile file, nor cryptography comes into this process; from the trial on it is this one that decides.
Nothing here stops inference: when the disk fails, the model that looks goes on, and updates wait.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from edged.backoff import Backoff
from edged.clock import NS_PER_S, Clock
from edged.config.settings import Settings
from edged.errors import StoreError, UpdateError, WorkerError
from edged.health import Conditions, Verdict
from edged.interfaces import Received
from edged.logs import fields
from edged.updates.bundle.manifest import Probation
from edged.updates.bundle.urls import shown
from edged.updates.installer.messages import Finished, Progress
from edged.updates.rules.ledger import FACTORY, Request
from edged.updates.rules.probation import Back, Baseline, Going, Keep
from edged.updates.service.channel import Channel
from edged.updates.service.control_messages import (
    Answer,
    Collect,
    Commit,
    Install,
    ModelStatus,
    Question,
    RollBack,
    Status,
)
from edged.updates.service.control_socket import Asked
from edged.updates.service.drop_folder import Drops
from edged.updates.service.fallback_order import Selection
from edged.updates.service.repository import Keeper
from edged.updates.service.status_payload import ModelReport
from edged.updates.service.trial_monitor import Surroundings, Trial
from edged.updates.store.lock import StoreLock
from edged.vision.active_model import Choice

_log = logging.getLogger(__name__)

LEAST_RETRY_S = 1.0
FIRST_RETRY_S = 2.0
LAST_RETRY_S = 300.0
SILENT_S = 180.0
"""An installer that says nothing for so long hangs: neither a server, nor the self-test of two variants takes that long."""
_STORE_RETRY_S = 5.0
_DROPS_S = 2.0


class Installation(Protocol):
    """A child that brings a bundle in; `edged.updates.installer.process.InstallProcess` is the real one."""

    def kill(self) -> None:
        """End it now, and wait until it has ended."""


StartInstall = Callable[[Settings, bytes], Installation]
"""Starts one; it is given the configuration, and what the channel said, or b"" to go on with the deployment in flight. Its end comes by `Updates.take`."""


@dataclass(frozen=True, slots=True)
class _RollBack:
    """The trial is over; `deny`: the model is to blame."""

    reason: str
    deny: bool


class Updates:
    """See the module."""

    def __init__(
        self,
        keeper: Keeper,
        *,
        lock: StoreLock,
        trial: Trial,
        drops: Drops,
        boot: str,
        conditions: Conditions,
        clock: Clock,
        start_install: StartInstall,
    ) -> None:
        """Read the store, and count this start.

        Args:
            keeper: of the store.
            lock: of the store; held from now on.
            trial: judges the model on trial.
            drops: the folder in which bundles appear.
            boot: id of this boot of the host.
            conditions: told of what is wrong.
            clock: for pauses.
            start_install: starts the child.
        """
        self._keeper = keeper
        self._lock = lock
        self._trial = trial
        self._drops = drops
        self._boot = boot
        self._conditions = conditions
        self._clock = clock
        self._start_install = start_install
        self._installation: Installation | None = None
        self._heard_ns = 0
        """When it was started, or last said something."""
        self._progress = 0.0
        self._backoff = Backoff(first_s=FIRST_RETRY_S, cap_s=LAST_RETRY_S)
        self._due_ns = 0
        """When the deployment in flight goes on."""
        self._drops_due_ns = 0
        self._tidy_due_ns: int | None = None
        """When the store is to be tidied; None if it is tidy."""
        self._store_due_ns: int | None = None
        """When the store is to be opened again; None if it is open."""
        self._channel = Channel(clock)
        self._reading = False
        """The child reads what the channel said."""
        self._selection = Selection(keeper)
        self._pending: _RollBack | None = None
        """The trial has failed, and that could not be written down yet."""
        self._kept = FACTORY
        self._since_ns = clock.monotonic_ns()
        """When the deployment in flight came into its state."""
        self._state = ""
        self._counted = False
        """This start has been counted in the ledger."""
        self.choice = Choice(model=keeper.settings.model)
        self._open()
        if not self._has_store:
            self._keeper.peek()
            self.choice = self._choose()

    # ---- What is asked and told ------------------------------------------------------------------------------------------

    def adopt(self, settings: Settings) -> Choice:
        """Go on with another configuration: the model to look with."""
        self._keeper.settings = settings
        self._selection.forget()
        self.choice = self._choose()
        return self.choice

    def take(self, item: Received | Asked | Progress | Finished) -> None:
        """Something has happened that concerns updates."""
        match item:
            case Received(payload=payload):
                self._channel.hear(payload)
            case Asked(question=question, answer=answer):
                answer(self.answer(question))
            case Progress():
                self._progress = item.fraction
                self._heard_ns = self._clock.monotonic_ns()
            case Finished(error=error) if self._installation:  # else it was killed as it said so
                self._finished(error)

    def answer(self, question: Question) -> Answer:
        """Do what somebody asks for."""
        before = self._keeper.ledger
        id_, error = "", ""
        removed: tuple[str, ...] = ()
        try:
            self._need_store()
            match question:
                case Install(request=request):
                    id_ = self._begin(request)
                case Commit():
                    id_ = self._commit("an operator committed it before its trial was over")
                case RollBack(reason=reason):
                    id_ = self._go_back(reason)
                case Collect():
                    removed = self._collect()
                case Status():
                    pass
        except UpdateError as refusal:
            error = str(refusal)
        return Answer(
            status=self.status(),
            error=error,
            changed=self._keeper.ledger != before or bool(removed),
            id=id_,
            removed=removed,
        )

    def status(self) -> ModelStatus:
        """How things are."""
        progress = self._trial.progress if self._on_trial else self._progress
        return self._keeper.status(daemon=True, looking=self._trial.looks_with, progress=progress)

    def report(self) -> ModelReport:
        """The same, and what only a running daemon knows."""
        return ModelReport(
            status=self.status(),
            kept=self._kept,
            since_ns=self._since_ns,
            channel=self._channel.state(self._keeper.settings.updates),
        )

    def _finished(self, error: str) -> None:
        """The child has ended; what it did stands in the ledger, and `error` says what does not."""
        self._installation = None
        self._progress = 0.0
        before = self._keeper.ledger
        try:
            self._keeper.refresh()
            if self._reading:
                self._note_channel(error)
            elif error and self._keeper.ledger.deployment:
                self._keeper.hinder(error)
        except StoreError as failure:
            self._lose_store(failure)
            return
        ledger = self._keeper.ledger
        self._channel.followed(ledger.sequence, ledger.refresh_h)
        self._after(ended=before.past[-1:] != ledger.past[-1:])
        if ledger.deployment and ledger.deployment.hindrance:
            pause_s = max(self._backoff.next_s(), LEAST_RETRY_S)
            self._due_ns = self._clock.monotonic_ns() + int(pause_s * NS_PER_S)
            hindrance = ledger.deployment.hindrance
            self._complain(f"{hindrance}; it is tried again in {pause_s:.0f} s")
        else:
            self._backoff.reset()
            self._conditions.clear("update")

    def _collect(self) -> tuple[str, ...]:
        if self._installation:
            raise UpdateError("a bundle is being brought in: try again when that is over")
        return self._keeper.tidy()

    def _note_channel(self, error: str) -> None:
        """What the channel said was read; `error` says why it is not followed."""
        self._reading = False
        if error:
            self._hold("channel", f"what the update channel said is not followed: {error}")
            self._channel.again(LAST_RETRY_S)
        else:
            self._conditions.clear("channel")

    # ---- What is due ------------------------------------------------------------------------------------------------------

    def tick(self, surroundings: Surroundings) -> Choice:
        """Do what is due: the model to look with."""
        now_ns = self._clock.monotonic_ns()
        if self._store_due_ns is not None and now_ns >= self._store_due_ns:
            self._open()
        self._watch_channel()
        self._trial.watch(surroundings)
        if self._trial.broken:
            self._give_up(self._trial.broken)
            self._trial.broken = ""
        self._watch_installation(now_ns)
        if self._has_store and self._installation is None:
            self._step(now_ns, surroundings)
        self._note_state(now_ns)
        return self.choice

    def _note_state(self, now_ns: int) -> None:
        deployment = self._keeper.ledger.deployment
        state = f"{deployment.id} {deployment.state}" if deployment else ""
        if state != self._state:
            self._state, self._since_ns = state, now_ns
            if deployment:
                _log.info("update %s: %s: %s", deployment.id, deployment.what, deployment.state)

    def stop(self) -> None:
        """The daemon is being ended properly."""
        if self._installation:
            self._installation.kill()
        try:
            self._keeper.rest()
        except StoreError as error:
            _log.warning("%s", error)

    def _step(self, now_ns: int, surroundings: Surroundings) -> None:
        deployment = self._keeper.ledger.deployment
        try:
            if deployment is None:
                self._look_for_work(now_ns)
            elif deployment.state == "trial":
                self._judge()
            elif deployment.state == "self-tested":
                if self._may_begin_trial(deployment.digest, surroundings):
                    self._keeper.begin_trial(self._boot, self._trial.baseline)
                    self._after(ended=False)
            elif now_ns >= self._due_ns:
                self._start(b"")
            if self._tidy_due_ns is not None and now_ns >= self._tidy_due_ns:
                self._tidy(now_ns)
        except StoreError as error:
            self._lose_store(error)

    def _may_begin_trial(self, digest: str, surroundings: Surroundings) -> bool:
        if self._keeper.pinned:
            return False
        try:
            probation = self._selection.checked(digest).probation
        except UpdateError:
            probation = Probation()  # what is wrong with it comes out as it is to look
        return self._trial.may_begin(surroundings, probation.baseline_s)

    def _look_for_work(self, now_ns: int) -> None:
        if self._keeper.pinned or self._keeper.settings.updates.trust is None:
            return
        if self._channel.waiting:
            self._start(self._channel.take())
        elif now_ns >= self._drops_due_ns:
            self._drops_due_ns = now_ns + int(_DROPS_S * NS_PER_S)
            dropped = self._drops.next()
            if dropped is not None:
                self._begin(Request(source=str(dropped), requested_by="spool"))

    def _start(self, desired: bytes) -> None:
        """Start the child: with the channel's word, or to go on with what is in flight."""
        self._reading = bool(desired)
        self._heard_ns = self._clock.monotonic_ns()
        try:
            self._installation = self._start_install(self._keeper.settings, desired)
        except WorkerError as error:
            self._finished(str(error))

    def _watch_installation(self, now_ns: int) -> None:
        if self._installation and now_ns - self._heard_ns > SILENT_S * NS_PER_S:
            self._installation.kill()
            self._finished(f"the installer made no progress for {SILENT_S:g} s, and was killed")

    def _begin(self, request: Request) -> str:
        id_ = self._keeper.begin(request)
        self._due_ns = 0
        self._backoff.reset()
        _log.info("update %s: %s", id_, shown(request.source), extra=fields(deployment=id_))
        return id_

    def _judge(self) -> None:
        if self._pending is not None:
            self._roll_back(self._pending)
            return
        match self._trial.judge():
            case Keep(flag=flag):
                self._commit(flag)
            case Back(reason=reason):
                self._roll_back(_RollBack(reason, deny=True))
            case Going():
                pass

    def _commit(self, flag: str) -> str:
        id_ = self._id_in_flight()
        self._keeper.commit(flag)
        self._after(ended=True)
        return id_

    def _go_back(self, reason: str) -> str:
        if self._keeper.ledger.deployment is None:
            id_ = self._keeper.go_back(reason)
            self._after(ended=True)
            return id_
        id_ = self._id_in_flight()
        if self._installation:
            self._installation.kill()
            self._installation = None
            self._keeper.refresh()
        self._roll_back(_RollBack(reason or "an operator called it off", deny=False))
        return id_

    def _roll_back(self, pending: _RollBack) -> None:
        """The old model looks again, even if that cannot be written down at once."""
        self._pending = pending
        try:
            self._keeper.roll_back(pending.reason, deny=pending.deny)
        except StoreError:
            self.choice = self._choose()
            raise
        self._pending = None
        self._after(ended=True)

    def _id_in_flight(self) -> str:
        deployment = self._keeper.ledger.deployment
        if deployment is None:
            raise UpdateError("no update is in flight")
        return deployment.id

    def _after(self, *, ended: bool) -> None:
        """The ledger has changed: look with what it says, and tell."""
        self.choice = self._choose()
        if not ended:
            return
        self._tidy_due_ns = 0
        past = self._keeper.ledger.past[-1]
        self._drops.done(past.source)
        level = logging.INFO if past.outcome == "committed" else logging.WARNING
        _log.log(
            level,
            "update %s: %s %s%s",
            *(past.id, past.title or past.source, past.outcome),
            f": {past.reason}" if past.reason else "",
            extra=fields(deployment=past.id, outcome=past.outcome),
        )

    # ---- Which model looks ------------------------------------------------------------------------------------------------

    @property
    def _on_trial(self) -> bool:
        deployment = self._keeper.ledger.deployment
        return deployment is not None and deployment.state == "trial"

    def _choose(self) -> Choice:
        """The model on trial with the committed one beside it, or that alone."""
        deployment = self._keeper.ledger.deployment
        old = self._old()
        if self._keeper.pinned or self._pending or deployment is None or not self._on_trial:
            self._trial.over()
            return old
        try:
            new = self._selection.checked(deployment.digest)
        except StoreError as error:
            self._lose_store(error)
            self._trial.over()
            return old
        except UpdateError as error:
            self._pending = _RollBack(str(error), deny=True)
            self._trial.over()
            return old
        exclusive = new.model.delegate is not None and new.model.delegate == old.model.delegate
        chosen = new if exclusive else replace(new, shadow=old.model)
        before = Baseline(fps=deployment.fps_before, frame_s_p95=deployment.frame_s_p95_before)
        self._trial.begin(chosen, before)
        return chosen

    def _give_up(self, reason: str) -> None:
        """The model that looks cannot be loaded, or takes its worker down again and again: the next one is to look."""
        if not self._on_trial:
            self._selection.give_up(self.choice.digest, reason)
            self.choice = self._choose()

    def _old(self) -> Choice:
        """The model that is kept, or the next best."""
        choice = replace(self._selection.kept(), goldens=None)  # passed once, in its trial
        self._kept = choice.digest
        if self._selection.trouble:
            self._hold("model.fallback", f"an older model looks instead: {self._selection.trouble}")
        else:
            self._conditions.clear("model.fallback")
        return choice

    # ---- The disk, and what is wrong --------------------------------------------------------------------------------------

    def _open(self) -> None:
        try:
            self._lock.take()
            self._keeper.open()
            past = self._keeper.ledger.past[-1:]
            if not self._counted:
                self._keeper.started(self._boot)
                self._counted = True
        except StoreError as error:
            self._lose_store(error)
            return
        self._store_due_ns = None
        self._tidy_due_ns = 0
        self._channel.followed(self._keeper.ledger.sequence, self._keeper.ledger.refresh_h)
        self._conditions.clear("update")
        self._after(ended=self._keeper.ledger.past[-1:] != past)

    @property
    def _has_store(self) -> bool:
        return self._store_due_ns is None

    def _need_store(self) -> None:
        if not self._has_store:
            self._open()
            if not self._has_store:
                raise StoreError("the model store's disk cannot be used: see up/health")

    def _lose_store(self, error: StoreError) -> None:
        self._store_due_ns = self._clock.monotonic_ns() + int(_STORE_RETRY_S * NS_PER_S)
        self._complain(f"{error}; updates wait until the disk can be used")

    def _tidy(self, now_ns: int) -> None:
        self._tidy_due_ns = now_ns + int(LAST_RETRY_S * NS_PER_S)
        self._keeper.tidy()
        self._tidy_due_ns = None

    def _watch_channel(self) -> None:
        state = self._channel.state(self._keeper.settings.updates)
        if state and state.stale:
            self._hold(
                "channel.stale",
                f"no news from the update channel for {state.age_s / 3600:.0f} h: somebody may be holding them back",
            )
        else:
            self._conditions.clear("channel.stale")

    def _complain(self, reason: str) -> None:
        self._hold("update", reason)

    def _hold(self, name: str, reason: str) -> None:
        now_ns = self._clock.monotonic_ns()
        if self._conditions.hold(name, reason, now_ns=now_ns, severity=Verdict.DEGRADED):
            _log.warning("%s: %s", name, reason, extra=fields(condition=name))
