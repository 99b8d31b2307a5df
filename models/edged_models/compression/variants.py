"""One variant of a net: changed, fine-tuned, and converted.

What needs the optimisation toolkit is imported where it is used: most techniques do without, and loading it takes its time.
"""

from dataclasses import dataclass
from functools import partial

from edged_models.compression.channel_pruning import prune_channels, scale_width
from edged_models.compression.fine_tune import THOROUGH_RATE, fine_tune_checkpoint
from edged_models.compression.fine_tune_settings import FineTuneSettings, StepCallback
from edged_models.compression.low_rank import factorize_checkpoint
from edged_models.compression.picture_sample import PictureSample, draw_sample
from edged_models.compression.techniques import (
    BuildJob,
    Change,
    ChannelPruning,
    LowRankFactorization,
    QuantizationAwareTraining,
    WeightClustering,
    WeightPruning,
    WidthScaling,
)
from edged_models.conversion.calibration import RECOMMENDED_PICTURES
from edged_models.conversion.convert import convert
from edged_models.conversion.kinds.checkpoint import detector_source
from edged_models.conversion.quantize import Scheme, quantize
from edged_models.conversion.source import ModelSource
from edged_models.detector.checkpoint import Checkpoint
from edged_models.detector.weights import restore_net
from edged_models.pictures.open_pictures import open_pictures
from edged_models.threads import limit_threads

_FLOAT32 = "float32"


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltModel:
    """A .tflite, how many parameters its net has, and what was reached."""

    model: bytes
    parameters: int
    remark: str


def build_variant(checkpoint: Checkpoint, job: BuildJob, *, progress: StepCallback) -> BuiltModel:
    """Make one; in a process that makes nothing else.

    Raises:
        ToolError: it cannot be had from this net, or the pictures do not do.
    """
    limit_threads(job.tuning.threads)
    labels = checkpoint.architecture.labels
    side_px = job.technique.side_px or checkpoint.side_px
    sample = draw_sample(
        open_pictures(job.tuning.training_pictures, labels=labels), side_px=side_px
    )
    source_of = partial(detector_source, name=job.technique.name, labels=labels)
    if isinstance(job.technique.change, QuantizationAwareTraining):
        from edged_models.compression.qat import train_quantization_aware

        net = train_quantization_aware(checkpoint, sample, tuning=job.tuning, progress=progress)
        source = source_of(net, learnt_ranges=True)
        parameters, remark = checkpoint.count_parameters(), "not calibrated"
    else:
        changed, remark = _apply_change(
            checkpoint, job.technique.change, sample, tuning=job.tuning, progress=progress
        )
        source = source_of(restore_net(changed, side_px=side_px))
        parameters = changed.count_parameters()
    return BuiltModel(
        model=_convert(source, job.technique.scheme, sample), parameters=parameters, remark=remark
    )


def _apply_change(
    checkpoint: Checkpoint,
    change: Change | None,
    sample: PictureSample,
    *,
    tuning: FineTuneSettings,
    progress: StepCallback,
) -> tuple[Checkpoint, str]:
    """The net after the change and the fine-tuning, and what was reached."""
    tune = partial(fine_tune_checkpoint, sample=sample, tuning=tuning, progress=progress)
    match change:
        case WeightPruning(share=share):
            from edged_models.compression.weight_pruning import measure_sparsity, prune_weights

            made = prune_weights(checkpoint, sample, share=share, tuning=tuning, progress=progress)
            return made, f"{measure_sparsity(made.weights):.0%} of the weights are zero"
        case WeightClustering(count=count):
            from edged_models.compression.clustering import cluster_checkpoint

            made = cluster_checkpoint(
                checkpoint, sample, clusters=count, tuning=tuning, progress=progress
            )
            return made, f"{count} values a kernel"
        case ChannelPruning(share=share):
            return tune(prune_channels(checkpoint, share), usual_rate=THOROUGH_RATE), ""
        case WidthScaling(width=width):
            return tune(
                scale_width(checkpoint, width), usual_rate=THOROUGH_RATE
            ), "started from the best channels"
        case LowRankFactorization(energy=energy):
            made = factorize_checkpoint(checkpoint, energy)
            return tune(made), f"{len(made.architecture.ranks)} layers in two"
        case _:
            return checkpoint, ""


def _convert(source: ModelSource, scheme: str, sample: PictureSample) -> bytes:
    if scheme == _FLOAT32:
        return convert(source)
    return quantize(source, scheme=Scheme(scheme), calibration=sample.images[:RECOMMENDED_PICTURES])
