import cv2
import numpy as np
import pytest

from edged.cameras.yuv import nv12_to_yuv420p


@pytest.mark.parametrize(("width", "height"), [(8, 6), (64, 48), (10, 2)])
def test_the_same_picture_comes_out_as_from_opencvs_nv12(width: int, height: int) -> None:
    nv12 = np.random.default_rng(1).integers(0, 256, (height * 3 // 2, width), np.uint8)

    planar = nv12_to_yuv420p(nv12)

    assert np.array_equal(
        cv2.cvtColor(planar, cv2.COLOR_YUV2BGR_I420), cv2.cvtColor(nv12, cv2.COLOR_YUV2BGR_NV12)
    )
    assert not np.shares_memory(planar, nv12)
