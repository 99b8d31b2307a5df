"""Options that say how a source is read."""

from dataclasses import dataclass
from pathlib import Path

from edged_models.detector.graph import DetectorHead
from edged_models.errors import SourceError


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceOptions:
    """The options for reading a source.

    Attributes:
        head: outputs of a checkpoint; post-processed detections if None.
        side_px: side of the square input; the source's own if None.
        signatures: signatures of a SavedModel or a module to convert; () for the default one.
        all_signatures: whether to convert all signatures.
        custom: a Python file that defines the classes and functions that a Keras file uses; None if there is none.
        trust_code: whether Python code in a Keras file may be executed.
    """

    head: DetectorHead | None = None
    side_px: int | None = None
    signatures: tuple[str, ...] = ()
    all_signatures: bool = False
    custom: Path | None = None
    trust_code: bool = False

    def refuse_head(self, source: object) -> None:
        """Refuse ``--head``, because the source's outputs are fixed.

        Raises:
            SourceError: `head` is set.
        """
        if self.head is not None:
            raise SourceError(f"{source} has fixed outputs: --head applies to checkpoints only")

    def refuse_signatures(self, source: object) -> None:
        """Refuse the options of signatures, because the source has a single function.

        Raises:
            SourceError: a signature is chosen.
        """
        if self.signatures or self.all_signatures:
            raise SourceError(
                f"{source} has no signatures to choose from: --signature, --signatures and --all-signatures apply to SavedModels "
                "and to a tf.Module in a Python file"
            )

    def refuse_custom(self, source: object) -> None:
        """Refuse ``--custom``, because the source is no Keras file.

        Raises:
            SourceError: `custom` is set.
        """
        if self.custom is not None:
            raise SourceError(f"{source} is not a Keras file: --custom applies to Keras files only")
