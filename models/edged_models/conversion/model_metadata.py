"""What a model file says of itself."""

from dataclasses import dataclass, fields, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelMetadata:
    """The part of a file's metadata that the daemon reads; empty where nothing is said.

    Attributes:
        name: of the model.
        version: of the model.
        description: a sentence.
        author: whose it is.
        licence: SPDX, or whatever the author wrote.
        mean: of ``(pixel - mean) / std``, pixel 0..255; one for all channels or one for each.
        std: of the same.
        labels: by class id.
    """

    name: str = ""
    version: str = ""
    description: str = ""
    author: str = ""
    licence: str = ""
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    labels: tuple[str, ...] = ()

    def fill_from(self, other: "ModelMetadata") -> "ModelMetadata":
        """This card, and `other`'s where this one says nothing."""
        said = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(other, **{name: value for name, value in said.items() if value})
