"""Low-rank factorisation: a matrix is replaced by the product of two smaller ones."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import msgspec
import numpy as np
from numpy.typing import NDArray

from edged_models.detector.checkpoint import Checkpoint
from edged_models.errors import ToolError

F32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class LowRankFactors:
    """Two factors of a matrix.

    Attributes:
        first: (in, rank) float32.
        second: (rank, out) float32.
    """

    first: F32
    second: F32

    @property
    def rank(self) -> int:
        """The rank of the product."""
        return self.first.shape[1]


def factorize(matrix: F32, *, energy: float) -> LowRankFactors | None:
    """Factorise a matrix by singular value decomposition, with the lowest rank that keeps a share of its energy.

    Args:
        matrix: (I, O) float32, the kernel of a dense layer or a pointwise convolution with I inputs and O outputs.
        energy: share of the sum of the squared singular values, above 0 and up to 1.

    Returns:
        The factors, each with the square roots of the singular values; None if they are not smaller than the matrix.
    """
    left, values, right = np.linalg.svd(matrix.astype(np.float64), full_matrices=False)
    kept = np.cumsum(values**2) / max(float(np.sum(values**2)), 1e-30)
    rank = int(np.searchsorted(kept, energy - 1e-12)) + 1
    if rank * sum(matrix.shape) >= matrix.size:
        return None
    root = np.sqrt(values[:rank])
    return LowRankFactors(
        (left[:, :rank] * root).astype(np.float32),
        (root[:, None] * right[:rank]).astype(np.float32),
    )


def factorize_checkpoint(checkpoint: Checkpoint, energy: float) -> Checkpoint:
    """Factorise every pointwise convolution that becomes smaller by it, except those that are factorised already.

    Raises:
        ToolError: no convolution becomes smaller.
    """
    weights, ranks = dict(checkpoint.weights), dict(checkpoint.architecture.ranks)
    for name in _pointwise_layers(checkpoint.weights):
        factors = factorize(weights[f"{name}/kernel"][0, 0], energy=energy)
        if name not in ranks and factors:
            weights[f"{name}_thin/kernel"] = factors.first[None, None]
            weights[f"{name}/kernel"] = factors.second[None, None]
            ranks[name] = factors.rank
    if ranks == checkpoint.architecture.ranks:
        raise ToolError(
            f"nothing to factorise: at an energy of {energy:g} no pointwise layer becomes smaller; choose a lower energy"
        )
    architecture = msgspec.structs.replace(checkpoint.architecture, ranks=ranks)
    return replace(checkpoint, architecture=architecture, weights=weights)


def _pointwise_layers(weights: Mapping[str, F32]) -> list[str]:
    """Return the 1x1 convolutions that are followed by a normalisation, which are those that `net.build` can factorise."""
    names = (name.removesuffix("/kernel") for name in weights if name.endswith("/kernel"))
    return [
        name
        for name in names
        if weights[f"{name}/kernel"].shape[:2] == (1, 1) and f"{name}_norm/gamma" in weights
    ]
