"""Options of the verification, and the verification as the commands call it."""

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from edged_models.conversion.model_metadata import ModelMetadata

if TYPE_CHECKING:
    from edged_models.conversion.source import ModelSource
    from edged_models.pictures.labelled import LabelledPicture
    from edged_models.verification.normalisation import SettledSource
    from edged_models.verification.report import Verification
    from edged_models.verification.verify import ComparisonPictures

_ANY = "any"
_CHOICES = {_ANY: (), "litert": ("litert",), "tflite": ("tflite",), "both": ("litert", "tflite")}
_DRAWN = "scenes:held-out:32"


def add_verification_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the verification."""
    group = parser.add_argument_group(
        "verification",
        "The result is run on both runtimes and compared with its source before it is written.",
    )
    group.add_argument(
        "--verify-on",
        metavar="PICTURES",
        help="pictures for the comparison (default: those of the calibration, else drawn scenes)",
    )
    group.add_argument(
        "--must-run-on",
        choices=tuple(_CHOICES),
        default=_ANY,
        help="runtimes that must run the result, as they do the source; another one gives a warning (%(default)s)",
    )
    group.add_argument(
        "--accept-loss",
        action="store_true",
        help="write the result although the comparison failed (default: nothing is written)",
    )
    group.add_argument(
        "--accept-default-normalisation",
        action="store_true",
        help="take the normalisation that edged has for models of this family, where nothing says which the model was trained with "
        "(default: refuse)",
    )


def settle_source(
    args: argparse.Namespace, source: "ModelSource", given: ModelMetadata
) -> "SettledSource":
    """Find the normalisation of a source, and put it into its metadata.

    Args:
        args: parsed arguments with the options of the verification.
        source: the source, its metadata filled with the options.
        given: the metadata from the options alone.

    Raises:
        SourceError: the normalisation is not known, or contradicts the model.
    """
    from edged_models.verification.normalisation import settle_normalisation

    return settle_normalisation(
        source,
        given=given,
        accept_default=args.accept_default_normalisation,
        accept_loss=args.accept_loss,
    )


def verify_conversion(
    args: argparse.Namespace,
    settled: "SettledSource",
    model: bytes,
    *,
    scheme: str,
    pictures: "Sequence[LabelledPicture]" = (),
) -> "Verification":
    """Run a model on both runtimes, and compare it with its source, before it is written.

    Args:
        args: parsed arguments with the options of the verification.
        settled: the source.
        model: the .tflite.
        scheme: ``float32``, or the quantisation scheme.
        pictures: the pictures of the calibration; drawn scenes are used without any.

    Raises:
        SourceError: the model is ruined, and that was not accepted; or the source cannot be run.
        PicturesError: the pictures cannot be read.
    """
    from edged_models.verification.verify import find_failures, refuse, verify_model

    verification = verify_model(model, settled, _open_pictures(args, pictures), scheme=scheme)
    failures = find_failures(verification, must_run_on=_CHOICES[args.must_run_on])
    if failures and not _needs_custom_ops(model):
        if not args.accept_loss:
            raise refuse(settled.source, failures)
        verification = replace(verification, accepted_loss=tuple(failures))
    return verification


def _open_pictures(
    args: argparse.Namespace, calibration: "Sequence[LabelledPicture]"
) -> "ComparisonPictures":
    from edged_models.pictures.open_pictures import open_pictures
    from edged_models.pictures.subset import take_evenly
    from edged_models.verification.samples import MAX_PICTURES
    from edged_models.verification.verify import ComparisonPictures

    if args.verify_on:
        chosen, description = open_pictures(args.verify_on), f"pictures of {args.verify_on}"
    elif calibration:
        chosen, description = calibration, "pictures of the calibration"
    else:
        chosen, description = open_pictures(_DRAWN), "drawn scenes"
    images = [one.image for one in take_evenly(chosen, MAX_PICTURES)]
    return ComparisonPictures(images=images, description=description)


def _needs_custom_ops(model: bytes) -> bool:
    from edged_models.conversion.conversion_report import find_custom_ops
    from edged_models.conversion.tflite_model import parse_model

    return bool(find_custom_ops(parse_model(model)))
