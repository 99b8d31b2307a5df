"""Building of one variant of a network: change, fine-tuning, and conversion."""

from dataclasses import dataclass, replace

from edged_models.compression.channel_pruning import prune_channels, scale_width
from edged_models.compression.checkpoint_network import checkpoint_network
from edged_models.compression.clustering import cluster_weights
from edged_models.compression.detector_trainer import DetectorTrainer
from edged_models.compression.fine_tune_settings import FineTuneSettings, StepCallback
from edged_models.compression.kernels import measure_sparsity
from edged_models.compression.low_rank import factorize_network, list_ranks
from edged_models.compression.network import Network, NetworkTrainer
from edged_models.compression.open_network import open_trainer
from edged_models.compression.picture_sample import PictureSample
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
from edged_models.compression.weight_pruning import prune_weights
from edged_models.conversion.calibration import RECOMMENDED_PICTURES
from edged_models.conversion.convert import convert
from edged_models.conversion.quantize import Scheme, quantize
from edged_models.conversion.source import ModelSource
from edged_models.detector.checkpoint import Checkpoint
from edged_models.errors import ToolError
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
    side_px = job.technique.side_px or checkpoint.side_px
    network = replace(
        checkpoint_network(checkpoint, name=job.technique.name), input_side_px=side_px
    )
    _, trainer, _ = open_trainer(network, job.tuning.training_pictures)
    if not isinstance(trainer, DetectorTrainer):
        raise ToolError(f"{job.tuning.training_pictures} is no set of pictures")
    changed, remark = _apply_change(network, job.technique.change, trainer, job.tuning, progress)
    source = changed.to_source(name=job.technique.name)
    return BuiltModel(
        model=_convert(source, job.technique.scheme, trainer.sample),
        parameters=changed.count_parameters(),
        remark=remark,
    )


def _apply_change(  # noqa: PLR0911  # one return a technique
    network: Network,
    change: Change | None,
    trainer: NetworkTrainer,
    tuning: FineTuneSettings,
    progress: StepCallback,
) -> tuple[Network, str | None]:
    """Return the network after the change and the fine-tuning, and a remark for the table."""
    match change:
        case WeightPruning(share=share):
            pruned = prune_weights(network, trainer, share=share, tuning=tuning, progress=progress)
            return pruned, f"{measure_sparsity(pruned.model):.0%} of the weights are zero"
        case WeightClustering(count=count):
            clustered = cluster_weights(
                network, trainer, clusters=count, tuning=tuning, progress=progress
            )
            return clustered, f"{count} values in each kernel"
        case ChannelPruning(share=share):
            return prune_channels(
                network, trainer, share=share, tuning=tuning, progress=progress
            ), None
        case WidthScaling(width=width):
            narrow = scale_width(network, trainer, width=width, tuning=tuning, progress=progress)
            return narrow, "started from the best channels"
        case LowRankFactorization(energy=energy):
            factorized = factorize_network(
                network, trainer, energy=energy, tuning=tuning, progress=progress
            )
            return factorized, f"{len(list_ranks(factorized.model))} layers factorised"
        case QuantizationAwareTraining():
            # Imported here: most techniques do not need the optimisation toolkit, and importing it is slow.
            from edged_models.compression.qat import train_quantization_aware

            aware = train_quantization_aware(network, trainer, tuning=tuning, progress=progress)
            return aware, "not calibrated"
        case _:
            return network, None


def _convert(source: ModelSource, scheme: str, sample: PictureSample) -> bytes:
    if scheme == _FLOAT32:
        return convert(source)
    return quantize(source, scheme=Scheme(scheme), calibration=sample.images[:RECOMMENDED_PICTURES])
