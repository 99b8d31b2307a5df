"""Changes the model under cameras that go on.

The newest plan says what is wanted; each `Swap.turn`, between two frames, takes one step towards it::

    a plan ─▶ its model is loaded? ──yes──▶ switch: `Ready` ─▶ its shadow is loaded ─▶ the trial begins
                     │ no                      ▲
                     ▼                         │ it went well
              a thread loads it, ──────────────┘
              the old one looks ──it failed──▶ `Declined`, all goes on as before

So the loop never waits for a model, and nothing but the switch itself falls between two frames. A device that only one model
can hold makes the exception: the old model is closed first, and nobody looks until the new one is loaded. If that fails,
the old one is loaded again, and only then is the plan declined.

A plan that is overtaken by a newer one is not answered. A shadow that cannot be loaded is no reason to decline: the new model is
well, and looks; there is only nothing to compare it with, which is logged.
"""

import logging
from collections.abc import Callable

from edged.clock import NS_PER_S, Clock
from edged.config.settings import ModelSettings
from edged.errors import ModelError, WorkerError
from edged.vision.messages import Declined, Plan, Ready
from edged.vision.worker.loading import Loaded, Loader, Outcome, load_and_try
from edged.vision.worker.plans import PlanBox, names, shadow_of, share_a_device
from edged.vision.worker.runners import Alone, Observer, Scope, Trial

_log = logging.getLogger(__name__)

_MOST_WORDS = 4096


class Swap:
    """The models that are loaded, and who looks; one thread's, but for the box and the loader."""

    def __init__(self, first: Plan, *, plans: PlanBox, scope: Scope, clock: Clock) -> None:
        """Load the first plan's model, here and now; its shadow follows in the background.

        Raises:
            EdgedError: what `load_and_try` raises, or the plan does not fit the cameras.
        """
        if fault := _misfit(first, scope):
            raise WorkerError(fault)
        self._plans = plans
        self._scope = scope
        self._clock = clock
        self._loader = Loader()
        self._plan = first
        """The one that is carried out; in a gap, the one to go back to."""
        self._wanted: Plan | None = None
        """A newer one that is not carried out yet."""
        self._declined: Declined | None = None
        """To be said when the old model looks again."""
        self._shadow_failed = False
        self._dark_since_ns: int | None = None
        looking = load_and_try(first.model, first.goldens)
        self._loaded = [looking]
        self.observer: Observer | None = Alone(first, looking, scope)
        """Who looks; None while nobody can, because a device changes hands."""
        self._scope.say(_introduce(first, looking, gap_ns=0))

    @property
    def loading(self) -> bool:
        """Whether a thread is busy with a model."""
        return self._loader.busy

    def turn(self) -> None:
        """Take the next step towards the newest plan, if there is one to take.

        Raises:
            EdgedError: a model that had to be closed for the new one could not be loaded again.
        """
        self._take_plan()
        outcome = self._loader.take()
        if outcome is not None:
            self._settle(outcome)
        if self._wanted is not None:
            self._pursue(self._wanted)
        else:
            self._pursue_shadow()

    def wait(self, timeout_s: float) -> None:
        """Where nobody looks: until there is something to do, or the time is up."""
        self._loader.wait(timeout_s)

    def close(self) -> None:
        """Free the models; one that is being loaded stays with its thread."""
        self.observer = None
        self._close_unless(lambda _: False)

    def _take_plan(self) -> None:
        newest = self._plans.take()
        if newest is None:
            return
        if fault := _misfit(newest, self._scope):
            self._scope.say(Declined(plan=newest.number, reason=fault))
            return
        self._wanted, self._declined = newest, None

    def _settle(self, outcome: Outcome) -> None:
        """Take over what was loaded, or what became of it."""
        wanted, model = self._wanted, outcome.settings
        if outcome.loaded is not None:
            if names(wanted or self._plan, model):
                self._loaded.append(outcome.loaded)
            else:
                outcome.loaded.close()  # overtaken
        elif wanted is not None and wanted.model == model:
            self._decline(wanted, outcome)
        elif self.observer is not None and model == shadow_of(self._plan):
            self._shadow_failed = True
            _log.warning("nothing to compare the model on trial with: %s", outcome.error)

    def _decline(self, plan: Plan, outcome: Outcome) -> None:
        """Go on as before; in a gap that takes another loading."""
        error = outcome.error or ModelError("it was not loaded")
        if self.observer is not None:
            self._wanted = None
            self._scope.say(Declined(plan=plan.number, reason=str(error)[:_MOST_WORDS]))
        elif plan is self._plan:
            raise error  # the old model does not come back either
        else:
            self._declined = Declined(plan=plan.number, reason=str(error)[:_MOST_WORDS])
            self._wanted = self._plan

    def _pursue(self, plan: Plan) -> None:
        loaded = self._find(plan.model)
        if loaded is not None:
            self._switch(plan, loaded)
        elif not self._loader.busy:
            self._make_way(plan.model)
            self._loader.start(plan.model, plan.goldens)

    def _pursue_shadow(self) -> None:
        shadow, looking = shadow_of(self._plan), self._find(self._plan.model)
        if shadow is None or looking is None or isinstance(self.observer, Trial):
            return
        loaded = self._find(shadow)
        if loaded is not None:
            self.observer = Trial(self._plan, looking, loaded, self._scope)
        elif not (self._loader.busy or self._shadow_failed):
            self._loader.start(shadow, None)

    def _make_way(self, model: ModelSettings) -> None:
        """Close whoever has the device that a model needs; if that is the one who looks, nobody does from here on."""
        in_the_way = [loaded for loaded in self._loaded if share_a_device(loaded.settings, model)]
        if not in_the_way:
            return
        looking = self._find(self._plan.model)
        if looking in in_the_way:
            self.observer, self._dark_since_ns = None, self._clock.monotonic_ns()
        elif looking is not None:
            self.observer = Alone(self._plan, looking, self._scope)
        self._close_unless(lambda loaded: loaded not in in_the_way)

    def _switch(self, plan: Plan, looking: Loaded) -> None:
        began_ns = self._dark_since_ns or self._clock.monotonic_ns()
        self._plan, self._wanted, self._dark_since_ns = plan, None, None
        self._shadow_failed = False
        self.observer = Alone(plan, looking, self._scope)
        self._close_unless(lambda loaded: names(plan, loaded.settings))
        self._pursue_shadow()  # one that is loaded sees the first frame already
        gap_ns = self._clock.monotonic_ns() - began_ns
        declined, self._declined = self._declined, None
        if declined is None:
            self._scope.say(_introduce(plan, looking, gap_ns=gap_ns))
        else:
            _log.warning("the old model is back; nobody looked for %.2f s", gap_ns / NS_PER_S)
            self._scope.say(declined)

    def _find(self, model: ModelSettings) -> Loaded | None:
        return next((loaded for loaded in self._loaded if loaded.settings == model), None)

    def _close_unless(self, keep: Callable[[Loaded], bool]) -> None:
        for loaded in self._loaded:
            if not keep(loaded):
                loaded.close()
        self._loaded = [loaded for loaded in self._loaded if keep(loaded)]


def _misfit(plan: Plan, scope: Scope) -> str:
    """Why no model at all could carry a plan out; "" if one could."""
    scores, cameras = len(plan.min_scores), len(scope.cameras)
    return "" if scores == cameras else f"the plan has {scores} least scores for {cameras} cameras"


def _introduce(plan: Plan, looking: Loaded, *, gap_ns: int) -> Ready:
    model = looking.model
    spec = model.family.input
    return Ready(
        plan=plan.number,
        gap_ns=gap_ns,
        model=plan.name or model.name,
        sha256=looking.sha256,
        family=model.family.name,
        runtime=model.interpreter.runtime,
        delegate=model.interpreter.delegate,
        input_width=spec.width,
        input_height=spec.height,
        labels=looking.labels,
    )
