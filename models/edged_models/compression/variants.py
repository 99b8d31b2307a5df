"""Building of the variants of a network: change, fine-tuning, and conversion."""

import ctypes
import gc
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from edged_models.compression.build_messages import BuildJob, NetworkSpec
from edged_models.compression.channel_pruning import prune_channels, scale_width
from edged_models.compression.checkpoint_network import CheckpointNetwork
from edged_models.compression.clustering import cluster_weights
from edged_models.compression.detector_trainer import DetectorTrainer
from edged_models.compression.fine_tune_settings import FineTuneSettings, StepCallback
from edged_models.compression.kernels import measure_sparsity
from edged_models.compression.low_rank import factorize_network, list_ranks
from edged_models.compression.network import Network, NetworkTrainer
from edged_models.compression.open_network import open_network, open_trainer
from edged_models.compression.shared_pictures import SharedPictures
from edged_models.compression.techniques import (
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
from edged_models.conversion.source import ModelSource
from edged_models.errors import SourceError
from edged_models.pictures.open_pictures import open_pictures
from edged_models.pictures.subset import take_evenly
from edged_models.quantization.quantize import quantize
from edged_models.quantization.scheme import CALIBRATED_SCHEMES, Scheme

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


class GridBuilder:
    """Builds variants of one network; those without a change share its float conversion and the calibration pictures."""

    def __init__(self, network: NetworkSpec, shared: SharedPictures) -> None:
        self._spec = network
        self._shared = shared
        self._sources: dict[int | None, ModelSource] = {}

    def build(self, job: BuildJob, *, progress: StepCallback) -> BuiltModel:
        """Build one variant.

        Args:
            job: the technique and its settings.
            progress: called with the number of finished steps of fine-tuning.

        Raises:
            ToolError: the technique cannot be applied to this network, or the pictures cannot be used.
        """
        technique = job.technique
        network = self._at_side(technique.side_px)
        if technique.change is None:
            remark, parameters = None, network.count_parameters()
            if technique.side_px not in self._sources:
                self._sources[technique.side_px] = network.to_source(name=network.name)
            source = self._sources[technique.side_px]
        else:
            changed, remark = self._change(network, technique.change, job.tuning, progress)
            release_memory()
            source, parameters = changed.to_source(name=network.name), changed.count_parameters()
        return BuiltModel(
            model=self._convert(source, job, network), parameters=parameters, remark=remark
        )

    @cached_property
    def _network(self) -> Network:
        spec = self._spec
        return open_network(spec.path, labels=spec.labels, mean=spec.mean, std=spec.std)

    def _at_side(self, side_px: int | None) -> Network:
        if side_px is None:
            return self._network
        if not isinstance(self._network, CheckpointNetwork):
            raise SourceError(
                f"{self._network.name} has the input size of its file: build and train it for {side_px} px to compare it"
            )
        return replace(self._network, input_side_px=side_px)

    def _change(
        self, network: Network, change: Change, tuning: FineTuneSettings, progress: StepCallback
    ) -> tuple[Network, str | None]:
        named, trainer = self._open_trainer(network, tuning)
        return _apply_change(named, change, trainer, tuning, progress)

    def _open_trainer(
        self, network: Network, tuning: FineTuneSettings
    ) -> tuple[Network, NetworkTrainer]:
        sample = self._shared.read_sample()
        if isinstance(network, CheckpointNetwork) and sample is not None:
            return network, DetectorTrainer(sample=sample)
        named, trainer, _ = open_trainer(network, tuning.training_pictures)
        return named, trainer

    def _convert(self, source: ModelSource, job: BuildJob, network: Network) -> bytes:
        if job.technique.scheme == _FLOAT32:
            return convert(source)
        scheme = Scheme(job.technique.scheme)
        is_calibrated = scheme in CALIBRATED_SCHEMES and not source.has_learned_ranges
        pictures = self._calibration(job, network) if is_calibrated else ()
        return quantize(source, scheme=scheme, calibration=pictures)

    def _calibration(self, job: BuildJob, network: Network) -> Sequence[NDArray[np.uint8]]:
        if job.calibration is None:
            raise SourceError(f"{job.technique.scheme} needs pictures: give --calibrate PICTURES")
        if isinstance(network, CheckpointNetwork):
            sample = self._shared.draw_training_sample(side_px=network.side_px[0])
            if sample is not None:
                return sample.images[:RECOMMENDED_PICTURES]
        pictures = open_pictures(job.calibration, labels=network.labels or None)
        return [one.image for one in take_evenly(pictures, RECOMMENDED_PICTURES)]


def release_memory() -> None:
    """Give what the training has freed back to the system, before the conversion needs as much again."""
    gc.collect()
    with suppress(AttributeError):  # another C library than glibc
        ctypes.CDLL(None).malloc_trim(0)


def _apply_change(
    network: Network,
    change: Change,
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
            pruned = prune_channels(network, trainer, share=share, tuning=tuning, progress=progress)
            return pruned, None
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
