"""One variant of a net: changed, fine-tuned, and converted.

What needs the optimisation toolkit is imported where it is used: most techniques do without, and loading it takes its time.
"""

from dataclasses import dataclass
from functools import partial

from edged_models.compression.factorizing import with_thin_layers
from edged_models.compression.fine_tune import THOROUGH, fine_tuned
from edged_models.compression.narrowing import of_width, without_channels
from edged_models.compression.sample import Sample, sample_of
from edged_models.compression.techniques import (
    Aware,
    Change,
    Clusters,
    FewerChannels,
    Job,
    LowRank,
    Width,
    Zeros,
)
from edged_models.compression.tuning import Progress, Tuning
from edged_models.conversion.calibration import ENOUGH
from edged_models.conversion.convert import convert
from edged_models.conversion.kinds.checkpoint import detector_source
from edged_models.conversion.quantize import Scheme, quantize
from edged_models.conversion.source import Source
from edged_models.detector.checkpoint import Checkpoint
from edged_models.detector.weights import restore
from edged_models.pictures.sources import open_pictures
from edged_models.threads import limit_threads

_FLOAT32 = "float32"


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A .tflite, how many parameters its net has, and what was reached."""

    model: bytes
    parameters: int
    remark: str


def variant_of(checkpoint: Checkpoint, job: Job, *, progress: Progress) -> Variant:
    """Make one; in a process that makes nothing else.

    Raises:
        ToolError: it cannot be had from this net, or the pictures do not do.
    """
    limit_threads(job.tuning.threads)
    labels = checkpoint.architecture.labels
    side_px = job.technique.side_px or checkpoint.side_px
    sample = sample_of(open_pictures(job.tuning.learn, labels=labels), side_px=side_px)
    source_of = partial(detector_source, name=job.technique.name, labels=labels)
    if isinstance(job.technique.change, Aware):
        from edged_models.compression.qat import quantization_aware

        net = quantization_aware(checkpoint, sample, tuning=job.tuning, progress=progress)
        source = source_of(net, learnt_ranges=True)
        parameters, remark = checkpoint.parameters(), "not calibrated"
    else:
        changed, remark = _changed(
            checkpoint, job.technique.change, sample, tuning=job.tuning, progress=progress
        )
        source = source_of(restore(changed, side_px=side_px))
        parameters = changed.parameters()
    return Variant(
        model=_converted(source, job.technique.scheme, sample), parameters=parameters, remark=remark
    )


def _changed(
    checkpoint: Checkpoint,
    change: Change | None,
    sample: Sample,
    *,
    tuning: Tuning,
    progress: Progress,
) -> tuple[Checkpoint, str]:
    """The net after the change and the fine-tuning, and what was reached."""
    tune = partial(fine_tuned, sample=sample, tuning=tuning, progress=progress)
    match change:
        case Zeros(share=share):
            from edged_models.compression.zeroing import share_of_zeros, with_zeros

            made = with_zeros(checkpoint, sample, share=share, tuning=tuning, progress=progress)
            return made, f"{share_of_zeros(made.weights):.0%} of the weights are zero"
        case Clusters(count=count):
            from edged_models.compression.clustering import clustered

            made = clustered(checkpoint, sample, clusters=count, tuning=tuning, progress=progress)
            return made, f"{count} values a kernel"
        case FewerChannels(share=share):
            return tune(without_channels(checkpoint, share), usual_rate=THOROUGH), ""
        case Width(width=width):
            return tune(
                of_width(checkpoint, width), usual_rate=THOROUGH
            ), "started from the best channels"
        case LowRank(energy=energy):
            made = with_thin_layers(checkpoint, energy)
            return tune(made), f"{len(made.architecture.ranks)} layers in two"
        case _:
            return checkpoint, ""


def _converted(source: Source, scheme: str, sample: Sample) -> bytes:
    if scheme == _FLOAT32:
        return convert(source)
    return quantize(source, scheme=Scheme(scheme), calibration=sample.images[:ENOUGH])
