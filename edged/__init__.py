"""edged: an edge-vision appliance daemon. Camera frames in, object events out over MQTT."""

import os

__version__ = "0.1.0"

# OpenCV reads this when it is imported. Its warnings name no setting, and edged reports the same failures itself.
os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")
# The same: it also decodes the JPEGs of USB cameras, which do not pass `edged.pictures.decode`.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(8192 * 8192))
