"""Pruning by weight, clustering and quantisation-aware training, with the real toolkit."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from eager_mode import run_eagerly
from file_kernels import read_kernels

from edged_models.compression.checkpoint_network import CheckpointNetwork, checkpoint_network
from edged_models.compression.clustering import cluster_weights
from edged_models.compression.detector_trainer import DetectorTrainer
from edged_models.compression.fine_tune_settings import FineTuneSettings, ignore_progress
from edged_models.compression.kernels import count_max_distinct_values, measure_sparsity
from edged_models.compression.network import NetworkTrainer
from edged_models.compression.picture_sample import PictureSample, draw_sample
from edged_models.compression.qat import train_quantization_aware
from edged_models.compression.recovery import recover
from edged_models.compression.weight_pruning import prune_weights
from edged_models.conversion.convert import convert
from edged_models.conversion.open_source import open_source
from edged_models.detector.checkpoint import Checkpoint, load_checkpoint
from edged_models.detector.ground_truth import IGNORED, NO_BOX
from edged_models.errors import PicturesError, ToolError
from edged_models.evaluation.evaluated_model import EvaluatedModel
from edged_models.pictures.labelled import LabelledPicture
from edged_models.pictures.open_pictures import open_pictures
from edged_models.quantization.quantize import quantize
from edged_models.quantization.scheme import Scheme

TUNING = FineTuneSettings(steps=2, training_pictures="scenes:train:20")


@pytest.fixture(scope="module")
def sample() -> PictureSample:
    return draw_sample(open_pictures(TUNING.training_pictures), side_px=96)


def test_a_sample_has_the_networks_input_size(sample: PictureSample) -> None:
    assert sample.images.shape == (20, 96, 96, 3)
    assert sample.images.dtype == np.uint8
    used = sample.truth[sample.truth[..., 4] >= 0]
    assert len(used) > 10
    assert used[:, :4].min() >= 0
    assert 48 < used[:, :4].max() <= 96


def test_a_sample_has_all_boxes_and_the_crowds_of_a_picture() -> None:
    corner = np.random.default_rng(1).uniform(0, 0.8, (50, 2)).astype(np.float32)
    picture = LabelledPicture(
        name="crowded",
        image=np.zeros((40, 40, 3), np.uint8),
        boxes=np.hstack([corner, corner + 0.1]),
        classes=np.zeros(50, np.int32),
        crowd_boxes=np.array([[0, 0, 1, 0.5]], np.float32),
        crowd_classes=np.array([0], np.int32),
    )
    truth = draw_sample([picture] * 20, side_px=64).truth[7]
    np.testing.assert_allclose(truth[:50, :4], picture.boxes * 64)
    assert truth[50].tolist() == [0, 0, 64, 32, IGNORED]
    assert (truth[51:, 4] == NO_BOX).all()


def test_too_few_pictures_are_refused() -> None:
    with pytest.raises(PicturesError, match="3 pictures are too few to train on"):
        draw_sample(open_pictures("scenes:train:3"), side_px=96)


@pytest.fixture
def trainer(sample: PictureSample) -> NetworkTrainer:
    return DetectorTrainer(sample=sample)


@pytest.fixture
def network(checkpoint: Checkpoint) -> CheckpointNetwork:
    return checkpoint_network(checkpoint, name="small")


def test_fine_tuning_changes_the_weights_and_depends_on_its_seed(
    checkpoint: Checkpoint, trainer: NetworkTrainer
) -> None:
    steps: list[int] = []
    with run_eagerly():
        first, again = (
            recover(
                checkpoint_network(checkpoint, name="small"),
                trainer,
                tuning=TUNING,
                default_rate=5e-4,
                progress=steps.append,
            )
            for _ in range(2)
        )
    assert steps == [0, 1, 2] * 2
    assert first.digest() != checkpoint.digest()
    for one, other in zip(first.model.get_weights(), again.model.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


def test_the_origin_names_the_command_and_the_start(
    network: CheckpointNetwork, checkpoint: Checkpoint, tmp_path: Path
) -> None:
    pruned = prune_weights(network, None, share=0.5, tuning=TUNING)
    pruned.save(tmp_path / "pruned.npz", command="prune", tuning=TUNING)
    origin = load_checkpoint(tmp_path / "pruned.npz").origin
    assert (origin.command, origin.steps, origin.start) == ("prune", 2, checkpoint.digest())


def test_the_requested_share_of_weights_is_zero(
    network: CheckpointNetwork, trainer: NetworkTrainer
) -> None:
    with run_eagerly():
        pruned = prune_weights(network, trainer, share=0.5, tuning=TUNING)
    assert measure_sparsity(pruned.model) == pytest.approx(0.5, abs=0.001)
    assert [a.shape for a in pruned.model.get_weights()] == [
        a.shape for a in network.model.get_weights()
    ]
    with pytest.raises(ToolError, match="nothing to prune: 50% of the weights are zero already"):
        prune_weights(pruned, trainer, share=0.3, tuning=TUNING)


def test_a_clustered_checkpoint_has_few_values_in_the_file(
    network: CheckpointNetwork, trainer: NetworkTrainer, sample: PictureSample, tmp_path: Path
) -> None:
    assert count_max_distinct_values(network.model) > 100
    with run_eagerly():
        clustered = cluster_weights(network, trainer, clusters=4, tuning=TUNING)
        with pytest.raises(ToolError, match="nothing to cluster"):
            cluster_weights(clustered, trainer, clusters=4, tuning=TUNING)
    clustered.save(tmp_path / "clustered.npz", command="cluster", tuning=TUNING)
    source = open_source(str(tmp_path / "clustered.npz"))
    int8 = quantize(source, scheme=Scheme.INT8, calibration=sample.images)
    for model in (convert(source), int8):
        kernels = read_kernels(model)
        assert len(kernels) > 20
        assert max(len(np.unique(kernel.values)) for kernel in kernels) <= 4


def test_a_quantisation_aware_network_runs_on_both_runtimes(
    network: CheckpointNetwork, trainer: NetworkTrainer, tmp_path: Path
) -> None:
    sized = replace(network, input_side_px=96)
    with run_eagerly():
        aware = train_quantization_aware(sized, trainer, tuning=TUNING, progress=ignore_progress)
    path = tmp_path / "aware.tflite"
    path.write_bytes(quantize(aware.to_source(name="aware"), scheme=Scheme.INT8))
    for runtime in ("litert", "tflite"):
        with EvaluatedModel(path, runtime=runtime) as evaluated:
            model = evaluated.loaded_model
            info = model.interpreter.signature.inputs[0]
            assert (info.dtype, info.shape) == ("uint8", (1, 96, 96, 3))
            assert model.family.name == "ssd"
            outputs = model.interpreter.invoke(np.zeros(info.shape, info.dtype))
            assert all(np.isfinite(array).all() for array in outputs)
