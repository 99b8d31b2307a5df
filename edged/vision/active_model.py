"""The model that the vision workers run: which file, how it is run, and which model runs beside it."""

from dataclasses import dataclass
from pathlib import Path

from edged.config.settings import DetectSettings, ModelSettings
from edged.scene.filters import NO_SETTINGS


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveModel:
    """The active model, and its shadow while it is on trial.

    Attributes:
        settings: the model file, and how it is run.
        name: ``name@version``; None for the name in the file.
        recommended_filters: the filters that its maker recommends; the configuration takes precedence.
        goldens: its ``goldens.json``, on which a worker warms it; None if it has none.
        shadow: the model that runs beside it for comparison; None if it is not on trial.
        shadow_every: the shadow runs on every Nth frame of each camera.
        max_boxes: more boxes than this in one frame are a failure of the model.
        acceptances: file that remembers accepted models; a worker's start need not test those again. None to test in any case.
        sees_every_frame: it runs whether or not anything moves, because its rate is measured: in a trial and before one.
    """

    settings: ModelSettings
    name: str | None = None
    recommended_filters: DetectSettings = NO_SETTINGS
    goldens: Path | None = None
    shadow: ModelSettings | None = None
    shadow_every: int = 10
    max_boxes: int = 80
    acceptances: Path | None = None
    sees_every_frame: bool = False
