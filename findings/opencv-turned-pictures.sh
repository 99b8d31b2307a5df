#!/bin/sh
# Installed: opencv-python-headless 4.11.0.86, then 5.0.0.93; Pillow writes the pictures, PyAV the clip.
# Expected: imread turns a picture upright by its orientation tag, as it does for JPEG, whatever the format; imread and imdecode agree; a clip with a
#   display matrix that mirrors it is mirrored, as ffmpeg and ffplay show it.
# Seen: a TIFF that is turned by 90 degrees (orientation 6) is None from imread, with "Internal imread issue" in the log, while imdecode of the same
#   bytes reads it, upright, in both versions. A WebP's EXIF is ignored by 4.11 and applied by 5.0. A clip that is mirrored left to right
#   is turned by 180 degrees instead: what was at the top is at the bottom. (4.11 does so only with CAP_PROP_ORIENTATION_AUTO, which 5.0 has on.)
# Hurt: boxes, zones and privacy masks that lie elsewhere after an update of OpenCV; scanners' TIFFs that "cannot be read"; clips of front cameras upside down.
. "$(dirname "$0")/common.sh"

cat >"$work/write.py" <<'PYTHON'
import struct

import av
import numpy as np
from PIL import Image

pixels = np.zeros((48, 64, 3), np.uint8)
pixels[:24, :32] = 255  # a white quarter at the top left
picture = Image.fromarray(pixels)
exif = Image.Exif()
exif[0x112] = 6
picture.save("turned.jpg", exif=exif)
picture.save("turned.webp", exif=exif, lossless=True)
picture.save("turned.tif", tiffinfo={274: 6})
with av.open("mirrored.mp4", "w") as container:
    stream = container.add_stream("mpeg4", rate=10)
    stream.width, stream.height = 64, 48
    container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels)))
    container.mux(stream.encode(None))
with open("mirrored.mp4", "r+b") as file:
    # The matrix in the track's header, ISO/IEC 14496-12: x' = -x, y' = y.
    file.seek(file.read().index(b"tkhd") + 44)
    file.write(struct.pack(">9i", -1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30))
PYTHON

cat >"$work/read.py" <<'PYTHON'
import cv2
import numpy as np


def white(picture):
    if picture is None:
        return "unreadable"
    height, width = picture.shape[:2]
    rows, columns = ("top", "bottom"), ("left", "right")
    at = [(y, x) for y in (0, 1) for x in (0, 1) if picture[height * (1 + 2 * y) // 4, width * (1 + 2 * x) // 4].min() > 127]
    return " ".join(f"{rows[y]} {columns[x]}" for y, x in at)


for name in ("turned.jpg", "turned.webp", "turned.tif"):
    print(name, white(cv2.imread(name)), end=", ")
print("from memory", white(cv2.imdecode(np.fromfile("turned.tif", np.uint8), cv2.IMREAD_COLOR)), end=", ")
clip = cv2.VideoCapture("mirrored.mp4", cv2.CAP_FFMPEG)
clip.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)
print("mirrored clip", white(clip.read()[1]))
PYTHON

install opencv-python-headless==4.11.0.86 numpy==2.2.6 pillow==12.0.0 av==16.1.0
python write.py
expect "$(python read.py 2>/dev/null)" \
    "turned.jpg top right, turned.webp top left, turned.tif unreadable, from memory top right, mirrored clip bottom right"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check opencv-python-headless==5.0.0.93
echo "installed: opencv-python-headless==5.0.0.93"
expect "$(python read.py 2>/dev/null)" \
    "turned.jpg top right, turned.webp top right, turned.tif unreadable, from memory top right, mirrored clip bottom right"
