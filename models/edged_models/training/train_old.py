"""Train the bundled model. Run as ``python -m models.marks.train --minutes 30``.

The budget is CPU time, so that the result does not depend on who else uses the machine; the learning rate falls with it.
"""

import argparse
import math
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf

from edged.marks import MARKS
from edged_models.marks import augment, net
from edged_models.marks.dataset import TRAIN_SEEDS, Dataset, cache_folder, load
from edged_models.detector.loss import DetectionLoss, Losses
from edged_models.marks.scenes import SIDE_PX

_BATCH = 16
_PEAK_RATE = 2e-3
_LAST_RATE = 1e-5
_WARM_UP_STEPS = 100
_WEIGHT_DECAY = 2e-4
_AVERAGE = 0.998
_LOG_STEPS = 200
_CHECKPOINT_S = 240.0


class Trainer:
    """The net, its optimiser, and a moving average of its weights, which is what is kept."""

    def __init__(self, seed: int) -> None:
        keras = net.keras
        keras.utils.set_random_seed(seed)
        self.model = net.build(side_px=SIDE_PX, labels=len(MARKS))
        self._loss = DetectionLoss(side_px=SIDE_PX, labels=len(MARKS))
        self._optimizer = keras.optimizers.AdamW(
            _PEAK_RATE, weight_decay=_WEIGHT_DECAY, global_clipnorm=10.0
        )
        self._average = [tf.Variable(w, trainable=False) for w in self.model.weights]
        self._steps = 0

    def step(self, images: np.ndarray, truth: np.ndarray, rate: float) -> list[float]:
        """Learn from one batch; gives the numbers of `Losses`."""
        self._optimizer.learning_rate.assign(rate)
        losses = self._step(tf.constant(images), tf.constant(truth))
        self._steps += 1
        self._follow(tf.constant(min(_AVERAGE, self._steps / (self._steps + 20.0)), tf.float32))
        return [float(value) for value in losses]

    def save(self, path: Path) -> None:
        """Write the averaged weights."""
        own = self.model.get_weights()
        self.model.set_weights([average.numpy() for average in self._average])
        self.model.save_weights(path)
        self.model.set_weights(own)

    @tf.function
    def _step(self, images: tf.Tensor, truth: tf.Tensor) -> tuple[tf.Tensor, ...]:
        with tf.GradientTape() as tape:
            losses: Losses = self._loss(truth, *self.model(images, training=True))
        weights = self.model.trainable_variables
        self._optimizer.apply_gradients(
            zip(tape.gradient(losses.total, weights), weights, strict=True)
        )
        return losses.total, losses.box, losses.score, losses.iou, losses.right

    @tf.function
    def _follow(self, keep: tf.Tensor) -> None:
        for average, weight in zip(self._average, self.model.weights, strict=True):
            average.assign(average * keep + weight * (1 - keep))


def batches(data: Dataset, rng: np.random.Generator) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Augmented batches without end, each scene once an epoch."""
    while True:
        order = rng.permutation(len(data.images))
        for start in range(0, len(order) - _BATCH + 1, _BATCH):
            rows = np.sort(order[start : start + _BATCH])
            yield augment.batch(data.images[rows], data.truth[rows], rng)


def rate_at(share: float, step: int) -> float:
    """A short warm-up, then a cosine down to almost nothing; `share` is the part of the budget used."""
    cosine = 0.5 + 0.5 * math.cos(math.pi * min(share, 1.0))
    return _PEAK_RATE * min(1.0, (step + 1) / _WARM_UP_STEPS) * cosine + _LAST_RATE


def train(*, minutes: float, seed: int, out: Path) -> None:
    """Train for so many CPU minutes and write the weights."""
    data = load(TRAIN_SEEDS)
    trainer = Trainer(seed)
    print(f"{trainer.model.count_params()} parameters, {len(data.images)} scenes, seed {seed}")
    print("step cpu_s rate | total box score iou right", flush=True)
    began_s, saved_s, history = time.process_time(), 0.0, []
    for step, (images, truth) in enumerate(batches(data, np.random.default_rng(seed))):
        cpu_s = time.process_time() - began_s
        share = cpu_s / (60 * minutes)
        if share >= 1:
            break
        rate = rate_at(share, step)
        history.append(trainer.step(images, truth, rate))
        if (step + 1) % _LOG_STEPS == 0:
            means = " ".join(f"{value:.3f}" for value in np.mean(history[-_LOG_STEPS:], axis=0))
            print(f"{step + 1} {cpu_s:.0f} {rate:.5f} | {means}", flush=True)
        if cpu_s - saved_s > _CHECKPOINT_S:
            trainer.save(out)
            saved_s = cpu_s
    trainer.save(out)
    print(f"{_BATCH * len(history)} pictures seen", flush=True)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0, help="of CPU time")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=cache_folder() / "marks.weights.h5")
    arguments = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(arguments.threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    train(minutes=arguments.minutes, seed=arguments.seed, out=arguments.out)


if __name__ == "__main__":
    main()
