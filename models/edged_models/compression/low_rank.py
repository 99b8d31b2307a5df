"""Low-rank factorisation: a matrix as the product of two thin ones, where they are smaller together."""

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
    """Two factors of a matrix: `first` (in, rank) and `second` (rank, out), float32."""

    first: F32
    second: F32

    @property
    def rank(self) -> int:
        """Of the product."""
        return self.first.shape[1]


def factorize(matrix: F32, *, energy: float) -> LowRankFactors | None:
    """The smallest product that keeps that share of a matrix's energy, by singular value decomposition.

    Args:
        matrix: (in, out): a dense layer's kernel, or a pointwise convolution's.
        energy: share of the sum of the squared singular values, above 0 and up to 1.

    Returns:
        The factors, the singular values shared out between them; None if they would not be smaller than the matrix.
    """
    left, values, right = np.linalg.svd(matrix.astype(np.float64), full_matrices=False)
    held = np.cumsum(values**2) / max(float(np.sum(values**2)), 1e-30)
    rank = int(np.searchsorted(held, energy - 1e-12)) + 1
    if rank * sum(matrix.shape) >= matrix.size:
        return None
    root = np.sqrt(values[:rank])
    return LowRankFactors(
        (left[:, :rank] * root).astype(np.float32),
        (root[:, None] * right[:rank]).astype(np.float32),
    )


def factorize_checkpoint(checkpoint: Checkpoint, energy: float) -> Checkpoint:
    """Factorise every pointwise convolution that becomes smaller by it; those in two already stay as they are.

    Raises:
        ToolError: none does.
    """
    weights, ranks = dict(checkpoint.weights), dict(checkpoint.architecture.ranks)
    for name in _pointwise_layers(checkpoint.weights):
        thin = factorize(weights[f"{name}/kernel"][0, 0], energy=energy)
        if name not in ranks and thin:
            weights[f"{name}_thin/kernel"] = thin.first[None, None]
            weights[f"{name}/kernel"] = thin.second[None, None]
            ranks[name] = thin.rank
    if ranks == checkpoint.architecture.ranks:
        raise ToolError(
            f"nothing to factorise: at an energy of {energy:g} no pointwise layer becomes smaller; ask for less"
        )
    architecture = msgspec.structs.replace(checkpoint.architecture, ranks=ranks)
    return replace(checkpoint, architecture=architecture, weights=weights)


def _pointwise_layers(weights: Mapping[str, F32]) -> list[str]:
    """Convolutions of one pixel with a normalisation behind: what `net.build` can make thin."""
    names = (name.removesuffix("/kernel") for name in weights if name.endswith("/kernel"))
    return [
        name
        for name in names
        if weights[f"{name}/kernel"].shape[:2] == (1, 1) and f"{name}_norm/gamma" in weights
    ]
