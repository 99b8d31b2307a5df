"""Changes the model while the cameras go on.

Each `ModelSwitcher.step`, between two frames, takes one step towards the newest plan::

    a plan ─▶ its model is loaded? ──yes──▶ switch: `ModelReady` ─▶ its shadow is loaded ─▶ the trial begins
                     │ no                      ▲
                     ▼                         │ success
              a thread loads it, ──────────────┘
              the old one stays active ──failure──▶ `PlanDeclined`, and the old one stays

So the loop never waits for a model, and only the switch itself falls between two frames. The exception is a device that only one model can hold: the old
model is closed first, and no model is active until the new one is loaded. If that fails, the old one is loaded again, and only then is the plan declined.
The supervisor is told when loading begins and ends (`ModelLoading`): a delegate that opens or closes its device can silence the whole worker.

A plan that is superseded by a newer one gets no answer. A plan with the number of the active one changes other settings, not the model: it takes effect at
once, without an answer. A shadow that cannot be loaded is no reason to decline: the candidate is active without a comparison, which is logged.
"""

import logging
from collections.abc import Callable

from edged.clock import NS_PER_S
from edged.config.settings import ModelSettings
from edged.errors import ModelError, WorkerError
from edged.vision.messages import ModelLoading, PlanDeclined, WorkerPlan
from edged.vision.trial_messages import MAX_REASON_CHARS
from edged.vision.worker.faults import classify_load_error
from edged.vision.worker.loading import (
    LoadedModel,
    LoadResult,
    ModelLoader,
    load_and_test,
    make_ready_message,
)
from edged.vision.worker.plans import (
    PlanMailbox,
    describe_mismatch,
    needs_same_device,
    shadow_of,
    uses_model,
)
from edged.vision.worker.runners import ModelRunner, SingleModelRunner, WorkerContext
from edged.vision.worker.trial_runner import TrialRunner

_log = logging.getLogger(__name__)


class ModelSwitcher:
    """The loaded models and the active one; used by one thread, apart from its mailbox and its loader."""

    def __init__(
        self, initial_plan: WorkerPlan, *, mailbox: PlanMailbox, context: WorkerContext
    ) -> None:
        """Load nothing yet: `load_initial_model` does.

        Args:
            initial_plan: the job's.
            mailbox: holds later plans.
            context: the rest of the worker.
        """
        self._mailbox = mailbox
        self._context = context
        self._loader = ModelLoader()
        self._active_plan = initial_plan
        """The plan that is carried out; in a gap, the one to return to."""
        self._pending_plan: WorkerPlan | None = None
        """A newer plan that is not carried out yet."""
        self._deferred_decline: PlanDeclined | None = None
        """Sent once the old model is active again."""
        self._has_shadow_failed = False
        self._gap_since_ns: int | None = None
        self._loaded_models: list[LoadedModel] = []
        self._is_settled = False
        """True if only a plan or a loaded model gives `step` something to do."""
        self.runner: ModelRunner | None = None
        """Runs inference; None while no model is active, because a device changes hands."""

    @property
    def has_work(self) -> bool:
        """True if `step` may have something to do."""
        return not (self._is_settled and self._mailbox.is_empty) or self._loader.has_result

    @property
    def is_loading(self) -> bool:
        """True while a thread loads a model."""
        return self._loader.is_busy

    def load_initial_model(self) -> None:
        """Load the first plan's model and activate it; its shadow follows in the background.

        Raises:
            ModelError: the model cannot be loaded, or fails its test.
            DelegateError: the delegate cannot be loaded, or its device is absent.
            InvokeError: the runtime or the delegate's device failed.
            RegistryError: no such runtime or family, or the runtime is not installed.
            WorkerError: the plan does not match the job's cameras.
        """
        plan = self._active_plan
        if mismatch := describe_mismatch(plan, len(self._context.camera_indices)):
            raise WorkerError(mismatch)
        self._context.apply_camera_plans(plan)
        model = load_and_test(plan.model, plan.goldens, plan.acceptances)
        self._loaded_models = [model]
        self.runner = SingleModelRunner(plan, model, self._context)
        self._context.send(make_ready_message(plan, model, gap_ns=0))

    def step(self) -> None:
        """Take the next step towards the newest plan, if there is one to take.

        Raises:
            ModelError: a model that had to be closed for the new one cannot be loaded again.
            DelegateError: the same, because of its delegate.
            InvokeError: the same, because of its runtime.
            RegistryError: the same, because its runtime is gone.
        """
        self._receive_plan()
        result = self._loader.take_result()
        if result is not None:
            self._announce_loading(is_loading=False)
            self._process_load_result(result)
        if self._pending_plan is not None:
            self._advance_plan(self._pending_plan)
        else:
            self._advance_shadow()
        self._is_settled = self._loader.is_busy or self._pending_plan is None

    def wait(self, timeout_s: float) -> None:
        """Wait for a model that is being loaded, for `timeout_s` seconds at most."""
        self._loader.wait(timeout_s)

    def close(self) -> None:
        """Free the models; one that is being loaded stays with its thread."""
        self.runner = None
        self._close_unless(lambda _: False)

    def _receive_plan(self) -> None:
        newest = self._mailbox.take()
        if newest is None:
            return
        if mismatch := describe_mismatch(newest, len(self._context.camera_indices)):
            self._context.send(PlanDeclined(plan=newest.number, kind="internal", reason=mismatch))
            return
        self._context.apply_camera_plans(newest)
        if newest.number == self._active_plan.number and self._pending_plan is None:
            self._adopt_settings(newest)
        else:
            self._pending_plan, self._deferred_decline = newest, None

    def _adopt_settings(self, plan: WorkerPlan) -> None:
        """Go on with the active model, and with what else the plan changes."""
        self._active_plan = plan
        active = self._find_loaded(plan.model)
        if active is not None and self.runner is not None:
            self.runner = SingleModelRunner(plan, active, self._context)
            self._advance_shadow()

    def _process_load_result(self, result: LoadResult) -> None:
        """Keep the model that was loaded, or react to the failure."""
        pending, model = self._pending_plan, result.settings
        if result.loaded_model is not None:
            if uses_model(pending or self._active_plan, model):
                self._loaded_models.append(result.loaded_model)
            else:
                result.loaded_model.close()  # superseded
        elif pending is not None and pending.model == model:
            self._decline_plan(pending, result)
        elif self.runner is not None and model == shadow_of(self._active_plan):
            self._has_shadow_failed = True
            _log.warning("the trial goes on without a comparison: %s", result.error)

    def _decline_plan(self, plan: WorkerPlan, result: LoadResult) -> None:
        """Keep the old model; if it had to be closed, load it again first."""
        error = result.error or ModelError("the model was not loaded")
        if self.runner is None and plan is self._active_plan:
            raise error  # the old model cannot be loaded again either
        kind, reason = classify_load_error(error), str(error)[:MAX_REASON_CHARS]
        declined = PlanDeclined(plan=plan.number, kind=kind, reason=reason)
        if self.runner is not None:
            self._pending_plan = None
            self._context.send(declined)
        else:
            self._pending_plan, self._deferred_decline = self._active_plan, declined

    def _advance_plan(self, plan: WorkerPlan) -> None:
        loaded = self._find_loaded(plan.model)
        if loaded is not None:
            self._switch_to(plan, loaded)
        elif not self._loader.is_busy:
            self._free_device(plan.model)
            self._announce_loading(is_loading=True)
            self._loader.start(plan.model, plan.goldens)

    def _advance_shadow(self) -> None:
        shadow, active = shadow_of(self._active_plan), self._find_loaded(self._active_plan.model)
        if shadow is None or active is None or isinstance(self.runner, TrialRunner):
            return
        if (loaded := self._find_loaded(shadow)) is not None:
            self.runner = TrialRunner(self._active_plan, active, loaded, self._context)
        elif not (self._loader.is_busy or self._has_shadow_failed):
            self._announce_loading(is_loading=True)
            self._loader.start(shadow, None)

    def _announce_loading(self, *, is_loading: bool) -> None:
        self._context.send(ModelLoading(is_loading=is_loading))

    def _free_device(self, model: ModelSettings) -> None:
        """Close the models that hold the device that a model needs; if the active one is among them, none is active from here on."""
        blocking = [one for one in self._loaded_models if needs_same_device(one.settings, model)]
        if not blocking:
            return
        active = self._find_loaded(self._active_plan.model)
        if active in blocking:
            self.runner, self._gap_since_ns = None, self._context.clock.monotonic_ns()
        elif active is not None:
            self.runner = SingleModelRunner(self._active_plan, active, self._context)
        self._close_unless(lambda loaded: loaded not in blocking)

    def _switch_to(self, plan: WorkerPlan, loaded_model: LoadedModel) -> None:
        now_ns = self._context.clock.monotonic_ns
        began_ns = self._gap_since_ns or now_ns()
        self._active_plan, self._pending_plan, self._gap_since_ns = plan, None, None
        self._has_shadow_failed = False
        self.runner = SingleModelRunner(plan, loaded_model, self._context)
        self._context.selection.reset()
        self._close_unless(lambda loaded: uses_model(plan, loaded.settings))
        self._advance_shadow()  # one that is loaded runs from the first frame on
        gap_ns = now_ns() - began_ns
        declined, self._deferred_decline = self._deferred_decline, None
        if declined is None:
            self._context.send(make_ready_message(plan, loaded_model, gap_ns=gap_ns))
        else:
            _log.warning("the old model is active again, after %.2f s without", gap_ns / NS_PER_S)
            self._context.send(declined)

    def _find_loaded(self, model: ModelSettings) -> LoadedModel | None:
        return next((loaded for loaded in self._loaded_models if loaded.settings == model), None)

    def _close_unless(self, keep: Callable[[LoadedModel], bool]) -> None:
        closed = [loaded for loaded in self._loaded_models if not keep(loaded)]
        self._loaded_models = [loaded for loaded in self._loaded_models if keep(loaded)]
        if is_slow := any(loaded.settings.delegate is not None for loaded in closed):
            self._announce_loading(is_loading=True)
        for loaded in closed:
            loaded.close()
        if is_slow:
            self._announce_loading(is_loading=self._loader.is_busy)
