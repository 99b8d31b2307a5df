"""When the memory of tensors is shared, with a stand-in for a package's interpreter: the packages make dynamic tensors of few operators only."""

from collections.abc import Callable

import numpy as np
import pytest

from edged.interpreters.shared_tensors import SharedTensors, share_tensors


class Graph:
    """Four tensors: input 0, output 1, 2 inside a delegate, 3 inside the graph."""

    def __init__(self, unallocated: set[int], allocated_later: set[int]) -> None:
        self.tensors = [np.zeros((1, 4), np.uint8) for _ in range(4)]
        self.unallocated = set(unallocated)
        self._allocated_later = allocated_later
        self.dtypes: dict[int, type] = {}

    def tensor(self, index: int) -> Callable[[], np.ndarray]:
        def view() -> np.ndarray:
            if index in self.unallocated:
                raise ValueError("Tensor data is null. Run allocate_tensors() first")
            return self.tensors[index][:]

        return view

    def _get_tensor_details(self, index: int, subgraph: int) -> dict[str, object]:
        assert subgraph == 0
        return {"dtype": self.dtypes.get(index, np.uint8)}

    def share(self, inputs: tuple[int, ...] = (0,)) -> SharedTensors | None:
        return share_tensors(self, inputs, (1,), written=(1, 2, 3, -1), invoke=self.invoke)

    def invoke(self) -> None:
        self.unallocated -= self._allocated_later


def test_a_static_graph_shares_its_tensors() -> None:
    graph = Graph({2}, set())
    shared = graph.share()
    assert shared is not None
    shared.input[:] = 7
    assert (graph.tensors[0] == 7).all()
    assert np.shares_memory(shared.outputs[0], graph.tensors[1])


@pytest.mark.parametrize("dynamic", [1, 3])
def test_a_graph_with_a_tensor_that_an_invocation_allocates_shares_nothing(dynamic: int) -> None:
    graph = Graph({2, dynamic}, {dynamic})
    assert graph.share() is None


@pytest.mark.parametrize("unallocated", [{0}, {1}])
def test_tensors_without_memory_are_not_shared(unallocated: set[int]) -> None:
    graph = Graph(unallocated, set())
    assert graph.share() is None


def test_a_model_with_two_inputs_shares_nothing() -> None:
    graph = Graph(set(), set())
    assert graph.share((0, 2)) is None


def test_a_graph_with_a_tensor_that_holds_no_numbers_shares_nothing() -> None:
    graph = Graph(set(), set())
    graph.dtypes[3] = np.object_
    assert graph.share() is None
