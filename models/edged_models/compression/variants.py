"""Building of one variant of a network: change, fine-tuning, and conversion.

Modules that import the optimisation toolkit are imported where they are used: most techniques do not need it, and importing it
is slow.
"""

from dataclasses import dataclass
from functools import partial

from edged_models.compression.channel_pruning import prune_channels, scale_width
from edged_models.compression.fine_tune import GENTLE_RATE, THOROUGH_RATE, fine_tune_checkpoint
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
from edged_models.conversion.source import ModelSource
from edged_models.detector.checkpoint import Checkpoint
from edged_models.detector.weights import restore_net
from edged_models.pictures.open_pictures import open_pictures
from edged_models.quantization.quantize import quantize
from edged_models.quantization.scheme import Scheme
from edged_models.tensorflow import keras
from edged_models.threads import limit_threads

_FLOAT32 = "float32"


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltModel:
    """A built variant.

    Attributes:
        model: the .tflite.
        parameters: number of the network's parameters.
        remark: what the technique did; None if the title is complete without it.
    """

    model: bytes
    parameters: int
    remark: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _FineTuning:
    """Fine-tuning with fixed pictures and settings."""

    sample: PictureSample
    settings: FineTuneSettings
    progress: StepCallback

    def apply(self, checkpoint: Checkpoint, *, default_rate: float = GENTLE_RATE) -> Checkpoint:
        return fine_tune_checkpoint(
            checkpoint,
            self.sample,
            tuning=self.settings,
            default_rate=default_rate,
            progress=self.progress,
        )


def build_variant(checkpoint: Checkpoint, job: BuildJob, *, progress: StepCallback) -> BuiltModel:
    """Build one variant; a process can build only one.

    Args:
        checkpoint: the network.
        job: the technique and its settings.
        progress: called with the number of finished steps of fine-tuning.

    Raises:
        ToolError: the technique cannot be applied to this network, or the pictures cannot be used.
    """
    limit_threads(job.tuning.threads)
    labels = checkpoint.architecture.labels
    side_px = job.technique.side_px or checkpoint.side_px
    sample = draw_sample(
        open_pictures(job.tuning.training_pictures, labels=labels), side_px=side_px
    )
    tuning = _FineTuning(sample=sample, settings=job.tuning, progress=progress)
    make_source = partial(detector_source, name=job.technique.name, labels=labels)
    if isinstance(job.technique.change, QuantizationAwareTraining):
        source = make_source(_train_quantization_aware(checkpoint, tuning), has_learned_ranges=True)
        parameters, remark = checkpoint.count_parameters(), "not calibrated"
    else:
        changed, remark = _apply_change(checkpoint, job.technique.change, tuning)
        source = make_source(restore_net(changed, side_px=side_px))
        parameters = changed.count_parameters()
    return BuiltModel(
        model=_convert(source, job.technique.scheme, sample), parameters=parameters, remark=remark
    )


def _apply_change(
    checkpoint: Checkpoint, change: Change | None, tuning: _FineTuning
) -> tuple[Checkpoint, str | None]:
    """Return the network after the change and the fine-tuning, and a remark for the table."""
    match change:
        case WeightPruning(share=share):
            return _prune_weights(checkpoint, share, tuning)
        case WeightClustering(count=count):
            return _cluster(checkpoint, count, tuning)
        case ChannelPruning(share=share):
            pruned = prune_channels(checkpoint, share)
            return tuning.apply(pruned, default_rate=THOROUGH_RATE), None
        case WidthScaling(width=width):
            narrow = scale_width(checkpoint, width)
            tuned = tuning.apply(narrow, default_rate=THOROUGH_RATE)
            return tuned, "started from the best channels"
        case LowRankFactorization(energy=energy):
            factorized = factorize_checkpoint(checkpoint, energy)
            ranks = factorized.architecture.ranks
            return tuning.apply(factorized), f"{len(ranks)} layers factorised"
        case _:
            return checkpoint, None


def _train_quantization_aware(checkpoint: Checkpoint, tuning: _FineTuning) -> keras.Model:
    from edged_models.compression.qat import train_quantization_aware

    return train_quantization_aware(
        checkpoint, tuning.sample, tuning=tuning.settings, progress=tuning.progress
    )


def _prune_weights(
    checkpoint: Checkpoint, share: float, tuning: _FineTuning
) -> tuple[Checkpoint, str]:
    from edged_models.compression.weight_pruning import measure_sparsity, prune_weights

    pruned = prune_weights(
        checkpoint, tuning.sample, share=share, tuning=tuning.settings, progress=tuning.progress
    )
    return pruned, f"{measure_sparsity(pruned.weights):.0%} of the weights are zero"


def _cluster(checkpoint: Checkpoint, count: int, tuning: _FineTuning) -> tuple[Checkpoint, str]:
    from edged_models.compression.clustering import cluster_checkpoint

    clustered = cluster_checkpoint(
        checkpoint, tuning.sample, clusters=count, tuning=tuning.settings, progress=tuning.progress
    )
    return clustered, f"{count} values in each kernel"


def _convert(source: ModelSource, scheme: str, sample: PictureSample) -> bytes:
    if scheme == _FLOAT32:
        return convert(source)
    return quantize(source, scheme=Scheme(scheme), calibration=sample.images[:RECOMMENDED_PICTURES])
