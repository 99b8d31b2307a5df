"""Which model looks, and what is known of it: what the update rules decide, and the workers are told."""

from dataclasses import dataclass, field
from pathlib import Path

from edged.config.settings import DetectSettings, LabelFilter, ModelSettings
from edged.scene.filters import NO_SETTINGS
from edged.updates.bundle.manifest import Budgets, Probation, Thresholds
from edged.updates.rules.ledger import FACTORY


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveModel:
    """See the module.

    Attributes:
        settings: the file, and how it is run.
        name: ``name@version``; "" to take what the file says.
        digest: of its bundle; `FACTORY` for one that is none.
        recommended_filters: its maker's filters; they stand where the configuration says nothing.
        goldens: its ``goldens.json``, on which it is warmed; None if it has none.
        shadow: the old model, while this one is on trial.
        probation: how the trial compares the two.
        budgets: what it may take.
    """

    settings: ModelSettings
    name: str = ""
    digest: str = FACTORY
    recommended_filters: DetectSettings = NO_SETTINGS
    goldens: Path | None = None
    shadow: ModelSettings | None = None
    probation: Probation = field(default_factory=Probation)
    budgets: Budgets = field(default_factory=Budgets)


def make_recommended_filters(thresholds: Thresholds) -> DetectSettings:
    """A bundle's thresholds as filters."""
    labels = {label: LabelFilter(threshold=score) for label, score in thresholds.labels.items()}
    return DetectSettings(threshold=thresholds.threshold, label=labels)
