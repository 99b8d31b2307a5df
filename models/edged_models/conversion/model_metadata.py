"""The part of a model file's metadata that the daemon reads."""

from dataclasses import dataclass, fields, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelMetadata:
    """Metadata of a model; missing fields are None or ().

    Attributes:
        name: name of the model.
        version: version of the model.
        description: a sentence about the model.
        author: author of the model.
        licence: SPDX identifier, or free text.
        mean: mean of the normalisation ``(pixel - mean) / std`` of pixels 0..255; one for all channels or one for each.
        std: standard deviation of the normalisation.
        labels: labels by class id.
    """

    name: str | None = None
    version: str | None = None
    description: str | None = None
    author: str | None = None
    licence: str | None = None
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    labels: tuple[str, ...] = ()

    def fill_from(self, other: "ModelMetadata") -> "ModelMetadata":
        """Return this metadata, with missing fields taken from `other`."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(other, **{name: value for name, value in values.items() if value})
