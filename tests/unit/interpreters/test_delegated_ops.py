"""The operators between a delegate's inputs and outputs."""

from edged.interpreters.delegated_ops import count_delegated
from edged.types import OpInfo

OPS = [
    OpInfo(name="CONV_2D", inputs=(0, 10), outputs=(1,)),
    OpInfo(name="RELU", inputs=(1,), outputs=(2,)),
    OpInfo(name="CUSTOM", inputs=(2,), outputs=(3,)),
    OpInfo(name="DEQUANTIZE", inputs=(11,), outputs=(12,)),
    OpInfo(name="ADD", inputs=(3, 12, 1), outputs=(4,)),
]


def part(inputs: tuple[int, ...], outputs: tuple[int, ...]) -> OpInfo:
    return OpInfo(name="DELEGATE", inputs=inputs, outputs=outputs)


def test_each_operator_counts_once_and_those_before_the_part_do_not() -> None:
    assert count_delegated([part((0, 10), (1, 2))], OPS) == 2
    assert count_delegated([part((3, 12, 1), (4,))], OPS) == 1
    assert count_delegated([part((3, 11, 1), (4,))], OPS) == 2
    assert count_delegated([part((0,), (2,)), part((3, 1), (4,))], OPS) == 4
    assert count_delegated([part((0,), (4,))], OPS) == 5
    assert count_delegated([], OPS) == 0
