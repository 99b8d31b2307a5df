#!/bin/sh
# Installed: PyAV 16.1.0 (FFmpeg 8.0), then PyAV 18.1.0 (FFmpeg 8.1), and Pillow to write a JPEG.
# Expected: VideoFrame.side_data lists what FFmpeg attached to a picture; of a JPEG whose EXIF says that it is mirrored, the display matrix.
# Seen: with PyAV 18 every access raises ValueError, get("DISPLAYMATRIX") too: FFmpeg now attaches the EXIF block itself as side data of kind 31, which
#   PyAV's enumeration does not have, and the container is built as a whole. One unknown entry hides all known ones. VideoFrame.rotation still
#   works, but has no mirroring: it says -180 for a picture that is mirrored left to right, and 0 for one that is mirrored top to bottom.
# Hurt: readers of MJPEG from phones and cameras that write EXIF: a crash after an update, or, with rotation alone, a picture upside down.
. "$(dirname "$0")/common.sh"

cat >"$work/read.py" <<'PYTHON'
import av
from PIL import Image

for orientation in (2, 4, 6):
    exif = Image.Exif()
    exif[0x112] = orientation
    Image.new("RGB", (64, 48)).save("picture.jpg", exif=exif)
    with av.open("picture.jpg", format="mjpeg") as container:
        picture = next(container.decode(video=0))
    try:
        found = "matrix" if picture.side_data.get("DISPLAYMATRIX") else "none"
    except ValueError as error:
        found = str(error)
    print(f"{orientation}: {found}, rotation {round(picture.rotation)}", end="; ")
PYTHON

install av==16.1.0 pillow==12.0.0
expect "$(python read.py)" "2: matrix, rotation -180; 4: matrix, rotation 0; 6: matrix, rotation -90; "
rm -rf "$work/venv"
install av==18.1.0 pillow==12.0.0
expect "$(python read.py)" "2: 31 is not a valid Type, rotation -180; 4: 31 is not a valid Type, rotation 0; 6: 31 is not a valid Type, rotation -90; "
