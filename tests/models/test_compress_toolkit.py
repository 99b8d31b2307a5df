"""Pruning by weight, clustering and quantisation-aware training, with the real toolkit."""

from pathlib import Path

import numpy as np
import pytest
from eager_mode import run_eagerly

from edged_models.compression.clustering import cluster_checkpoint, count_max_distinct_values
from edged_models.compression.fine_tune import fine_tune_checkpoint
from edged_models.compression.fine_tune_settings import FineTuneSettings
from edged_models.compression.picture_sample import PictureSample, draw_sample
from edged_models.compression.qat import train_quantization_aware
from edged_models.compression.weight_pruning import measure_sparsity, prune_weights
from edged_models.conversion.kinds.checkpoint import detector_source
from edged_models.detector.checkpoint import Checkpoint
from edged_models.errors import PicturesError, ToolError
from edged_models.evaluation.evaluated_model import EvaluatedModel
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


def test_too_few_pictures_are_refused() -> None:
    with pytest.raises(PicturesError, match="3 pictures are too few to train on"):
        draw_sample(open_pictures("scenes:train:3"), side_px=96)


def test_fine_tuning_changes_the_weights_and_depends_on_its_seed(
    checkpoint: Checkpoint, sample: PictureSample
) -> None:
    steps: list[int] = []
    with run_eagerly():
        first, again = (
            fine_tune_checkpoint(checkpoint, sample, tuning=TUNING, progress=steps.append)
            for _ in range(2)
        )
    assert steps == [0, 1, 2] * 2
    assert first.digest() != checkpoint.digest()
    for name, array in first.weights.items():
        np.testing.assert_allclose(array, again.weights[name], atol=1e-4)


def test_the_requested_share_of_weights_is_zero(
    checkpoint: Checkpoint, sample: PictureSample
) -> None:
    with run_eagerly():
        pruned = prune_weights(checkpoint, sample, share=0.5, tuning=TUNING)
    assert measure_sparsity(pruned.weights) == pytest.approx(0.5, abs=0.02)
    assert {n: a.shape for n, a in pruned.weights.items()} == {
        n: a.shape for n, a in checkpoint.weights.items()
    }
    with pytest.raises(ToolError, match="nothing to prune: 50% of the weights are zero already"):
        prune_weights(pruned, sample, share=0.3, tuning=TUNING)


def test_clustered_kernels_have_few_values(checkpoint: Checkpoint, sample: PictureSample) -> None:
    assert count_max_distinct_values(checkpoint.weights) > 100
    with run_eagerly():
        clustered = cluster_checkpoint(checkpoint, sample, clusters=4, tuning=TUNING)
    assert count_max_distinct_values(clustered.weights) <= 4
    with pytest.raises(ToolError, match="nothing to cluster"):
        cluster_checkpoint(clustered, sample, clusters=4, tuning=TUNING)


def test_a_quantisation_aware_network_runs_on_both_runtimes(
    checkpoint: Checkpoint, sample: PictureSample, tmp_path: Path
) -> None:
    with run_eagerly():
        net = train_quantization_aware(checkpoint, sample, tuning=TUNING)
    labels = checkpoint.architecture.labels
    source = detector_source(net, name="aware", labels=labels, has_learned_ranges=True)
    path = tmp_path / "aware.tflite"
    path.write_bytes(quantize(source, scheme=Scheme.INT8))
    for runtime in ("litert", "tflite"):
        with EvaluatedModel(path, runtime=runtime) as evaluated:
            model = evaluated.loaded_model
            info = model.interpreter.signature.inputs[0]
            assert (info.dtype, info.shape) == ("uint8", (1, 96, 96, 3))
            assert model.family.name == "ssd"
            outputs = model.interpreter.invoke(np.zeros(info.shape, info.dtype))
            assert all(np.isfinite(array).all() for array in outputs)
