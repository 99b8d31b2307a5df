"""Anchors and box codes of the raw heads."""

import numpy as np

from edged.families.ssd_raw import decode_boxes, make_anchors


def test_a_code_of_zeros_is_the_anchor_itself() -> None:
    table = make_anchors(64, 64)
    assert table.shape == (8 * 8 + 4 * 4 + 2 * 2, 4)
    boxes = decode_boxes(np.zeros_like(table), table)
    assert np.allclose(boxes[0], [0.0625 - 0.25, 0.0625 - 0.25, 0.0625 + 0.25, 0.0625 + 0.25])


def test_a_code_moves_by_anchor_sizes_and_grows_by_powers_of_e() -> None:
    table = make_anchors(64, 64)[-1:]  # at (0.75, 0.75), twice the picture wide
    code = np.array([[0.25, -0.125, np.log(0.5), np.log(0.25)]], np.float32)
    assert np.allclose(decode_boxes(code, table), [[0.25, 0.75, 0.75, 1.75]])
