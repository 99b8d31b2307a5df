#!/bin/sh
# Installed: PyAV 16.1.0 (FFmpeg 8.0), then PyAV 17.0.1.
# Expected: a caller who knows that a picture is BT.709 in the limited range says so, VideoFrame.reformat(format="rgb24", src_colorspace=ITU709,
#   src_color_range=MPEG), and gets its colours.
# Seen: PyAV 16 ignores both statements, because they differ from nothing: the target, which is not stated, counts as the same, and then the
#   conversion keeps its default, BT.601. The red of (200, 60, 40) comes out as 186, 46, 41. Only a target that differs makes the statement about the
#   source count; which target does not matter, for RGB has no matrix. With PyAV 17 the statement counts.
# Hurt: whoever pins one version, states everything, and is right only on the other; a model gets other colours after an update of the library.
. "$(dirname "$0")/common.sh"

cat >"$work/convert.py" <<'PYTHON'
import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter

picture = av.VideoFrame(64, 64, "yuv420p")
# (200, 60, 40) in BT.709, limited range: ITU-T H.273.
for plane, value in zip(picture.planes, (92, 105, 190)):
    plane.update(np.full(plane.buffer_size, value, np.uint8).tobytes())
picture.colorspace, picture.color_range = Colorspace.ITU709, ColorRange.MPEG
source = {"src_colorspace": Colorspace.ITU709, "src_color_range": ColorRange.MPEG}
for target in ({}, {"dst_colorspace": Colorspace.ITU601, "dst_color_range": ColorRange.JPEG}):
    rgb = VideoReformatter().reformat(picture, format="rgb24", **source, **target)
    print(*rgb.to_ndarray()[32, 32], end="; ")
PYTHON

install av==16.1.0 numpy==2.2.6
expect "$(python convert.py)" "186 46 41; 199 58 39; "
rm -rf "$work/venv"
install av==17.0.1 numpy==2.2.6
expect "$(python convert.py)" "199 58 39; 199 58 39; "
