"""Changes the model under cameras that go on.

The newest plan says what is wanted; each `ModelSwitcher.turn`, between two frames, takes one step towards it::

    a plan ─▶ its model is loaded? ──yes──▶ switch: `ModelReady` ─▶ its shadow is loaded ─▶ the trial begins
                     │ no                      ▲
                     ▼                         │ it went well
              a thread loads it, ──────────────┘
              the old one looks ──it failed──▶ `PlanDeclined`, all goes on as before

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
from edged.vision.messages import ModelReady, PlanDeclined, WorkerPlan
from edged.vision.worker.loading import LoadedModel, LoadResult, ModelLoader, load_and_test
from edged.vision.worker.plans import PlanMailbox, needs_same_device, shadow_of, uses_model
from edged.vision.worker.runners import ModelRunner, SingleModelRunner, TrialRunner, WorkerContext

_log = logging.getLogger(__name__)

_MAX_REASON_CHARS = 4096


class ModelSwitcher:
    """The models that are loaded, and who looks; one thread's, but for the box and the loader."""

    def __init__(
        self,
        initial_plan: WorkerPlan,
        *,
        mailbox: PlanMailbox,
        context: WorkerContext,
        clock: Clock,
    ) -> None:
        """Load the first plan's model, here and now; its shadow follows in the background.

        Raises:
            EdgedError: what `load_and_try` raises, or the plan does not fit the cameras.
        """
        if fault := _describe_mismatch(initial_plan, context):
            raise WorkerError(fault)
        self._mailbox = mailbox
        self._context = context
        self._clock = clock
        self._loader = ModelLoader()
        self._active_plan = initial_plan
        """The one that is carried out; in a gap, the one to go back to."""
        self._pending_plan: WorkerPlan | None = None
        """A newer one that is not carried out yet."""
        self._deferred_decline: PlanDeclined | None = None
        """To be said when the old model looks again."""
        self._has_shadow_failed = False
        self._gap_since_ns: int | None = None
        looking = load_and_test(initial_plan.model, initial_plan.goldens)
        self._loaded_models = [looking]
        self.runner: ModelRunner | None = SingleModelRunner(initial_plan, looking, context)
        """Who looks; None while nobody can, because a device changes hands."""
        self._context.send(_make_ready_message(initial_plan, looking, gap_ns=0))

    @property
    def is_loading(self) -> bool:
        """Whether a thread is busy with a model."""
        return self._loader.is_busy

    def step(self) -> None:
        """Take the next step towards the newest plan, if there is one to take.

        Raises:
            EdgedError: a model that had to be closed for the new one could not be loaded again.
        """
        self._receive_plan()
        outcome = self._loader.take_result()
        if outcome is not None:
            self._process_load_result(outcome)
        if self._pending_plan is not None:
            self._advance_plan(self._pending_plan)
        else:
            self._advance_shadow()

    def wait(self, timeout_s: float) -> None:
        """Where nobody looks: until there is something to do, or the time is up."""
        self._loader.wait(timeout_s)

    def close(self) -> None:
        """Free the models; one that is being loaded stays with its thread."""
        self.runner = None
        self._close_unless(lambda _: False)

    def _receive_plan(self) -> None:
        newest = self._mailbox.take()
        if newest is None:
            return
        if fault := _describe_mismatch(newest, self._context):
            self._context.send(PlanDeclined(plan=newest.number, reason=fault))
            return
        self._pending_plan, self._deferred_decline = newest, None

    def _process_load_result(self, result: LoadResult) -> None:
        """Take over what was loaded, or what became of it."""
        wanted, model = self._pending_plan, result.settings
        if result.loaded is not None:
            if uses_model(wanted or self._active_plan, model):
                self._loaded_models.append(result.loaded)
            else:
                result.loaded.close()  # overtaken
        elif wanted is not None and wanted.model == model:
            self._decline_plan(wanted, result)
        elif self.runner is not None and model == shadow_of(self._active_plan):
            self._has_shadow_failed = True
            _log.warning("nothing to compare the model on trial with: %s", result.error)

    def _decline_plan(self, plan: WorkerPlan, result: LoadResult) -> None:
        """Go on as before; in a gap that takes another loading."""
        error = result.error or ModelError("it was not loaded")
        if self.runner is not None:
            self._pending_plan = None
            self._context.send(
                PlanDeclined(plan=plan.number, reason=str(error)[:_MAX_REASON_CHARS])
            )
        elif plan is self._active_plan:
            raise error  # the old model does not come back either
        else:
            self._deferred_decline = PlanDeclined(
                plan=plan.number, reason=str(error)[:_MAX_REASON_CHARS]
            )
            self._pending_plan = self._active_plan

    def _advance_plan(self, plan: WorkerPlan) -> None:
        loaded = self._find_loaded(plan.model)
        if loaded is not None:
            self._switch_to(plan, loaded)
        elif not self._loader.is_busy:
            self._free_device(plan.model)
            self._loader.start(plan.model, plan.goldens)

    def _advance_shadow(self) -> None:
        shadow, looking = shadow_of(self._active_plan), self._find_loaded(self._active_plan.model)
        if shadow is None or looking is None or isinstance(self.runner, TrialRunner):
            return
        loaded = self._find_loaded(shadow)
        if loaded is not None:
            self.runner = TrialRunner(self._active_plan, looking, loaded, self._context)
        elif not (self._loader.is_busy or self._has_shadow_failed):
            self._loader.start(shadow, None)

    def _free_device(self, model: ModelSettings) -> None:
        """Close whoever has the device that a model needs; if that is the one who looks, nobody does from here on."""
        in_the_way = [
            loaded for loaded in self._loaded_models if needs_same_device(loaded.settings, model)
        ]
        if not in_the_way:
            return
        looking = self._find_loaded(self._active_plan.model)
        if looking in in_the_way:
            self.runner, self._gap_since_ns = None, self._clock.monotonic_ns()
        elif looking is not None:
            self.runner = SingleModelRunner(self._active_plan, looking, self._context)
        self._close_unless(lambda loaded: loaded not in in_the_way)

    def _switch_to(self, plan: WorkerPlan, loaded_model: LoadedModel) -> None:
        began_ns = self._gap_since_ns or self._clock.monotonic_ns()
        self._active_plan, self._pending_plan, self._gap_since_ns = plan, None, None
        self._has_shadow_failed = False
        self.runner = SingleModelRunner(plan, loaded_model, self._context)
        self._close_unless(lambda loaded: uses_model(plan, loaded.settings))
        self._advance_shadow()  # one that is loaded sees the first frame already
        gap_ns = self._clock.monotonic_ns() - began_ns
        declined, self._deferred_decline = self._deferred_decline, None
        if declined is None:
            self._context.send(_make_ready_message(plan, loaded_model, gap_ns=gap_ns))
        else:
            _log.warning("the old model is back; nobody looked for %.2f s", gap_ns / NS_PER_S)
            self._context.send(declined)

    def _find_loaded(self, model: ModelSettings) -> LoadedModel | None:
        return next((loaded for loaded in self._loaded_models if loaded.settings == model), None)

    def _close_unless(self, keep: Callable[[LoadedModel], bool]) -> None:
        for loaded in self._loaded_models:
            if not keep(loaded):
                loaded.close()
        self._loaded_models = [loaded for loaded in self._loaded_models if keep(loaded)]


def _describe_mismatch(plan: WorkerPlan, context: WorkerContext) -> str:
    """Why no model at all could carry a plan out; "" if one could."""
    scores, cameras = len(plan.min_scores), len(context.camera_indices)
    return "" if scores == cameras else f"the plan has {scores} least scores for {cameras} cameras"


def _make_ready_message(plan: WorkerPlan, loaded_model: LoadedModel, *, gap_ns: int) -> ModelReady:
    model = loaded_model.model
    spec = model.family.input
    return ModelReady(
        plan=plan.number,
        gap_ns=gap_ns,
        model_name=plan.name or model.name,
        sha256=loaded_model.sha256,
        family=model.family.name,
        runtime=model.interpreter.runtime,
        delegate=model.interpreter.delegate or "",
        input_width=spec.width,
        input_height=spec.height,
        labels=loaded_model.labels,
    )
